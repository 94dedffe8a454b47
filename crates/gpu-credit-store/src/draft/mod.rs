//! What postings would write: every rule is checked here, before anything is written.
//!
//! A draft grows request by request; a request that is refused leaves no trace in it. It asks no
//! journal and no account: all it needs to know are the facts that come with a request, and what was
//! written since they were gathered.

mod finished;
mod holds;
mod known;
#[cfg(test)]
mod tests;
mod undo;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

pub(crate) use finished::Finished;
pub(crate) use holds::{Defaults, OfHolds};
use holds::{different, no_hold};
use undo::Undo;

use crate::facts::{Facts, Record};
use crate::folding::apply_all;
use crate::recent::Recent;
use crate::rules;
use crate::standing::Standing;
use crate::{
    Account, AccountKey, Change, Entry, Error, Head, Hold, Outcome, Posting, RecordId, Refusal,
    Revision, Sequence, Totals,
};

pub(crate) struct Draft<'a> {
    recent: &'a Recent,
    recorded_at: i64,
    /// What the numbers of accounts that are opened are made from; `None` if they are the sequences of
    /// their openings.
    number_seed: Option<u64>,
    /// The last entry before the draft.
    base: Sequence,
    last: Sequence,
    entries: Vec<Entry>,
    /// Whose each entry is.
    owners: Vec<usize>,
    /// The records that the draft's corrections correct, by the places of the corrections.
    corrects: HashMap<Sequence, Record>,
    accounts: Vec<Drafted>,
    /// The account of a name; `None` for one that the draft deletes.
    names: HashMap<Arc<str>, Option<usize>>,
    /// Requests so far, the present one included.
    request: u64,
    undo: Vec<Undo>,
    /// Accounts that are kept to decide on holds, as they stood before the draft.
    standby: HashMap<AccountKey, Account>,
}

/// The sequence and the revision of the next entry of an account, and when it is recorded.
#[derive(Clone, Copy, Debug)]
struct Place {
    revision: Revision,
    sequence: Sequence,
    recorded_at: i64,
}

/// What one caller wants written together.
#[derive(Default)]
pub struct Request {
    pub(crate) postings: Vec<Posting>,
    /// Whether it is only to be said what would come of it.
    pub(crate) is_trial: bool,
    pub(crate) of_holds: OfHolds,
    /// The revision that the account of the first entry that is written has to have before it.
    pub(crate) expected: Option<Revision>,
    /// If given, each posting is by itself: what is refused of them is left here, and has no outcome.
    pub(crate) refused: Option<RefusedPostings>,
}

impl Request {
    /// The postings that have outcomes once it is answered, in order.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Posting> {
        let refused = self.refused.as_ref();
        let refused: HashSet<usize> = refused
            .map(|refused| refused.lock().iter().map(|(index, _)| *index).collect())
            .unwrap_or_default();
        let postings = self.postings.iter().enumerate();
        postings.filter_map(move |(index, posting)| (!refused.contains(&index)).then_some(posting))
    }
}

/// The postings of a request that are refused, by place. A request that is drafted anew leaves them anew.
pub(crate) type RefusedPostings = Arc<Mutex<Vec<(usize, Error)>>>;

/// What came of a request; of a refused one, the place of the posting among the others.
pub(crate) type Answered = Result<Vec<Outcome>, (usize, Error)>;

/// One account as the draft would leave it.
struct Drafted {
    head: Head,
    /// Whether the draft opens it.
    is_new: bool,
    /// The last request that changed the head.
    changed_by: u64,
    /// The sequences of the entries of the draft, by id.
    ids: HashMap<RecordId, Sequence>,
    /// The records that the draft corrects: by which entry last, and how they stand.
    corrected: HashMap<Revision, (Revision, Standing)>,
    /// The account up to where it was last needed: to close its books, or to decide on a hold.
    folded: Option<Account>,
    /// Whether it decided on a hold.
    decides: bool,
}

impl<'a> Draft<'a> {
    /// An empty draft, to be written after `base`.
    pub(crate) fn new(recent: &'a Recent, base: Sequence, recorded_at: i64) -> Self {
        Draft {
            recent,
            recorded_at,
            number_seed: None,
            base,
            last: base,
            entries: Vec::new(),
            owners: Vec::new(),
            corrects: HashMap::new(),
            accounts: Vec::new(),
            names: HashMap::new(),
            request: 0,
            undo: Vec::new(),
            standby: HashMap::new(),
        }
    }

