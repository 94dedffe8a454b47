//! A step function of time, laid out flat: a question reads two cache lines of it.
//!
//! ```text
//! buckets   equal spans of time ─┐ how many steps begin before each
//! steps     (time, value) ───────┴▶ the few that begin in the bucket, compared without a branch
//! ```
//!
//! A tree answers as well, in a dozen dependent steps or more. They fill the window in which the
//! processor looks ahead, and the cache misses of successive questions no longer overlap: that,
//! and not the steps themselves, costs a question several times its time.

use crate::time_buckets::TimeBuckets;

/// Of so many steps in a bucket all are compared at once; if more crowd, the search is binary.
const AT_ONCE: usize = 3;

/// So many steps that are put at the end get buckets together.
const PLACED_TOGETHER: usize = 32;

/// These, and the one before the bucket.
const NEAR: usize = 1 + AT_ONCE;

/// The value from an instant on, up to the next step: 16 bytes, four to a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<V> {
    /// The time as an unsigned number in the same order: comparing three of those and adding up the
    /// outcomes takes half the instructions.
    key: u64,
    pub(crate) value: V,
}

impl<V> Step<V> {
    pub(crate) fn new(time: i64, value: V) -> Self {
        Self {
            key: key(time),
            value,
        }
    }

    /// When it begins.
    #[inline]
    pub(crate) fn time(&self) -> i64 {
        key(self.key.cast_signed()).cast_signed()
    }

    /// Whether it begins before another.
    #[inline]
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        self.key < other.key
    }

    #[inline]
    pub(crate) fn has_begun(&self, time: i64) -> bool {
        self.key <= key(time)
    }
}

#[inline]
fn key(time: i64) -> u64 {
    time.cast_unsigned() ^ (1 << 63)
}

/// Steps in time order. Of those of one instant the last one counts.
#[derive(Clone, Debug)]
pub(crate) struct StepTable<V> {
    /// The first begins before everything. At last [`AT_ONCE`] stand at the end of time, so that there is
    /// always something to compare with.
    steps: Vec<Step<V>>,
    /// About as many as steps. The first step counts in none.
    buckets: TimeBuckets,
    /// The last bucket holds all steps from here on, until a few of them get buckets together.
    placed: usize,
}

impl<V: Copy> StepTable<V> {
    /// The table of these steps, in order and fewer than 2^32, of which the first, at least one, is
    /// taken to begin before everything. O(n)
    pub(crate) fn new(mut steps: Vec<Step<V>>) -> Self {
        let buckets = buckets(&steps);
        let placed = steps.len();
        let value = steps[placed - 1].value;
        steps.reserve_exact(AT_ONCE);
        steps.extend([Step::new(i64::MAX, value); AT_ONCE]);
        steps.shrink_to_fit();
        Self {
            steps,
            buckets,
            placed,
        }
    }

    /// The table with the values of these steps, if they begin at the same instants as its own; of
    /// those of one instant the last one counts. O(n), a part of what laying it out takes.
    pub(crate) fn revalued(mut self, mut steps: impl Iterator<Item = (i64, V)>) -> Option<Self> {
        let mut later = self.steps.iter_mut();
        let mut step = later.next()?;
        let are_same = steps.all(|(time, value)| {
            if step.key != key(time)
                && let Some(next) = later.next()
            {
                step = next;
            }
            step.value = value;
            step.key == key(time)
        });
        let value = step.value;
        let are_same = are_same && later.len() == AT_ONCE;
        later.for_each(|end| end.value = value);
        are_same.then_some(self)
    }

    /// The room that [`new`](Self::new) takes for so many steps without moving them.
    pub(crate) fn room_for(steps: usize) -> usize {
        steps + AT_ONCE
    }

    /// The step that counts at `time`. O(1) if steps are spread evenly, else O(log n)
    #[inline]
    pub(crate) fn find(&self, time: i64) -> usize {
        let bucket = self.buckets.bucket_of(time);
        let first = self.buckets.before(bucket);
        match begun(self.near(first), time) {
            AT_ONCE => self.find_in_crowd(bucket, time),
            begun => first + begun,
        }
    }

    /// The value at `time`. As [`find`](Self::find)
    #[inline]
    pub(crate) fn value(&self, time: i64) -> V {
        let bucket = self.buckets.bucket_of(time);
        let near = self.near(self.buckets.before(bucket));
        match begun(near, time) {
            AT_ONCE => self.steps[self.find_in_crowd(bucket, time)].value,
            begun => near[begun].value,
        }
    }

