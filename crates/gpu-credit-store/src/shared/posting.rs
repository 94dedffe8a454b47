//! The way of postings into a journal that others write to, too.
//!
//! Grants, usage and openings that come at the same time are drafted as one group and appended by one
//! statement. A group is drafted from the heads that are known. If they do not stand any more, or an id is
//! taken, its heads and ids are looked up in one go, and it is drafted again; from the third time on with the
//! accounts held. All other requests are drafted by themselves, from facts that are looked up first.
//!
//! What a group writes is true of the heads that the append compares. What is refused, or was posted before,
//! is answered from facts that were looked up after it came, by itself.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use super::Shared;
use super::heads::Heads;
use super::journal::{Append, Appended, LookedUp, SharedJournal, Wanted};
use super::known::Known;
use crate::draft::{Answered, Draft, Request, refused};
use crate::facts::{Facts, Needs, asked_for};
use crate::group::{Abandoned, GroupCommit};
use crate::lane::{LARGE_FROM, now};
use crate::recent::{Pins, Recent};
use crate::{
    Change, Entry, Error, Head, JournalError, Posting, RecordId, Revision, Sequence,
    StorageProblem, StoreStatistics, rules,
};

/// Drafts that may meet a conflict; the next is made with the accounts held.
const DRAFTED_FREELY: usize = 2;
/// Drafts with the accounts held: each fails only if somebody opens an account of a name that it opens, or
/// if a connection is lost.
const DRAFTED_HELD: usize = 16;

/// How postings wait, and what they begin with.
pub(super) struct Posted {
    lanes: Vec<GroupCommit<Sent, Reply>>,
    heads: Heads,
    pins: Pins,
    hasher: RandomState,
    conflicts: AtomicU64,
}

/// A request on its way. However often it is drafted, it opens accounts of the same numbers: of two appends of it, one
/// that comes late finds them taken, even if they are deleted by then.
struct Sent {
    request: Request,
    number_seed: u64,
}

impl Sent {
    fn new(request: Request) -> Self {
        Sent {
            request,
            number_seed: RandomState::new().hash_one(0),
        }
    }
}

/// A request, given back; unanswered if it is to be drafted by itself.
type Reply = (Sent, Option<Answered>);

impl Posted {
    pub(super) fn new(lanes: usize) -> Self {
        assert!(lanes > 0, "entries are appended by some way");
        Posted {
            lanes: (0..lanes).map(|_| GroupCommit::new()).collect(),
            heads: Heads::default(),
            pins: Pins::default(),
            hasher: RandomState::new(),
            conflicts: AtomicU64::new(0),
        }
    }

    pub(super) fn statistics(&self) -> StoreStatistics {
        StoreStatistics {
            groups: self.lanes.iter().map(GroupCommit::groups).sum(),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            ..StoreStatistics::default()
        }
    }

    /// By which way a request is appended: all that is posted to one account goes one way.
    fn lane(&self, request: &Request) -> usize {
        let first = request.postings.first();
        let hash = first.map_or(0, |posting| self.hasher.hash_one(&posting.account));
        usize::try_from(hash % self.lanes.len() as u64).expect("it is less than the number of ways")
    }

    /// What is known of accounts, if something is of each.
    fn cached(&self, names: &[&str]) -> Option<Known> {
        let head = |name: &&str| Some((Arc::from(*name), Some(self.heads.get(name)?)));
        let heads: Option<HashMap<_, _>> = names.iter().map(head).collect();
        Some(Known {
            heads: heads?,
            found: HashMap::new(),
            is_deleted: false,
        })
    }

    fn learn(&self, heads: &[Option<Head>]) {
        for head in heads.iter().flatten() {
            self.heads.learn(head);
        }
    }

    pub(super) fn forget(&self, name: &str) {
        self.heads.forget(name);
    }

    fn learn_appended(&self, append: &Append) {
        for change in &append.accounts {
            match change.is_deleted {
                true => self.heads.forget(&change.head.account.name),
                false => self.heads.learn(&change.head),
            }
        }
    }
}

