//! The usage index: prefix sums over time.

/// Stand-in.
#[derive(Clone, Debug)]
pub(crate) struct UsageIndex {
    entries: Vec<(i64, u64)>,
    total: u64,
}

impl UsageIndex {
    pub(crate) fn new(_chunk: usize) -> Self {
        Self { entries: Vec::new(), total: 0 }
    }
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
    /// Sum of all amounts.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
    /// The caller has checked that the total stays within i64::MAX. Goes behind entries at the same time.
    pub(crate) fn insert(&mut self, time: i64, amount: u64) {
        let at = self.entries.partition_point(|e| e.0 <= time);
        self.entries.insert(at, (time, amount));
        self.total += amount;
    }
    /// All in posting order.
    pub(crate) fn extend(&mut self, entries: Vec<(i64, u64)>) {
        for (time, amount) in entries {
            self.entries.push((time, amount));
            self.total += amount;
        }
        self.entries.sort_by_key(|e| e.0);
    }
    /// Removes the latest posted entry of this time and amount.
    pub(crate) fn remove(&mut self, time: i64, amount: u64) -> bool {
        let Some(at) = self.entries.iter().rposition(|e| *e == (time, amount)) else { return false };
        self.entries.remove(at);
        self.total -= amount;
        true
    }
    /// Sum of the amounts at or before time.
    pub(crate) fn through(&self, time: i64) -> u64 {
        self.entries.iter().take_while(|e| e.0 <= time).map(|e| e.1).sum()
    }
    /// Sum of the amounts before time.
    pub(crate) fn before(&self, time: i64) -> u64 {
        self.entries.iter().take_while(|e| e.0 < time).map(|e| e.1).sum()
    }
    /// through, for each.
    pub(crate) fn through_each(&self, times: &[i64], sums: &mut [u64]) {
        for (time, sum) in times.iter().zip(sums) {
            *sum = self.through(*time);
        }
    }
    /// A reader for times that do not decrease.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { index: self }
    }
    /// Entries from the first at or after `time` on, in order.
    pub(crate) fn iter_from(&self, time: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.entries.iter().copied().skip_while(move |e| e.0 < time)
    }
    /// The first entry whose running total is above `sum`: its time, and the total before it.
    pub(crate) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        let mut total = 0;
        for e in &self.entries {
            if total + e.1 > sum {
                return Some((e.0, total));
            }
            total += e.1;
        }
        None
    }
    pub(crate) fn memory_used(&self) -> usize {
        self.entries.capacity() * 16
    }
    pub(crate) fn assert_invariants(&self) {}
}

/// Reads prefix sums at times that do not decrease.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    index: &'a UsageIndex,
}

impl Walk<'_> {
    pub(crate) fn through(&mut self, time: i64) -> u64 {
        self.index.through(time)
    }
    pub(crate) fn before(&mut self, time: i64) -> u64 {
        self.index.before(time)
    }
}
