//! The flat shape of the index: entries laid out for questions, and those that came late since.
//!
//! ```text
//! laid out   [ sum through each entry, under buckets of time   ]   one look-up
//! runs       [ sum through each entry      ] [           ] [   ]   a binary search each
//! newest     [ up to 32 entries, unsorted ]                        compared one by one
//! ```
//!
//! An entry in time order goes to the end of what is laid out. A late one would move all after it, so
//! those stand apart until all are laid out anew: the newest are sorted once they are 32, and runs of
//! about one length are merged, as in a log-structured merge tree. So each entry moves once for each
//! doubling, in straight passes over memory, and a question meets a run for each doubling at most.

mod list;
mod run;

use std::ops::{Range, RangeInclusive};
use std::vec::IntoIter;

use super::encoding::UsageEntry;
use super::insert_buffer::InsertBuffer;
use super::layout::Shape;
use super::load::SortedEntries;
use crate::step_table::{Step, StepTable};
use list::FlatList;
use run::Run;

/// Entries that are laid out, and late ones; fewer than 2^32. Of one time, those of each part were posted
/// after those of the parts before.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    shape: Shape,
    laid_out: FlatList,
    /// Each is at least twice as long as the next when that comes.
    runs: Vec<Run>,
    newest: InsertBuffer,
    /// How many are not laid out.
    late: usize,
    /// No late entry is later.
    latest: i64,
    /// How many entries corrections have moved.
    moved: usize,
}

/// One of the parts: what is laid out, or a run.
#[derive(Clone, Copy, Debug)]
enum Part {
    LaidOut,
    Run(usize),
}

impl Flat {
    /// O(n)
    pub(super) fn new(sorted: &impl SortedEntries, shape: Shape) -> Self {
        Self::of(FlatList::new(sorted), shape)
    }

    fn of(laid_out: FlatList, shape: Shape) -> Self {
        Self {
            shape,
            laid_out,
            runs: Vec::new(),
            newest: InsertBuffer::new(),
            late: 0,
            latest: i64::MIN,
            moved: 0,
        }
    }