/// Writes what a request asks for.
pub(super) fn submit<J: SharedJournal>(shared: &Shared<J>, request: Request) -> Answered {
    check_texts(shared.journal(), &request.postings)?;
    let lane = shared.posted.lane(&request);
    let mut sent = Sent::new(request);
    let request = &sent.request;
    // What is refused of postings that are each by themselves is only true of facts that are looked up.
    let is_each = request.refused.is_some();
    if !request.is_trial && !is_each && is_plain(&request.postings) {
        let is_large = request.postings.len() >= LARGE_FROM;
        let waiting = &shared.posted.lanes[lane];
        let replied = waiting.submit(sent, is_large, |group| commit(shared, lane, group));
        let (back, answered) = replied.map_err(|Abandoned| (0, Error::Interrupted))?;
        if let Some(answered) = answered {
            note_growth(shared, &back.request, &answered);
            return answered;
        }
        sent = back;
    }
    let answered = post_alone(shared, lane, &sent);
    note_growth(shared, &sent.request, &answered);
    answered
}

/// Snapshots may be due of what was written.
fn note_growth<J: SharedJournal>(shared: &Shared<J>, request: &Request, answered: &Answered) {
    let key = |name: &str| Some(shared.posted.heads.get(name)?.account);
    (shared.keeper()).note_growth(shared.journal(), request, answered, key);
}

/// What the journal cannot keep is refused.
fn check_texts(journal: &dyn SharedJournal, postings: &[Posting]) -> Result<(), (usize, Error)> {
    for (index, posting) in postings.iter().enumerate() {
        let kept = rules::check_kept(posting, |text| journal.keeps(text));
        kept.map_err(|refusal| (index, refused(posting, refusal)))?;
    }
    Ok(())
}

/// Whether heads and ids are enough to draft them, together with others.
fn is_plain(postings: &[Posting]) -> bool {
    postings.iter().all(|posting| {
        let is_more = matches!(
            posting.change,
            Change::CloseBooks { .. } | Change::DeleteAccount
        );
        !is_more && !posting.change.is_of_hold() && posting.change.corrects().is_none()
    })
}

/// Whether a request that is answered so writes anything.
fn writes(answered: &Answered) -> bool {
    let outcomes = answered.as_ref();
    outcomes.is_ok_and(|outcomes| outcomes.iter().any(|outcome| outcome.is_new()))
}

/// Drafts a request from facts that are looked up for it, and appends it.
fn post_alone<J: SharedJournal>(shared: &Shared<J>, lane: usize, sent: &Sent) -> Answered {
    let needs = Needs::of(&sent.request.postings);
    let failed = |error: JournalError| (0, Error::Journal(error));
    for _ in 0..DRAFTED_FREELY {
        let looked_up = shared.journal().look_up(&needs.wanted()).map_err(failed)?;
        let Some((answered, append)) = draft_alone(shared, sent, &needs, looked_up)? else {
            continue;
        };
        let Some(append) = append else {
            return answered;
        };
        let appended = shared.journal().append(lane, &append).map_err(failed)?;
        if settle(shared, appended, &append).map_err(failed)? {
            return answered;
        }
    }
    for _ in 0..DRAFTED_HELD {
        let mut drafted = None;
        let held = shared
            .journal()
            .append_held(lane, &needs.wanted(), &mut |looked_up| {
                let (answered, append) = match draft_alone(shared, sent, &needs, looked_up) {
                    Ok(Some((answered, append))) => (Some(answered), append),
                    Ok(None) => (None, None),
                    Err(error) => (Some(Err(error)), None),
                };
                drafted = answered.map(|answered| (answered, append.clone()));
                append
            });
        match (held.map_err(failed)?, drafted) {
            (None, Some((answered, _))) => return answered,
            (Some(appended), Some((answered, Some(append))))
                if settle(shared, appended, &append).map_err(failed)? =>
            {
                return answered;
            }
            _ => {}
        }
    }
    Err(failed(overtaken(shared.journal())))
}

/// What comes of a request, and what it appends, if anything.
type DraftedAlone = (Answered, Option<Append>);

/// Drafts a request; `None` if an account went on meanwhile.
fn draft_alone<J: SharedJournal>(
    shared: &Shared<J>,
    sent: &Sent,
    needs: &Needs<'_>,
    looked_up: LookedUp,
) -> Result<Option<DraftedAlone>, (usize, Error)> {
    shared.posted.learn(&looked_up.heads);
    let known = Known::looked_up(&needs.wanted(), looked_up);
    let mut facts = known.facts(needs, &shared.posted.pins);
    if !gather_standings(shared, &sent.request, needs, &known, &mut facts)? {
        return Ok(None);
    }
    let nothing = Recent::new(Sequence::START);
    let mut draft = draft(&nothing);
    let answered = add(&mut draft, sent, &mut facts);
    let is_written = !sent.request.is_trial && writes(&answered);
    let append = is_written.then(|| known.append(draft.finish(), needs.names()));
    Ok(Some((answered, append)))
}

