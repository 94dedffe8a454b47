//! The way of postings into the journal: one commit at a time, and in it the write alone.
//!
//! ```text
//!   gather facts ──▶ draft what is much work ──▶ │ check or draft, append, publish │ ──▶ tidy up
//!   each caller for himself                        the lane: one at a time             each for himself
//! ```
//!
//! Outside of the lane, in the caller's thread: looking up what the postings need, loading and folding
//! accounts, drafting large requests, closes of the books and trials, making rows of what is drafted, and
//! bringing the accounts in memory up to date afterwards. In the lane the small requests of a group are
//! drafted from their facts and from what was [written lately](crate::recent). Of a large draft it is only
//! checked that none of its accounts was written to since; then its entries and rows are moved to where
//! the journal ends by now, and written. Otherwise its facts are gathered again, outside.
//!
//! This file has what comes before the lane and after it.

mod alone;
mod commit;
mod storage;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::directory::Directory;
use crate::draft::{Answered, Draft, Finished, Request};
use crate::facts::{Facts, Needs};
use crate::group::{Abandoned, GroupCommit};
use crate::kept::{Base, Kept};
use crate::recent::{Pins, Recent};
use crate::standby::Standby;
use crate::{AccountKey, Error, Journal, JournalError, StoreOptions};

pub(crate) use alone::Appended;

/// Postings from which on a request is large.
pub(crate) const LARGE_FROM: usize = 512;
/// Times that a request is drafted outside of the lane while others go on writing to its accounts;
/// then it is drafted within.
const DRAFTED_OUTSIDE: usize = 4;

/// The journal of a store that belongs to this process, its accounts in memory, and the way from one to the
/// other.
pub struct Lane<J: Journal> {
    pub(crate) kept: Kept<J>,
    commit: GroupCommit<Turn, Reply>,
    recent: Mutex<Recent>,
    pins: Pins,
    done_with: Mutex<DoneWith>,
    standby: Standby,
    /// Whether the journal may hold what memory does not show: during a commit, and after one that
    /// failed or did not come to its end.
    is_behind: AtomicBool,
}

/// What is of no use any more: dropped by whoever has left the lane.
#[derive(Default)]
struct DoneWith {
    things: Vec<Arc<dyn Send + Sync>>,
    /// To drop them takes as long as a large request.
    is_much: bool,
}

/// What is to be done in the lane.
enum Turn {
    Commit(Box<Job>),
    /// Something that its caller does himself.
    Alone,
}

/// A request with what is known for it.
struct Job {
    request: Request,
    facts: Facts,
    drafted: Option<Box<Drafted>>,
}

/// A draft that was made outside of the lane.
struct Drafted {
    finished: Finished,
    answered: Answered,
    /// What the journal has prepared of it.
    prepared: Vec<u8>,
}

enum Reply {
    /// A job, given back; unanswered if its facts do not hold any more.
    Committed {
        job: Box<Job>,
        answered: Option<Answered>,
    },
    WasAlone,
}

/// How a request goes on once its facts are gathered.
enum Ready {
    Answered(Answered),
    GatherAgain,
    Commit {
        facts: Facts,
        drafted: Option<Box<Drafted>>,
    },
}

impl<J: Journal> Lane<J> {
    pub(crate) fn new(journal: J, options: StoreOptions) -> Result<Self, JournalError> {
        let last = journal.last_sequence()?;
        Ok(Lane {
            kept: Kept::new(journal, Directory::new(last, options)),
            commit: GroupCommit::new(),
            recent: Mutex::new(Recent::new(last)),
            pins: Pins::default(),
            done_with: Mutex::default(),
            standby: Standby::default(),
            is_behind: AtomicBool::new(false),
        })
    }

