//! What postings would write: every rule is checked here, before anything is written.
//!
//! A draft grows request by request; a request that is refused leaves no trace in it. It asks no
//! journal and no account: all it needs to know are the facts that come with a request, and what was
//! written since they were gathered.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::facts::{Facts, Record};
use crate::folding::{apply_all, opened};
use crate::recent::{Recent, Share, Touched, Written};
use crate::rules;
use crate::standing::Standing;
use crate::{
    Account, AccountKey, Change, Entry, Error, Head, Moved, Outcome, Posting, RecordId, Refusal,
    Sequence, Totals,
};

pub(crate) struct Draft<'a> {
    recent: &'a Recent,
    recorded_at: i64,
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
    ids: HashMap<RecordId, Sequence>,
    /// The records that the draft corrects: by which entry last, and how they stand.
    corrected: HashMap<Sequence, (Sequence, Standing)>,
    /// The account up to where the draft last closes its books.
    folded: Option<Account>,
}

/// What a refused request did to the draft, to be taken back.
enum Undo {
    Name(Arc<str>, Option<Option<usize>>),
    Head(usize, Head),
    Corrected(usize, Sequence, Option<(Sequence, Standing)>),
}

/// What a draft comes to.
pub(crate) struct Finished {
    pub(crate) written: Written,
    /// The accounts that are changed, in the order in which they were first touched.
    pub(crate) touched: Vec<Touched>,
    /// The last entry before them.
    pub(crate) base: Sequence,
}

impl<'a> Draft<'a> {
    /// An empty draft, to be written after `base`.
    pub(crate) fn new(recent: &'a Recent, base: Sequence, recorded_at: i64) -> Self {
        Draft {
            recent,
            recorded_at,
            base,
            last: base,
            entries: Vec::new(),
            owners: Vec::new(),
            corrects: HashMap::new(),
            accounts: Vec::new(),
            names: HashMap::new(),
            request: 0,
            undo: Vec::new(),
        }
    }

    /// What is to be written.
    pub(crate) fn finish(self) -> Finished {
        let mut entries: Vec<Vec<usize>> = vec![Vec::new(); self.accounts.len()];
        for (place, owner) in self.owners.iter().enumerate() {
            entries[*owner].push(place);
        }
        let (mut shares, mut touched) = (Vec::new(), Vec::new());
        let accounts = self.accounts.into_iter().zip(entries).enumerate();
        for (index, (account, entries)) in accounts.filter(|(_, (_, entries))| !entries.is_empty())
        {
            let key = account.head.account.clone();
            let is_deleted = self.names.get(&key.name) != Some(&Some(index));
            shares.push(Share {
                account: key,
                is_deleted,
                entries,
            });
            touched.push(Touched {
                head: account.head,
                is_deleted,
                ids: account.ids,
                corrected: account.corrected,
            });
        }
        Finished {
            written: Written {
                entries: self.entries,
                corrected: self.corrects,
                shares,
            },
            touched,
            base: self.base,
        }
    }

    /// Adds a request, all of it or nothing; of a trial, nothing.
    pub(crate) fn add(&mut self, request: &Request, facts: &mut Facts) -> Answered {
        let (last, entries) = (self.last, self.entries.len());
        let outcomes = self.post_all(&request.postings, facts);
        if outcomes.is_err() || request.is_trial {
            self.take_back(last, entries);
        }
        self.undo.clear();
        outcomes
    }

    fn post_all(&mut self, postings: &[Posting], facts: &mut Facts) -> Answered {
        self.request += 1;
        self.entries.reserve(postings.len());
        let is_batch = postings.len() > 1;
        let mut outcomes = Vec::with_capacity(postings.len());
        for (index, posting) in postings.iter().enumerate() {
            let outcome = self.post(posting, is_batch, facts);
            outcomes.push(outcome.map_err(|error| (index, error))?);
        }
        Ok(outcomes)
    }

