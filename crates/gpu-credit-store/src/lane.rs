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

use std::iter;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use crate::directory::Directory;
use crate::draft::{Answered, Draft, Finished, Request};
use crate::facts::{Facts, Needs};
use crate::folding::load;
use crate::group::{Abandoned, GroupCommit};
use crate::kept::{Base, Kept};
use crate::recent::{Pins, Recent, Written};
use crate::standby::Standby;
use crate::storage::Alone;
use crate::{
    Account, AccountKey, Entry, Error, Head, Journal, JournalError, Moved, Part, Posting, Reader,
    RecordId, Revision, Sequence, Storage, StoreOptions, StoreStatistics,
};

/// Postings from which on a request is large.
pub(crate) const LARGE_FROM: usize = 512;
/// Times that a request is drafted outside of the lane while others go on writing to its accounts;
/// then it is drafted within.
const DRAFTED_OUTSIDE: usize = 4;
/// Entries that a commit makes forgotten, beside twice as many as it wrote.
const FORGOTTEN: usize = 256;

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

/// What is to be written.
struct Writing {
    finished: Finished,
    /// If it was drafted outside of the lane, what was prepared of it, and how far that is moved.
    prepared: Option<(Vec<u8>, Moved)>,
}

enum Reply {
    /// A job, given back; unanswered if its facts do not hold any more.
    Committed {
        job: Box<Job>,
        answered: Option<Answered>,
    },
    WasAlone,
}

/// What was appended by somebody who was alone in the lane.
pub enum Appended {
    Nothing,
    /// These entries, of which none corrects another.
    Entries(Written),
    /// More than are kept: to these accounts, up to this entry.
    ToAccounts {
        names: Vec<Arc<str>>,
        last: Sequence,
    },
}

impl Appended {
    /// Moves the places of what is to be appended.
    pub(crate) fn renumber(&mut self, moved: Moved) {
        match self {
            Appended::Nothing => {}
            Appended::Entries(written) => written.renumber(moved),
            Appended::ToAccounts { last, .. } => *last = moved.place(*last),
        }
    }
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

    /// Does something that appends to the journal by itself, while nobody else appends.
    fn while_alone<R>(
        &self,
        append: impl FnOnce(Sequence) -> Result<(R, Appended), Error>,
    ) -> Result<R, Error> {
        let mut appended = None;
        // What is large is a group of its own, which its own thread leads.
        let turn = self.commit.submit(Turn::Alone, true, |turns| {
            appended = Some(self.append_alone(append));
            turns.into_iter().map(|_| Reply::WasAlone).collect()
        });
        match (turn, appended) {
            (Ok(_), Some(appended)) => {
                let (result, names) = appended?;
                self.kept.note_growth_of(&names);
                self.kept.write_aside();
                Ok(result)
            }
            _ => Err(Error::Interrupted),
        }
    }

    fn append_alone<R>(
        &self,
        append: impl FnOnce(Sequence) -> Result<(R, Appended), Error>,
    ) -> Result<(R, Vec<Arc<str>>), Error> {
        if self.is_behind.swap(true, Ordering::SeqCst) {
            self.catch_up()?;
        }
        let mut recent = self.recent.lock();
        self.standby.forget();
        let (result, appended) = append(self.kept.directory.visible()).inspect_err(|_| {
            // What failed before it wrote leaves nothing to catch up with.
            let last = self.kept.journal.last_sequence();
            let is_level = last.is_ok_and(|last| last == self.kept.directory.visible());
            self.is_behind.store(!is_level, Ordering::SeqCst);
        })?;
        let names = match appended {
            Appended::Nothing => Vec::new(),
            Appended::Entries(written) => {
                let shares = written.shares.iter();
                let names = shares
                    .map(|share| Arc::clone(&share.account.name))
                    .collect();
                if let Some(last) = written.last() {
                    *recent = Recent::new(last);
                }
                self.kept.directory.publish(&Arc::new(written));
                names
            }
            Appended::ToAccounts { names, last } => {
                *recent = Recent::new(last);
                self.kept.directory.reload(&names, last);
                names
            }
        };
        self.is_behind.store(false, Ordering::SeqCst);
        Ok((result, names))
    }

