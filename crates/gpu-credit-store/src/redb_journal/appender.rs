//! What is written to the tables in one append.

use std::ops::Bound;

use redb::{CursorError, Table, WriteTransaction};

use super::codec::{self, Checksums};
use super::error::Failure;
use super::rows::{self, AccountRows, EntryRow, Rows};
use super::tables::{
    ACCOUNTS, DELETIONS, ENTRIES, HEADS, IDS, LAST_SEQUENCE_KEY, META, SEGMENTS, SNAPSHOTS, all,
    digest, ids_range, note_key,
};
use crate::{Change, Deletion, Entry, Head, Moved, Revision, Sequence};

/// Entries of an account from which on they are many: to fill pages with fewer costs more than it spares.
const MANY: u64 = if cfg!(test) { 3 } else { 32 };

/// The tables of one append.
pub(super) struct Appender<'t> {
    write: &'t WriteTransaction,
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
            write,
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

    /// Keeps deletions of accounts that were never here: no place is that of their entries.
    pub(super) fn keep_deletions(&mut self, deletions: &[Deletion]) -> Result<(), Failure> {
        for Deletion { digest, id } in deletions {
            let place = Sequence::START.get();
            self.deletions.insert((digest, id.as_str()), place)?;
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
        for account in rows.accounts() {
            self.append_entries(&account?, moved)?;
        }
        for row in rows.ids() {
            let (opened, fingerprint, revision) = row?;
            let opened = moved.place(opened);
            let key = (opened.get(), fingerprint, revision.get());
            let present = self.ids.insert(key, ())?;
            check_fresh(present.is_some(), || {
                format!("the id of revision {revision} of account {opened}")
            })?;
        }
        Ok(())
    }

    /// Appends the entries of an account behind those that are there. For many, their place is looked up
    /// once, and they fill pages as they come.
    fn append_entries(&mut self, account: &AccountRows<'_>, moved: Moved) -> Result<(), Failure> {
        let opened = moved.place(account.opened);
        let checksums = Checksums::of_account(account.name, opened);
        let (opened, mut value) = (opened.get(), Vec::new());
        let is_there =
            |revision: Revision| move || format!("revision {revision} of account {opened}");
        let complete = |row: &EntryRow<'_>, value: &mut Vec<u8>| {
            let sequence = moved.place(row.sequence);
            checksums.complete(row.revision, sequence, row.bytes, value)
        };
        if account.count < MANY {
            for row in account.entries() {
                let row = row?;
                complete(&row, &mut value)?;
                let key = (opened, row.revision.get());
                let present = self.entries.insert(key, value.as_slice())?;
                check_fresh(present.is_some(), is_there(row.revision))?;
            }
            return Ok(());
        }
        let end = Bound::Included((opened, u64::MAX));
        let mut cursor = self.entries.upper_bound_mut(end)?;
        for row in account.entries() {
            let row = row?;
            complete(&row, &mut value)?;
            match cursor.insert_before((opened, row.revision.get()), value.as_slice()) {
                Err(CursorError::UnorderedKey) => check_fresh(true, is_there(row.revision))?,
                inserted => inserted?,
            }
        }
        Ok(cursor.close()?)
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
        let this = account.opened.get();
        self.entries.retain_in(all(account.opened), |_, _| false)?;
        for table in [SNAPSHOTS, SEGMENTS] {
            let mut table = self.write.open_table(table)?;
            table.retain_in(all(account.opened), |_, _| false)?;
        }
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
