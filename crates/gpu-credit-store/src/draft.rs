//! What a group of postings would write: every rule is checked here, before anything is written.
//!
//! A draft grows request by request; a request that is refused leaves no trace in it.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::directory::{Directory, apply_all, opened};
use crate::rules;
use crate::standing::Standing;
use crate::{
    Account, AccountKey, Change, Entry, Error, Head, Journal, Outcome, Posting, RecordId, Refusal,
    Sequence, Totals,
};

pub(crate) struct Draft<'a> {
    directory: &'a Directory,
    journal: &'a dyn Journal,
    recorded_at: i64,
    last: Sequence,
    entries: Vec<Entry>,
    /// Whose each entry is.
    owners: Vec<usize>,
    accounts: Vec<Drafted>,
    /// The account of a name; `None` for one that the draft deletes.
    names: HashMap<Arc<str>, Option<usize>>,
    /// Where the present posting was recorded in another journal, if it is to be recorded there again.
    place: Option<Place>,
    /// Requests so far, the present one included.
    request: u64,
    undo: Vec<Undo>,
}

/// Where an entry was recorded, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) sequence: Sequence,
    pub(crate) recorded_at: i64,
}

/// What one caller wants written together.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) postings: Vec<Posting>,
    /// Whether it is only to be said what would come of it.
    pub(crate) is_trial: bool,
    /// Where the postings were recorded before, in ascending order; empty for new ones. An empty
    /// journal records them there again.
    pub(crate) places: Vec<Place>,
}

/// What came of a request; of a refused one, the place of the posting among the others.
pub(crate) type Answered = Result<Vec<Outcome>, (usize, Error)>;

/// One account as the draft would leave it.
struct Drafted {
    head: Head,
    /// Whether the draft opens it.
    is_new: bool,
    /// The last request that changed the head.
    changed_by: u64,
    /// The entries of the draft by id.
    ids: HashMap<RecordId, usize>,
    /// The records that the draft corrects.
    corrected: HashMap<Sequence, Standing>,
    /// The account up to where the draft last closes its books.
    folded: Option<Account>,
}

/// What a refused request did to the draft, to be taken back.
enum Undo {
    Name(Arc<str>, Option<Option<usize>>),
    Head(usize, Head),
    Corrected(usize, Sequence, Option<Standing>),
}

impl<'a> Draft<'a> {
    /// An empty draft, to be written after `last`.
    pub(crate) fn new(
        directory: &'a Directory,
        journal: &'a dyn Journal,
        last: Sequence,
        recorded_at: i64,
    ) -> Self {
        Draft {
            directory,
            journal,
            recorded_at,
            last,
            entries: Vec::new(),
            owners: Vec::new(),
            accounts: Vec::new(),
            names: HashMap::new(),
            place: None,
            request: 0,
            undo: Vec::new(),
        }
    }

    /// What is to be written.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The heads of the accounts that it changes, as they would be.
    pub(crate) fn heads(&self) -> Vec<Head> {
        let is_open = |index: usize| {
            let name = &self.accounts[index].head.account.name;
            self.names.get(name) == Some(&Some(index))
        };
        let changed = self.accounts.iter().enumerate();
        changed
            .filter(|(index, account)| !account.ids.is_empty() && is_open(*index))
            .map(|(_, account)| account.head.clone())
            .collect()
    }

    /// Adds a request, all of it or nothing; of a trial, nothing.
    pub(crate) fn add(&mut self, request: &Request) -> Answered {
        let (last, entries) = (self.last, self.entries.len());
        let places = match last {
            Sequence::START => request.places.as_slice(),
            _ => &[],
        };
        let outcomes = self.post_all(&request.postings, places);
        if outcomes.is_err() || request.is_trial {
            self.take_back(last, entries);
        }
        self.undo.clear();
        outcomes
    }

    fn post_all(&mut self, postings: &[Posting], places: &[Place]) -> Answered {
        self.request += 1;
        self.entries.reserve(postings.len());
        let is_batch = postings.len() > 1;
        let mut outcomes = Vec::with_capacity(postings.len());
        for (index, posting) in postings.iter().enumerate() {
            self.place = places.get(index).copied();
            let outcome = self.post(posting, is_batch);
            outcomes.push(outcome.map_err(|error| (index, error))?);
        }
        Ok(outcomes)
    }

