//! Entries laid out for questions: one look-up in a [`StepTable`] of the sums through each.

use std::ops::{Range, RangeInclusive};

use super::super::encoding::UsageEntry;
use super::super::load::SortedEntries;
use super::run;
use crate::step_table::{Step, StepTable};

/// Entries in time order, ties in posting order; fewer than 2^32.
#[derive(Clone, Debug)]
pub(super) struct FlatList {
    /// The sum through each entry, from its time on.
    sums: StepTable<u64>,
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
        Self::of_sums(steps.collect())
    }

    /// Of the sums through each entry, after a step of 0. O(n)
    pub(super) fn of_sums(steps: Vec<Step<u64>>) -> Self {
        Self {
            sums: StepTable::new(steps),
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

    /// Which entries are within a range of times. As [`sum_through`](Self::sum_through)
    pub(super) fn range_within(&self, times: RangeInclusive<i64>) -> Range<usize> {
        let before = times.start().checked_sub(1);
        let before = before.map_or(0, |before| self.sums.find(before));
        before..self.sums.find(*times.end())
    }

    /// Takes out entry `at`, and gives its amount; there is one. O(later entries)
    pub(super) fn remove(&mut self, at: usize) -> u64 {
        let amount = self.replace(at, 0);
        self.sums.remove(at + 1);
        amount
    }

    /// Changes the amount of entry `at`, and gives the old one; there is one. O(later entries)
    pub(super) fn replace(&mut self, at: usize, amount: u64) -> u64 {
        let (_, old) = run::entry(self.sums.steps(), at);
        self.sums.add_from(at + 1, amount.wrapping_sub(old));
        old
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it.
    /// The total of all is above `sum`. O(log n)
    pub(super) fn first_above(&self, sum: u64) -> (i64, u64) {
        let steps = self.sums.steps();
        let at = steps[1..].partition_point(|step| step.value <= sum);
        (steps[at + 1].time(), steps[at].value)
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.sums.memory_used()
    }

    /// Checks order and buckets.
    pub(super) fn assert_invariants(&self) {
        self.sums.assert_invariants();
    }
}