/// Asks accounts in memory how records stand that are to be corrected, for a copy if their books are to be
/// closed, and what they have for a hold; whether each stood at its head.
fn gather_standings<J: SharedJournal>(
    shared: &Shared<J>,
    request: &Request,
    needs: &Needs<'_>,
    known: &Known,
    facts: &mut Facts,
) -> Result<bool, (usize, Error)> {
    for (place, (name, first)) in needs.accounts.iter().enumerate() {
        let corrected = needs
            .ids
            .iter()
            .filter(|lookup| lookup.account == place && lookup.is_corrected);
        let corrected: Vec<_> = corrected.map(|lookup| lookup.id).collect();
        let is_closed = needs.folded.binary_search(&place).is_ok();
        let Some(account_facts) = facts.account_mut(name) else {
            continue;
        };
        let found = |id: &&RecordId| account_facts.find(id).cloned();
        let records: Vec<_> = corrected.iter().filter_map(found).collect();
        let asked = asked_for(request, account_facts);
        if records.is_empty() && !is_closed && asked.is_none() {
            continue;
        }
        let head = known
            .head(name)
            .expect("facts are of accounts that are open");
        let asked = shared
            .accounts()
            .ask_at(shared.journal(), head, &mut |account| {
                for (revision, posted) in &records {
                    account_facts.add_standing(*revision, account.standing(*revision, posted));
                }
                if is_closed {
                    account_facts.add_folded(account.clone());
                }
                if let Some(funds) = asked.and_then(|asked| account.funds(asked).ok()) {
                    account_facts.add_funds(account.revision(), funds);
                }
            });
        if !asked.map_err(|error| (*first, error))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an append was written: if that is not known, its ids are looked up. One that was not found and comes
/// late is a conflict then, for what is drafted now takes its revisions, its ids and its numbers.
fn settle<J: SharedJournal>(
    shared: &Shared<J>,
    appended: Appended,
    append: &Append,
) -> Result<bool, JournalError> {
    let is_written = match appended {
        Appended::Written => true,
        Appended::Conflict => false,
        Appended::Unknown => {
            let found = is_found(shared.journal(), append);
            found.map_err(|error| unknown(&error))?
        }
    };
    match is_written {
        true => shared.posted.learn_appended(append),
        // What is known of them is old.
        false => {
            shared.posted.conflicts.fetch_add(1, Ordering::Relaxed);
            for change in &append.accounts {
                shared.posted.heads.forget(&change.head.account.name);
            }
        }
    }
    Ok(is_written)
}

/// Whether all that an append would write is there. It is there whole or not at all.
fn is_found(journal: &dyn SharedJournal, append: &Append) -> Result<bool, JournalError> {
    let names = append.accounts.iter();
    let names: Vec<&str> = names.map(|change| &*change.head.account.name).collect();
    let places = append.accounts.iter().enumerate();
    let places: HashMap<Sequence, usize> = places
        .map(|(place, change)| (change.head.account.opened, place))
        .collect();
    let is_deletion = |entry: &&Entry| entry.change == Change::DeleteAccount;
    let deletion = append.entries.iter().find(is_deletion);
    let ids = append.entries.iter();
    let ids = ids.map(|entry| (places[&entry.account.opened], &entry.id));
    let looked_up = journal.look_up(&Wanted {
        names,
        ids: ids.collect(),
        deletion: deletion.map(|entry| (&*entry.account.name, &entry.id)),
    })?;
    if deletion.is_some() && looked_up.is_deleted {
        return Ok(true);
    }
    let mut both = append.entries.iter().zip(&looked_up.found);
    let is_found = both.all(|(entry, found)| {
        found.as_ref().is_some_and(|found| {
            (&found.account, found.revision) == (&entry.account, entry.revision)
                && found.change == entry.change
        })
    });
    let mut both = append.accounts.iter().zip(&looked_up.heads);
    let is_there = both.all(|(change, head)| match head {
        Some(head) => head.account == change.head.account,
        None => change.expected == Revision::START,
    });
    match is_found || is_there {
        true => Ok(is_found),
        // Its entries went with it, if there were any.
        false => Err(not_known(journal, "an account was deleted meanwhile")),
    }
}

fn draft<'r>(nothing: &'r Recent) -> Draft<'r> {
    Draft::new(nothing, Sequence::START, now())
}

/// The number of a new account: 62 random bits, which no other has.
pub(super) fn random_number(_: Sequence) -> Sequence {
    Sequence::new(RandomState::new().hash_one(0) >> 2)
}

