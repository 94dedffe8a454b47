//! The tables of the file, and what is written to them.

use std::ops::{Range, RangeInclusive};

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use sha2::{Digest, Sha256};

use super::codec;
use super::error::Failure;
use super::fingerprint::fingerprint;
use crate::{Change, Entry, Head, RecordId, Sequence};

/// Numbers about the file: [`FORMAT_KEY`] and [`LAST_SEQUENCE_KEY`].
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");
/// From an account's name to the sequence of its opening, which is its number.
pub(super) const ACCOUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
/// From an account's number and a sequence to an entry: the entries of an account lie together.
pub(super) const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("entries");
/// An account's number, the fingerprint of a record id, and a sequence: where entries of such ids are.
pub(super) const IDS: TableDefinition<'_, (u64, u64, u64), ()> =
    TableDefinition::new("fingerprints");
/// From an account's number to its head.
pub(super) const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
/// From the digest of a deleted account's name and the id of the deletion to its sequence.
pub(super) const DELETIONS: TableDefinition<'_, (&[u8; 32], &str), u64> =
    TableDefinition::new("deletions");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const LAST_SEQUENCE_KEY: &str = "last sequence";

/// The format that this version writes.
pub(super) const FORMAT: u64 = 3;

/// The key of a note: apart from the numbers of the file itself.
pub(super) fn note_key(name: &str) -> String {
    format!("{NOTE_PREFIX}{name}")
}

/// The name of the note that has this key, if a note has it.
pub(super) fn note_name(key: &str) -> Option<&str> {
    key.strip_prefix(NOTE_PREFIX)
}

const NOTE_PREFIX: &str = "note ";

/// Makes the tables of an empty file.
pub(super) fn initialise(write: &WriteTransaction) -> Result<(), Failure> {
    let mut meta = write.open_table(META)?;
    meta.insert(FORMAT_KEY, FORMAT)?;
    meta.insert(LAST_SEQUENCE_KEY, 0)?;
    write.open_table(ACCOUNTS)?;
    write.open_table(ENTRIES)?;
    write.open_table(IDS)?;
    write.open_table(HEADS)?;
    write.open_table(DELETIONS)?;
    Ok(())
}

/// What stands for a deleted account's name: enough to know the name again, not to read it.
pub(super) fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

/// The tables of one append.
pub(super) struct Appender<'t> {
    accounts: Table<'t, &'static str, u64>,
    entries: Table<'t, (u64, u64), &'static [u8]>,
    ids: Table<'t, (u64, u64, u64), ()>,
    heads: Table<'t, u64, &'static [u8]>,
    deletions: Table<'t, (&'static [u8; 32], &'static str), u64>,
    meta: Table<'t, &'static str, u64>,
}

impl<'t> Appender<'t> {
    pub(super) fn new(write: &'t WriteTransaction) -> Result<Self, Failure> {
        Ok(Appender {
            accounts: write.open_table(ACCOUNTS)?,
            entries: write.open_table(ENTRIES)?,
            ids: write.open_table(IDS)?,
            heads: write.open_table(HEADS)?,
            deletions: write.open_table(DELETIONS)?,
            meta: write.open_table(META)?,
        })
    }

