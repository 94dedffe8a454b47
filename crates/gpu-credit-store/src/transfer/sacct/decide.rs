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
//! another one has an id of its own: `.../until/INSTANT/2` and so on. Any other entry that corrects a job
//! was posted by hand, and what it corrects stays as it is: no import moves it.

use gpu_credit::MeteredUsage;
use jiff::Timestamp;

use super::{JobEnd, SacctJob};
use crate::{Change, RecordId, TimeUnit};

/// What a store has of a job, in its unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedJob {
    /// As it stands; `None` if it was retracted.
    pub standing: Option<MeteredUsage>,
    /// What its end is.
    pub end: PostedEnd,
    /// Whether its rate was corrected by hand.
    pub is_rate_by_hand: bool,
    /// Whether its start was corrected by hand.
    pub is_start_by_hand: bool,
    /// Whether the books were closed later than its end, so that its end cannot move.
    pub is_fixed: bool,
}

/// What the end of a posted job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostedEnd {
    /// An import may move it.
    Provisional,
    /// The job had ended when it was imported.
    Final,
    /// It was corrected by hand.
    ByHand,
}

impl PostedJob {
    /// A job that nothing has corrected yet.
    #[must_use]
    pub fn new(usage: MeteredUsage) -> Self {
        PostedJob {
            standing: Some(usage),
            end: PostedEnd::Final,
            is_rate_by_hand: false,
            is_start_by_hand: false,
            is_fixed: false,
        }
    }

    /// The job after a correction of it; `entry` is the id of the correction.
    pub fn correct(&mut self, job: &RecordId, entry: &RecordId, change: &Change) {
        let &Change::ChangeMeteredUsage {
            rate, from, until, ..
        } = change
        else {
            if let Change::RetractRecord { .. } = change {
                self.standing = None;
            }
            return;
        };
        self.standing = self.standing.map(|standing| MeteredUsage {
            rate: rate.unwrap_or(standing.rate),
            from: from.unwrap_or(standing.from),
            until: until.unwrap_or(standing.until),
        });
        self.is_rate_by_hand |= rate.is_some();
        self.is_start_by_hand |= from.is_some();
        if until.is_some() {
            self.end = imported_end(job, entry).unwrap_or(PostedEnd::ByHand);
        }
    }
}

/// What the end of a job is after a correction that an import has posted, as its id says; `None` for the
/// id of any other correction.
pub(crate) fn imported_end(job: &RecordId, entry: &RecordId) -> Option<PostedEnd> {
    match entry.as_str().strip_prefix(job.as_str())? {
        "/end" => Some(PostedEnd::Final),
        rest if rest.starts_with("/until/") => Some(PostedEnd::Provisional),
        _ => None,
    }
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

/// What an import does about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It posts these entries; none if nothing is new.
    Post(Vec<JobStep>),
    /// Nothing: what the file says differently was corrected by hand.
    LeaveByHand,
}

/// What is to be done about a job. `usage` is the job in the unit of the store; `is_known` says whether
/// an entry has an id.
///
/// # Errors
/// If the file says another rate or start than what is posted, or another end than one that no import
/// moves, and nobody has corrected it by hand: the job as it stands.
pub fn decide(
    job: &SacctJob,
    usage: MeteredUsage,
    unit: TimeUnit,
    posted: Option<&PostedJob>,
    is_known: impl Fn(&RecordId) -> bool,
) -> Result<Decision, MeteredUsage> {
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
        let steps = [Some(first), provisional].into_iter().flatten();
        return Ok(Decision::Post(steps.collect()));
    };
    let Some(standing) = posted.standing else {
        return Ok(Decision::LeaveByHand);
    };
    let (has_other_rate, has_other_start) =
        (standing.rate != usage.rate, standing.from != usage.from);
    if has_other_rate && !posted.is_rate_by_hand || has_other_start && !posted.is_start_by_hand {
        return Err(standing);
    }
    let nothing = match has_other_rate || has_other_start {
        true => Decision::LeaveByHand,
        false => Decision::Post(Vec::new()),
    };
    let (has_ended, has_other_end) = (job.end == JobEnd::Final, standing.until != until);
    match posted.end {
        PostedEnd::ByHand if has_other_end => Ok(Decision::LeaveByHand),
        PostedEnd::Provisional if !posted.is_fixed && has_ended => {
            Ok(Decision::Post(vec![ends.closed(until)]))
        }
        PostedEnd::Provisional if !posted.is_fixed && has_other_end => {
            Ok(Decision::Post(vec![ends.moved(until)]))
        }
        PostedEnd::Final | PostedEnd::Provisional if has_ended && has_other_end => Err(standing),
        _ => Ok(nothing),
    }
}

/// The ids of the ends of a job.
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

    /// Closes the job with this end.
    fn closed(&self, until: i64) -> JobStep {
        JobStep {
            id: RecordId::from(format!("{}/end", self.id)),
            change: JobChange::Close { until },
        }
    }

    /// Gives the job this provisional end, under an id that is new.
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
