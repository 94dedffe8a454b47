//! Equal spans of time over the range of many times, so that a search among these reads two lines
//! of memory instead of ten.
//!
//! The first bucket and the last reach to the ends of time. Times that crowd into one bucket are
//! its user's to search.

/// One in so many times at either end may be far away from the others.
const FAR_SHARE: usize = 64;

/// Buckets go on from the first time and up to the last one as long as there are no more than so many for
/// each time.
const SPARSE: usize = 2;

/// More times than so many for each bucket are a crowd.
const CROWDED: usize = 2;

/// How many of some times are before each bucket.
#[derive(Clone, Debug)]
pub(crate) struct TimeBuckets {
    /// When the first bucket begins.
    start: i64,
    /// The buckets of an instant, times 2^64: no division says which one an instant is in.
    rate: u64,
    /// The last bucket.
    last: usize,
    /// Whether there are times beyond the span of the last bucket, which counts them.
    is_cut: bool,
    /// How many times are in the buckets before each one; and at the end, in all.
    before: Vec<u32>,
    /// How many times there were when the buckets were laid out.
    built_for: usize,
}

impl TimeBuckets {
    /// About so many buckets for `times`, which are in order and fewer than 2^32. O(n)
    ///
    /// Each spans as much as if all but one in 64 of the times at either end shared them, so that a few far
    /// away do not crowd all others together. Those ends have buckets of their own unless they are far.
    pub(crate) fn new(buckets: usize, times: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        assert!(
            u32::try_from(times.len()).is_ok(),
            "there are fewer than 2^32 times"
        );
        let count = buckets.max(1);
        let far = times.len() / FAR_SHARE;
        let nth = |at: usize| times.clone().nth(at);
        let start = nth(far).unwrap_or(0); // Any will do if there are no times.
        let last = nth(times.len().saturating_sub(far + 1)).unwrap_or(start);
        let earliest = nth(0).unwrap_or(start);
        let latest = nth(times.len().saturating_sub(1)).unwrap_or(start);
        let instants = u128::from(last.abs_diff(start)) + 1;
        let rate = ((count as u128) << u64::BITS) / instants;
        let mut buckets = Self {
            start,
            rate: u64::try_from(rate).unwrap_or(u64::MAX),
            last: 0,
            is_cut: false,
            before: vec![0],
            built_for: times.len(),
        };
        let earlier = buckets.reach_back(earliest, count);
        buckets.last = buckets.bucket_up_to(earlier + count - 1, last);
        buckets.reach(latest, count);
        buckets.count(times, 0);
        buckets
    }

    /// Lets the first bucket be that of `time`, the earliest, unless there would be too many for so many
    /// times. By how many there are more.
    fn reach_back(&mut self, time: i64, times: usize) -> usize {
        let distance = u128::from(self.start.abs_diff(time));
        let earlier = (distance * u128::from(self.rate)).div_ceil(1 << u64::BITS);
        match usize::try_from(earlier) {
            Ok(earlier) if earlier <= (SPARSE - 1) * times => {
                self.start = time;
                earlier
            }
            _ => 0,
        }
    }

    /// Lets the last bucket be that of `time`, the latest, unless there would be too many for so many
    /// times.
    fn reach(&mut self, time: i64, times: usize) {
        let many = SPARSE * times;
        let bucket = self.bucket_up_to(many + 1, time);
        self.is_cut |= bucket > many;
        if !self.is_cut {
            self.last = self.last.max(bucket);
        }
    }

    /// Counts more times, none of which is before those that are counted: so many. The count of all is
    /// not there before, and there after.
    fn count(&mut self, times: impl Iterator<Item = i64>, counted: u32) {
        let first = self.before.len();
        self.before.resize(self.last + 2, 0);
        for time in times {
            let bucket = self.bucket_of(time);
            self.before[bucket + 1] += 1;
        }
        let mut before = counted;
        for count in &mut self.before[first..] {
            before += *count;
            *count = before;
        }
    }

    /// The bucket of `time`.
    #[inline]
    pub(crate) fn bucket_of(&self, time: i64) -> usize {
        self.bucket_up_to(self.last, time)
    }

    /// The bucket of `time` if `last` were the last.
    #[inline]
    fn bucket_up_to(&self, last: usize, time: i64) -> usize {
        let distance = time.max(self.start).abs_diff(self.start);
        let bucket = (u128::from(distance) * u128::from(self.rate)) >> u64::BITS;
        (bucket as u64).min(last as u64) as usize
    }

