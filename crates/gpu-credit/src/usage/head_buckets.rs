//! What finds the group of a time: buckets of time over the heads of the groups.

use crate::time_buckets::TimeBuckets;

/// Eight to sixteen buckets a group. The head of the first group is before everything and counts
/// in none. If heads crowd into one bucket, the search within it is binary.
#[derive(Clone, Debug)]
pub(super) struct HeadBuckets {
    buckets: TimeBuckets,
}

impl HeadBuckets {
    /// Buckets for `heads`, in order and at least one. O(n)
    pub(super) fn new(heads: &[i64]) -> Self {
        Self {
            buckets: TimeBuckets::new(8 * heads.len(), heads[1..].iter().copied()),
        }
    }

    /// The last of `heads` at or before `time`; the first is before everything.
    #[inline(always)]
    pub(super) fn find(&self, heads: &[i64], time: i64) -> usize {
        let bucket = self.buckets.bucket_of(time);
        let first = self.buckets.before(bucket);
        let end = self.buckets.before(bucket + 1);
        if end > first + 1 {
            return first + heads[first + 1..=end].partition_point(|head| *head <= time);
        }
        // No head or one: if there is none, the next is of a later bucket, and after `time`.
        first + usize::from(heads.get(first + 1).is_some_and(|head| *head <= time))
    }

    /// Counts a new head, which is among `heads` by now, and not the first.
    pub(super) fn insert(&mut self, head: i64, heads: &[i64]) {
        self.buckets.insert(head);
        if self.buckets.have_grown() {
            *self = Self::new(heads);
        }
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.buckets.memory_used()
    }

    /// Checks every count.
    pub(super) fn assert_invariants(&self, heads: &[i64]) {
        self.buckets.assert_invariants(&heads[1..]);
    }
}
