//! Finds entries by their ids.

use redb::{ReadOnlyTable, ReadTransaction};

use super::decode;
use super::error::Failure;
use super::tables::{self, ENTRIES, IDS};
use crate::{AccountKey, Entry, RecordId, Revision};

/// The tables in which entries are found.
pub(super) struct Finder {
    ids: ReadOnlyTable<(u64, u64, u64), ()>,
    entries: ReadOnlyTable<(u64, u64), &'static [u8]>,
}

impl Finder {
    pub(super) fn new(read: &ReadTransaction) -> Result<Self, Failure> {
        Ok(Finder {
            ids: read.open_table(IDS)?,
            entries: read.open_table(ENTRIES)?,
        })
    }

    /// The entry of an id; `fingerprint` is that of the id.
    pub(super) fn find(
        &self,
        account: &AccountKey,
        id: &RecordId,
        fingerprint: u64,
    ) -> Result<Option<Entry>, Failure> {
        let opened = account.opened;
        for row in self.ids.range(tables::id_range(opened, fingerprint))? {
            let (_, _, revision) = row?.0.value();
            let value = self.entries.get((opened.get(), revision))?;
            let value = value.ok_or_else(|| {
                Failure::damaged(format!(
                    "an id like \"{id}\" leads to revision {revision} of account {:?}, which is missing",
                    account.name
                ))
            })?;
            let entry = decode(account, Revision::new(revision), value.value())?;
            if entry.id == *id {
                return Ok(Some(entry));
            }
            if super::fingerprint::fingerprint(entry.id.as_str()) != fingerprint {
                return Err(Failure::damaged(format!(
                    "an id like \"{id}\" leads to revision {revision} of account {:?}, which has another",
                    account.name
                )));
            }
        }
        Ok(None)
    }
}
