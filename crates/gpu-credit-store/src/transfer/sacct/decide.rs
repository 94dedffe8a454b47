//! What is to be posted of a job, given what is posted.
//!
//! The entries of a job say by their ids what they are:
//!
//! | id | entry |
//! |---|---|
//! | `tiger/17/SUBMITTED` | the job, with the end that was known first |
//! | `tiger/17/SUBMITTED/until/INSTANT` | its end is provisional: at `INSTANT`, as its time limit or an import said |
//! | `tiger/17/SUBMITTED/end` | it has ended; no import moves its end from then on |
//!
//! So the end of a job is final if it is closed, or was never provisional. An end that comes again after
//! another one has an id of its own: `.../until/INSTANT/2` and so on. What has been corrected by hand
//! stays as it is: no import moves it.

use gpu_credit::MeteredUsage;
use jiff::Timestamp;

use super::{JobEnd, SacctJob};
use crate::{RecordId, TimeUnit};

/// What a store has of a job, in its unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedJob {
    /// As posted under its id.
    pub posted: MeteredUsage,
    /// As it stands; `None` if it was retracted, or if that is not known any more.
    pub standing: Option<MeteredUsage>,
    /// The end with which it was closed.
    pub closed: Option<i64>,
    /// Whether the books were closed later than its end, so that its end cannot move.
    pub is_fixed: bool,
}

/// One entry of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStep {
    /// Its id.
    pub id: RecordId,
    /// What it does.
    pub change: JobChange,
}

/// What an entry of a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// Posts the job.
    Post(MeteredUsage),
    /// Says that its end is provisional, and gives it this one.
    MoveEnd {
        /// The first tick after it.
        until: i64,
    },
    /// Says that it has ended, and gives it this end.
    Close {
        /// The first tick after it.
        until: i64,
    },
}

/// What is to be posted of a job. `usage` is the job in the unit of the store; `is_known` says whether
/// an entry has an id.
///
/// # Errors
/// If the file says another rate or start than what was posted, or another end than one that no import
/// moves: what is posted.
pub fn steps(
    job: &SacctJob,
    usage: MeteredUsage,
    unit: TimeUnit,
    posted: Option<&PostedJob>,
    is_known: impl Fn(&RecordId) -> bool,
) -> Result<Vec<JobStep>, MeteredUsage> {
    let id = job.id();
    let until = usage.until;
    let ends = Ends {
        id: &id,
        unit,
        is_known,
    };
    let Some(posted) = posted else {
        let first = JobStep {
            id: id.clone(),
            change: JobChange::Post(usage),
        };
        let provisional = (job.end != JobEnd::Final).then(|| ends.moved(until));
        return Ok([Some(first), provisional].into_iter().flatten().collect());
    };
    let began = (posted.posted.rate, posted.posted.from);
    if began != (usage.rate, usage.from) {
        return Err(posted.posted);
    }
    let Some(standing) = posted.standing else {
        return Ok(Vec::new());
    };
    match (job.end, ends.kept(posted, standing)) {
        (JobEnd::Final, Some(kept)) if kept.until != until => Err(kept),
        (_, Some(_)) => Ok(Vec::new()),
        (JobEnd::Final, None) => Ok(vec![JobStep {
            id: end_id(&id),
            change: JobChange::Close { until },
        }]),
        (_, None) if standing.until == until => Ok(Vec::new()),
        (_, None) => Ok(vec![ends.moved(until)]),
    }
}

/// The id of the entry that closes a job.
#[must_use]
pub fn end_id(job: &RecordId) -> RecordId {
    RecordId::from(format!("{job}/end"))
}

/// The ids of the provisional ends of a job.
struct Ends<'a, F> {
    id: &'a RecordId,
    unit: TimeUnit,
    is_known: F,
}

impl<F: Fn(&RecordId) -> bool> Ends<'_, F> {
    fn id_until(&self, until: i64) -> RecordId {
        let nanoseconds = i128::from(until) * i128::from(self.unit.nanoseconds());
        match Timestamp::from_nanosecond(nanoseconds) {
            Ok(instant) => RecordId::from(format!("{}/until/{instant}", self.id)),
            // Nothing that sacct printed.
            Err(_) => RecordId::from(format!("{}/until/{until}", self.id)),
        }
    }

    /// The job with the end that no import moves; `None` if its end is provisional.
    fn kept(&self, posted: &PostedJob, standing: MeteredUsage) -> Option<MeteredUsage> {
        let is_provisional_at = |until| (self.is_known)(&self.id_until(until));
        if let Some(until) = posted.closed {
            return Some(MeteredUsage { until, ..standing });
        }
        if !is_provisional_at(posted.posted.until) {
            return Some(posted.posted);
        }
        let is_by_hand = !is_provisional_at(standing.until);
        (is_by_hand || posted.is_fixed).then_some(standing)
    }

    /// Gives the job this end, under an id that is new.
    fn moved(&self, until: i64) -> JobStep {
        let first = self.id_until(until);
        let next = (2_u64..).map(|number| RecordId::from(format!("{first}/{number}")));
        let ids = std::iter::once(first.clone()).chain(next);
        let id = ids.into_iter().find(|id| !(self.is_known)(id));
        JobStep {
            id: id.expect("some number is new"),
            change: JobChange::MoveEnd { until },
        }
    }
}
