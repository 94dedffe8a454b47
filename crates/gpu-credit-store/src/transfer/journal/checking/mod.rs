//! Checks every rule for the entries of a journal, before any is written.
//!
//! The lines are taken account by account, each in the order of its entries, and drafted as if they were
//! posted: so what is held is one account at a time, and of that only the records that other lines
//! mention, and the account itself if the file closes its books. The entries of the draft are numbered
//! after those of the store, in the order of the checks; where they will be written is another matter.

mod held;
mod naming;
mod problem;

use std::iter;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry as MapEntry;

pub(super) use problem::Problem;

use self::held::{HeldEntries, Name};
use super::reading::{Place, ReadJournal, StagedLine};
use crate::draft::{self, Draft, Finished, OfHolds, Request};
use crate::facts::{AccountFacts, Facts, Record};
use crate::folding::{apply_all, opened};
use crate::lane::now;
use crate::recent::{Pins, Recent, Touched, Written};
use crate::standing::Standing;
use crate::transfer::accounts::AccountIndex;
use crate::transfer::appending::{heads, last};
use crate::transfer::identity::RowKey;
use crate::transfer::memory::check_memory;
use crate::transfer::{ImportOptions, ImportStep, PostedBy, tell};
use crate::{Account, Change, Error, Head, Outcome, Posting, Sequence, Storage, Store, rules};

/// Lines that are drafted together.
const DRAFTED_AT_ONCE: usize = if cfg!(test) { 3 } else { 8_192 };

/// What is to be written of a journal, and on which facts that rests. Which lines are new, their places
/// say.
pub(super) struct Checked {
    /// The store was seen up to here at least.
    pub(super) through: Sequence,
    /// Nothing that is known of the store comes after this entry.
    pub(super) last: Sequence,
    /// The accounts of the file as they are; `None` for one that is not there.
    pub(super) heads: Vec<Option<Head>>,
    /// As they will be, but for the places of their entries.
    pub(super) after: Vec<Option<Head>>,
    pub(super) known: u64,
    pub(super) new: u64,
}

/// Checks all lines, and marks those that are new.
pub(super) fn check<S: Storage>(
    store: &Store<S>,
    file: &mut ReadJournal,
    options: &ImportOptions,
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
) -> Result<Checked, Problem> {
    let through = store.storage()?.visible();
    let heads = heads(store, &file.accounts)?;
    let base = last(through, &heads);
    file.places
        .sort_unstable_by_key(|place| (place.account, place.sequence));
    let mut checking = Checking {
        store,
        file,
        options,
        last: base,
        held: HeldEntries::default(),
        folded: HashMap::new(),
        checked: Checked {
            through,
            last: base,
            after: heads.clone(),
            heads,
            known: 0,
            new: 0,
        },
    };
    // What is refused first in each account; the journal names the first of them.
    let mut refused: Option<(Sequence, Error)> = None;
    let (mut start, count) = (0, checking.file.places.len());
    while start < count {
        let end = count.min(start + DRAFTED_AT_ONCE);
        start = match checking.check_chunk(start..end) {
            Ok(()) => end,
            Err(Problem::Refused(place, error)) => {
                let places = &checking.file.places;
                let Place {
                    sequence, account, ..
                } = places[start + place];
                if refused.as_ref().is_none_or(|(first, _)| sequence < *first) {
                    refused = Some((sequence, error));
                }
                // Accounts do not depend on each other.
                places.partition_point(|place| place.account <= account)
            }
            Err(problem) => return Err(problem),
        };
        tell(progress, ImportStep::Checked(start as u64)).map_err(Error::from)?;
    }
    if let Some((_, error)) = refused {
        return Err(error.into());
    }
    let checked = checking.checked;
    file.places.sort_unstable_by_key(|place| place.sequence);
    Ok(checked)
}

struct Checking<'s, S: Storage> {
    store: &'s Store<S>,
    file: &'s mut ReadJournal,
    options: &'s ImportOptions,
    /// The last entry that is drafted.
    last: Sequence,
    /// Of the account that is checked, the entries that further lines may mention.
    held: HeldEntries,
    /// The account that is checked, as far as it is, if the file closes its books.
    folded: HashMap<AccountIndex, Account>,
    checked: Checked,
}

/// Lines that are drafted together.
struct Chunk {
    lines: Vec<StagedLine>,
    /// What the store has under the ids that they mention.
    found: HashMap<Name, Record>,
}

