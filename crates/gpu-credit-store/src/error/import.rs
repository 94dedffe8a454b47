//! What is wrong with a file to import.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use super::{Error, Refusal};
use crate::{ChangedJob, ChangedRow, EqualRow, OtherZone, PostedBy, TimeUnit};

/// What is wrong with a file to import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A row of an events file.
    #[error("{0}")]
    Events(#[from] gpu_credit_workload::EventError),
    /// A line of the output of `sacct`.
    #[error("{0}")]
    Sacct(#[from] crate::sacct::SacctError),
    /// A line of an exported journal.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its caller has given it up, and nothing is posted.
    #[error("the import was given up")]
    GivenUp,
    /// The input cannot be read.
    #[error("line {line}: cannot be read: {source}")]
    Read {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// What a line says is refused.
    #[error("line {line}: {error}")]
    Refused {
        /// Counted from 1.
        line: u64,
        /// Why.
        error: Error,
    },
    /// The policy of the accounts that it would open has a credit line beyond the limit.
    #[error("{0}")]
    Policy(Refusal),
    /// A row has an id under which something else was posted.
    #[error("{0}")]
    Changed(Box<ChangedRow>),
    /// A job is posted with another rate, start or final end.
    #[error("{0}")]
    ChangedJob(Box<ChangedJob>),
    /// A job is posted with its times in another time zone.
    #[error("{0}")]
    OtherZone(Box<OtherZone>),
    /// No job uses what is to be counted.
    #[error(
        "no job uses {resource}, expected a resource that AllocTRES lists, such as gpu, cpu or billing"
    )]
    NotUsed {
        /// What is to be counted.
        resource: crate::sacct::Resource,
    },
    /// Rows without id equal rows that were imported before, and the file does not continue one that was.
    #[error("{}", equal(*count, shown))]
    Equal {
        /// How many.
        count: u64,
        /// The first ones.
        shown: Vec<EqualRow>,
    },
    /// A time is no whole number of the store's unit, or out of range in it.
    #[error(
        "line {line}, column {column}: found {value} {from}, expected a whole number of {to}, the \
         store's unit of time, in the range of 64 bits"
    )]
    NotInUnit {
        /// Counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The time.
        value: i64,
        /// Its unit.
        from: TimeUnit,
        /// The unit of the store.
        to: TimeUnit,
    },
    /// A time is none that is likely in its unit, and one in another.
    #[error(
        "line {line}, column {column}: found {value}, which is no likely time in {unit}, and one in {likely}"
    )]
    OtherUnit {
        /// Counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The time.
        value: i64,
        /// The unit in which it is read.
        unit: TimeUnit,
        /// The unit in which it may be.
        likely: TimeUnit,
    },
    /// The import takes more memory than it may.
    #[error(
        "line {line}: after {rows} records the import needs {needed} bytes of memory, and may take \
         {limit}"
    )]
    Memory {
        /// Counted from 1.
        line: u64,
        /// Records so far.
        rows: u64,
        /// Bytes.
        needed: usize,
        /// Bytes, at most.
        limit: usize,
    },
    /// A journal was to be imported in batches.
    #[error("a journal is imported all at once, not in batches")]
    JournalInBatches,
    /// More accounts than can be numbered.
    #[error("there are more than {} accounts", u32::MAX)]
    TooManyAccounts,
    /// The temporary file of an import failed.
    #[error("the temporary file of the import: {0}")]
    Temporary(io::Error),
    /// An import in batches ended early.
    #[error("stopped after line {line}, {posted} entries are posted: {error}")]
    Stopped {
        /// Up to this line, counted from 1, all is posted.
        line: u64,
        /// Entries posted, openings of accounts among them.
        posted: u64,
        /// Why.
        error: Error,
    },
}

impl ChangedRow {
    /// What is wrong, on one line, with instants shown as the caller shows them.
    pub fn told(&self, show: impl Fn(i64) -> String) -> String {
        let ChangedRow {
            line,
            account,
            id,
            row,
            posted,
            place,
        } = self;
        let place = match place {
            PostedBy::Revision(revision) => format!("revision {revision}, under this id, is"),
            PostedBy::Line(line) => format!("that of line {line} under this id is"),
            PostedBy::Opening => "under this id the import makes".to_owned(),
        };
        let [row, posted] = [row, posted].map(|change| change.told(&show).to_string());
        format!(
            "line {line}: account {account:?}, id \"{id}\": the row is {row}, but {place} {posted}"
        )
    }
}

impl fmt::Display for ChangedRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.told(|instant| instant.to_string()))
    }
}

fn equal(count: u64, shown: &[EqualRow]) -> String {
    let mut text = match count {
        1 => "1 row without id equals one".to_owned(),
        _ => format!("{count} rows without id equal rows"),
    };
    text.push_str(" imported before, in all columns, and the file does not continue one of those:");
    for row in shown {
        let EqualRow {
            line,
            account,
            change,
            revision,
        } = row;
        let _ = write!(
            text,
            " line {line} (account {account:?}, {change}) equals revision {revision};"
        );
    }
    match count - shown.len() as u64 {
        0 => text.truncate(text.len() - 1),
        more => {
            let _ = write!(text, " and {more} more");
        }
    }
    text
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Error::Import(Arc::new(error))
    }
}
