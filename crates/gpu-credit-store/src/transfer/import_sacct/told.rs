//! Why an import of jobs refuses a job, with instants as the caller shows them.

use std::fmt;

use gpu_credit::MeteredUsage;

use crate::transfer::PostedBy;
use crate::{Change, RecordId};

/// A job of which the file says something else than what is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedJob {
    /// Counted from 1.
    pub line: u64,
    /// Whose it is.
    pub account: String,
    /// The id of the job's record.
    pub id: RecordId,
    /// The job as the file has it.
    pub row: MeteredUsage,
    /// The job as it stands.
    pub standing: MeteredUsage,
    /// The entry or the line that made it so.
    pub by: PostedBy,
    /// The first instant that is open, if the books are closed so far that the job cannot be corrected to
    /// what the file has.
    pub closed: Option<i64>,
}

impl ChangedJob {
    /// What is wrong, on one line, with instants shown as the caller shows them.
    pub fn told(&self, show: impl Fn(i64) -> String) -> String {
        let ChangedJob {
            line,
            account,
            id,
            row,
            standing,
            by,
            closed,
        } = self;
        let by = match by {
            PostedBy::Revision(revision) => format!("by revision {revision} "),
            PostedBy::Line(line) => format!("by line {line} "),
            PostedBy::Opening => String::new(),
        };
        let [row, standing] =
            [*row, *standing].map(|usage| Change::from(usage).told(&show).to_string());
        let closed =
            closed.map(|until| format!(", and the books are closed up to {}", show(until)));
        format!(
            "line {line}: account {account:?}, id \"{id}\": the row is {row}, but {by}the job is \
             {standing}{}",
            closed.unwrap_or_default()
        )
    }
}

impl fmt::Display for ChangedJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.told(|instant| instant.to_string()))
    }
}

/// A job that is posted already, with all its times in another time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: account {account:?}: the job \"{id}\" is posted as \"{posted}\", and its start differs \
     by as much: the times are read in another time zone than those of the file that was imported before"
)]
#[non_exhaustive]
pub struct OtherZone {
    /// Counted from 1.
    pub line: u64,
    /// Whose it is.
    pub account: String,
    /// The id that the row gives it.
    pub id: RecordId,
    /// The id under which it is posted.
    pub posted: RecordId,
}
