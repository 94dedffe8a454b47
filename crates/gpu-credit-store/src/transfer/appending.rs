//! What an import appends: entries are prepared in parts, and once nobody else appends they are written,
//! and after them the heads of their accounts.

use std::io;
use std::iter;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::accounts::AccountIndex;
use super::parts::{Parts, RowsPart, TakenParts};
use crate::lane::Appended;
use crate::recent::{Share, Written};
use crate::storage::Alone;
use crate::{
    AccountKey, Change, Entry, Error, Head, ImportError, JournalError, Moved, Part, Sequence,
    Storage, StorageProblem, Store,
};

/// Entries that are prepared together.
const PART_ENTRIES: usize = if cfg!(test) { 5 } else { 1 << 19 };
/// So many entries are applied to the accounts in memory; if there are more, their accounts are
/// forgotten, and loaded again when they are asked.
const APPLIED_MAX: u64 = 1 << 16;
/// Accounts whose heads are asked for together.
const HEADS_AT_ONCE: usize = 65_536;
/// How often what was checked may be overtaken before it is checked while nobody else can post.
pub(super) const OVERTAKEN_MAX: u32 = 3;
/// How often that may be overtaken: only by who opens an account of the file.
pub(super) const OVERTAKEN_ALONE_MAX: u32 = 16;

/// That it was overtaken each time.
pub(super) fn overtaken() -> Error {
    JournalError::new("the accounts of the file", StorageProblem::Overtaken).into()
}

/// The heads of accounts by name.
pub(super) fn heads<S: Storage>(
    store: &Store<S>,
    accounts: &[Arc<str>],
) -> Result<Vec<Option<Head>>, Error> {
    let mut heads = Vec::with_capacity(accounts.len());
    for names in accounts.chunks(HEADS_AT_ONCE) {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        heads.extend(store.reader().heads(&names)?);
    }
    Ok(heads)
}

/// The last entry that is known: others may have posted after `through` by the time heads were read. The
/// first place if entries of different accounts have no order.
pub(super) fn last(through: Sequence, heads: &[Option<Head>]) -> Sequence {
    if through == Sequence::END {
        return Sequence::START;
    }
    let lasts = heads.iter().flatten().map(|head| head.last);
    lasts.max().map_or(through, |last| last.max(through))
}

/// Entries on their way: numbered, and prepared in parts.
pub(super) struct Appending<'s> {
    storage: &'s dyn Storage,
    /// The entry after which they are numbered.
    base: Sequence,
    last: Sequence,
    posted: u64,
    /// Openings of accounts among them.
    opened: u64,
    /// Those that are not prepared yet.
    part: Vec<Entry>,
    parts: Parts,
    accounts: Vec<AccountIndex>,
    /// Of these accounts, as they will be.
    heads: Vec<Head>,
    places: HashMap<AccountIndex, usize>,
    /// All entries, as long as they are few and correct nothing.
    kept: Option<Vec<Entry>>,
}

impl<'s> Appending<'s> {
    /// None yet; they are numbered after `base`. What is too much to be held goes to a file of this folder.
    pub(super) fn after(base: Sequence, storage: &'s dyn Storage, folder: &Path) -> Self {
        Appending {
            storage,
            base,
            last: base,
            posted: 0,
            opened: 0,
            part: Vec::new(),
            parts: Parts::new(folder),
            accounts: Vec::new(),
            heads: Vec::new(),
            places: HashMap::new(),
            kept: Some(Vec::new()),
        }
    }

    /// The place of the next entry; `None` if there is none left.
    pub(super) fn next(&self) -> Option<Sequence> {
        let next = Some(self.last.next()).filter(|next| *next < Sequence::END);
        next.map(|next| self.storage.place(next))
    }

    /// The key of an account whose opening is at this place.
    pub(super) fn opened(&self, name: &Arc<str>, opening: Sequence) -> AccountKey {
        AccountKey {
            opened: self.storage.account_number(opening),
            name: Arc::clone(name),
        }
    }

    /// Entries so far that are no openings.
    pub(super) fn records(&self) -> u64 {
        self.posted - self.opened
    }

    /// The head of an account as it will be: as it is `known`, until the account has such entries.
    pub(super) fn head(
        &mut self,
        account: AccountIndex,
        known: Option<&Head>,
    ) -> Option<&mut Head> {
        let place = match self.places.get(&account) {
            Some(place) => *place,
            None => self.add(account, known?.clone()),
        };
        Some(&mut self.heads[place])
    }

    /// Adds the head of an account that was not there.
    pub(super) fn add(&mut self, account: AccountIndex, head: Head) -> usize {
        let place = self.heads.len();
        self.accounts.push(account);
        self.heads.push(head);
        self.places.insert(account, place);
        place
    }

    /// Adds an entry, with which so many `rows` are done.
    pub(super) fn push(&mut self, entry: Entry, rows: u64) -> Result<(), Error> {
        self.last = entry.sequence;
        self.posted += 1;
        self.opened += u64::from(matches!(entry.change, Change::OpenAccount { .. }));
        if entry.change.corrects().is_some() || self.posted > APPLIED_MAX {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(entry.clone());
        }
        self.part.push(entry);
        match self.part.len() < PART_ENTRIES {
            true => Ok(()),
            false => self.prepare(rows),
        }
    }