    /// Commits a group. One thread at a time comes here.
    fn commit(&self, turns: Vec<Turn>) -> Vec<Reply> {
        let jobs = turns.into_iter().filter_map(|turn| match turn {
            Turn::Commit(job) => Some(job),
            Turn::Alone => None,
        });
        let mut jobs: Vec<Box<Job>> = jobs.collect();
        if self.is_behind.swap(true, Ordering::SeqCst)
            && let Err(error) = self.catch_up()
        {
            let failed = |job| Reply::Committed {
                job,
                answered: Some(Err((0, Error::Journal(error.clone())))),
            };
            return jobs.into_iter().map(failed).collect();
        }
        let mut recent = self.recent.lock();
        let last = self.kept.directory.visible();
        let (writing, mut answers) = draft(&mut jobs, &recent, last, self.standby.take());
        match self.write(writing, &mut recent) {
            Ok(()) => self.is_behind.store(false, Ordering::SeqCst),
            Err((unwritten, error)) => fail(&jobs, &mut answers, &unwritten, &error),
        }
        let replies = jobs.into_iter().zip(answers);
        replies
            .map(|(job, answered)| Reply::Committed { job, answered })
            .collect()
    }

    /// Makes a draft durable, and visible. If that fails, it gives back the entries.
    fn write(
        &self,
        writing: Writing,
        recent: &mut Recent,
    ) -> Result<(), (Vec<Entry>, JournalError)> {
        let Writing { finished, prepared } = writing;
        let Finished {
            written,
            touched,
            standby,
            ..
        } = finished;
        if written.entries.is_empty() {
            self.standby.put_back(standby, &written);
            return Ok(());
        }
        let open = touched.iter().filter(|account| !account.is_deleted);
        let heads: Vec<Head> = open.map(|account| account.head.clone()).collect();
        let appended = match prepared {
            None => self.kept.journal.append(&written.entries, &heads),
            Some((prepared, moved)) => {
                let part = Part {
                    prepared: prepared.into(),
                    moved,
                    heads: heads.into(),
                    ..Part::default()
                };
                self.kept.journal.append_parts(&mut iter::once(Ok(part)))
            }
        };
        if let Err(error) = appended {
            self.standby.forget();
            return Err((written.entries, error));
        }
        self.standby.put_back(standby, &written);
        let written = Arc::new(written);
        recent.take_in(Arc::clone(&written), touched);
        let removed = self.kept.directory.publish(&written);
        let needed = self.pins.first(|| self.kept.directory.visible());
        let forgotten = recent.forget(needed, FORGOTTEN + 2 * written.entries.len());
        let mut done_with = self.done_with.lock();
        done_with.is_much |= !removed.is_empty();
        done_with.things.extend(removed);
        for commit in forgotten {
            done_with.is_much |= commit.entries.len() >= LARGE_FROM;
            done_with.things.push(commit);
        }
        Ok(())
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

/// The journal while nobody else appends, and its last entry.
struct AloneAfter<'j, J> {
    journal: &'j J,
    last: Sequence,
}

impl<J: Journal> Alone for AloneAfter<'_, J> {
    fn last(&self) -> Sequence {
        self.last
    }

    fn append(
        &mut self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError> {
        self.journal.append_parts(parts)
    }
}

impl<J: Journal> Storage for Lane<J> {
    fn reader(&self) -> &dyn Reader {
        &self.kept.journal
    }

    fn visible(&self) -> Sequence {
        self.kept.directory.visible()
    }

    fn last(&self) -> Result<Sequence, JournalError> {
        self.kept.journal.last_sequence()
    }

    fn key(&self, name: &str) -> Result<AccountKey, Error> {
        self.kept.directory.key(&self.kept.journal, name)
    }

    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error> {
        let Base { journal, directory } = &*self.kept;
        let loaded = load(journal, account, revision, Sequence::END, &directory.keeper);
        self.kept.write_aside();
        loaded
    }