    fn post(&mut self, posting: &Posting, is_batch: bool) -> Result<Outcome, Error> {
        rules::check_texts(posting).map_err(|refusal| refused(posting, refusal))?;
        match &posting.change {
            Change::OpenAccount { .. } => return self.open(posting),
            Change::DeleteAccount if is_batch => {
                return Err(refused(posting, Refusal::DeletionInBatch));
            }
            Change::DeleteAccount => return self.delete(posting),
            _ => {}
        }
        let account = self.account(&posting.account)?;
        if let Some(outcome) = self.retry(account, posting)? {
            return Ok(outcome);
        }
        let before = self.accounts[account].head.totals;
        let mut after = match posting.change.corrects() {
            Some(of) => self.correct(account, posting, of)?,
            None => rules::posted(before, &posting.change)
                .map_err(|refusal| refused(posting, refusal))?,
        };
        if matches!(posting.change, Change::CloseBooks { .. }) {
            after = self.close(account, posting)?;
        }
        Ok(self.write(account, after, posting))
    }

    fn open(&mut self, posting: &Posting) -> Result<Outcome, Error> {
        if let Some(account) = self.find_account(&posting.account)? {
            if let Some(outcome) = self.retry(account, posting)? {
                return Ok(outcome);
            }
            return Err(Error::AccountExists {
                opened: self.accounts[account].head.account.opened,
                name: posting.account.clone(),
            });
        }
        let Change::OpenAccount { policy } = posting.change else {
            unreachable!("only an opening opens");
        };
        let opened = self.next_place().sequence;
        let head = Head {
            account: AccountKey {
                opened,
                name: posting.account.as_str().into(),
            },
            policy,
            entries: 0,
            last: opened,
            totals: Totals::default(),
        };
        let account = self.add_account(head, true);
        Ok(self.write(account, Totals::default(), posting))
    }

    fn delete(&mut self, posting: &Posting) -> Result<Outcome, Error> {
        let is_retry = |entry: &&Entry| {
            entry.change == posting.change
                && *entry.account.name == *posting.account
                && entry.id == posting.id
        };
        let drafted = self.entries.iter().find(is_retry);
        let deleted = match drafted {
            Some(entry) => Some(entry.sequence),
            None => self.journal.deletion(&posting.account, &posting.id)?,
        };
        if let Some(sequence) = deleted {
            return Ok(Outcome::AlreadyPosted(sequence));
        }
        let account = self.account(&posting.account)?;
        if let Some(outcome) = self.retry(account, posting)? {
            return Ok(outcome);
        }
        let totals = self.accounts[account].head.totals;
        let outcome = self.write(account, totals, posting);
        self.set_name(Arc::clone(&self.accounts[account].head.account.name), None);
        Ok(outcome)
    }

    fn correct(
        &mut self,
        account: usize,
        posting: &Posting,
        of: &RecordId,
    ) -> Result<Totals, Error> {
        let totals = self.accounts[account].head.totals;
        let (sequence, posted) = self
            .find(account, of)?
            .ok_or_else(|| refused(posting, Refusal::NoSuchRecord(of.clone())))?;
        let before = self
            .standing(account, sequence, &posted)?
            .ok_or_else(|| refused(posting, Refusal::NotARecord(of.clone())))?;
        let after = before.corrected(&posting.change, totals.closed);
        let after = after.map_err(|refusal| refused(posting, refusal))?;
        let totals = rules::corrected(totals, before, after);
        let totals = totals.map_err(|refusal| refused(posting, refusal))?;
        let corrected = &mut self.accounts[account].corrected;
        let replaced = corrected.insert(sequence, after);
        self.undo.push(Undo::Corrected(account, sequence, replaced));
        Ok(totals)
    }

