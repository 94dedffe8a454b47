//! The flat shape of the index: entries laid out for questions.
//!
//! A question is one look-up in a [`StepTable`] of the sums through each entry. An entry in time order
//! goes to the end. A late one would move all after it, so those stand apart until all are laid out
//! anew. A correction does move them: that is a straight pass over memory, and only so much is moved.

use std::ops::{Range, RangeInclusive};

use super::Body;
use super::encoding::UsageEntry;
use super::load::SortedEntries;
use crate::step_table::{Step, StepTable};

/// Entries in time order, ties in posting order; fewer than 2^32.
#[derive(Clone, Debug)]
pub(super) struct FlatList {
    /// The sum through each entry, from its time on.
    sums: StepTable<u64>,
    /// How many entries corrections have moved.
    moved: usize,
}

impl FlatList {
    /// O(n)
    pub(super) fn new(sorted: &impl SortedEntries) -> Self {
        let steps = sorted.len() + 1;
        let mut entries = Vec::with_capacity(StepTable::<u64>::room_for(steps));
        entries.push((i64::MIN, 0));
        sorted.read(0..sorted.len(), &mut entries);
        let mut sum = 0;
        let steps = entries.into_iter().map(|(time, amount)| {
            sum += amount;
            Step::new(time, sum)
        });
        Self {
            sums: StepTable::new(steps.collect()),
            moved: 0,
        }
    }

    /// Number of entries.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.sums.steps().len() - 1
    }

    /// The sum of all amounts.
    #[inline]
    pub(super) fn total(&self) -> u64 {
        self.sums.steps()[self.len()].value
    }

    /// The time of the last entry.
    #[inline]
    pub(super) fn last_time(&self) -> i64 {
        self.sums.steps()[self.len()].time()
    }

    /// Puts an entry at the end; none is later. Amortised O(1)
    #[inline]
    pub(super) fn push(&mut self, (time, amount): UsageEntry) {
        self.sums.push(Step::new(time, self.total() + amount));
    }

    /// The sum through each entry, from its time on.
    #[inline]
    pub(super) fn sums(&self) -> &StepTable<u64> {
        &self.sums
    }

    /// The sum of the amounts at or before `time`. O(1) if entries are spread evenly, else O(log n)
    #[inline]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        self.sums.value(time)
    }

    /// All entries, in order.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = UsageEntry> {
        let steps = self.sums.steps().windows(2);
        steps.map(|pair| (pair[1].time(), pair[1].value - pair[0].value))
    }

    /// Entry `at`, in order.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<UsageEntry> {
        let steps = self.sums.steps();
        let step = steps.get(at + 1)?;
        Some((step.time(), step.value - steps[at].value))
    }

    /// Which entries are at `time`. As [`sum_through`](Self::sum_through)
    pub(super) fn range_of(&self, time: i64) -> Range<usize> {
        self.range_within(time..=time)
    }

    /// Which entries are within a range of times. As [`sum_through`](Self::sum_through)
    pub(super) fn range_within(&self, times: RangeInclusive<i64>) -> Range<usize> {
        let before = times.start().checked_sub(1);
        let before = before.map_or(0, |before| self.sums.find(before));
        before..self.sums.find(*times.end())
    }

    /// How many entries corrections have moved.
    pub(super) fn moved(&self) -> usize {
        self.moved
    }

    /// Takes out entry `at`, and gives its amount; there is one. O(later entries)
    pub(super) fn remove(&mut self, at: usize) -> u64 {
        let amount = self.replace(at, 0);
        self.sums.remove(at + 1);
        amount
    }

    /// Changes the amount of entry `at`, and gives the old one; there is one. O(later entries)
    pub(super) fn replace(&mut self, at: usize, amount: u64) -> u64 {
        let (_, old) = self.get(at).expect("there is such an entry");
        let change = amount.wrapping_sub(old);
        self.sums.add_from(at + 1, change);
        self.moved += self.len() - at;
        old
    }

    /// The first entry, here or in `later`, whose running total is above `sum`: its time, and the
    /// total before it. The total of all is above `sum`. Of one time, those here come first.
    pub(super) fn first_above(&self, sum: u64, later: &Body) -> (i64, u64) {
        let later_before = |time: i64| {
            let before = time.checked_sub(1);
            before.map_or(0, |before| later.sum_through(before))
        };
        let (first, steps) = self.sums.steps().split_first().expect("the first step");
        let at = steps.partition_point(|step| step.value + later_before(step.time()) <= sum);
        let here = at
            .checked_sub(1)
            .map_or(first.value, |last| steps[last].value);
        if let Some(step) = steps.get(at) {
            let before = here + later_before(step.time());
            if before <= sum {
                return (step.time(), before);
            }
        }
        let (time, before) = later.first_above(sum - here);
        (time, here + before)
    }

    /// Heap bytes, those of the list included.
    pub(super) fn memory_used(&self) -> usize {
        size_of::<Self>() + self.sums.memory_used()
    }

    /// Checks order, sums and buckets.
    pub(super) fn assert_invariants(&self) {
        self.sums.assert_invariants();
        let sums: Vec<u64> = self.sums.steps().iter().map(|step| step.value).collect();
        assert!(sums.is_sorted(), "an amount below 0: {sums:?}");
    }
}
