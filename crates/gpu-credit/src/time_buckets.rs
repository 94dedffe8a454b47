//! Equal spans of time over the range of many times, so that a search among these reads two lines
//! of memory instead of ten.
//!
//! The first bucket and the last reach to the ends of time. Times that crowd into one bucket are
//! its user's to search.

/// One in so many times at either end may be far away from the others.
const FAR_SHARE: usize = 64;

/// How many of some times are before each bucket.
#[derive(Clone, Debug)]
pub(crate) struct TimeBuckets {
    /// When the first bucket begins.
    start: i64,
    /// The buckets of an instant, times 2^64: no division says which one an instant is in.
    rate: u64,
    /// The last bucket.
    last: usize,
    /// How many times are in the buckets before each one; and at the end, in all.
    before: Box<[u32]>,
}

impl TimeBuckets {
    /// So many buckets, at least one, for `times`, which are in order and fewer than 2^32. O(n)
    ///
    /// They span all but one in 64 of the times at either end, so that a few far away do not crowd all
    /// others together.
    pub(crate) fn new(buckets: usize, times: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        assert!(
            u32::try_from(times.len()).is_ok(),
            "there are fewer than 2^32 times"
        );
        let count = buckets.max(1);
        let far = times.len() / FAR_SHARE;
        let start = times.clone().nth(far).unwrap_or(0); // Any will do if there are no times.
        let last = times.clone().nth(times.len().saturating_sub(far + 1));
        let instants = u128::from(last.unwrap_or(start).abs_diff(start)) + 1;
        let rate = ((count as u128) << u64::BITS) / instants;
        let mut buckets = Self {
            start,
            rate: u64::try_from(rate).unwrap_or(u64::MAX),
            last: count - 1,
            before: vec![0; count + 1].into(),
        };
        times.for_each(|time| {
            let bucket = buckets.bucket_of(time);
            buckets.before[bucket + 1] += 1;
        });
        let mut before = 0;
        for count in &mut buckets.before {
            before += *count;
            *count = before;
        }
        buckets
    }

    /// The bucket of `time`.
    #[inline]
    pub(crate) fn bucket_of(&self, time: i64) -> usize {
        let distance = time.max(self.start).abs_diff(self.start);
        let bucket = (u128::from(distance) * u128::from(self.rate)) >> u64::BITS;
        (bucket as u64).min(self.last as u64) as usize
    }

    /// How many times are in earlier buckets. Of the number of buckets: all.
    #[inline]
    pub(crate) fn before(&self, bucket: usize) -> usize {
        self.before[bucket] as usize
    }

    /// Counts one more time. The spans stay as they are. O(buckets)
    pub(crate) fn insert(&mut self, time: i64) {
        let bucket = self.bucket_of(time);
        for before in &mut self.before[bucket + 1..] {
            *before += 1;
        }
    }

    /// Counts one time less. O(buckets)
    pub(crate) fn remove(&mut self, time: i64) {
        let bucket = self.bucket_of(time);
        for before in &mut self.before[bucket + 1..] {
            *before -= 1;
        }
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        size_of_val(&*self.before)
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
