//! What is known of an account without its entries.

use gpu_credit::Overdraft;
use serde::{Deserialize, Serialize};

use crate::{AccountKey, Moved, Revision, Sequence};

/// An account as it stands after its last entry, in a few numbers: enough to admit grants, usage and
/// the opening or deletion of accounts. A [`Journal`](crate::Journal) keeps one for each account that
/// is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose it is.
    pub account: AccountKey,
    /// What happens to usage beyond what is available.
    pub policy: Overdraft,
    /// The revision of its last entry: how many it has, its opening included.
    pub revision: Revision,
    /// The place of that entry.
    pub last: Sequence,
    /// When that entry was recorded.
    pub recorded_at: i64,
    /// What limits and rules look at.
    pub totals: Totals,
}

impl Head {
    /// Takes in an entry at this place, but for its totals: if it is recorded by a clock that went back, at
    /// the time of the entry before.
    pub(crate) fn add_entry(&mut self, sequence: Sequence, recorded_at: i64) {
        self.revision = self.revision.next();
        self.last = sequence;
        self.recorded_at = self.recorded_at.max(recorded_at);
    }

    /// Moves the places that it tells.
    pub(crate) fn renumber(&mut self, moved: Moved) {
        self.account.opened = moved.place(self.account.opened);
        self.last = moved.place(self.last);
    }
}

/// The sums of an account that limits look at, and how far its books are closed.
///
/// Closing the books folds records away: they count no more.
///
/// The order of the fields is the format of the file: only ever append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Totals {
    /// The amounts of all grants that are not retracted.
    pub granted: u64,
    /// The amounts of all usage that is not retracted, metered usage with the sum of its ticks.
    pub used: u64,
    /// Grants, retracted ones included.
    pub grants: u64,
    /// Usage records, metered and retracted ones included.
    pub usage_records: u64,
    /// Bytes of the credit ids of all grants.
    pub credit_id_bytes: u64,
    /// The first instant that is open, if the books were closed.
    pub closed: Option<i64>,
}