    #[inline]
    fn near(&self, first: usize) -> &[Step<V>; NEAR] {
        let near = self.steps[first..first + NEAR].first_chunk();
        near.expect("it is as long")
    }

    /// The step that counts at `time`, one at least of those that begin in its bucket. A call from here
    /// would make all callers save their registers.
    #[inline]
    fn find_in_crowd(&self, bucket: usize, time: i64) -> usize {
        let (first, last) = (self.buckets.before(bucket), self.buckets.before(bucket + 1));
        let crowd = &self.steps[first + 1..=last];
        first + crowd.partition_point(|step| step.has_begun(time))
    }

    /// The steps, in order.
    pub(crate) fn steps(&self) -> &[Step<V>] {
        &self.steps[..self.steps.len() - AT_ONCE]
    }

    /// When the step after this one begins; after the last one the end of time.
    #[inline]
    pub(crate) fn end(&self, step: usize) -> i64 {
        self.steps[step + 1].time()
    }

    /// Puts a step at the end; no other is later. Amortised O(1)
    #[inline]
    pub(crate) fn push(&mut self, step: Step<V>) {
        let at = self.steps.len() - AT_ONCE;
        self.steps.push(step);
        let end = Step::new(i64::MAX, step.value);
        if let Some(steps) = self.steps.last_chunk_mut() {
            *steps = [step, end, end, end];
        }
        self.buckets.push();
        if at - self.placed == PLACED_TOGETHER {
            self.place();
        }
    }

    /// Gives the last steps buckets of their own.
    #[inline(never)]
    fn place(&mut self) {
        let end = self.steps.len() - AT_ONCE;
        let last = &self.steps[self.placed..end];
        let latest = last[last.len() - 1].time();
        self.buckets.go_on(latest, last.iter().map(Step::time));
        self.placed = end;
        if self.buckets.are_outgrown() {
            self.buckets = buckets(self.steps());
        }
    }

    /// Takes a step out, which is not the first. O(n)
    pub(crate) fn remove(&mut self, step: usize) {
        let removed = self.steps.remove(step);
        self.buckets.remove(removed.time());
        self.placed -= usize::from(step < self.placed);
        self.buckets
            .end_at(self.steps()[self.steps().len() - 1].time());
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.steps.capacity() * size_of::<Step<V>>() + self.buckets.memory_used()
    }

    /// Checks order and buckets, and what is found at each step and just before it.
    pub(crate) fn assert_invariants(&self) {
        let later = &self.steps()[1..];
        let times: Vec<i64> = later.iter().map(Step::time).collect();
        assert!(times.is_sorted(), "steps out of order: {times:?}");
        self.buckets.assert_invariants(&times);
        assert!(self.placed <= self.steps().len(), "so many are placed");
        for time in times
            .iter()
            .flat_map(|time| [time.saturating_sub(1), *time])
        {
            let expected = times.partition_point(|other| *other <= time);
            assert_eq!(self.find(time), expected, "the step of {time}");
        }
    }
}

/// Buckets for all steps but the first.
fn buckets<V>(steps: &[Step<V>]) -> TimeBuckets {
    TimeBuckets::new(steps.len(), steps[1..].iter().map(Step::time))
}

/// How many of the steps after the first have begun at `time`.
#[inline]
fn begun<V>(near: &[Step<V>; NEAR], time: i64) -> usize {
    let later = near[1..].iter();
    later.map(|step| usize::from(step.has_begun(time))).sum()
}