    /// The totals of an account once its books are closed: what that folds away is free again.
    /// O(records of the account).
    fn close(&mut self, account: usize, posting: &Posting) -> Result<Totals, Error> {
        let place = self.next_place();
        let known = self.accounts[account].folded.take();
        let drafted = &self.accounts[account];
        let mut own: Vec<usize> = drafted.ids.values().copied().collect();
        own.sort_unstable();
        let closing = Entry {
            sequence: place.sequence,
            recorded_at: place.recorded_at,
            account: drafted.head.account.clone(),
            id: posting.id.clone(),
            change: posting.change.clone(),
        };
        let own: Vec<&Entry> = own.iter().map(|index| &self.entries[*index]).collect();
        let durable = match known {
            Some(folded) => Some(folded),
            None if drafted.is_new => opened(&drafted.head.account, &own),
            None => Some(self.read(drafted, Account::clone)?),
        };
        let mut folded = durable.ok_or_else(|| Error::NoSuchAccount(posting.account.clone()))?;
        let entries = own.into_iter().chain([&closing]);
        apply_all(&mut folded, entries, |id| self.find(account, id))?;
        let totals = folded.totals();
        self.accounts[account].folded = Some(folded);
        Ok(totals)
    }

    /// What came of the posting that has this id already, if there is one.
    fn retry(&self, account: usize, posting: &Posting) -> Result<Option<Outcome>, Error> {
        match self.find(account, &posting.id)? {
            None => Ok(None),
            Some((sequence, change)) if change == posting.change => {
                Ok(Some(Outcome::AlreadyPosted(sequence)))
            }
            Some((sequence, _)) => Err(Error::DifferentContent {
                account: posting.account.clone(),
                id: posting.id.clone(),
                sequence,
            }),
        }
    }

    /// The entry of an id, drafted or durable.
    fn find(&self, account: usize, id: &RecordId) -> Result<Option<(Sequence, Change)>, Error> {
        let account = &self.accounts[account];
        if let Some(index) = account.ids.get(id) {
            let entry = &self.entries[*index];
            return Ok(Some((entry.sequence, entry.change.clone())));
        }
        if account.is_new {
            return Ok(None);
        }
        let id = (account.head.account.clone(), id.clone());
        let found = self.journal.find_many(&[id])?.pop().flatten();
        Ok(found.map(|entry| (entry.sequence, entry.change)))
    }

    fn standing(
        &self,
        account: usize,
        sequence: Sequence,
        posted: &Change,
    ) -> Result<Option<Standing>, Error> {
        let account = &self.accounts[account];
        if let Some(standing) = account.corrected.get(&sequence) {
            return Ok(Some(*standing));
        }
        let is_drafted = self
            .entries
            .first()
            .is_some_and(|first| sequence >= first.sequence);
        if account.is_new || is_drafted {
            return Ok(Standing::posted(posted));
        }
        self.read(account, |durable| durable.standing(sequence, posted))
    }

    fn read<R>(&self, account: &Drafted, question: impl FnOnce(&Account) -> R) -> Result<R, Error> {
        let slot = self
            .directory
            .slot(self.journal, &account.head.account.name)?;
        self.directory.read(self.journal, &slot, question)
    }

    fn account(&mut self, name: &str) -> Result<usize, Error> {
        self.find_account(name)?
            .ok_or_else(|| Error::NoSuchAccount(name.to_owned()))
    }

    fn find_account(&mut self, name: &str) -> Result<Option<usize>, Error> {
        if let Some(account) = self.names.get(name) {
            return Ok(*account);
        }
        let head = self.journal.heads(&[name])?.pop().flatten();
        Ok(head.map(|head| self.add_account(head, false)))
    }

    fn add_account(&mut self, head: Head, is_new: bool) -> usize {
        let (name, account) = (Arc::clone(&head.account.name), self.accounts.len());
        self.accounts.push(Drafted {
            head,
            is_new,
            changed_by: 0,
            ids: HashMap::new(),
            corrected: HashMap::new(),
            folded: None,
        });
        self.set_name(name, Some(account));
        account
    }

    fn set_name(&mut self, name: Arc<str>, account: Option<usize>) {
        let before = self.names.insert(Arc::clone(&name), account);
        self.undo.push(Undo::Name(name, before));
    }

    /// Where the next entry is to be.
    fn next_place(&self) -> Place {
        self.place.unwrap_or(Place {
            sequence: self.last.next(),
            recorded_at: self.recorded_at,
        })
    }

    fn write(&mut self, account: usize, totals: Totals, posting: &Posting) -> Outcome {
        let place = self.next_place();
        self.last = place.sequence;
        let drafted = &mut self.accounts[account];
        if drafted.changed_by != self.request {
            drafted.changed_by = self.request;
            self.undo.push(Undo::Head(account, drafted.head.clone()));
        }
        drafted.ids.insert(posting.id.clone(), self.entries.len());
        drafted.head.entries += 1;
        drafted.head.last = place.sequence;
        drafted.head.totals = totals;
        self.owners.push(account);
        self.entries.push(Entry {
            sequence: place.sequence,
            recorded_at: place.recorded_at,
            account: drafted.head.account.clone(),
            id: posting.id.clone(),
            change: posting.change.clone(),
        });
        Outcome::Posted(place.sequence)
    }