    fn post(
        &mut self,
        posting: &Posting,
        is_batch: bool,
        facts: &mut Facts,
    ) -> Result<Outcome, Error> {
        rules::check_texts(posting).map_err(|refusal| refused(posting, refusal))?;
        match posting.change {
            Change::OpenAccount { policy } => return self.open(posting, policy, facts),
            Change::DeleteAccount if is_batch => {
                return Err(refused(posting, Refusal::DeletionInBatch));
            }
            Change::DeleteAccount => return self.delete(posting, facts),
            _ => {}
        }
        let account = self.account(&posting.account, facts)?;
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
            return Err(Error::AccountExists {
                opened: self.accounts[account].head.account.opened,
                name: posting.account.clone(),
            });
        }
        let place = self.next_place(posting)?;
        let head = Head {
            account: AccountKey {
                opened: place.sequence,
                name: posting.account.as_str().into(),
            },
            policy,
            entries: 0,
            last: place.sequence,
            totals: Totals::default(),
        };
        let account = self.add_account(head, true);
        Ok(self.write(account, place, Totals::default(), posting))
    }

    fn delete(&mut self, posting: &Posting, facts: &Facts) -> Result<Outcome, Error> {
        let is_retry = |entry: &&Entry| {
            entry.change == posting.change
                && *entry.account.name == *posting.account
                && entry.id == posting.id
        };
        let drafted = self.entries.iter().find(is_retry);
        let deleted = drafted.map(|entry| entry.sequence);
        let deleted = deleted.or_else(|| self.recent.deletion(&posting.account, &posting.id));
        if let Some(sequence) = deleted.or(facts.deleted) {
            return Ok(Outcome::AlreadyPosted(sequence));
        }
        let account = self.account(&posting.account, facts)?;
        if let Some(outcome) = self.retry(account, posting, facts)? {
            return Ok(outcome);
        }
        let place = self.place_after(account, posting)?;
        let totals = self.accounts[account].head.totals;
        let outcome = self.write(account, place, totals, posting);
        self.set_name(Arc::clone(&self.accounts[account].head.account.name), None);
        Ok(outcome)
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
        let record = found.ok_or_else(|| refused(Refusal::NoSuchRecord(of.clone())))?;
        let before = self.standing(account, of, &record, facts);
        let before = before.ok_or_else(|| refused(Refusal::NotARecord(of.clone())))?;
        let after = before
            .corrected(&posting.change, totals.closed)
            .map_err(refused)?;
        let totals = rules::corrected(totals, before, after).map_err(refused)?;
        let corrected = &mut self.accounts[account].corrected;
        let (of, by) = (record.0, place.sequence);
        let replaced = corrected.insert(of, (by, after));
        self.undo.push(Undo::Corrected(account, of, replaced));
        self.corrects.insert(by, record);
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
        let known = self.accounts[account].folded.take();
        let key = self.accounts[account].head.account.clone();
        let closing = Entry {
            sequence: place.sequence,
            recorded_at: place.recorded_at,
            account: key.clone(),
            id: posting.id.clone(),
            change: posting.change.clone(),
        };
        let mut later: Vec<(&Entry, Option<Record>)> = self.recent.entries(&key).collect();
        let owned = self.entries.iter().zip(&self.owners);
        let own = owned.filter(|(_, owner)| **owner == account);
        later.extend(own.map(|(entry, _)| (entry, self.corrects.get(&entry.sequence).cloned())));
        let first = later.first().map(|(entry, _)| *entry);
        later.push((&closing, None));
        let folded = known
            .or_else(|| facts.take_folded(&key))
            .or_else(|| opened(&key, first?));
        let mut folded = folded.expect("an account whose books are closed was folded");
        apply_all(&mut folded, later)?;
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
            Some((sequence, change)) if change == posting.change => {
                Ok(Some(Outcome::AlreadyPosted(sequence)))
            }
            Some((sequence, posted)) => Err(Error::DifferentContent {
                account: posting.account.clone(),
                id: posting.id.clone(),
                sequence,
                posted: Box::new(posted),
                refused: Box::new(posting.change.clone()),
            }),
        }
    }

    /// The record of an id: of the draft, written lately, or long ago.
    fn find(&self, account: usize, id: &RecordId, facts: &Facts) -> Option<Record> {
        let account = &self.accounts[account];
        if let Some(sequence) = account.ids.get(id) {
            let place = self
                .entries
                .binary_search_by_key(sequence, |entry| entry.sequence);
            let entry = &self.entries[place.expect("an id leads to an entry")];
            return Some((entry.sequence, entry.change.clone()));
        }
        if account.is_new {
            return None;
        }
        let key = &account.head.account;
        let recent = self.recent.find(key, id);
        recent.or_else(|| facts.of(key)?.find(id).cloned())
    }

    fn standing(
        &self,
        account: usize,
        id: &RecordId,
        (sequence, posted): &Record,
        facts: &Facts,
    ) -> Option<Standing> {
        let account = &self.accounts[account];
        if let Some((_, standing)) = account.corrected.get(sequence) {
            return Some(*standing);
        }
        let key = &account.head.account;
        if let Some(standing) = self.recent.standing(key, *sequence) {
            return Some(standing);
        }
        let is_late = *sequence > self.base || self.recent.has(key, id);
        match facts.of(key) {
            Some(facts) if !is_late => facts.standing(*sequence),
            _ => Standing::posted(posted),
        }
    }

    fn account(&mut self, name: &str, facts: &Facts) -> Result<usize, Error> {
        self.find_account(name, facts)
            .ok_or_else(|| Error::NoSuchAccount(name.to_owned()))
    }

    fn find_account(&mut self, name: &str, facts: &Facts) -> Option<usize> {
        if let Some(account) = self.names.get(name) {
            return *account;
        }
        let head = match self.recent.account(name) {
            Some(touched) => (!touched.is_deleted).then(|| touched.head.clone())?,
            None => facts.account(name)?.head.clone(),
        };
        Some(self.add_account(head, false))
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

    /// Where the next entry of an account is to be.
    fn place_after(&self, account: usize, posting: &Posting) -> Result<Place, Error> {
        let place = self.next_place(posting)?;
        let last = self.accounts[account].head.last;
        if place.sequence <= last {
            return Err(Error::NotApplicable {
                account: posting.account.clone(),
                sequence: last,
                problem: "the journal says that it ends before it".to_owned(),
            });
        }
        Ok(place)
    }

    /// Where the next entry is to be.
    fn next_place(&self, posting: &Posting) -> Result<Place, Error> {
        let next = Place {
            sequence: self.last.next(),
            recorded_at: self.recorded_at,
        };
        if next.sequence == self.last {
            return Err(refused(posting, Refusal::JournalFull));
        }
        Ok(next)
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
                Undo::Corrected(account, of, Some(standing)) => {
                    self.accounts[account].corrected.insert(of, standing);
                }
                Undo::Corrected(account, of, None) => {
                    self.accounts[account].corrected.remove(&of);
                }
            }
        }
        let owners = self.owners.drain(entries..);
        for (entry, owner) in self.entries.drain(entries..).zip(owners) {
            self.accounts[owner].ids.remove(&entry.id);
            self.accounts[owner].folded = None;
            self.corrects.remove(&entry.sequence);
        }
        self.last = last;
    }
}

