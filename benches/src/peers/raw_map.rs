//! The raw records in a `BTreeMap`. It keeps them in order and answers nothing.

use std::collections::BTreeMap;

use crate::workload::{Entry, Grant};

/// Usage by time and posting number.
#[derive(Clone, Debug, Default)]
pub struct RawMap(BTreeMap<(i64, u32), u64>);

impl RawMap {
    /// Inserts an entry. O(log n)
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
    /// Inserts a grant. O(log m)
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