    /// How many times are in earlier buckets. Of the number of buckets: all.
    #[inline]
    pub(crate) fn before(&self, bucket: usize) -> usize {
        self.before[bucket] as usize
    }

    /// Counts one more time in the last bucket; no other is later.
    #[inline]
    pub(crate) fn push(&mut self) {
        self.before[self.last + 1] += 1;
    }

    /// Goes on with buckets for the last times up to `latest`, which were [pushed](Self::push).
    /// Amortised O(1) for each
    pub(crate) fn go_on(&mut self, latest: i64, last: impl ExactSizeIterator<Item = i64>) {
        let counted = self.before.pop().expect("the count of all stands last");
        let later = u32::try_from(last.len()).expect("they are among these");
        self.reach(latest, counted as usize);
        self.count(last, counted - later);
    }

    /// Ends with the bucket of `time`, which is the latest.
    pub(crate) fn end_at(&mut self, time: i64) {
        self.last = self.bucket_of(time);
        self.before.truncate(self.last + 2);
    }

    /// Whether buckets laid out anew would suit the times better, which have grown by a quarter since.
    #[inline]
    pub(crate) fn are_outgrown(&self) -> bool {
        let is_crowded = self.is_cut || self.times() > CROWDED * (self.last + 1);
        is_crowded && self.have_grown()
    }

    /// Whether times have grown by a quarter since the buckets were laid out.
    #[inline]
    pub(crate) fn have_grown(&self) -> bool {
        self.times() > self.built_for + self.built_for / 4
    }

    /// How many times there are.
    #[inline]
    fn times(&self) -> usize {
        self.before(self.last + 1)
    }

    /// Counts one more time. The spans stay as they are. O(later buckets)
    pub(crate) fn insert(&mut self, time: i64) {
        let bucket = self.bucket_of(time);
        for before in &mut self.before[bucket + 1..] {
            *before += 1;
        }
    }

    /// Counts one time less. O(later buckets)
    pub(crate) fn remove(&mut self, time: i64) {
        let bucket = self.bucket_of(time);
        for before in &mut self.before[bucket + 1..] {
            *before -= 1;
        }
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.before.capacity() * size_of::<u32>()
    }

    /// Checks every count against the times, which are in order.
    pub(crate) fn assert_invariants(&self, times: &[i64]) {
        for (bucket, before) in self.before.iter().enumerate() {
            let expected = times.partition_point(|time| self.bucket_of(*time) < bucket);
            assert_eq!(*before as usize, expected, "times before bucket {bucket}");
        }
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::TimeBuckets;

    /// The first of them shared one bucket, in which a question had to search.
    #[test]
    fn times_at_even_distances_stand_in_buckets_of_their_own() {
        let times = (0..1_000_i32).map(|at| i64::from(5_000 + at * 70));
        let buckets = TimeBuckets::new(1_000, times);
        for bucket in 0..=buckets.last {
            let counted = buckets.before(bucket + 1) - buckets.before(bucket);
            assert!(counted <= 2, "{counted} times in bucket {bucket}");
        }
    }

    #[test]
    fn count_what_is_before_each_bucket() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let near = random.between(-50, 50);
            let ranges = [
                (near, near),
                (near, near + 300),
                (near << 40, (near + 1) << 40),
                (i64::MIN, i64::MAX),
            ];
            for (from, to) in ranges {
                let count = random.below(60);
                let mut times: Vec<i64> = (0..count).map(|_| random.between(from, to)).collect();
                times.sort_unstable();
                let wanted = usize::try_from(random.below(200)).unwrap();
                let mut buckets = TimeBuckets::new(wanted, times.iter().copied());
                for _ in 0..20 {
                    let time = random.between(from.saturating_sub(9), to.saturating_add(9));
                    buckets.insert(time);
                    times.insert(times.partition_point(|other| *other <= time), time);
                    println!("seed {seed}, [{from}, {to}]");
                    buckets.assert_invariants(&times);
                    if random.below(2) == 0 {
                        let at = usize::try_from(random.below(times.len() as u64)).unwrap();
                        buckets.remove(times.remove(at));
                        buckets.assert_invariants(&times);
                    }
                }
            }
        }
    }
}
