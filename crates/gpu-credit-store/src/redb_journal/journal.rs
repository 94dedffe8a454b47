//! What a store asks of its journal, by the tables of the file.

use std::ops::{Bound, ControlFlow};

use redb::{ReadTransaction, ReadableTable};

use super::appender::Appender;
use super::error::Failure;
use super::finder::Finder;
use super::fingerprint::fingerprint;
use super::open_file::{Caller, Done};
use super::tables::{self, ACCOUNTS, DELETIONS, ENTRIES, HEADS, LAST_SEQUENCE_KEY, META};
use super::{RedbJournal, check, codec, decode, rows};
use crate::{
    AccountKey, Change, Deletion, Entry, Head, Journal, JournalError, Part, Reader, RecordId,
    Revision, Sequence,
};

impl Reader for RedbJournal {
    fn note(&self, name: &str) -> Result<Option<u64>, JournalError> {
        let name = tables::note_key(name);
        self.read(|read| {
            let number = read.open_table(META)?.get(name.as_str())?;
            Ok(number.map(|number| number.value()))
        })
    }

    fn notes(&self, beginning: &str) -> Result<Vec<(String, u64)>, JournalError> {
        let beginning = tables::note_key(beginning);
        self.read(|read| {
            let mut notes = Vec::new();
            for row in read.open_table(META)?.range(beginning.as_str()..)? {
                let (key, number) = row?;
                if !key.value().starts_with(&beginning) {
                    break;
                }
                if let Some(name) = tables::note_name(key.value()) {
                    notes.push((name.to_owned(), number.value()));
                }
            }
            Ok(notes)
        })
    }

    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError> {
        self.read(|read| {
            let (accounts, heads) = (read.open_table(ACCOUNTS)?, read.open_table(HEADS)?);
            let head = |name: &&str| {
                let Some(opened) = accounts.get(name)? else {
                    return Ok(None);
                };
                let account = AccountKey {
                    opened: Sequence::new(opened.value()),
                    name: (*name).into(),
                };
                let value = heads.get(opened.value())?;
                let value = value
                    .ok_or_else(|| Failure::damaged(format!("account {name:?} has no head")))?;
                let head = codec::decode_head(account, value.value());
                let head = head.map_err(|problem| {
                    Failure::damaged(format!("head of account {name:?}: {problem}"))
                });
                head.map(Some)
            };
            names.iter().map(head).collect()
        })
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        self.read(all_accounts)
    }

    fn accounts_page(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<AccountKey>, JournalError> {
        self.read(|read| {
            let table = read.open_table(ACCOUNTS)?;
            let from = match after < prefix {
                true => Bound::Included(prefix),
                false => Bound::Excluded(after),
            };
            let mut page = Vec::new();
            for row in table.range::<&str>((from, Bound::Unbounded))? {
                let (name, opened) = row?;
                if page.len() == limit || !name.value().starts_with(prefix) {
                    break;
                }
                page.push(account_key(name.value(), opened.value()));
            }
            Ok(page)
        })
    }

    fn entries(
        &self,
        account: &AccountKey,
        after: Revision,
        through: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let mut caller = Caller::default();
        let shown = self.read(|read| {
            let entries = read.open_table(ENTRIES)?;
            for row in entries.range(tables::range(account.opened, after))? {
                let (key, value) = row?;
                let (_, revision) = key.value();
                let entry = decode(account, Revision::new(revision), value.value())?;
                if entry.sequence > through {
                    break;
                }
                if caller.run(|| visit(entry)) != Some(ControlFlow::Continue(())) {
                    break;
                }
            }
            Ok(())
        });
        caller.resume();
        shown
    }

    /// Looks up in the order of the keys: neighbours share a page.
    fn find_many(
        &self,
        ids: &[(AccountKey, RecordId)],
    ) -> Result<Vec<Option<Entry>>, JournalError> {
        let key = |(place, (account, id)): (usize, &(AccountKey, RecordId))| {
            (account.opened, fingerprint(id.as_str()), place)
        };
        let mut keys: Vec<_> = ids.iter().enumerate().map(key).collect();
        keys.sort_unstable();
        self.read(|read| {
            let finder = Finder::new(read)?;
            let mut found: Vec<Option<Entry>> = vec![None; ids.len()];
            for (_, fingerprint, place) in keys {
                let (account, id) = &ids[place];
                found[place] = finder.find(account, id, fingerprint)?;
            }
            Ok(found)
        })
    }

    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError> {
        self.read(|read| {
            let deletions = read.open_table(DELETIONS)?;
            let digest = tables::digest(name);
            let deletion = deletions.get(tables::deletion_key(&digest, id))?;
            Ok(deletion.is_some())
        })
    }

    fn deletions(&self) -> Result<Vec<Deletion>, JournalError> {
        self.read(|read| {
            let mut deletions = Vec::new();
            for row in read.open_table(DELETIONS)?.iter()? {
                let key = row?.0;
                let (digest, id) = key.value();
                deletions.push(Deletion {
                    digest: *digest,
                    id: id.into(),
                });
            }
            Ok(deletions)
        })
    }

    fn check(&self) -> Result<Vec<String>, JournalError> {
        self.read(check::check)
    }
}

impl Journal for RedbJournal {
    fn append(&self, entries: &[Entry], heads: &[Head]) -> Result<(), JournalError> {
        let write = |write: &_| Appender::new(write)?.append(entries, heads);
        self.named(self.file.write(write))
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        let deletes = |entry: &Entry| entry.change == Change::DeleteAccount;
        assert!(!entries.iter().any(deletes), "a deletion is not prepared");
        self.named(rows::encode(entries).map_err(Failure::from))
    }

    fn append_parts(
        &self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError> {
        let mut caller = Caller::default();
        let written = self.file.write_or_leave(|write| {
            let mut appender = Appender::new(write)?;
            loop {
                let part = match caller.run(|| parts.next()) {
                    Some(Some(Ok(part))) => part,
                    Some(Some(Err(error))) => return Ok(Done::Leave(Err(error))),
                    Some(None) => return Ok(Done::Commit(Ok(()))),
                    None => return Ok(Done::Leave(Ok(()))),
                };
                appender.append_rows(&part.prepared, part.moved)?;
                appender.set_heads(&part.heads)?;
                appender.keep(part.notes)?;
                appender.keep_deletions(part.deletions)?;
            }
        });
        caller.resume();
        self.named(written)?
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        let kept = self.file.write_or_leave(|write| {
            let key = tables::note_key(name);
            let mut meta = write.open_table(META)?;
            let present = meta.get(key.as_str())?.map(|present| present.value());
            Ok(match present {
                Some(present) => Done::Leave(present),
                None => {
                    meta.insert(key.as_str(), number)?;
                    Done::Commit(number)
                }
            })
        });
        self.named(kept)
    }

    fn last_sequence(&self) -> Result<Sequence, JournalError> {
        self.read(|read| {
            let last = read.open_table(META)?.get(LAST_SEQUENCE_KEY)?;
            let last = last.ok_or_else(|| Failure::damaged("the last sequence is missing"))?;
            Ok(Sequence::new(last.value()))
        })
    }
}

fn all_accounts(read: &ReadTransaction) -> Result<Vec<AccountKey>, Failure> {
    let mut accounts = Vec::new();
    for row in read.open_table(ACCOUNTS)?.iter()? {
        let (name, opened) = row?;
        accounts.push(account_key(name.value(), opened.value()));
    }
    Ok(accounts)
}

fn account_key(name: &str, opened: u64) -> AccountKey {
    AccountKey {
        opened: Sequence::new(opened),
        name: name.into(),
    }
}
