//! The raw records in a `BTreeMap`, which answers nothing: what it costs to keep them in order.

use std::collections::BTreeMap;

use crate::workload::{Entry, Grant};

/// Usage by time and posting number.
#[derive(Clone, Debug, Default)]
pub struct RawMap(BTreeMap<(i64, u32), u64>);

impl RawMap {
    /// Puts an entry in. O(log n)
    #[inline]
    pub fn insert(&mut self, number: u32, (time, amount): Entry) {
        self.0.insert((time, number), amount);
    }

    /// The number of entries and their sum, to compare.
    pub fn count_and_sum(&self) -> (usize, u64) {
        (self.0.len(), self.0.values().sum())
    }
}

/// Grants by start and posting number, with the eight bytes of their id.
#[derive(Clone, Debug, Default)]
pub struct RawGrants(BTreeMap<(i64, u32), (u64, u64, [u8; 8])>);

impl RawGrants {
    /// Puts a grant in. O(log m)
    #[inline]
    pub fn insert(&mut self, number: u32, grant: &Grant, id: [u8; 8]) {
        let value = (grant.amount, grant.expiration, id);
        self.0.insert((grant.start, number), value);
    }

    /// The number of grants and the sum of their amounts, to compare.
    pub fn count_and_sum(&self) -> (usize, u64) {
        (self.0.len(), self.0.values().map(|value| value.0).sum())
    }
}