fn add(draft: &mut Draft<'_>, sent: &Sent, facts: &mut Facts) -> Answered {
    draft.number_from(sent.number_seed);
    draft.add(&sent.request, facts)
}

/// Requests that are drafted together.
struct Group<'g, J: SharedJournal> {
    shared: &'g Shared<J>,
    lane: usize,
    requests: &'g [Sent],
    /// Of each request, whether it still writes something.
    writes: &'g mut [bool],
}

/// Appends what the requests write.
fn commit<J: SharedJournal>(shared: &Shared<J>, lane: usize, requests: Vec<Sent>) -> Vec<Reply> {
    let mut writes = vec![true; requests.len()];
    let group = Group {
        shared,
        lane,
        requests: &requests,
        writes: &mut writes,
    };
    let answers = match group.append() {
        Ok(Some(answers)) => answers,
        Ok(None) => requests.iter().map(|_| None).collect(),
        Err(error) => {
            let failed = |writes: bool| writes.then(|| Err((0, Error::Journal(error.clone()))));
            writes.into_iter().map(failed).collect()
        }
    };
    requests.into_iter().zip(answers).collect()
}

impl<J: SharedJournal> Group<'_, J> {
    /// The answers of those that were written; `None` if nothing is to be written.
    fn append(mut self) -> Result<Option<Vec<Option<Answered>>>, JournalError> {
        let (shared, requests) = (self.shared, self.requests);
        let needs = Needs::of(requests.iter().flat_map(|sent| &sent.request.postings));
        let wanted = needs.wanted();
        let known = |looked_up: LookedUp| {
            shared.posted.learn(&looked_up.heads);
            Known::looked_up(&wanted, looked_up)
        };
        let mut cached = shared.posted.cached(&wanted.names);
        for _ in 0..DRAFTED_FREELY {
            let known = match cached.take() {
                Some(known) => known,
                None => known(shared.journal().look_up(&wanted)?),
            };
            let (answers, Some(append)) = self.draft(&known) else {
                return Ok(None);
            };
            let appended = shared.journal().append(self.lane, &append)?;
            if settle(shared, appended, &append)? {
                return Ok(Some(answers));
            }
        }
        for _ in 0..DRAFTED_HELD {
            let mut drafted = None;
            let lane = self.lane;
            let appended = shared
                .journal()
                .append_held(lane, &wanted, &mut |looked_up| {
                    let (answers, append) = self.draft(&known(looked_up));
                    drafted = append.clone().map(|append| (answers, append));
                    append
                })?;
            let (Some(appended), Some((answers, append))) = (appended, drafted) else {
                return Ok(None);
            };
            if settle(shared, appended, &append)? {
                return Ok(Some(answers));
            }
        }
        Err(overtaken(shared.journal()))
    }

    /// What comes of those that write, and what they append, if anything. One that writes nothing is
    /// answered by itself.
    fn draft(&mut self, known: &Known) -> (Vec<Option<Answered>>, Option<Append>) {
        let nothing = Recent::new(Sequence::START);
        let mut draft = draft(&nothing);
        let mut names = Vec::new();
        let requests = self.requests.iter().zip(self.writes.iter_mut());
        let answers = requests.map(|(sent, still_writes)| {
            if !*still_writes {
                return None;
            }
            let needs = Needs::of(&sent.request.postings);
            let mut facts = known.facts(&needs, &self.shared.posted.pins);
            let answered = add(&mut draft, sent, &mut facts);
            *still_writes = writes(&answered);
            still_writes.then(|| {
                names.extend(needs.names());
                answered
            })
        });
        let answers: Vec<_> = answers.collect();
        let is_any = self.writes.contains(&true);
        let append = is_any.then(|| known.append(draft.finish(), names.into_iter()));
        (answers, append)
    }
}

pub(super) fn not_known(journal: &dyn SharedJournal, why: &str) -> JournalError {
    let problem = StorageProblem::Io(Arc::new(io::Error::other(why.to_owned())));
    JournalError::new(journal.place(), problem)
}

/// What was written could not be looked up.
pub(super) fn unknown(error: &JournalError) -> JournalError {
    let problem = io::Error::other(error.problem().to_string());
    JournalError::new(error.place(), StorageProblem::Unknown(Arc::new(problem)))
}

fn overtaken(journal: &dyn SharedJournal) -> JournalError {
    JournalError::new(journal.place(), StorageProblem::Overtaken)
}
