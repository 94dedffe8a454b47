//! From format 1 to 2: accounts get heads.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::error::Failure;
use super::format_3::{self, ENTRIES_BY_SEQUENCE};
use super::tables::{ACCOUNTS, HEADS};
use crate::facts::Record;
use crate::folding::{apply_all, opened};
use crate::{Account, AccountKey, Entry, Head, RecordId, Revision, Sequence};

/// From an account's number and a record id to a sequence. What format 2 has instead, the step from
/// format 3 makes of the entries.
const WHOLE_IDS: TableDefinition<'_, (u64, &str), u64> = TableDefinition::new("ids");

/// Folds each account to learn its head.
pub(super) fn add_heads(write: &WriteTransaction) -> Result<(), Failure> {
    {
        let accounts = write.open_table(ACCOUNTS)?;
        let mut heads = write.open_table(HEADS)?;
        for row in accounts.iter()? {
            let (name, opened) = row?;
            let account = AccountKey {
                opened: Sequence::new(opened.value()),
                name: name.value().into(),
            };
            let head = format_3::encode_head(&head(&account, write)?)?;
            heads.insert(opened.value(), head.as_slice())?;
        }
    }
    write.delete_table(WHOLE_IDS)?;
    Ok(())
}

fn head(account: &AccountKey, write: &WriteTransaction) -> Result<Head, Failure> {
    let ids = write.open_table(WHOLE_IDS)?;
    let mut folded: Option<Account> = None;
    // The sequences of the entries so far, in the order of their revisions.
    let mut places: Vec<Sequence> = Vec::new();
    let entries = write.open_table(ENTRIES_BY_SEQUENCE)?;
    let record = |places: &[Sequence], of: &RecordId| -> Result<Option<Record>, Failure> {
        let Some(sequence) = ids.get((account.opened.get(), of.as_str()))? else {
            return Ok(None);
        };
        let place = places.binary_search(&Sequence::new(sequence.value()));
        let value = entries.get((account.opened.get(), sequence.value()))?;
        let (Ok(place), Some(value)) = (place, value) else {
            return Ok(None);
        };
        let revision = Revision::new(place as u64 + 1);
        let entry: Entry = format_3::decode(account, revision, places[place], value.value())?;
        Ok(Some((revision, entry.change)))
    };
    let (mut last, mut recorded_at) = (account.opened, i64::MIN);
    for row in entries.range(format_3::entries_of(account))? {
        let (key, value) = row?;
        let sequence = Sequence::new(key.value().1);
        let revision = Revision::new(places.len() as u64 + 1);
        let entry = format_3::decode(account, revision, sequence, value.value())?;
        places.push(sequence);
        (last, recorded_at) = (sequence, entry.recorded_at.max(recorded_at));
        if folded.is_none() {
            folded = opened(account, &entry);
        }
        if let Some(folded) = &mut folded {
            let of = entry.change.corrects();
            let of = of.map(|of| record(&places, of)).transpose()?.flatten();
            apply_all(folded, [(&entry, of)])
                .map_err(|error| Failure::damaged(error.to_string()))?;
        }
    }
    let folded = folded
        .ok_or_else(|| Failure::damaged(format!("account {:?} has no opening", account.name)))?;
    Ok(Head {
        account: account.clone(),
        policy: folded.policy(),
        revision: folded.revision(),
        last,
        recorded_at,
        totals: folded.totals(),
    })
}