    /// Number of entries.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.laid_out.len() + self.late
    }

    /// How many are not laid out.
    #[inline]
    pub(super) fn late(&self) -> usize {
        self.late
    }

    /// How many entries corrections have moved.
    pub(super) fn moved(&self) -> usize {
        self.moved
    }

    /// The sums of what is laid out.
    #[inline]
    pub(super) fn laid_out(&self) -> &StepTable<u64> {
        self.laid_out.sums()
    }

    /// Puts an entry after those at or before its time; whether it is late. Amortised O(1) in time order,
    /// else amortised O(log n)
    #[inline]
    pub(super) fn insert(&mut self, entry: UsageEntry) -> bool {
        let is_last = entry.0 >= self.laid_out.last_time();
        let is_late = !(is_last && (self.late == 0 || entry.0 > self.latest));
        if is_late {
            self.insert_late(entry);
        } else {
            self.laid_out.push(entry);
        }
        is_late
    }

    /// Out of line, to keep the other way short.
    #[inline(never)]
    fn insert_late(&mut self, entry: UsageEntry) {
        self.late += 1;
        self.latest = self.latest.max(entry.0);
        if self.newest.push(entry) >= self.shape.unsorted() {
            self.sort_newest();
        }
    }

    /// Makes the newest a run.
    #[inline(never)]
    pub(super) fn sort_newest(&mut self) {
        if self.newest.len() == 0 {
            return;
        }
        let mut newest = self.newest.send_sorted(Run::new);
        while let Some(before) = self.runs.pop_if(|before| before.len() < 2 * newest.len()) {
            newest = before.merged(&newest);
        }
        self.runs.push(newest);
    }

    /// Lays all out. O(n)
    pub(super) fn lay_out(&mut self) {
        self.sort_newest();
        let runs = self.runs.drain(..).rev();
        if let Some(late) = runs.reduce(|later, run| run.merged(&later)) {
            let steps = run::merged(self.laid_out.sums().steps(), late.steps());
            *self = Self::of(FlatList::of_sums(steps), self.shape);
        }
        self.moved = 0;
    }

    /// The sum of the amounts at or before `time`. O(1) if all are laid out and spread evenly, else
    /// O(log² n)
    #[inline]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        let laid_out = self.laid_out.sum_through(time);
        if self.late == 0 {
            return laid_out;
        }
        let runs = self.runs.iter().map(|run| run.sum_through(time));
        laid_out + runs.sum::<u64>() + self.newest.sum_through(time)
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it. The
    /// total of all is above `sum`. O(log n) if all are laid out, else 64 times
    /// [`sum_through`](Self::sum_through)
    pub(super) fn first_above(&self, sum: u64) -> (i64, u64) {
        if self.late == 0 {
            return self.laid_out.first_above(sum);
        }
        let (mut first, mut last) = (i64::MIN, i64::MAX);
        while first < last {
            let middle = first.saturating_add_unsigned(first.abs_diff(last) / 2);
            if self.sum_through(middle) > sum {
                last = middle;
            } else {
                first = middle + 1;
            }
        }
        let before = first.checked_sub(1);
        let mut total = before.map_or(0, |before| self.sum_through(before));
        for (_, amount) in self.entries(first..=first) {
            if total + amount > sum {
                return (first, total);
            }
            total += amount;
        }
        unreachable!("the total at that time is above the sum")
    }

    /// The entries of a range of times, in order. O(log² n), and O(log n) an entry if some are late
    pub(super) fn entries(&self, times: RangeInclusive<i64>) -> FlatEntries<'_> {
        let parts = self.parts();
        let parts = parts.map(|part| (self.steps(part), self.range_within(part, times.clone())));
        FlatEntries {
            parts: parts.filter(|(_, range)| !range.is_empty()).collect(),
            newest: self.newest.sorted(times).into_iter(),
        }
    }

    fn parts(&self) -> impl DoubleEndedIterator<Item = Part> + use<> {
        let runs = (0..self.runs.len()).map(Part::Run);
        std::iter::once(Part::LaidOut).chain(runs)
    }

    fn steps(&self, part: Part) -> &[Step<u64>] {
        match part {
            Part::LaidOut => self.laid_out.sums().steps(),
            Part::Run(at) => self.runs[at].steps(),
        }
    }

    fn range_within(&self, part: Part, times: RangeInclusive<i64>) -> Range<usize> {
        match part {
            Part::LaidOut => self.laid_out.range_within(times),
            Part::Run(at) => self.runs[at].range_within(times),
        }
    }

    /// The number of entries at `time`. O(log² n)
    pub(super) fn count_at(&self, time: i64) -> usize {
        let parts = self.parts();
        let sorted = parts.map(|part| self.range_within(part, time..=time).len());
        sorted.sum::<usize>() + self.newest.amounts_at(time).count()
    }

    /// The amount of the entry at this place of `time`. O(log² n)
    pub(super) fn get_at(&self, time: i64, place: usize) -> Option<u64> {
        match self.find(time, place) {
            Ok((part, at)) => Some(run::entry(self.steps(part), at).1),
            Err(place) => self.newest.amounts_at(time).nth(place),
        }
    }

    /// In which part the entry at this place of `time` is, and where; else its place among the newest.
    fn find(&self, time: i64, place: usize) -> Result<(Part, usize), usize> {
        let mut place = place;
        for part in self.parts() {
            let range = self.range_within(part, time..=time);
            if place < range.len() {
                return Ok((part, range.start + place));
            }
            place -= range.len();
        }
        Err(place)
    }

    /// The place of the last entry of this amount at `time`. O(log² n), and the entries of the instant
    /// after it
    pub(super) fn find_at(&self, time: i64, amount: u64) -> Option<usize> {
        let amounts: Vec<u64> = self.newest.amounts_at(time).collect();
        let mut later = self.count_at(time) - amounts.len();
        if let Some(place) = amounts.iter().rposition(|other| *other == amount) {
            return Some(later + place);
        }
        for part in self.parts().rev() {
            let range = self.range_within(part, time..=time);
            later -= range.len();
            let is_it = |at: &usize| run::entry(self.steps(part), *at).1 == amount;
            if let Some(at) = range.clone().rev().find(is_it) {
                return Some(later + at - range.start);
            }
        }
        None
    }

    /// Takes out the entry at this place of `time`, and gives its amount. The newest are sorted.
    /// O(later entries)
    pub(super) fn remove_at(&mut self, time: i64, place: usize) -> Option<u64> {
        let (part, at) = self.find(time, place).ok()?;
        self.moved += self.steps(part).len() - at;
        Some(match part {
            Part::LaidOut => self.laid_out.remove(at),
            Part::Run(run) => {
                self.late -= 1;
                self.runs[run].remove(at)
            }
        })
    }

    /// Changes the amount of the entry at this place of `time`, and gives the old one. The newest are
    /// sorted. O(later entries)
    pub(super) fn replace_at(&mut self, time: i64, place: usize, amount: u64) -> Option<u64> {
        let (part, at) = self.find(time, place).ok()?;
        self.moved += self.steps(part).len() - at;
        Some(match part {
            Part::LaidOut => self.laid_out.replace(at, amount),
            Part::Run(run) => self.runs[run].replace(at, amount),
        })
    }

    /// Heap bytes, those of itself included.
    pub(super) fn memory_used(&self) -> usize {
        let runs = self.runs.iter().map(Run::memory_used).sum::<usize>();
        size_of::<Self>()
            + self.laid_out.memory_used()
            + self.runs.capacity() * size_of::<Run>()
            + runs
            + self.newest.memory_used()
    }

    /// Checks order, sums, buckets and counts; gives the sum of all amounts. O(n)
    pub(super) fn assert_invariants(&self) -> u64 {
        self.laid_out.assert_invariants();
        for part in self.parts() {
            let steps = self.steps(part);
            assert_eq!(steps[0].value, 0, "a sum before everything");
            let is_in_order = steps[1..].is_sorted_by_key(Step::time);
            let has_sums = steps.is_sorted_by_key(|step| step.value);
            assert!(is_in_order && has_sums, "out of order: {steps:?}");
        }
        let runs = self.runs.iter().map(Run::len).sum::<usize>();
        assert_eq!(runs + self.newest.len(), self.late, "late entries");
        let is_within = |steps: &[Step<u64>]| steps[steps.len() - 1].time() <= self.latest;
        let are_within = self.runs.iter().all(|run| is_within(run.steps()));
        assert!(are_within, "a late entry after {}", self.latest);
        self.sum_through(i64::MAX)
    }
}