    pub(super) fn append(&mut self, entries: &[Entry], heads: &[Head]) -> Result<(), Failure> {
        if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            self.append_entries(entries, first.sequence, last.sequence)?;
        }
        for head in heads {
            let value = codec::encode_head(head)?;
            self.heads
                .insert(head.account.opened.get(), value.as_slice())?;
        }
        Ok(())
    }

    fn append_entries(
        &mut self,
        entries: &[Entry],
        first: Sequence,
        last: Sequence,
    ) -> Result<(), Failure> {
        let present = self
            .meta
            .get(LAST_SEQUENCE_KEY)?
            .map_or(0, |last| last.value());
        if first.get() <= present {
            return Err(Failure::damaged(format!(
                "it goes on after entry {present}, not before"
            )));
        }
        let is_deletion = |entry: &Entry| entry.change == Change::DeleteAccount;
        for run in entries.split_inclusive(is_deletion) {
            match run.split_last() {
                Some((deletion, before)) if is_deletion(deletion) => {
                    self.write(before)?;
                    self.delete(deletion)?;
                }
                _ => self.write(run)?,
            }
        }
        self.meta.insert(LAST_SEQUENCE_KEY, last.get())?;
        Ok(())
    }

    /// Keeps notes that are new.
    pub(super) fn keep(&mut self, notes: &[(String, u64)]) -> Result<(), Failure> {
        for (name, number) in notes {
            self.meta.insert(note_key(name).as_str(), number)?;
        }
        Ok(())
    }

    /// Inserts in the order of the keys, which spares the trees most of their searching.
    fn write(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        let mut rows = Vec::with_capacity(entries.len());
        let mut values = Vec::new();
        for entry in entries {
            if let Change::OpenAccount { .. } = entry.change {
                let name: &str = &entry.account.name;
                let present = self.accounts.insert(name, entry.sequence.get())?;
                check_fresh(present.is_some(), || format!("account {name:?}"))?;
            }
            let start = values.len();
            values = codec::encode(entry, values)?;
            rows.push(Row {
                account: entry.account.opened.get(),
                sequence: entry.sequence.get(),
                fingerprint: fingerprint(entry.id.as_str()),
                value: start..values.len(),
            });
        }
        rows.sort_unstable_by_key(|row| (row.account, row.sequence));
        for row in &rows {
            let (key, value) = ((row.account, row.sequence), &values[row.value.clone()]);
            let present = self.entries.insert(key, value)?;
            check_fresh(present.is_some(), || format!("entry {}", row.sequence))?;
        }
        rows.sort_unstable_by_key(|row| (row.account, row.fingerprint, row.sequence));
        for row in &rows {
            let key = (row.account, row.fingerprint, row.sequence);
            let present = self.ids.insert(key, ())?;
            check_fresh(present.is_some(), || {
                format!("the id of entry {}", row.sequence)
            })?;
        }
        Ok(())
    }

    fn delete(&mut self, deletion: &Entry) -> Result<(), Failure> {
        let account = &deletion.account;
        let (this, next) = (account.opened.get(), account.opened.next().get());
        self.entries.retain_in((this, 0)..(next, 0), |_, _| false)?;
        let ids = ids_range(account.opened);
        self.ids.retain_in(ids, |_, ()| false)?;
        self.heads.remove(this)?;
        let name: &str = &account.name;
        self.accounts.remove(name)?;
        let key = (&digest(name), deletion.id.as_str());
        self.deletions.insert(key, deletion.sequence.get())?;
        Ok(())
    }
}

/// Nothing is ever written over: what was appended stays.
fn check_fresh(is_present: bool, what: impl FnOnce() -> String) -> Result<(), Failure> {
    match is_present {
        false => Ok(()),
        true => Err(Failure::damaged(format!("{} is there already", what()))),
    }
}

/// An entry on its way into the tables.
struct Row {
    account: u64,
    sequence: u64,
    fingerprint: u64,
    /// Where its bytes are among those of all.
    value: Range<usize>,
}

/// The key under which a deletion is kept.
pub(super) fn deletion_key<'k>(digest: &'k [u8; 32], id: &'k RecordId) -> (&'k [u8; 32], &'k str) {
    (digest, id.as_str())
}

/// All entries of an account after `after`, up to and including `through`.
pub(super) fn range(opened: Sequence, after: Sequence, through: Sequence) -> Range<(u64, u64)> {
    let next = |sequence: Sequence| (opened.get(), sequence.next().get());
    next(after)..next(through.max(after))
}

/// All ids of an account.
pub(super) fn ids_range(opened: Sequence) -> Range<(u64, u64, u64)> {
    (opened.get(), 0, 0)..(opened.next().get(), 0, 0)
}

/// Where the entries of an id may be.
pub(super) fn id_range(opened: Sequence, fingerprint: u64) -> RangeInclusive<(u64, u64, u64)> {
    let opened = opened.get();
    (opened, fingerprint, 0)..=(opened, fingerprint, u64::MAX)
}
