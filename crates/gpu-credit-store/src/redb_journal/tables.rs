//! The tables of the file, and what is written to them.

use std::ops::{Range, RangeInclusive};

use redb::{Table, TableDefinition, WriteTransaction};
use sha2::{Digest, Sha256};

use super::codec::{self, Checksums};
use super::error::Failure;
use super::rows::{self, Rows};
use crate::{Change, Entry, Head, Moved, RecordId, Sequence};

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

    /// Appends entries, and sets heads.
    pub(super) fn append(&mut self, entries: &[Entry], heads: &[Head]) -> Result<(), Failure> {
        let is_deletion = |entry: &Entry| entry.change == Change::DeleteAccount;
        for run in entries.split_inclusive(is_deletion) {
            match run.split_last() {
                Some((deletion, before)) if is_deletion(deletion) => {
                    self.append_rows(&rows::encode(before)?, Moved::default())?;
                    self.delete(deletion)?;
                }
                _ => self.append_rows(&rows::encode(run)?, Moved::default())?,
            }
        }
        self.set_heads(heads)
    }

    /// Sets heads.
    pub(super) fn set_heads(&mut self, heads: &[Head]) -> Result<(), Failure> {
        for head in heads {
            let value = codec::encode_head(head)?;
            self.heads
                .insert(head.account.opened.get(), value.as_slice())?;
        }
        Ok(())
    }

    /// Keeps notes that are new.
    pub(super) fn keep(&mut self, notes: &[(String, u64)]) -> Result<(), Failure> {
        for (name, number) in notes {
            self.meta.insert(note_key(name).as_str(), number)?;
        }
        Ok(())
    }

    /// Appends prepared rows. They are in the order of the keys, which spares the trees most of their
    /// searching.
    pub(super) fn append_rows(&mut self, rows: &[u8], moved: Moved) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = Rows::read(rows)?;
        self.go_on(moved.place(rows.first), moved.place(rows.last))?;
        for row in rows.openings() {
            let (opened, name) = row?;
            let present = self.accounts.insert(name, moved.place(opened).get())?;
            check_fresh(present.is_some(), || format!("account {name:?}"))?;
        }
        let mut value = Vec::new();
        for account in rows.accounts() {
            let account = account?;
            let opened = moved.place(account.opened);
            let checksums = Checksums::of_account(account.name, opened);
            for row in account.entries() {
                let (sequence, bytes) = row?;
                let sequence = moved.place(sequence);
                value.clear();
                value.extend_from_slice(bytes);
                value.extend_from_slice(&checksums.at(sequence, bytes));
                let key = (opened.get(), sequence.get());
                let present = self.entries.insert(key, value.as_slice())?;
                check_fresh(present.is_some(), || format!("entry {sequence}"))?;
            }
        }
        for row in rows.ids() {
            let (opened, fingerprint, sequence) = row?;
            let sequence = moved.place(sequence);
            let key = (moved.place(opened).get(), fingerprint, sequence.get());
            let present = self.ids.insert(key, ())?;
            check_fresh(present.is_some(), || format!("the id of entry {sequence}"))?;
        }
        Ok(())
    }

    /// The entries from `first` to `last` come after all that are there.
    fn go_on(&mut self, first: Sequence, last: Sequence) -> Result<(), Failure> {
        let present = self.meta.insert(LAST_SEQUENCE_KEY, last.get())?;
        let present = present.map_or(0, |last| last.value());
        match first.get() > present {
            true => Ok(()),
            false => Err(Failure::damaged(format!(
                "it goes on after entry {present}, not before"
            ))),
        }
    }

    fn delete(&mut self, deletion: &Entry) -> Result<(), Failure> {
        self.go_on(deletion.sequence, deletion.sequence)?;
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