    fn prepare(&mut self, rows: u64) -> Result<(), Error> {
        let prepared = self.storage.prepare(&self.part)?;
        self.part.clear();
        Ok(self.parts.push(RowsPart { prepared, rows })?)
    }

    /// All of them, with `notes` to be kept.
    pub(super) fn finish(
        mut self,
        rows: u64,
        notes: Vec<(String, u64)>,
    ) -> Result<Prepared, Error> {
        self.prepare(rows)?;
        let mut heads: Vec<(AccountIndex, Head)> =
            self.accounts.into_iter().zip(self.heads).collect();
        heads.sort_unstable_by_key(|(_, head)| head.account.opened);
        let (accounts, heads): (Vec<AccountIndex>, Vec<Head>) = heads.into_iter().unzip();
        let appended = match self.kept {
            Some(entries) if entries.is_empty() => Appended::Nothing,
            Some(entries) => Appended::Entries(written(entries)),
            None => Appended::ToAccounts {
                names: heads
                    .iter()
                    .map(|head| Arc::clone(&head.account.name))
                    .collect(),
                last: self.last,
            },
        };
        Ok(Prepared {
            base: self.base,
            last: self.last,
            posted: self.posted,
            parts: self.parts.into_taken()?,
            accounts,
            heads,
            notes,
            appended,
        })
    }
}

/// Entries that are ready to be written.
pub(super) struct Prepared {
    base: Sequence,
    last: Sequence,
    posted: u64,
    parts: TakenParts,
    accounts: Vec<AccountIndex>,
    heads: Vec<Head>,
    notes: Vec<(String, u64)>,
    appended: Appended,
}

/// What was written.
pub(super) struct Posted {
    /// The place of the last entry.
    pub(super) last: Sequence,
    pub(super) posted: u64,
    /// The accounts that were written to,
    pub(super) accounts: Vec<AccountIndex>,
    /// and their heads.
    pub(super) heads: Vec<Head>,
}

impl Prepared {
    /// Whether they can come after this entry, which is the last one.
    pub(super) fn fits(&self, last: Sequence) -> bool {
        self.moved(last).has_room(self.last)
    }

    fn moved(&self, last: Sequence) -> Moved {
        Moved {
            from: self.base,
            to: last,
        }
    }

    /// Appends all of them, or nothing. It tells how many rows are done so far, and may be told to give up.
    pub(super) fn append(
        mut self,
        alone: &mut dyn Alone,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(Posted, Appended), Error> {
        let moved = self.moved(alone.last());
        for head in &mut self.heads {
            head.renumber(moved);
        }
        self.appended.renumber(moved);
        let heads_and_notes = Part {
            heads: (&self.heads).into(),
            notes: &self.notes,
            ..Part::default()
        };
        let (taken, mut at_end, mut failure) = (&mut self.parts, Some(heads_and_notes), None);
        let mut next = || -> Result<Option<Part<'_>>, Error> {
            let Some(RowsPart { prepared, rows }) = taken.next()? else {
                return Ok(at_end.take());
            };
            if progress(rows).is_break() {
                return Err(ImportError::GivenUp.into());
            }
            Ok(Some(Part {
                prepared: prepared.into(),
                moved,
                ..Part::default()
            }))
        };
        let mut parts = iter::from_fn(|| {
            let part = next().map_err(|error| {
                let problem = io::Error::other(error.to_string());
                failure = Some(error);
                let problem = StorageProblem::Io(Arc::new(problem));
                JournalError::new("the rows of the import", problem)
            });
            part.transpose()
        });
        let appended = alone.append(&mut parts);
        if let Some(failure) = failure {
            return Err(failure);
        }
        appended?;
        let posted = Posted {
            last: moved.place(self.last),
            posted: self.posted,
            accounts: self.accounts,
            heads: self.heads,
        };
        Ok((posted, self.appended))
    }
}

fn written(entries: Vec<Entry>) -> Written {
    let mut shares: Vec<Share> = Vec::new();
    let mut places: HashMap<Sequence, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = *places.entry(entry.account.opened).or_insert_with(|| {
            shares.push(Share {
                account: entry.account.clone(),
                is_deleted: false,
                entries: Vec::new(),
            });
            shares.len() - 1
        });
        shares[place].entries.push(index);
    }
    Written {
        entries,
        corrected: HashMap::new(),
        shares,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use crate::{ImportOptions, Store};

    /// If the entries filled the last part, their accounts were left without heads.
    #[test]
    fn an_import_of_any_number_of_entries_leaves_a_sound_store() {
        for rows in 1..12 {
            let store = Store::in_memory().unwrap();
            let header = "kind,account,credit_id,amount,timestamp,expiration\n";
            let file = format!("{header}{}", "usage,a,,1,0,\n".repeat(rows));
            let options = ImportOptions::default();
            let imported =
                store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()));
            assert_eq!(imported.unwrap().posted, rows as u64 + 1);
            assert_eq!(store.head("a").unwrap().totals.used, rows as u64);
            assert_eq!(store.check(5, |_| ()).unwrap().problems, [""; 0]);
        }
    }
}