    fn commit_request(&self, mut request: Request) -> Answered {
        let mut attempts = 0;
        loop {
            let (facts, drafted) = match self.prepare(&request, attempts)? {
                Ready::Commit { facts, drafted } => (facts, drafted),
                Ready::Answered(answered) => return answered,
                Ready::GatherAgain => {
                    attempts += 1;
                    continue;
                }
            };
            let is_large = drafted.is_some() || request.postings.len() >= LARGE_FROM;
            let job = Job {
                request,
                facts,
                drafted,
            };
            let turn = Turn::Commit(Box::new(job));
            let replied = self
                .commit
                .submit(turn, is_large, |turns| self.commit(turns));
            let (job, answered) = match replied {
                Ok(Reply::Committed { job, answered }) => (job, answered),
                Ok(Reply::WasAlone) | Err(Abandoned) => return Err((0, Error::Interrupted)),
            };
            request = job.request;
            drop((job.facts, job.drafted));
            if let Some(answered) = answered {
                self.tidy(&request);
                self.kept.note_growth(&request, &answered);
                return answered;
            }
            attempts += 1;
        }
    }

    /// What comes before the lane.
    fn prepare(&self, request: &Request, attempts: usize) -> Result<Ready, (usize, Error)> {
        let pin = self.pins.pin(|| self.kept.directory.visible());
        let needs = Needs::of(&request.postings);
        let Base { journal, directory } = &*self.kept;
        let mut facts = Facts::gather(&needs, pin, journal, directory)?;
        let is_kept = |account: &AccountKey| self.standby.has(account);
        facts.gather_funds(&needs, request, attempts, is_kept, journal, directory)?;
        let is_much =
            request.is_trial || needs.closes_books() || request.postings.len() >= LARGE_FROM;
        if !is_much || attempts >= DRAFTED_OUTSIDE {
            let drafted = None;
            return Ok(Ready::Commit { facts, drafted });
        }
        let holds = facts.are_of_one_moment(&needs, &self.kept.journal);
        if !holds.map_err(|error| (0, error.into()))? {
            return Ok(Ready::GatherAgain);
        }
        let nothing = Recent::new(facts.last);
        let mut draft = Draft::new(&nothing, facts.last, now());
        let answered = draft.add(request, &mut facts);
        let finished = draft.finish();
        let writes = !finished.written.entries.is_empty();
        let is_seen = facts.last <= self.kept.directory.visible();
        if !writes && (is_seen || request.is_trial || answered.is_err()) {
            return Ok(Ready::Answered(answered));
        }
        let prepared = self.kept.journal.prepare(&finished.written.entries);
        let drafted = Some(Box::new(Drafted {
            prepared: prepared.map_err(|error| (0, error.into()))?,
            finished,
            answered,
        }));
        Ok(Ready::Commit { facts, drafted })
    }

    /// What comes after the lane.
    fn tidy(&self, request: &Request) {
        for name in Needs::of(&request.postings).names() {
            self.kept.directory.tidy(name);
        }
        let done_with = mem::take(&mut *self.done_with.lock());
        let recent = self.pins.if_none(|| {
            let mut recent = self.recent.try_lock()?;
            let seen = self.kept.directory.visible();
            Some(mem::replace(&mut *recent, Recent::new(seen)))
        });
        let kept = recent.as_ref().map_or(0, Recent::entry_count);
        let is_much = done_with.is_much || kept >= LARGE_FROM;
        if is_much && request.postings.len() < LARGE_FROM {
            drop_aside((done_with, recent));
        }
    }

    /// Forgets what is in memory: the journal knows better.
    fn catch_up(&self) -> Result<(), JournalError> {
        let last = self.kept.journal.last_sequence()?;
        *self.recent.lock() = Recent::new(last);
        self.standby.forget();
        self.kept.directory.forget(last);
        Ok(())
    }
}

/// Drops what others left behind while its caller goes on; if there can be no thread for it, the caller
/// drops it.
fn drop_aside(things: impl Send + 'static) {
    // A thread that cannot be made drops what it was given here.
    drop(thread::Builder::new().spawn(move || drop(things)));
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
