//! From format 3 to 4: entries get revisions. Formats 2 and 3 differ in what entries there are, and their
//! tables are the same.

use std::ops::Range;

use gpu_credit::Overdraft;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::codec::{self, Checksums};
use super::error::Failure;
use super::fingerprint::fingerprint;
use super::tables::{ACCOUNTS, ENTRIES, HEADS, IDS};
use crate::{AccountKey, Change, Entry, Head, Revision, Sequence, Totals};

/// From an account's number and a sequence to an entry.
pub(super) const ENTRIES_BY_SEQUENCE: TableDefinition<'_, (u64, u64), &[u8]> =
    TableDefinition::new("entries");
/// An account's number, the fingerprint of a record id, and a sequence.
const IDS_BY_SEQUENCE: TableDefinition<'_, (u64, u64, u64), ()> =
    TableDefinition::new("fingerprints");

/// Numbers the entries of each account, and finds them by that. An entry that was recorded by a clock that
/// had gone back is recorded at the time of the entry before.
pub(super) fn add_revisions(write: &WriteTransaction) -> Result<(), Failure> {
    {
        let accounts = write.open_table(ACCOUNTS)?;
        for row in accounts.iter()? {
            let (name, opened) = row?;
            let account = AccountKey {
                opened: Sequence::new(opened.value()),
                name: name.value().into(),
            };
            add_revisions_to(&account, write)?;
        }
    }
    write.delete_table(ENTRIES_BY_SEQUENCE)?;
    write.delete_table(IDS_BY_SEQUENCE)?;
    Ok(())
}

fn add_revisions_to(account: &AccountKey, write: &WriteTransaction) -> Result<(), Failure> {
    let number = account.opened.get();
    let mut heads = write.open_table(HEADS)?;
    let mut head = {
        let name = &account.name;
        let value = heads.get(number)?;
        let value =
            value.ok_or_else(|| Failure::damaged(format!("account {name:?} has no head")))?;
        decode_head(account, value.value())?
    };
    let (mut revision, mut last) = (Revision::START, Sequence::START);
    let mut ids: Vec<(u64, Revision)> = Vec::new();
    let by_sequence = write.open_table(ENTRIES_BY_SEQUENCE)?;
    let mut by_revision = write.open_table(ENTRIES)?;
    let (checksums, mut value) = (Checksums::of(account), Vec::new());
    for row in by_sequence.range(entries_of(account))? {
        let (key, old) = row?;
        (revision, last) = (revision.next(), Sequence::new(key.value().1));
        let mut entry = decode(account, revision, last, old.value())?;
        entry.recorded_at = entry.recorded_at.max(head.recorded_at);
        head.recorded_at = entry.recorded_at;
        let bytes = codec::encode(&entry, Vec::new())?;
        checksums.complete(revision, last, &bytes, &mut value)?;
        by_revision.insert((number, revision.get()), value.as_slice())?;
        ids.push((fingerprint(entry.id.as_str()), revision));
    }
    if (head.revision, head.last) != (revision, last) {
        let name = &account.name;
        return Err(Failure::damaged(format!(
            "account {name:?} has {revision} entries, and its head says {}",
            head.revision
        )));
    }
    heads.insert(number, codec::encode_head(&head)?.as_slice())?;
    ids.sort_unstable();
    let mut by_id = write.open_table(IDS)?;
    for (fingerprint, revision) in ids {
        by_id.insert((number, fingerprint, revision.get()), ())?;
    }
    Ok(())
}

/// All entries of an account.
pub(super) fn entries_of(account: &AccountKey) -> Range<(u64, u64)> {
    (account.opened.get(), 0)..(account.opened.next().get(), 0)
}

#[derive(Deserialize)]
struct Written<'a> {
    recorded_at: i64,
    #[serde(borrow)]
    id: &'a str,
    change: Change,
}

/// The entry that a value holds.
pub(super) fn decode(
    account: &AccountKey,
    revision: Revision,
    sequence: Sequence,
    value: &[u8],
) -> Result<Entry, Failure> {
    let read: Result<Written<'_>, _> = codec::read(account, sequence.get(), value, "an entry");
    let read = read.map_err(|problem| {
        let name = &account.name;
        Failure::damaged(format!("entry {sequence} of account {name:?}: {problem}"))
    })?;
    Ok(Entry {
        account: account.clone(),
        revision,
        sequence,
        recorded_at: read.recorded_at,
        id: read.id.into(),
        change: read.change,
    })
}

#[derive(Serialize, Deserialize)]
struct WrittenHead {
    policy: Overdraft,
    entries: u64,
    last: Sequence,
    totals: Totals,
}

/// A head's value.
pub(super) fn encode_head(head: &Head) -> Result<Vec<u8>, postcard::Error> {
    let written = WrittenHead {
        policy: head.policy,
        entries: head.revision.get(),
        last: head.last,
        totals: head.totals,
    };
    let mut bytes = postcard::to_extend(&written, Vec::new())?;
    let checksum = Checksums::of(&head.account).at(head.account.opened.get(), &bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// The head that a value holds, before all that is recorded.
fn decode_head(account: &AccountKey, value: &[u8]) -> Result<Head, Failure> {
    let read: Result<WrittenHead, _> = codec::read(account, account.opened.get(), value, "a head");
    let read = read.map_err(|problem| {
        Failure::damaged(format!("head of account {:?}: {problem}", account.name))
    })?;
    Ok(Head {
        account: account.clone(),
        policy: read.policy,
        revision: Revision::new(read.entries),
        last: read.last,
        recorded_at: i64::MIN,
        totals: read.totals,
    })
}
