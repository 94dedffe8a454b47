//! What an import holds in memory for each row, and how much of it there may be.

use hashbrown::{HashMap, HashSet};

use super::ImportOptions;
use super::identity::RowKey;
use crate::{Change, ImportError, RecordId};

/// Bytes that an import takes besides: rows on their way, and pages of the journal.
const OTHER_BYTES: usize = 384 << 20;

/// Refuses what takes too much: `bytes`, and what every import takes.
pub(super) fn check_memory(
    line: u64,
    rows: u64,
    bytes: usize,
    options: &ImportOptions,
) -> Result<(), ImportError> {
    let (needed, limit) = (OTHER_BYTES + bytes, options.memory_bytes_max);
    match needed <= limit {
        true => Ok(()),
        false => Err(ImportError::Memory {
            line,
            rows,
            needed,
            limit,
        }),
    }
}

/// Bytes of a row by its id, in a table.
pub(super) fn row_bytes(id: &RecordId, change: &Change) -> usize {
    const ROW_BYTES: usize = 300;
    let text = match change {
        Change::Grant { credit_id, .. } => credit_id.len(),
        _ => 0,
    };
    ROW_BYTES + id.as_str().len() + text
}

/// Bytes of a table with room for one more: while it grows, the old one is there beside the new.
fn grown(length: usize, capacity: usize, item_bytes: usize) -> usize {
    let places = if length < capacity {
        capacity
    } else {
        3 * capacity
    };
    // A byte of control for each place, and an eighth of them empty.
    places * (item_bytes + 1) * 8 / 7
}

/// How often each row is there.
#[derive(Default)]
pub(super) struct Keys {
    once: HashSet<RowKey>,
    /// Those that are there again.
    repeated: HashMap<RowKey, u32>,
}

impl Keys {
    /// Which one it is of its key, from 1 on.
    pub(super) fn add(&mut self, key: RowKey) -> u32 {
        if self.once.insert(key) {
            return 1;
        }
        let count = self.repeated.entry(key).or_insert(1);
        *count = count.saturating_add(1);
        *count
    }

    /// Bytes that it takes once another key is there.
    pub(super) fn bytes(&self) -> usize {
        grown(self.once.len(), self.once.capacity(), size_of::<RowKey>())
            + grown(
                self.repeated.len(),
                self.repeated.capacity(),
                size_of::<(RowKey, u32)>(),
            )
    }

    /// What matters once all are there.
    pub(super) fn into_repeated(self) -> Repeated {
        Repeated(self.repeated)
    }
}

/// The keys that more than one row has.
pub(super) struct Repeated(HashMap<RowKey, u32>);

impl Repeated {
    pub(super) fn has(&self, key: RowKey) -> bool {
        self.0.contains_key(&key)
    }
}
