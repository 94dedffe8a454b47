//! A sorted run: late entries in time order, as the sums through each.

use std::hint::select_unpredictable;
use std::ops::{Range, RangeInclusive};

use super::super::encoding::UsageEntry;
use crate::step_table::{Step, StepTable};

/// Entries in time order, ties in posting order.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The sum through each entry, from its time on. The first step begins before everything.
    steps: Vec<Step<u64>>,
}

impl Run {
    /// Of entries in time order. O(n)
    pub(super) fn new(entries: &[UsageEntry]) -> Self {
        let mut sum = 0;
        let later = entries.iter().map(|(time, amount)| {
            sum += amount;
            Step::new(*time, sum)
        });
        let steps = [Step::new(i64::MIN, 0)].into_iter().chain(later).collect();
        Self { steps }
    }

    /// Both in one; `later` was posted after this one. O(n)
    pub(super) fn merged(&self, later: &Self) -> Self {
        let steps = merged(&self.steps, &later.steps);
        Self { steps }
    }

    /// The sum through each entry, after a step of 0.
    #[inline]
    pub(super) fn steps(&self) -> &[Step<u64>] {
        &self.steps
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.steps.len() - 1
    }

    /// How many entries are at or before `time`. O(log n)
    #[inline]
    fn count_through(&self, time: i64) -> usize {
        self.steps[1..].partition_point(|step| step.has_begun(time))
    }

    /// The sum of the amounts at or before `time`. O(log n)
    #[inline]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        self.steps[self.count_through(time)].value
    }

    /// Which entries are within a range of times. O(log n)
    pub(super) fn range_within(&self, times: RangeInclusive<i64>) -> Range<usize> {
        let before = times.start().checked_sub(1);
        let before = before.map_or(0, |before| self.count_through(before));
        before..self.count_through(*times.end())
    }

    /// Takes out entry `at`, and gives its amount; there is one. O(n)
    pub(super) fn remove(&mut self, at: usize) -> u64 {
        let amount = self.replace(at, 0);
        self.steps.remove(at + 1);
        amount
    }

    /// Changes the amount of entry `at`, and gives the old one; there is one. O(n)
    pub(super) fn replace(&mut self, at: usize, amount: u64) -> u64 {
        let old = entry(&self.steps, at).1;
        for step in &mut self.steps[at + 1..] {
            step.value = step.value - old + amount;
        }
        old
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.steps.capacity() * size_of::<Step<u64>>()
    }
}

/// Entry `at` of those whose sums these are, after a step of 0.
#[inline]
pub(super) fn entry(steps: &[Step<u64>], at: usize) -> UsageEntry {
    let (before, through) = (&steps[at], &steps[at + 1]);
    (through.time(), through.value - before.value)
}

/// The sums through the entries of both, each after a step of 0. Of one time, those of `earlier` come
/// first. There is room for a [`StepTable`]. O(n)
///
/// It goes on from both ends in turns, without a branch, which the processor would guess wrong every other
/// time: so each end waits for its loads while the other gets on.
pub(super) fn merged(earlier: &[Step<u64>], later: &[Step<u64>]) -> Vec<Step<u64>> {
    let len = earlier.len() + later.len() - 1;
    let mut merged = Vec::with_capacity(StepTable::<u64>::room_for(len));
    merged.resize(len, Step::new(i64::MIN, 0));
    let mut places = merged[1..].iter_mut();
    // What is between the ends, after the last step of each that has its place.
    let (mut earlier, mut later) = (earlier, later);
    while let ([_, _, _, ..], [_, _, _, ..]) = (earlier, later)
        && let (Some(first), Some(last)) = (places.next(), places.next_back())
    {
        let is_later = later[1].is_before(&earlier[1]);
        *first = select_unpredictable(is_later, later[1], earlier[1]);
        earlier = &earlier[usize::from(!is_later)..];
        later = &later[usize::from(is_later)..];
        first.value = earlier[0].value + later[0].value;

        let (one, other) = (&earlier[earlier.len() - 1], &later[later.len() - 1]);
        let is_later = !other.is_before(one);
        *last = select_unpredictable(is_later, *other, *one);
        last.value = one.value + other.value;
        earlier = &earlier[..earlier.len() - usize::from(!is_later)];
        later = &later[..later.len() - usize::from(is_later)];
    }
    // Of one of them at most one is left.
    for place in places {
        let is_later = match (earlier, later) {
            ([_, one, ..], [_, other, ..]) => other.is_before(one),
            (_, rest) => rest.len() > 1,
        };
        let next = if is_later { &mut later } else { &mut earlier };
        *next = &next[1..];
        *place = next[0];
        place.value = earlier[0].value + later[0].value;
    }
    merged
}
