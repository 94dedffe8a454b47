//! The epoch table: what is settled, laid out flat, so that a query reads two cache lines of it.
//!
//! ```text
//! buckets   equal spans of time ─┐ how many epochs open before each
//! epochs    (opening, limit) ────┴▶ the few that open in the bucket, compared without a branch
//! ```
//!
//! The tree answers as well, in about a dozen dependent steps. They would fill the window in which
//! the processor looks ahead, and the cache misses of successive queries would no longer overlap:
//! that, and not the steps themselves, costs a query twice its time.
//!
//! The table holds from the beginning of time to the first write since it was built. It is built
//! anew by settling, as soon as settling has replayed as many boundaries as that is worth.

use crate::Overdraft;
use crate::time_buckets::TimeBuckets;

/// Of so many epochs in a bucket all are compared at once; where more crowd, the search is binary.
const AT_ONCE: usize = 3;

/// A stretch of time in which no window opens or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) limit: Limit,
}

impl Epoch {
    /// No stretch at all, and no balance.
    pub(crate) const NONE: Epoch = Epoch {
        first: i64::MAX,
        last: i64::MIN,
        limit: Limit(0),
    };

    #[inline]
    pub(crate) fn contains(&self, time: i64) -> bool {
        self.first <= time && time <= self.last
    }
}

/// What all usage so far must stay below for there to be a balance: the level of a live epoch, and
/// one more under `Carry`, where a balance of 0 is one; 0 where no grant is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u64);

impl Limit {
    #[inline]
    pub(crate) fn new(is_live: bool, level: u64, overdraft: Overdraft) -> Self {
        // Under `Carry` a level is at most all that has been granted, which leaves room for one.
        let limit = level.wrapping_add(least_above(overdraft));
        Limit(if is_live { limit } else { 0 })
    }

    /// The balance after so much usage. Without a branch: whether there is a balance is anybody's
    /// guess, and a wrong guess would throw away the look-ups of the next questions that the
    /// processor has begun.
    #[inline]
    pub(crate) fn balance(self, used: u64, overdraft: Overdraft) -> Option<u64> {
        let balance = self
            .0
            .wrapping_sub(used)
            .wrapping_sub(least_above(overdraft));
        (self.0 > used).then_some(balance)
    }
}

/// By how much the limit of an epoch is above its level.
#[inline]
fn least_above(overdraft: Overdraft) -> u64 {
    u64::from(overdraft == Overdraft::Carry)
}

/// An epoch, which lasts until the next one opens: 16 bytes, four to a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opening {
    time: i64,
    limit: Limit,
}

/// The epochs of a settled timeline, none of them empty.
#[derive(Clone, Debug)]
pub(crate) struct EpochTable {
    /// From the beginning of time on; at last [`AT_ONCE`] that repeat the last one, so that there
    /// is always something to compare with.
    openings: Box<[Opening]>,
    /// Two to four an epoch. The first epoch opens before everything and counts in none.
    buckets: TimeBuckets,
    /// No write has touched what is earlier.
    sound_before: i64,
}

impl EpochTable {
    /// The table of these epochs, by when they open: the first is the beginning of time, and of
    /// those that open at one instant all but the last are empty. At most `len`. `None` where there
    /// is but one. O(m).
    pub(crate) fn new(len: usize, epochs: impl Iterator<Item = (i64, Limit)>) -> Option<Self> {
        let mut openings: Vec<Opening> = Vec::with_capacity(len + AT_ONCE);
        for (time, limit) in epochs {
            match openings.last_mut() {
                Some(last) if last.time == time => last.limit = limit,
                _ => openings.push(Opening { time, limit }),
            }
        }
        let (_, later) = openings.split_first()?;
        let last = *later.last()?;
        u32::try_from(openings.len()).ok()?;
        let times = later.iter().map(|opening| opening.time);
        let buckets = TimeBuckets::new(2 * openings.len(), times);
        let time = i64::MAX;
        openings.extend([Opening { time, ..last }; AT_ONCE]);
        Some(EpochTable {
            openings: openings.into(),
            buckets,
            sound_before: i64::MAX,
        })
    }

    /// The epoch of `time`.
    #[inline]
    fn find(&self, time: i64) -> usize {
        let bucket = self.buckets.bucket_of(time);
        let first = self.buckets.before(bucket);
        let opened: usize = self.openings[first + 1..][..AT_ONCE]
            .iter()
            .map(|opening| usize::from(opening.time <= time))
            .sum();
        if opened == AT_ONCE {
            // Those that open in the bucket, one at least.
            let end = self.buckets.before(bucket + 1);
            let opened = self.openings[first + 1..=end].partition_point(|next| next.time <= time);
            return first + opened;
        }
        first + opened
    }

    /// The limit of the epoch of `time`; `None` where the table does not hold.
    #[inline]
    pub(crate) fn limit(&self, time: i64) -> Option<Limit> {
        (time < self.sound_before).then(|| self.openings[self.find(time)].limit)
    }

