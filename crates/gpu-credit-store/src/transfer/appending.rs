//! What an import appends while nobody else does: entries in parts, and with the last one the heads of
//! their accounts.

use std::io;
use std::iter;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::accounts::AccountIndex;
use crate::lane::Appended;
use crate::recent::{Share, Written};
use crate::{
    Change, Entry, Error, Head, Journal, JournalError, Part, Sequence, StorageProblem, Store,
};

/// Entries that are handed to the journal together.
const PART_ENTRIES: usize = if cfg!(test) { 5 } else { 1 << 19 };
/// So many entries are applied to the accounts in memory; if there are more, their accounts are
/// forgotten, and loaded again when they are asked.
const APPLIED_MAX: u64 = 1 << 16;
/// Accounts whose heads are asked for together.
const HEADS_AT_ONCE: usize = 65_536;
/// How often what was checked may be overtaken before it is checked while nobody else can post.
pub(super) const OVERTAKEN_MAX: u32 = 3;

/// The heads of accounts by name.
pub(super) fn heads<J: Journal>(
    store: &Store<J>,
    accounts: &[Arc<str>],
) -> Result<Vec<Option<Head>>, Error> {
    let mut heads = Vec::with_capacity(accounts.len());
    for names in accounts.chunks(HEADS_AT_ONCE) {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        heads.extend(store.journal().heads(&names)?);
    }
    Ok(heads)
}

/// Appends the parts that `next` makes: all of them, or nothing if it fails.
pub(super) fn append(
    journal: &dyn Journal,
    mut next: impl FnMut() -> Result<Option<Part>, Error>,
) -> Result<(), Error> {
    let mut failure = None;
    let mut parts = iter::from_fn(|| {
        let part = next().inspect_err(|error| failure = Some(error.clone()));
        let failed = |error: Error| {
            let problem = StorageProblem::Io(Arc::new(io::Error::other(error.to_string())));
            JournalError::new("the rows of the import", problem)
        };
        part.map_err(failed).transpose()
    });
    let appended = journal.append_parts(&mut parts);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(appended?),
    }
}

/// The entries of one append so far.
pub(super) struct Appending {
    /// The place of the last one.
    pub(super) last: Sequence,
    pub(super) posted: u64,
    /// Openings of accounts among them.
    pub(super) opened: u64,
    /// Those that the journal does not have yet.
    part: Vec<Entry>,
    changed: Vec<AccountIndex>,
    is_changed: HashSet<AccountIndex>,
    /// All entries, as long as they are few and correct nothing.
    kept: Option<Vec<Entry>>,
}

impl Appending {
    /// None yet; they come after `last`.
    pub(super) fn after(last: Sequence) -> Self {
        Appending {
            last,
            posted: 0,
            opened: 0,
            part: Vec::new(),
            changed: Vec::new(),
            is_changed: HashSet::new(),
            kept: Some(Vec::new()),
        }
    }

    pub(super) fn push(&mut self, account: AccountIndex, entry: Entry) {
        self.last = entry.sequence;
        self.posted += 1;
        self.opened += u64::from(matches!(entry.change, Change::OpenAccount { .. }));
        if self.is_changed.insert(account) {
            self.changed.push(account);
        }
        if entry.change.corrects().is_some() {
            self.kept = None;
        }
        self.part.push(entry);
    }

    /// Whether the journal is to take what there is.
    pub(super) fn is_full(&self) -> bool {
        self.part.len() >= PART_ENTRIES
    }

    /// The entries since the last part.
    pub(super) fn take_part(&mut self) -> Part {
        if self.posted > APPLIED_MAX {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&self.part);
        }
        Part {
            entries: std::mem::take(&mut self.part),
            ..Part::default()
        }
    }

    /// Of the heads of all accounts those of the accounts that have such entries.
    pub(super) fn heads(&self, heads: &[Option<Head>]) -> Vec<Head> {
        let changed = self.changed.iter();
        changed
            .filter_map(|account| heads[account.get()].clone())
            .collect()
    }

    /// What the journal has taken.
    pub(super) fn appended(self, names: &[Arc<str>]) -> Appended {
        match self.kept {
            Some(entries) if entries.is_empty() => Appended::Nothing,
            Some(entries) => Appended::Entries(written(entries)),
            None => {
                let changed = self.changed.iter();
                let names = changed.map(|account| Arc::clone(&names[account.get()]));
                Appended::ToAccounts {
                    names: names.collect(),
                    last: self.last,
                }
            }
        }
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
    use crate::{ImportOptions, Store};

    /// If the entries filled the last part, their accounts were left without heads.
    #[test]
    fn an_import_of_any_number_of_entries_leaves_a_sound_store() {
        for rows in 1..12 {
            let store = Store::in_memory().unwrap();
            let header = "kind,account,credit_id,amount,timestamp,expiration\n";
            let file = format!("{header}{}", "usage,a,,1,0,\n".repeat(rows));
            let options = ImportOptions::default();
            let imported = store.import_events(file.as_bytes(), &options, |_| ());
            assert_eq!(imported.unwrap().posted, rows as u64 + 1);
            assert_eq!(store.head("a").unwrap().totals.used, rows as u64);
            assert_eq!(store.check(5, |_| ()).unwrap().problems, [""; 0]);
        }
    }
}
