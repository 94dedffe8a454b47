//! The entries posted last, on their way into the tree or a sorted run.
//!
//! An entry that enters a large tree waits for memory up to four times. So it stops here first,
//! and 32 go on together: late ones wait [at the same time](super::batch), and those in time order
//! are [appended](Tree::append) as one. Until then every answer adds what is here.

use std::ops::RangeInclusive;

use super::batch;
use super::encoding::UsageEntry;
use super::layout::BUFFERED;
use super::tree::Tree;

/// Up to [`BUFFERED`] entries in posting order, all posted after those that are in order.
#[derive(Clone, Debug)]
pub(super) struct InsertBuffer {
    entries: Vec<UsageEntry>,
}

impl InsertBuffer {
    /// No entries.
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The sum of all amounts.
    pub(super) fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.1).sum()
    }

    /// The sum of the amounts at or before `time`.
    #[inline]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        let through = |entry: &UsageEntry| if entry.0 <= time { entry.1 } else { 0 };
        self.entries.iter().map(through).sum()
    }

    /// The amounts of the entries of `time`, in posting order.
    pub(super) fn amounts_at(&self, time: i64) -> impl DoubleEndedIterator<Item = u64> {
        let entries = self.entries.iter().filter(move |entry| entry.0 == time);
        entries.map(|entry| entry.1)
    }

    /// Takes in one more, and gives their number.
    #[inline]
    pub(super) fn push(&mut self, entry: UsageEntry) -> usize {
        if self.entries.len() == self.entries.capacity() {
            self.make_room();
        }
        self.entries.push(entry);
        self.entries.len()
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        self.entries.reserve_exact(BUFFERED);
    }

    /// Takes in one more, and sends all on into the tree if there are enough.
    #[inline]
    pub(super) fn insert(&mut self, entry: UsageEntry, tree: &mut Tree) {
        if self.push(entry) == BUFFERED {
            self.flush(tree);
        }
    }

    /// Sends all on into the tree.
    #[inline(never)]
    pub(super) fn flush(&mut self, tree: &mut Tree) {
        batch::insert_many(tree, &self.entries);
        self.entries.clear();
    }

    /// Gives all to `take`, in order.
    pub(super) fn send_sorted<T>(&mut self, take: impl FnOnce(&[UsageEntry]) -> T) -> T {
        self.entries.sort_by_key(|entry| entry.0);
        let taken = take(&self.entries);
        self.entries.clear();
        taken
    }

    /// The entries of a range of times, in order.
    pub(super) fn sorted(&self, times: RangeInclusive<i64>) -> Vec<UsageEntry> {
        let within = self.entries.iter().filter(|entry| times.contains(&entry.0));
        let mut entries: Vec<UsageEntry> = within.copied().collect();
        entries.sort_by_key(|entry| entry.0);
        entries
    }

    /// The first entry, here or in `tree`, whose running total is above `sum`: its time, and the
    /// total before it. The total of all is above `sum`.
    pub(super) fn first_above(&self, sum: u64, tree: &Tree) -> (i64, u64) {
        // Each entry here counts from its time on, and for what is looked for in the tree as if
        // the sum were so much less.
        let mut passed = 0;
        for (time, amount) in self.sorted(i64::MIN..=i64::MAX) {
            let before = tree.sum_through(time) + passed;
            if before > sum {
                break;
            }
            if before + amount > sum {
                return (time, before);
            }
            passed += amount;
        }
        let (time, before) = tree.first_above(sum - passed);
        (time, before + passed)
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.entries.capacity() * size_of::<UsageEntry>()
    }
}