    /// The epoch of `time`; `None` where the table does not hold.
    #[inline]
    pub(crate) fn epoch(&self, time: i64) -> Option<Epoch> {
        if time >= self.sound_before {
            return None;
        }
        let index = self.find(time);
        let Opening { time: first, limit } = self.openings[index];
        let next = self.openings[index + 1].time.min(self.sound_before);
        let last = next - 1;
        Some(Epoch { first, last, limit })
    }

    /// Takes note of a write that changes what opens at `time` or later.
    #[inline]
    pub(crate) fn unsettle(&mut self, time: i64) {
        self.sound_before = self.sound_before.min(time);
    }

    /// How many epochs it still answers for. O(log m).
    pub(crate) fn sound_len(&self) -> usize {
        let len = self.openings.len() - AT_ONCE;
        self.openings[..len].partition_point(|opening| opening.time < self.sound_before)
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        size_of_val(self) + size_of_val(&*self.openings) + self.buckets.memory_used()
    }

    /// Panics unless it says of every epoch that it holds what `limit` says.
    pub(crate) fn assert_invariants(&self, limit: impl Fn(i64) -> Option<Limit>) {
        for pair in self.openings.windows(2) {
            let [opening, next] = [pair[0], pair[1]];
            if opening.time < self.sound_before {
                for time in [opening.time, next.time.saturating_sub(1)] {
                    assert_eq!(
                        self.find(time),
                        self.find_binary(time),
                        "the epoch of {time}"
                    );
                }
                assert_eq!(
                    Some(opening.limit),
                    limit(opening.time),
                    "limit of the epoch of {}",
                    opening.time
                );
            }
        }
    }

    fn find_binary(&self, time: i64) -> usize {
        let len = self.openings.len() - AT_ONCE;
        self.openings[..len].partition_point(|opening| opening.time <= time) - 1
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::*;
    use crate::{GpuCredit, Record};

    /// Epochs that open at random between two instants, many at one instant where those are few.
    fn openings(random: &mut Random, from: i64, to: i64) -> Vec<(i64, Limit)> {
        let count = random.between(2, 200);
        let mut times: Vec<i64> = (0..count).map(|_| random.between(from, to)).collect();
        times.push(i64::MIN);
        times.sort_unstable();
        (times.into_iter().zip(1..))
            .map(|(time, limit)| (time, Limit(limit)))
            .collect()
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
                let mut openings = openings(&mut random, from, to);
                // A crowd in one bucket, and one far away.
                openings.extend([(to, Limit(777)), (i64::MAX, Limit(888))]);
                let table = EpochTable::new(openings.len(), openings.iter().copied());
                let table = table.expect("more than one epoch");
                let near_openings = openings
                    .iter()
                    .flat_map(|(time, _)| [time.saturating_sub(1), *time, time.saturating_add(1)]);
                for time in near_openings.chain((0..50).map(|_| random.between(from, to))) {
                    let opened = openings.partition_point(|(opening, _)| *opening <= time);
                    let expected = (time < i64::MAX).then(|| openings[opened - 1].1);
                    assert_eq!(table.limit(time), expected, "seed {seed}, at {time}");
                    let epoch = table.epoch(time);
                    assert_eq!(epoch.map(|epoch| epoch.limit), expected, "seed {seed}");
                    assert!(
                        epoch.is_none_or(|epoch| epoch.contains(time)),
                        "seed {seed}"
                    );
                }
            }
        }
    }

    #[test]
    fn holds_up_to_the_first_write() {
        let openings = [(i64::MIN, 0), (10, 5), (20, 6), (30, 7)];
        let openings = openings.map(|(time, limit)| (time, Limit(limit)));
        let mut table = EpochTable::new(4, openings.into_iter()).expect("four epochs");
        assert_eq!(table.sound_len(), 4);
        table.unsettle(25);
        table.unsettle(28);
        assert_eq!(table.limit(24), Some(Limit(6)));
        assert_eq!(table.limit(25), None);
        assert_eq!(
            table.epoch(22).map(|epoch| (epoch.first, epoch.last)),
            Some((20, 24))
        );
        assert_eq!(table.sound_len(), 3);
    }

    #[test]
    fn stands_after_a_load_and_after_writes_one_by_one() {
        let grant = |start| Record::grant("daily", 10, start, 86_399);
        let mut loaded = GpuCredit::new();
        let records = (0..1_000).map(|day| grant(day * 86_400));
        loaded.extend(records).expect("all fit");
        let mut posted = GpuCredit::new();
        for day in (0..1_000).rev() {
            (posted.add_credit("daily", 10, day * 86_400, 86_399)).expect("all fit");
        }
        posted.settle();
        for account in [loaded, posted] {
            assert_eq!(account.timeline.limit(7), Some(Limit(11)));
            assert_eq!(account.timeline.limit(999 * 86_400), Some(Limit(11)));
        }
    }

    #[test]
    fn needs_more_than_one_epoch() {
        let first = (i64::MIN, Limit(0));
        assert!(EpochTable::new(1, [first].into_iter()).is_none());
    }
}
