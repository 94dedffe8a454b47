//! The entries that lines to come may mention.

use hashbrown::HashMap;

use crate::RecordId;
use crate::facts::Record;
use crate::standing::Standing;
use crate::transfer::PostedBy;
use crate::transfer::accounts::AccountIndex;
use crate::transfer::memory::row_bytes;

/// An account of the file, and an id in it.
pub(super) type Name = (AccountIndex, RecordId);

/// An entry that lines mention.
pub(super) struct Held {
    pub(super) record: Record,
    /// How it stands; `None` for what is neither a grant nor usage.
    pub(super) standing: Option<Standing>,
    pub(super) place: PostedBy,
}

/// Entries by their ids.
#[derive(Default)]
pub(super) struct HeldEntries {
    entries: HashMap<Name, Held>,
    bytes: usize,
}

impl HeldEntries {
    pub(super) fn get(&self, name: &Name) -> Option<&Held> {
        self.entries.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &Name) -> Option<&mut Held> {
        self.entries.get_mut(name)
    }

    pub(super) fn hold(
        &mut self,
        name: Name,
        record: Record,
        standing: Option<Standing>,
        place: PostedBy,
    ) {
        self.bytes += row_bytes(&name.1, &record.1);
        let held = Held {
            record,
            standing,
            place,
        };
        self.entries.insert(name, held);
    }

    /// Keeps those of one account.
    pub(super) fn keep(&mut self, account: AccountIndex) {
        self.entries.retain(|(of, _), _| *of == account);
        let held = self.entries.iter();
        let bytes = held.map(|((_, id), held)| row_bytes(id, &held.record.1));
        self.bytes = bytes.sum();
    }

    /// Bytes of memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
