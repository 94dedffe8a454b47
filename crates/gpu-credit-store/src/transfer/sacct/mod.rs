//! The output of `sacct --parsable2`: the jobs of a Slurm cluster, as metered usage.
//!
//! [`SacctReader`] reads it, job by job; nothing here knows a store. Columns are found by the names in
//! the header; others may stand among them:
//!
//! | column | what it says |
//! |---|---|
//! | `JobIDRaw` | the number of the job; a step (`123.batch`) is ignored |
//! | `Cluster` | with the number and the time of submission, the id of the record: a job that was requeued is there more than once |
//! | `Account`, `User` | one of them is the account that is charged, see [`Payer`] |
//! | `Submit`, `Start`, `End` | times, in a time zone that the reader is told; a job without a start has not started, and is ignored; one that ends before its start is refused |
//! | `Timelimit` | may be missing; how long a job may run that has no end yet |
//! | `AllocTRES` | what it uses at each second: see [`Resource`] |
//! | `State` | a job that is `PENDING` has not started, whatever `Start` says |

mod columns;
mod decide;
mod error;
mod reader;
mod time;
mod tres;

#[cfg(test)]
mod tests;

use gpu_credit::MeteredUsage;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use decide::imported_end;
pub use decide::{Decision, JobChange, JobStep, PostedEnd, PostedJob, decide};
pub use error::SacctError;
pub use reader::SacctReader;
pub use tres::{NoResource, Resource};

use crate::{RecordId, TimeUnit};

/// How the output of `sacct` is read.
#[derive(Clone, Debug)]
pub struct SacctOptions {
    /// The zone of its times, unless they bear an offset or are seconds since 1970.
    pub timezone: TimeZone,
    /// The provisional end of a job that has neither an end nor a time limit: the instant of import.
    pub now: Timestamp,
    /// What a job uses.
    pub resource: Resource,
    /// Which account is charged.
    pub payer: Payer,
}

/// Which column names the account that a job is charged to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payer {
    /// `Account`.
    #[default]
    Account,
    /// `User`.
    User,
}

/// A job that has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SacctJob {
    /// Where it stands in the file, counted from 1.
    pub line: u64,
    /// The name of the cluster.
    pub cluster: String,
    /// Its number there.
    pub number: u64,
    /// When it was submitted.
    pub submit: Timestamp,
    /// The account that is charged.
    pub account: String,
    /// What it uses at each second.
    pub rate: u64,
    /// When it has started.
    pub start: Timestamp,
    /// When it has ended, or is taken to end.
    pub until: Timestamp,
    /// Why then.
    pub end: JobEnd,
}

/// Why a job ends when it does. All but the first are provisional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It has ended.
    Final,
    /// It runs, and has to end then.
    TimeLimit,
    /// It runs, and nothing is known of its end.
    Now,
}

/// What was ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// Steps of jobs.
    pub steps: u64,
    /// Jobs that have not started, or never did.
    pub not_started: u64,
}

impl SacctJob {
    /// The id of its record: cluster, number and time of submission, such as
    /// `tiger/4711/2026-01-31T12:00:00Z`.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId::from(format!("{}/{}/{}", self.cluster, self.number, self.submit))
    }

    /// Its record in a unit of time; `None` if the unit does not reach so far.
    #[must_use]
    pub fn usage(&self, unit: TimeUnit) -> Option<MeteredUsage> {
        let instant = |time: Timestamp| TimeUnit::Seconds.convert(time.as_second(), unit);
        Some(MeteredUsage {
            rate: self.rate,
            from: instant(self.start)?,
            until: instant(self.until)?,
        })
    }
}