impl<S: Storage> Checking<'_, S> {
    fn check_chunk(&mut self, places: Range<usize>) -> Result<(), Problem> {
        let mut lines = Vec::with_capacity(places.len());
        let mut staged = self.file.staging.pick()?;
        for place in &self.file.places[places.clone()] {
            lines.push(staged.at(place.offset)?);
        }
        let found = self.look_up(&lines)?;
        let chunk = Chunk { lines, found };
        self.ask_accounts(&chunk)?;
        let (outcomes, finished) = self.draft(&chunk)?;
        for (place, outcome) in self.file.places[places].iter_mut().zip(&outcomes) {
            place.is_new = outcome.is_new();
            match outcome.is_new() {
                true => self.checked.new += 1,
                false => self.checked.known += 1,
            }
        }
        self.take_in(&chunk, &outcomes, finished)?;
        self.forget(&chunk)
    }

    /// The entries that the store has under the ids that lines mention.
    fn look_up(&self, lines: &[StagedLine]) -> Result<HashMap<Name, Record>, Problem> {
        let (mut names, mut asked) = (Vec::new(), Vec::new());
        for line in lines {
            let Some(head) = &self.checked.heads[line.account.get()] else {
                continue;
            };
            for id in iter::once(&line.id).chain(line.change.corrects()) {
                names.push(((line.account, id.clone()), head));
                asked.push((head.account.clone(), id.clone()));
            }
        }
        let found = self.store.reader().find_many(&asked)?;
        let mut records = HashMap::new();
        for ((name, head), entry) in names.into_iter().zip(found) {
            let Some(entry) = entry else { continue };
            if entry.revision > head.revision {
                return Err(Problem::Overtaken(head.clone()));
            }
            records.insert(name, (entry.revision, entry.change));
        }
        Ok(records)
    }

    /// Asks the store's accounts how records stand that lines correct, and for themselves if their books
    /// are closed.
    fn ask_accounts(&mut self, chunk: &Chunk) -> Result<(), Problem> {
        for line in &chunk.lines {
            let Some(head) = &self.checked.heads[line.account.get()] else {
                continue;
            };
            let is_closed = self.file.closed.contains(&line.account);
            if is_closed && !self.folded.contains_key(&line.account) {
                let folded = ask(self.store, head, Account::clone)?;
                self.folded.insert(line.account, folded);
            }
            let Some(of) = line.change.corrects() else {
                continue;
            };
            let name = (line.account, of.clone());
            let is_there = chunk.found.contains_key(&(line.account, line.id.clone()));
            if is_there || self.held.get(&name).is_some() {
                continue;
            }
            if let Some((revision, posted)) = chunk.found.get(&name) {
                let standing = ask(self.store, head, |account| {
                    account.standing(*revision, posted)
                })?;
                let place = PostedBy::Revision(*revision);
                let record = (*revision, posted.clone());
                self.held.hold(name, record, standing, place);
            }
        }
        Ok(())
    }

    fn draft(&self, chunk: &Chunk) -> Result<(Vec<Outcome>, Finished), Problem> {
        let posting = |line: &StagedLine| {
            let name = &*self.file.accounts[line.account.get()];
            Posting::new(name, line.id.clone(), line.change.clone())
        };
        let request = Request {
            postings: chunk.lines.iter().map(posting).collect(),
            of_holds: OfHolds::Recorded,
            ..Request::default()
        };
        let storage = self.store.storage()?;
        for (place, posting) in request.postings.iter().enumerate() {
            let kept = rules::check_kept(posting, |text| storage.keeps(text));
            kept.map_err(|refusal| {
                let error = self.refused(chunk, place, draft::refused(posting, refusal));
                Problem::Refused(place, error)
            })?;
        }
        let nothing = Recent::new(self.last);
        let mut draft = Draft::new(&nothing, self.last, now());
        let outcomes = draft.add(&request, &mut self.facts(chunk));
        match outcomes {
            Ok(outcomes) => Ok((outcomes, draft.finish())),
            Err((place, error)) => {
                let error = self.refused(chunk, place, error);
                Err(Problem::Refused(place, error))
            }
        }
    }

    /// What is known of the accounts and the ids that lines mention.
    fn facts(&self, chunk: &Chunk) -> Facts {
        let mut accounts: HashMap<Arc<str>, Option<AccountFacts>> = HashMap::new();
        for line in &chunk.lines {
            let name = &self.file.accounts[line.account.get()];
            let account = accounts.entry(Arc::clone(name)).or_insert_with(|| {
                let head = self.checked.after[line.account.get()].clone();
                head.map(AccountFacts::new)
            });
            let Some(account) = account else { continue };
            for id in iter::once(&line.id).chain(line.change.corrects()) {
                let name = (line.account, id.clone());
                if let Some(held) = self.held.get(&name) {
                    account.add_standing(held.record.0, held.standing);
                    account.add(name.1, held.record.clone());
                } else if let Some(record) = chunk.found.get(&name) {
                    account.add(name.1, record.clone());
                }
            }
            if let Change::CloseBooks { .. } = line.change
                && let Some(folded) = self.folded.get(&line.account)
            {
                account.add_folded(folded.clone());
            }
        }
        let pin = Pins::default().pin(|| self.last);
        Facts::known(pin, accounts)
    }

    /// Takes in what is drafted.
    fn take_in(
        &mut self,
        chunk: &Chunk,
        outcomes: &[Outcome],
        finished: Finished,
    ) -> Result<(), Problem> {
        let Finished {
            written, touched, ..
        } = finished;
        self.last = written.last().unwrap_or(self.last);
        let touched = touched.into_iter();
        let touched = touched.map(|touched| (Arc::clone(&touched.head.account.name), touched));
        let touched: HashMap<Arc<str>, Touched> = touched.collect();
        for (line, outcome) in chunk.lines.iter().zip(outcomes) {
            let account = Arc::clone(&self.file.accounts[line.account.get()]);
            let key = RowKey::of_id(&account, line.id.as_str());
            if outcome.is_new() && self.file.repeated.has(key) {
                let (name, place) = ((line.account, line.id.clone()), PostedBy::Line(line.line));
                let standing = Standing::posted(&line.change);
                let revision = outcome.revision().expect("no line deletes an account");
                let record = (revision, line.change.clone());
                self.held.hold(name, record, standing, place);
            }
            let Some(touched) = touched.get(&account) else {
                continue;
            };
            if let Some(of) = line.change.corrects()
                && let Some(held) = self.held.get_mut(&(line.account, of.clone()))
                && let Some((_, standing)) = touched.corrected.get(&held.record.0)
            {
                held.standing = Some(*standing);
            }
            let after = &mut self.checked.after[line.account.get()];
            if after
                .as_ref()
                .is_none_or(|after| after.revision < touched.head.revision)
            {
                *after = Some(touched.head.clone());
                self.fold(line.account, &written)?;
            }
        }
        Ok(())
    }

    /// Applies what is drafted for an account whose books the file closes.
    fn fold(&mut self, account: AccountIndex, written: &Written) -> Result<(), Problem> {
        if !self.file.closed.contains(&account) {
            return Ok(());
        }
        let name = &self.file.accounts[account.get()];
        let share = written
            .shares
            .iter()
            .find(|share| share.account.name == *name);
        let Some(share) = share else { return Ok(()) };
        let folded = match self.folded.entry(account) {
            MapEntry::Occupied(folded) => folded.into_mut(),
            MapEntry::Vacant(place) => {
                let first = &written.entries[share.entries[0]];
                let opened = opened(&share.account, first);
                place.insert(opened.expect("the first entry of an account opens it"))
            }
        };
        Ok(apply_all(folded, written.entries_of(share))?)
    }

    /// Forgets the accounts that have no more lines.
    fn forget(&mut self, chunk: &Chunk) -> Result<(), Problem> {
        let Some(last) = chunk.lines.last() else {
            return Ok(());
        };
        if chunk.lines[0].account != last.account {
            self.folded.retain(|account, _| *account == last.account);
            self.held.keep(last.account);
        }
        let folded = self.folded.values().map(Account::memory_used);
        let bytes = self.file.bytes + self.held.bytes() + folded.sum::<usize>();
        let rows = self.file.staging.rows();
        Ok(check_memory(last.line, rows, bytes, self.options)?)
    }
}

/// Asks an account of the store.
fn ask<S: Storage, R>(
    store: &Store<S>,
    head: &Head,
    question: impl FnOnce(&Account) -> R,
) -> Result<R, Problem> {
    let asked = store.with_account(&head.account.name, |account| {
        let is_as_seen = *account.key() == head.account && account.revision() == head.revision;
        is_as_seen.then(|| question(account))
    });
    match asked {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) | Err(Error::NoSuchAccount(_)) => Err(Problem::Overtaken(head.clone())),
        Err(error) => Err(error.into()),
    }
}