    fn take_back(&mut self, last: Sequence, entries: usize) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Name(name, Some(account)) => {
                    self.names.insert(name, account);
                }
                Undo::Name(name, None) => {
                    self.names.remove(&name);
                }
                Undo::Head(account, head) => self.accounts[account].head = head,
                Undo::Corrected(account, sequence, Some(standing)) => {
                    self.accounts[account].corrected.insert(sequence, standing);
                }
                Undo::Corrected(account, sequence, None) => {
                    self.accounts[account].corrected.remove(&sequence);
                }
            }
        }
        let owners = self.owners.drain(entries..);
        for (entry, owner) in self.entries.drain(entries..).zip(owners) {
            self.accounts[owner].ids.remove(&entry.id);
            self.accounts[owner].folded = None;
        }
        self.last = last;
    }
}

fn refused(posting: &Posting, refusal: Refusal) -> Error {
    Error::Refused {
        account: posting.account.clone(),
        id: posting.id.clone(),
        refusal,
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit::Overdraft;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::RedbJournal;

    fn request(postings: Vec<Posting>) -> Request {
        Request {
            postings,
            ..Request::default()
        }
    }

    /// What a refused request did is taken back, and what a trial did.
    #[test]
    fn a_refused_request_leaves_no_trace_for_the_next_of_its_group() {
        let most = i64::MAX.unsigned_abs();
        let journal = RedbJournal::with_backend(InMemoryBackend::new(), "memory").unwrap();
        let directory = Directory::new(Sequence::START);
        let mut first = Draft::new(&directory, &journal, Sequence::START, 0);
        let start = request(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::usage("a", "u", most - 5, 0),
            Posting::grant("a", "g", "", 1, 0, 9),
        ]);
        first.add(&start).unwrap();
        journal.append(first.entries(), &first.heads()).unwrap();
        directory.apply(&journal, first.entries());

        // The account is part of the draft already, so that it is not simply forgotten.
        let begun = || {
            let mut draft = Draft::new(&directory, &journal, directory.visible(), 0);
            let usage = vec![Posting::usage("a", "first", 0, 0)];
            draft.add(&request(usage)).unwrap();
            draft
        };
        let mut draft = begun();
        let impossible = || Posting::usage("nobody", "x", 1, 0);
        let does = [
            vec![Posting::usage("a", "x", 5, 0)],
            vec![Posting::retract("a", "x", "u")],
            vec![
                Posting::revoke("a", "x", "g", 5),
                Posting::revoke("a", "y", "g", 4),
            ],
            vec![Posting::close_books("a", "x", 7)],
            vec![
                Posting::open_account("b", "open", Overdraft::Carry),
                Posting::usage("b", "x", 1, 0),
            ],
        ];
        // Each is refused for its last posting, then tried, and then posted as if it were the first.
        for postings in does {
            let mut refused = postings.clone();
            refused.push(impossible());
            let (place, _) = draft.add(&request(refused)).unwrap_err();
            assert_eq!(place, postings.len());
            let mut trial = request(postings.clone());
            trial.is_trial = true;
            let tried = draft.add(&trial).unwrap();
            assert_eq!(draft.entries().len(), 1);
            assert_eq!(begun().add(&request(postings.clone())).unwrap(), tried);
        }
        let mut deletion = request(vec![Posting::delete_account("a", "x")]);
        deletion.is_trial = true;
        draft.add(&deletion).unwrap();
        let all = request(vec![
            Posting::usage("a", "x", 5, 0),
            Posting::retract("a", "y", "u"),
            Posting::usage("a", "z", most - 5, 0),
            Posting::revoke("a", "v", "g", 5),
            Posting::open_account("b", "open", Overdraft::Forfeit),
        ]);
        assert!(draft.add(&all).is_ok());
        assert_eq!(draft.entries().len(), 6);
        assert!(
            draft
                .add(&request(vec![Posting::usage("b", "x", 1, 0)]))
                .is_ok()
        );
    }
}
