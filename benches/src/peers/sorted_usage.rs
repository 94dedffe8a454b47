//! Usage sorted by time, with its running total.

use crate::workload::Entry;

/// Usage that no longer changes.
#[derive(Clone, Debug)]
pub struct SortedUsage {
    times: Vec<i64>,
    /// The total through the entry at the same place.
    totals: Vec<u64>,
}

impl SortedUsage {
    /// Sorts usage and adds it up. O(n log n)
    pub fn new(usage: &[Entry]) -> Self {
        let mut usage = usage.to_vec();
        usage.sort_unstable();
        let totals = usage.iter().scan(0, |total, entry| {
            *total += entry.1;
            Some(*total)
        });
        let totals = totals.collect();
        let times = usage.iter().map(|entry| entry.0).collect();
        Self { times, totals }
    }

    /// The total before an instant. O(log n)
    pub fn before(&self, time: i64) -> u64 {
        self.total(self.times.partition_point(|other| *other < time))
    }

    /// The total before each of sorted instants. O(n + k)
    pub fn before_each(&self, times: impl Iterator<Item = i64>) -> Vec<u64> {
        let mut count = 0;
        let before = |time| {
            while self.times.get(count).is_some_and(|other| *other < time) {
                count += 1;
            }
            self.total(count)
        };
        times.map(before).collect()
    }

    /// The total through an instant. O(log n)
    pub fn through(&self, time: i64) -> u64 {
        self.total(self.times.partition_point(|other| *other <= time))
    }

    /// The total through each entry, with its time.
    pub fn running(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.times.iter().copied().zip(self.totals.iter().copied())
    }

    /// The times, ties included.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    fn total(&self, count: usize) -> u64 {
        match count.checked_sub(1) {
            Some(last) => self.totals[last],
            None => 0,
        }
    }
}