    fn submit(&self, request: Request) -> Answered {
        let answered = self.commit_request(request);
        self.kept.write_aside();
        answered
    }

    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error> {
        let Base { journal, directory } = &*self.kept;
        let asked = match names {
            [name] => directory.read(journal, name, |account| question(&[account])),
            _ => directory.read_all(journal, names, question),
        };
        self.kept.write_aside();
        asked
    }

    fn ask_now(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.kept.directory.read_now(name, question);
    }

    fn ask_at(
        &self,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let Base { journal, directory } = &*self.kept;
        let asked = directory.read_at(journal, name, timestamp, question);
        self.kept.write_aside();
        asked
    }

    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.kept.directory.read_loaded(name, question);
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.kept.journal.keep_note(name, number)
    }

    fn statistics(&self) -> StoreStatistics {
        let directory = &self.kept.directory;
        StoreStatistics {
            groups: self.commit.groups(),
            conflicts: 0,
            memory: directory.memory.statistics(),
            snapshots: directory.keeper.statistics(),
        }
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        self.kept.journal.prepare(entries)
    }

    fn alone(
        &self,
        _: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<Appended, Error>,
    ) -> Result<bool, Error> {
        let journal = &self.kept.journal;
        self.while_alone(|last| Ok((true, act(&mut AloneAfter { journal, last })?)))
    }
}

/// Drafts a group, or takes over what is drafted already; whose facts do not hold is not answered.
fn draft(
    jobs: &mut [Box<Job>],
    recent: &Recent,
    last: Sequence,
    standby: HashMap<AccountKey, Account>,
) -> (Writing, Vec<Option<Answered>>) {
    let holds = |facts: &Facts| recent.reaches(facts.as_of());
    if let [job] = jobs
        && let Some(drafted) = job.drafted.take()
    {
        let Drafted {
            mut finished,
            answered,
            prepared,
        } = *drafted;
        if holds(&job.facts)
            && job.facts.are_unchanged(recent)
            && let Some(moved) = finished.move_to(last)
        {
            finished.standby = standby;
            let prepared = Some((prepared, moved));
            return (Writing { finished, prepared }, vec![Some(answered)]);
        }
        let draft = Draft::new(recent, last, 0).with_standby(standby);
        return (Writing::of(draft), vec![None]);
    }
    let mut draft = Draft::new(recent, last, now()).with_standby(standby);
    let answers = jobs.iter_mut().map(|job| {
        let Job {
            request,
            facts,
            drafted,
        } = &mut **job;
        let holds = drafted.is_none() && holds(facts);
        let can_decide = holds && draft.can_decide(&request.postings, request.of_holds, facts);
        can_decide.then(|| draft.add(request, facts))
    });
    let answers = answers.collect();
    (Writing::of(draft), answers)
}

impl Writing {
    fn of(draft: Draft<'_>) -> Self {
        Writing {
            finished: draft.finish(),
            prepared: None,
        }
    }
}

/// Whoever counts on an entry of a draft is told that it could not be written: who posted it, first or
/// again, and who tried something after it.
fn fail(
    jobs: &[Box<Job>],
    answers: &mut [Option<Answered>],
    unwritten: &[Entry],
    error: &JournalError,
) {
    let ids = unwritten
        .iter()
        .map(|entry| (&*entry.account.name, &entry.id));
    let ids: HashSet<(&str, &RecordId)> = ids.collect();
    let is_unwritten = |posting: &Posting| ids.contains(&(posting.account.as_str(), &posting.id));
    for (job, answer) in jobs.iter().zip(answers.iter_mut().flatten()) {
        let counts_on_it = answer.as_ref().is_ok_and(|outcomes| {
            let is_new = outcomes.iter().any(|outcome| outcome.is_new());
            is_new || job.request.postings.iter().any(is_unwritten)
        });
        if counts_on_it {
            *answer = Err((0, Error::Journal(error.clone())));
        }
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