    /// Decides on holds with these accounts, which stand before the draft.
    pub(crate) fn with_standby(self, standby: HashMap<AccountKey, Account>) -> Self {
        Draft { standby, ..self }
    }

    /// From now on, accounts that it opens get 62 bits of a seed and their name as their numbers: a
    /// request that is drafted again from the same seed opens the same accounts.
    pub(crate) fn number_from(&mut self, seed: u64) {
        self.number_seed = Some(seed);
    }

    fn number(&self, name: &str, sequence: Sequence) -> Sequence {
        match self.number_seed {
            Some(seed) => Sequence::new(number(seed, name)),
            None => sequence,
        }
    }

    /// Adds a request, all of it or nothing; of a trial, nothing.
    pub(crate) fn add(&mut self, request: &Request, facts: &mut Facts) -> Answered {
        let (last, entries) = (self.last, self.entries.len());
        let outcomes = match (request.of_holds, &request.refused) {
            (OfHolds::Asks(defaults), _) => self.authorise(&request.postings, defaults, facts),
            (of_holds, None) => self.post_all(&request.postings, of_holds, facts),
            (_, Some(refused)) => {
                let is_trial = request.is_trial;
                return Ok(self.post_each(&request.postings, is_trial, refused, facts));
            }
        };
        let outcomes = outcomes.and_then(|outcomes| match request.expected {
            Some(expected) => self
                .check_expected(entries, &outcomes, expected)
                .map(|()| outcomes),
            None => Ok(outcomes),
        });
        if outcomes.is_err() || request.is_trial {
            self.take_back(last, entries);
        }
        self.undo.clear();
        outcomes
    }

