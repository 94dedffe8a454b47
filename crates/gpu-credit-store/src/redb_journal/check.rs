//! The structures of the file: what leads to what, and how many there are of each.
//!
//! Everything is read once in the order of the keys, account by account, and looked up in turn. No more
//! is held than what is wrong.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::error::Failure;
use super::fingerprint::fingerprint;
use super::tables::{
    ACCOUNTS, DELETIONS, ENTRIES, HEADS, IDS, LAST_SEQUENCE_KEY, META, SEGMENTS, SNAPSHOTS,
};
use super::{codec, decode, tables};
use crate::{AccountKey, Revision, Sequence};

/// What is wrong, a line each.
pub(super) fn check(read: &ReadTransaction) -> Result<Vec<String>, Failure> {
    let mut check = Check {
        problems: Vec::new(),
        accounts: 0,
        entries: 0,
        ids: 0,
        snapshots: 0,
        segments: 0,
        last: 0,
    };
    for row in read.open_table(ACCOUNTS)?.iter()? {
        let (name, opened) = row?;
        let account = AccountKey {
            opened: Sequence::new(opened.value()),
            name: name.value().into(),
        };
        check.account(read, &account)?;
    }
    for row in read.open_table(DELETIONS)?.iter()? {
        check.last = check.last.max(row?.1.value());
    }
    check.totals(read)?;
    Ok(check.problems)
}

struct Check {
    problems: Vec<String>,
    accounts: u64,
    entries: u64,
    ids: u64,
    snapshots: u64,
    segments: u64,
    /// The greatest sequence.
    last: u64,
}

impl Check {
    fn account(&mut self, read: &ReadTransaction, account: &AccountKey) -> Result<(), Failure> {
        let (name, number) = (&account.name, account.opened.get());
        let ids = read.open_table(IDS)?;
        let (mut entries, mut last) = (0, Sequence::START);
        let range = tables::range(account.opened, Revision::START);
        for row in read.open_table(ENTRIES)?.range(range)? {
            let (key, value) = row?;
            entries += 1;
            let revision = Revision::new(key.value().1);
            if revision.get() != entries {
                self.problems.push(format!(
                    "revision {revision} of account {name:?} is its entry {entries}"
                ));
            }
            match decode(account, revision, value.value()) {
                Ok(entry) => {
                    if entry.sequence <= last {
                        self.problems.push(format!(
                            "revision {revision} of account {name:?} was written before the one before it"
                        ));
                    }
                    last = entry.sequence;
                    let id = entry.id;
                    let key = (number, fingerprint(id.as_str()), revision.get());
                    if ids.get(key)?.is_none() {
                        self.problems.push(format!(
                            "revision {revision} of account {name:?} is not found by its id \"{id}\""
                        ));
                    }
                }
                Err(Failure(problem)) => self.problems.push(problem.to_string()),
            }
        }
        let count = ids.range(tables::ids_range(account.opened))?.count() as u64;
        if count != entries {
            self.problems.push(format!(
                "account {name:?} has {entries} entries and {count} ids"
            ));
        }
        self.head(read, account, entries, last)?;
        let of_account = tables::all(account.opened);
        let snapshots = read
            .open_table(SNAPSHOTS)?
            .range(of_account.clone())?
            .count();
        let segments = read.open_table(SEGMENTS)?.range(of_account)?.count();
        self.snapshots += snapshots as u64;
        self.segments += segments as u64;
        self.accounts += 1;
        self.entries += entries;
        self.ids += count;
        self.last = self.last.max(last.get());
        Ok(())
    }

    fn head(
        &mut self,
        read: &ReadTransaction,
        account: &AccountKey,
        entries: u64,
        last: Sequence,
    ) -> Result<(), Failure> {
        let name = &account.name;
        let heads = read.open_table(HEADS)?;
        let Some(value) = heads.get(account.opened.get())? else {
            self.problems.push(format!("account {name:?} has no head"));
            return Ok(());
        };
        match codec::decode_head(account.clone(), value.value()) {
            Ok(head) if (head.revision.get(), head.last) == (entries, last) => {}
            Ok(head) => self.problems.push(format!(
                "account {name:?} has {entries} entries up to place {last} of the file, and its head \
                 says {} up to {}",
                head.revision, head.last
            )),
            Err(problem) => self
                .problems
                .push(format!("head of account {name:?}: {problem}")),
        }
        Ok(())
    }

    fn totals(&mut self, read: &ReadTransaction) -> Result<(), Failure> {
        let rows = [
            ("heads", read.open_table(HEADS)?.len()?, self.accounts),
            ("entries", read.open_table(ENTRIES)?.len()?, self.entries),
            ("ids", read.open_table(IDS)?.len()?, self.ids),
            (
                "snapshots",
                read.open_table(SNAPSHOTS)?.len()?,
                self.snapshots,
            ),
            ("segments", read.open_table(SEGMENTS)?.len()?, self.segments),
        ];
        for (what, there, of_accounts) in rows {
            if there != of_accounts {
                self.problems.push(format!(
                    "there are {there} {what}, and {of_accounts} are of accounts that are there"
                ));
            }
        }
        let last = read.open_table(META)?.get(LAST_SEQUENCE_KEY)?;
        let last = last.map(|last| last.value());
        if last != Some(self.last) {
            let said = last.map_or("missing".to_owned(), |last| last.to_string());
            self.problems.push(format!(
                "the last sequence is {said}, and the greatest that is there is {}",
                self.last
            ));
        }
        Ok(())
    }
}
