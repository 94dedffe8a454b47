//! Buckets of time over the group heads, so that finding a group reads two lines, not ten.

/// Equal spans of time, eight to sixteen a group, over the range of the heads; the first and
/// the last bucket reach to the ends of time. If heads crowd into one bucket, the search
/// within it is binary.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    start: i64,
    /// A bucket spans `1 << shift` instants.
    shift: u32,
    /// How many heads are in the buckets before each one; and at the end, in all.
    firsts: Vec<u32>,
    /// How many heads there were when the spans were chosen.
    built_for: usize,
}

impl Buckets {
    /// Buckets for `heads`, in order and at least one. O(n)
    pub(super) fn new(heads: &[i64]) -> Self {
        let start = heads[1.min(heads.len() - 1)];
        let range = heads[heads.len() - 1].abs_diff(start);
        let count = (8 * heads.len()).next_power_of_two();
        let shift = (u64::BITS - range.leading_zeros()).saturating_sub(count.ilog2());
        let mut buckets = Self {
            start,
            shift,
            firsts: vec![0; count + 1],
            built_for: heads.len(),
        };
        for head in heads {
            let bucket = buckets.bucket_of(*head);
            buckets.firsts[bucket + 1] += 1;
        }
        let mut first = 0;
        for count in &mut buckets.firsts {
            first += *count;
            *count = first;
        }
        buckets
    }

    #[inline]
    fn bucket_of(&self, time: i64) -> usize {
        let last = self.firsts.len() - 2;
        let distance = time.max(self.start).abs_diff(self.start) >> self.shift;
        usize::try_from(distance).map_or(last, |bucket| bucket.min(last))
    }

    /// The last of `heads` at or before `time`; the first is before everything.
    #[inline(always)]
    pub(super) fn find(&self, heads: &[i64], time: i64) -> usize {
        let bucket = self.bucket_of(time);
        let first = self.firsts[bucket] as usize;
        let end = self.firsts[bucket + 1] as usize;
        if end > first + 1 {
            return first + heads[first..end].partition_point(|head| *head <= time) - 1;
        }
        // No head or one: if there is none, the next is of a later bucket, and after `time`.
        first + usize::from(heads.get(first).is_some_and(|head| *head <= time)) - 1
    }

    /// Counts a new head, which is among `heads` by now.
    pub(super) fn insert(&mut self, head: i64, heads: &[i64]) {
        if heads.len() > self.built_for + self.built_for / 4 {
            *self = Self::new(heads);
            return;
        }
        let bucket = self.bucket_of(head);
        for first in &mut self.firsts[bucket + 1..] {
            *first += 1;
        }
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.firsts.capacity() * size_of::<u32>()
    }

    /// Checks every count.
    pub(super) fn assert_invariants(&self, heads: &[i64]) {
        for (bucket, first) in self.firsts.iter().enumerate() {
            let before = heads.partition_point(|head| self.bucket_of(*head) < bucket);
            assert_eq!(*first as usize, before, "heads before bucket {bucket}");
        }
    }
}
