//! A Fenwick tree of the `ftree` crate over instants known beforehand: the usual choice for prefix
//! sums.
//!
//! A Fenwick tree cannot grow in the middle. This one is given every instant of usage before the
//! first write, and the level of every epoch; a ledger knows neither. A write is then a binary
//! search and an update, a query is a binary search and a prefix sum.

use ftree::FenwickTree;

use super::{BareReplay, SortedUsage};
use crate::workload::Entry;

/// Sums of usage by instant, under ready levels.
#[derive(Clone, Debug)]
pub struct FenwickIndex {
    times: Vec<i64>,
    sums: FenwickTree<u64>,
    levels: Vec<(i64, i64, bool)>,
}

impl FenwickIndex {
    /// An index without usage, with the instants and the levels of all usage to come.
    pub fn new(usage: &SortedUsage, replay: &BareReplay) -> Self {
        let mut times = usage.times().to_vec();
        times.dedup();
        Self {
            sums: FenwickTree::from_iter(vec![0; times.len()]),
            times,
            levels: replay.levels(),
        }
    }

    /// Adds usage at an instant that was known. O(log n)
    #[inline]
    pub fn insert(&mut self, (time, amount): Entry) {
        let place = self.times.partition_point(|other| *other < time);
        self.sums.add_at(place, amount);
    }

    /// The sum of all usage. O(log n)
    pub fn used(&self) -> u64 {
        self.sums.prefix_sum(self.times.len(), 0)
    }

    /// The balance at an instant. O(log n + log m)
    #[inline]
    pub fn get(&self, time: i64) -> Option<u64> {
        let epoch = self.levels.partition_point(|level| level.0 <= time);
        let (_, level, is_live) = self.levels[epoch.checked_sub(1)?];
        let count = self.times.partition_point(|other| *other <= time);
        let used = self.sums.prefix_sum(count, 0);
        if !is_live {
            return None;
        }
        u64::try_from(level - used.cast_signed()).ok()
    }
}