/// The entries of a range of times, in order.
#[derive(Clone, Debug)]
pub(super) struct FlatEntries<'a> {
    /// The sums of each part, and which of its entries are to come: at least one.
    parts: Vec<(&'a [Step<u64>], Range<usize>)>,
    newest: IntoIter<UsageEntry>,
}

impl Iterator for FlatEntries<'_> {
    type Item = UsageEntry;

    #[inline]
    fn next(&mut self) -> Option<UsageEntry> {
        let time = |(steps, range): &(&[Step<u64>], Range<usize>)| steps[range.start + 1].time();
        let first = (0..self.parts.len()).min_by_key(|part| time(&self.parts[*part]));
        let newest = self.newest.as_slice().first();
        match first {
            Some(part) if newest.is_none_or(|newest| time(&self.parts[part]) <= newest.0) => {
                let (steps, range) = &mut self.parts[part];
                let next = run::entry(steps, range.start);
                range.start += 1;
                if range.start == range.end {
                    self.parts.remove(part);
                }
                Some(next)
            }
            _ => self.newest.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::super::load::Sorted;
    use super::*;

    /// A question meets a run for each doubling at most, and each entry is moved once for each.
    #[test]
    fn late_entries_stand_in_few_runs() {
        let shape = Shape::new(256);
        let mut flat = Flat::new(&Sorted::in_order(vec![(1_000_000, 1)]), shape);
        let mut random = Random::new(1);
        for late in 1..=10_000_usize {
            flat.insert((random.between(0, 999_999), 1));
            let doublings = (late / shape.unsorted() + 1).ilog2() + 1;
            assert!(flat.runs.len() <= doublings as usize, "{late} late entries");
            let halves = |pair: &[Run]| pair[0].len() >= 2 * pair[1].len();
            assert!(flat.runs.windows(2).all(halves), "{late} late entries");
        }
        assert_eq!((flat.assert_invariants(), flat.len()), (10_001, 10_001));
        let mut before = i64::MIN;
        for (time, _) in flat.entries(i64::MIN..=i64::MAX) {
            assert!(before <= time, "{time} after {before}");
            before = time;
        }
        assert_eq!(flat.first_above(10_000), (1_000_000, 10_000));
        flat.lay_out();
        assert_eq!((flat.late(), flat.runs.len(), flat.len()), (0, 0, 10_001));
        assert_eq!(flat.sum_through(999_999), 10_000);
    }
}