impl Finished {
    /// Moves all of it to where it follows `base`; `None` if it cannot be there.
    pub(crate) fn move_to(&mut self, base: Sequence, answered: &mut Answered) -> Option<Moved> {
        let moved = Moved {
            from: self.base,
            to: base,
        };
        let last = self.written.last().unwrap_or(self.base);
        if !moved.has_room(last) {
            return None;
        }
        if moved.from != moved.to {
            self.base = base;
            self.written.renumber(moved);
            for touched in &mut self.touched {
                touched.renumber(moved);
            }
            for outcome in answered.iter_mut().flatten() {
                match outcome {
                    Outcome::Posted(sequence) | Outcome::AlreadyPosted(sequence) => {
                        *sequence = moved.place(*sequence);
                    }
                }
            }
        }
        Some(moved)
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
    use crate::directory::Directory;
    use crate::facts::Needs;
    use crate::recent::Pins;
    use crate::{Journal, RedbJournal};

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
        let (recent, pins) = (Recent::new(Sequence::START), Pins::default());
        let add = |draft: &mut Draft<'_>, request: &Request| {
            let needs = Needs::of(&request.postings);
            let pin = pins.pin(|| directory.visible());
            let facts = Facts::gather(&needs, pin, &journal, &directory);
            draft.add(request, &mut facts.map_err(|(_, error)| error).unwrap())
        };
        let mut first = Draft::new(&recent, Sequence::START, 0);
        let start = request(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::usage("a", "u", most - 5, 0),
            Posting::grant("a", "g", "", 1, 0, 9),
        ]);
        add(&mut first, &start).unwrap();
        let Finished {
            written, touched, ..
        } = first.finish();
        let heads: Vec<Head> = touched.into_iter().map(|touched| touched.head).collect();
        journal.append(&written.entries, &heads).unwrap();
        directory.publish(&Arc::new(written));
        let recent = Recent::new(directory.visible());

        // The account is part of the draft already, so that it is not simply forgotten.
        let begun = || {
            let mut draft = Draft::new(&recent, directory.visible(), 0);
            let usage = vec![Posting::usage("a", "first", 0, 0)];
            add(&mut draft, &request(usage)).unwrap();
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
            let (place, _) = add(&mut draft, &request(refused)).unwrap_err();
            assert_eq!(place, postings.len());
            let mut trial = request(postings.clone());
            trial.is_trial = true;
            let tried = add(&mut draft, &trial).unwrap();
            assert_eq!(draft.entries.len(), 1);
            assert_eq!(
                add(&mut begun(), &request(postings.clone())).unwrap(),
                tried
            );
        }
        let mut deletion = request(vec![Posting::delete_account("a", "x")]);
        deletion.is_trial = true;
        add(&mut draft, &deletion).unwrap();
        let all = request(vec![
            Posting::usage("a", "x", 5, 0),
            Posting::retract("a", "y", "u"),
            Posting::usage("a", "z", most - 5, 0),
            Posting::revoke("a", "v", "g", 5),
            Posting::open_account("b", "open", Overdraft::Forfeit),
        ]);
        assert!(add(&mut draft, &all).is_ok());
        assert_eq!(draft.entries.len(), 6);
        assert!(add(&mut draft, &request(vec![Posting::usage("b", "x", 1, 0)])).is_ok());
    }
}