    /// Adds those postings that are not refused. Of a trial each counts on those before it, and all are taken
    /// back at the end: the outcomes are those that posting them would have.
    fn post_each(
        &mut self,
        postings: &[Posting],
        is_trial: bool,
        refused: &RefusedPostings,
        facts: &mut Facts,
    ) -> Vec<Outcome> {
        let mut refused = refused.lock();
        refused.clear();
        let (before, entries_before) = (self.last, self.entries.len());
        let mut undone = Vec::new();
        let mut outcomes = Vec::with_capacity(postings.len());
        let is_batch = postings.len() > 1;
        for (index, posting) in postings.iter().enumerate() {
            self.request += 1;
            let (last, entries) = (self.last, self.entries.len());
            match self.post(posting, is_batch, OfHolds::Nothing, facts) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    self.take_back(last, entries);
                    refused.push((index, error));
                }
            }
            match is_trial {
                true => undone.append(&mut self.undo),
                false => self.undo.clear(),
            }
        }
        if is_trial {
            self.undo = undone;
            self.take_back(before, entries_before);
        }
        outcomes
    }

    fn post_all(&mut self, postings: &[Posting], of_holds: OfHolds, facts: &mut Facts) -> Answered {
        self.request += 1;
        self.entries.reserve(postings.len());
        let is_batch = postings.len() > 1;
        let mut outcomes = Vec::with_capacity(postings.len());
        for (index, posting) in postings.iter().enumerate() {
            let outcome = self.post(posting, is_batch, of_holds, facts);
            outcomes.push(outcome.map_err(|error| (index, error))?);
        }
        Ok(outcomes)
    }

    fn post(
        &mut self,
        posting: &Posting,
        is_batch: bool,
        of_holds: OfHolds,
        facts: &mut Facts,
    ) -> Result<Outcome, Error> {
        rules::check_texts(posting).map_err(|refusal| refused(posting, refusal))?;
        if of_holds == OfHolds::Nothing && posting.change.is_of_hold() {
            return Err(refused(posting, Refusal::OfHold));
        }
        match posting.change {
            Change::OpenAccount { policy } => return self.open(posting, policy, facts),
            Change::DeleteAccount if is_batch => {
                return Err(refused(posting, Refusal::DeletionInBatch));
            }
            Change::DeleteAccount => return self.delete(posting, facts),
            _ => {}
        }
        let account = self.account(&posting.account, facts)?;
        let completed = match of_holds {
            OfHolds::Closes(Defaults { at: true, .. }) => self.completed(account, posting, facts),
            _ => None,
        };
        let posting = completed.as_ref().unwrap_or(posting);
        if let Some(outcome) = self.retry(account, posting, facts)? {
            return Ok(outcome);
        }
        let place = self.place_after(account, posting)?;
        let totals = match posting.change.corrects() {
            Some(of) => self.correct(account, place, posting, of, facts)?,
            None => {
                let before = self.accounts[account].head.totals;
                let after = rules::posted(before, &posting.change);
                let after = after.map_err(|refusal| refused(posting, refusal))?;
                match posting.change {
                    Change::CloseBooks { .. } => self.close(account, place, posting, facts)?,
                    _ => after,
                }
            }
        };
        Ok(self.write(account, place, totals, posting))
    }

    fn open(
        &mut self,
        posting: &Posting,
        policy: gpu_credit::Overdraft,
        facts: &Facts,
    ) -> Result<Outcome, Error> {
        if let Some(account) = self.find_account(&posting.account, facts) {
            if let Some(outcome) = self.retry(account, posting, facts)? {
                return Ok(outcome);
            }
            return Err(Error::AccountExists(posting.account.clone()));
        }
        let sequence = self.next_sequence(posting)?;
        let head = Head {
            account: AccountKey {
                opened: self.number(&posting.account, sequence),
                name: posting.account.as_str().into(),
            },
            policy,
            revision: Revision::START,
            last: sequence,
            recorded_at: self.recorded_at,
            totals: Totals::default(),
        };
        let place = Place {
            revision: head.revision.next(),
            sequence,
            recorded_at: head.recorded_at,
        };
        let account = self.add_account(head, true);
        Ok(self.write(account, place, Totals::default(), posting))
    }

    fn delete(&mut self, posting: &Posting, facts: &mut Facts) -> Result<Outcome, Error> {
        let is_retry = |entry: &Entry| {
            entry.change == posting.change
                && *entry.account.name == *posting.account
                && entry.id == posting.id
        };
        let is_drafted = self.entries.iter().any(is_retry);
        if is_drafted || self.recent.is_deleted(&posting.account, &posting.id) || facts.is_deleted {
            return match self.find_account(&posting.account, facts) {
                None => Ok(Outcome::AlreadyDeleted),
                Some(_) => Err(refused(posting, Refusal::DeletedBefore)),
            };
        }
        let account = self.account(&posting.account, facts)?;
        if let Some(outcome) = self.retry(account, posting, facts)? {
            return Ok(outcome);
        }
        if let Some(folded) = self.folded(account, facts)? {
            let mut holds = folded.holds();
            if let Some((_, hold, _)) = holds.find(|(_, _, hold)| hold.accounts.len() > 1) {
                let hold = hold.clone();
                return Err(refused(posting, Refusal::HoldOnOthers { hold }));
            }
        }
        let place = self.place_after(account, posting)?;
        let totals = self.accounts[account].head.totals;
        self.write(account, place, totals, posting);
        self.set_name(Arc::clone(&self.accounts[account].head.account.name), None);
        Ok(Outcome::Deleted)
    }

    fn correct(
        &mut self,
        account: usize,
        place: Place,
        posting: &Posting,
        of: &RecordId,
        facts: &Facts,
    ) -> Result<Totals, Error> {
        let refused = |refusal| refused(posting, refusal);
        let totals = self.accounts[account].head.totals;
        let found = self.find(account, of, facts);
        if let Some(refusal) = no_hold(posting, found.as_ref().map(|(_, change)| change)) {
            return Err(refused(refusal));
        }
        let record = found.ok_or_else(|| refused(Refusal::NoSuchRecord(of.clone())))?;
        let before = self.standing(account, of, &record, facts);
        let before = before.ok_or_else(|| refused(Refusal::NotARecord(of.clone())))?;
        let after = before
            .corrected(&posting.change, place.revision, totals.closed)
            .map_err(refused)?;
        let totals = rules::corrected(totals, before, after)
            .and_then(|totals| rules::posted(totals, &posting.change))
            .map_err(refused)?;
        let corrected = &mut self.accounts[account].corrected;
        let of = record.0;
        let replaced = corrected.insert(of, (place.revision, after));
        self.undo.push(Undo::Corrected(account, of, replaced));
        self.corrects.insert(place.sequence, record);
        Ok(totals)
    }

    /// The totals of an account once its books are closed: what that folds away is free again.
    /// O(records of the account).
    fn close(
        &mut self,
        account: usize,
        place: Place,
        posting: &Posting,
        facts: &mut Facts,
    ) -> Result<Totals, Error> {
        let folded = self.folded(account, facts)?;
        let mut folded = folded.expect("an account whose books are closed was folded");
        if let Change::CloseBooks { until } = posting.change {
            check_holds(&folded, until).map_err(|refusal| refused(posting, refusal))?;
        }
        let key = self.accounts[account].head.account.clone();
        let closing = Entry {
            account: key,
            revision: place.revision,
            sequence: place.sequence,
            recorded_at: place.recorded_at,
            id: posting.id.clone(),
            change: posting.change.clone(),
        };
        apply_all(&mut folded, [(&closing, None)])?;
        let totals = folded.totals();
        self.accounts[account].folded = Some(folded);
        Ok(totals)
    }

    /// What came of the posting that has this id already, if there is one.
    fn retry(
        &self,
        account: usize,
        posting: &Posting,
        facts: &Facts,
    ) -> Result<Option<Outcome>, Error> {
        match self.find(account, &posting.id, facts) {
            None => Ok(None),
            Some((revision, change)) if change == posting.change => {
                Ok(Some(Outcome::AlreadyPosted(revision)))
            }
            Some(record) => Err(different(posting, record)),
        }
    }

    /// Refuses a request that has written from the `written`-th entry on, after another revision than its caller
    /// knows. One that has written nothing is a retry, and is answered as before.
    fn check_expected(
        &self,
        written: usize,
        outcomes: &[Outcome],
        expected: Revision,
    ) -> Result<(), (usize, Error)> {
        let first = outcomes.iter().position(|outcome| outcome.is_new());
        let (Some(first), Some(entry)) = (first, self.entries.get(written)) else {
            return Ok(());
        };
        match entry.revision.before() {
            Some(found) if found != expected => {
                let error = Error::OtherRevision {
                    account: entry.account.name.to_string(),
                    expected,
                    found,
                };
                Err((first, error))
            }
            _ => Ok(()),
        }
    }

    /// The place of the next entry of an account.
    fn place_after(&self, account: usize, posting: &Posting) -> Result<Place, Error> {
        let sequence = self.next_sequence(posting)?;
        let head = &self.accounts[account].head;
        if sequence <= head.last {
            return Err(Error::NotApplicable {
                account: posting.account.clone(),
                revision: head.revision,
                problem: "the journal says that it ends before it".to_owned(),
            });
        }
        Ok(Place {
            revision: head.revision.next(),
            sequence,
            recorded_at: self.recorded_at.max(head.recorded_at),
        })
    }

    /// The place of the next entry of all.
    fn next_sequence(&self, posting: &Posting) -> Result<Sequence, Error> {
        match self.last.next() {
            next if next == self.last => Err(refused(posting, Refusal::JournalFull)),
            next => Ok(next),
        }
    }

    fn write(
        &mut self,
        account: usize,
        place: Place,
        totals: Totals,
        posting: &Posting,
    ) -> Outcome {
        self.last = place.sequence;
        let drafted = &mut self.accounts[account];
        if drafted.changed_by != self.request {
            drafted.changed_by = self.request;
            self.undo.push(Undo::Head(account, drafted.head.clone()));
        }
        drafted.ids.insert(posting.id.clone(), place.sequence);
        drafted.head.add_entry(place.sequence, place.recorded_at);
        drafted.head.totals = totals;
        self.owners.push(account);
        self.entries.push(Entry {
            account: drafted.head.account.clone(),
            revision: place.revision,
            sequence: place.sequence,
            recorded_at: place.recorded_at,
            id: posting.id.clone(),
            change: posting.change.clone(),
        });
        Outcome::Posted(place.revision)
    }
}

/// Refuses to close the books while a hold is open across the instant: it settles before it.
fn check_holds(account: &Account, until: i64) -> Result<(), Refusal> {
    let is_across = |hold: &Hold| hold.at < until && hold.ends_after(until);
    let mut across = account.holds().filter(|(_, _, hold)| is_across(hold));
    match across.next() {
        None => Ok(()),
        Some((_, id, hold)) => Err(Refusal::HoldOpen {
            hold: id.clone(),
            at: hold.at,
            until: hold.until,
        }),
    }
}

/// That a posting is refused.
pub(crate) fn refused(posting: &Posting, refusal: Refusal) -> Error {
    Error::Refused {
        account: posting.account.clone(),
        id: posting.id.clone(),
        refusal,
    }
}

fn number(seed: u64, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, name).hash(&mut hasher);
    hasher.finish() >> 2
}