impl StepTable<u64> {
    /// Adds to the values from a step on (wrapping, so that a difference may be added). O(n)
    pub(crate) fn add_from(&mut self, step: usize, amount: u64) {
        for later in &mut self.steps[step..] {
            later.value = later.value.wrapping_add(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::*;

    /// Times at random between two instants, many at one instant if those are few, a crowd in one
    /// bucket, and one far away.
    fn times(random: &mut Random, from: i64, to: i64) -> Vec<i64> {
        let count = random.below(200);
        let mut times: Vec<i64> = (0..count).map(|_| random.between(from, to)).collect();
        let crowd = random.between(from, to);
        times.extend((0..random.below(40)).map(|_| crowd.saturating_add(random.between(0, 9))));
        if random.below(2) == 0 {
            times.push(i64::MAX);
        }
        times.sort_unstable();
        times
    }

    fn assert_finds(table: &StepTable<usize>, times: &[i64], random: &mut Random) {
        table.assert_invariants();
        let asked = times.iter().copied().chain([i64::MIN, i64::MAX]);
        let near = asked.flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
        for time in near.chain((0..50).map(|_| random.between(i64::MIN, i64::MAX))) {
            let expected = times.partition_point(|other| *other <= time);
            assert_eq!(table.find(time), expected, "at {time} among {times:?}");
        }
    }

    #[test]
    fn finds_what_a_search_finds() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let near = random.between(-50, 50);
            let ranges = [
                (near, near + 5),
                (near, near + 300),
                (near << 40, (near + 1) << 40),
                (i64::MIN, i64::MAX),
            ];
            for (from, to) in ranges {
                println!("seed {seed}, [{from}, {to}]");
                let mut times = times(&mut random, from, to);
                let all = [i64::MIN].into_iter().chain(times.iter().copied());
                let steps = all.enumerate().map(|(value, time)| Step::new(time, value));
                let mut table = StepTable::new(steps.collect());
                assert_finds(&table, &times, &mut random);
                while times.len() > 10 && random.below(8) > 0 {
                    let at = usize::try_from(random.below(times.len() as u64)).unwrap();
                    times.remove(at);
                    table.remove(at + 1);
                    assert_finds(&table, &times, &mut random);
                }
            }
        }
    }

    #[test]
    fn finds_what_is_put_at_the_end() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut times = times(&mut random, -1_000, 1_000);
            let all = [i64::MIN].into_iter().chain(times.iter().copied());
            let steps = all.enumerate().map(|(value, time)| Step::new(time, value));
            let mut table = StepTable::new(steps.collect());
            // At even distances, at one instant, or further away each time.
            let (distance, exponent) = (random.between(0, 20), random.below(40));
            for _ in 0..200 {
                if random.below(8) == 0 && !times.is_empty() {
                    times.pop();
                    table.remove(times.len() + 1);
                }
                let last = times.last().copied().unwrap_or(0);
                let further = random.between(0, 2) << random.below(exponent + 1);
                let time = last.saturating_add(distance + further);
                times.push(time);
                table.push(Step::new(time, times.len()));
                println!("seed {seed}, {} steps", times.len());
                for time in [last, time, time.saturating_add(1), i64::MAX] {
                    let expected = times.partition_point(|other| *other <= time);
                    assert_eq!(table.value(time), expected, "at {time} among {times:?}");
                }
            }
            assert_finds(&table, &times, &mut random);
        }
    }

    #[test]
    fn takes_other_values_at_the_same_instants_only() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut times = times(&mut random, -100, 100);
            times.push(i64::MIN);
            times.sort_unstable();
            let steps = |times: &[i64], lift| -> Vec<(i64, usize)> {
                times.iter().copied().zip(lift..).collect()
            };
            let laid_out = |mut steps: Vec<(i64, usize)>| {
                steps.reverse();
                steps.dedup_by_key(|step| step.0);
                let steps = steps.into_iter().rev();
                StepTable::new(steps.map(|(time, value)| Step::new(time, value)).collect())
            };
            let table = laid_out(steps(&times, 0));
            let revalued = table.clone().revalued(steps(&times, 1_000).into_iter());
            let revalued = revalued.unwrap_or_else(|| panic!("seed {seed}: the same instants"));
            assert_eq!(
                revalued.steps,
                laid_out(steps(&times, 1_000)).steps,
                "seed {seed}"
            );
            let mut others = times.clone();
            match random.below(3) {
                0 => others.truncate(times.len() - 1),
                1 => others.push(i64::MAX),
                _ => others.extend(times.first().map(|_| random.between(-100, 100))),
            }
            others.sort_unstable();
            others.dedup();
            times.dedup();
            if others != times {
                let revalued = table.revalued(steps(&others, 0).into_iter());
                assert!(revalued.is_none(), "seed {seed}: {others:?} and {times:?}");
            }
        }
    }

    /// Times that suit no buckets make a push no dearer than a few others, on average.
    #[test]
    fn buckets_are_not_laid_out_again_and_again() {
        let mut table = StepTable::new(vec![Step::new(i64::MIN, 0)]);
        for at in 0..200_000 {
            table.push(Step::new(if at < 50 { 1 << at } else { i64::MAX }, at));
        }
        table.assert_invariants();
    }
}
