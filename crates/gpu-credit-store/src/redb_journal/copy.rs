//! Copies the tables as one transaction sees them.

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::error::Failure;
use super::tables::{ACCOUNTS, DELETIONS, ENTRIES, HEADS, IDS, META};

/// Copies every table into an empty file.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Failure> {
    copy_table(META, from, to)?;
    copy_table(ACCOUNTS, from, to)?;
    copy_table(ENTRIES, from, to)?;
    copy_table(IDS, from, to)?;
    copy_table(HEADS, from, to)?;
    copy_table(DELETIONS, from, to)
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    table: TableDefinition<'_, K, V>,
    from: &ReadTransaction,
    to: &WriteTransaction,
) -> Result<(), Failure> {
    let (from, mut to) = (from.open_table(table)?, to.open_table(table)?);
    for row in from.iter()? {
        let (key, value) = row?;
        to.insert(key.value(), value.value())?;
    }
    Ok(())
}
