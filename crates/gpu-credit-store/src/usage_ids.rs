//! The identities of an account's usage in its engine, by the entries that posted it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gpu_credit::UsageId;

use crate::Revision;

/// Usage that is numbered one by one when an identity is asked for; more is sorted at once.
#[cfg(not(test))]
const ONE_BY_ONE_MAX: usize = 1_024;
#[cfg(test)]
const ONE_BY_ONE_MAX: usize = 4;

/// The usage that the engine was told of, in order of time and then of posting.
///
/// ```text
///   post ──▶ recent ──▶ numbered, if it is little when an identity is asked for
///                   └─▶ sorted, with all the rest, if it is much
/// ```
///
/// Most accounts are never asked. To sort a million that are in order of time, or nearly, takes some milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageIds {
    /// Of an instant, the first has identity 0, and so on.
    sorted: Arc<Vec<(i64, Revision)>>,
    /// Posted after what is sorted, with their identities.
    numbered: BTreeMap<(i64, Revision), u32>,
    /// Posted since an identity was last asked for.
    recent: Vec<(i64, Revision)>,
}

impl UsageIds {
    pub(crate) fn post(&mut self, timestamp: i64, revision: Revision) {
        self.recent.push((timestamp, revision));
    }

    /// How much usage the engine was told of.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len() + self.numbered.len() + self.recent.len()
    }

    /// Bytes of memory that they take, about.
    pub(crate) fn memory_used(&self) -> usize {
        const NUMBERED_BYTES: usize = 40;
        self.numbered.len() * NUMBERED_BYTES
            + (self.sorted.capacity() + self.recent.capacity()) * size_of::<(i64, Revision)>()
    }

    /// The identity of the usage that an entry posted; `None` if it posted none at that instant.
    /// O(log n), and as much for each that was posted since the last time; O(n) if those are many.
    pub(crate) fn get(&mut self, timestamp: i64, revision: Revision) -> Option<UsageId> {
        if self.recent.len() > ONE_BY_ONE_MAX {
            self.sorted = Arc::new(self.in_order());
            self.numbered.clear();
            self.recent = Vec::new();
        }
        for entry in std::mem::take(&mut self.recent) {
            self.number(entry);
        }
        let of = (timestamp, revision);
        if let Some(nth) = self.numbered.get(&of) {
            return Some(UsageId {
                timestamp,
                nth: *nth,
            });
        }
        let place = self.sorted.binary_search(&of).ok()?;
        Some(UsageId {
            timestamp,
            nth: nth(place - self.sorted_before(timestamp)),
        })
    }

    /// The entries of all usage, in order of time and then of posting: of an instant the first is that of
    /// identity 0, and so on. O(n log n), and O(n) if they were posted in that order.
    pub(crate) fn in_order(&self) -> Vec<(i64, Revision)> {
        let all = self
            .sorted
            .iter()
            .chain(self.numbered.keys())
            .chain(&self.recent);
        let mut all: Vec<_> = all.copied().collect();
        // This one finds runs that are sorted.
        all.sort();
        all
    }

    /// Forgets what was before `until` or does not stand, as the engine that comes out of closing the
    /// books has never been told of it.
    pub(crate) fn close(&mut self, until: i64, stands: impl Fn(Revision) -> bool) {
        let kept = self
            .in_order()
            .into_iter()
            .filter(|(timestamp, revision)| *timestamp >= until && stands(*revision));
        *self = UsageIds {
            recent: kept.collect(),
            ..UsageIds::default()
        };
    }

    /// Numbers the usage of an entry that is later than those of its instant so far.
    fn number(&mut self, (timestamp, revision): (i64, Revision)) {
        let instant = (timestamp, Revision::START)..(timestamp, revision);
        let last = self.numbered.range(instant).next_back();
        let next = match last {
            Some((_, last)) => last + 1,
            None => {
                let after = |(at, _): &(i64, Revision)| *at <= timestamp;
                nth(self.sorted.partition_point(after) - self.sorted_before(timestamp))
            }
        };
        self.numbered.insert((timestamp, revision), next);
    }

    /// How many of those that are sorted are before an instant.
    fn sorted_before(&self, timestamp: i64) -> usize {
        self.sorted.partition_point(|(at, _)| *at < timestamp)
    }
}

/// The identity of usage among that of its instant.
fn nth(place: usize) -> u32 {
    u32::try_from(place).expect("an account holds fewer records than 2^32")
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::*;

    #[test]
    fn an_identity_is_the_place_among_the_usage_of_its_instant_in_posting_order() {
        let mut random = Random::new(29);
        for _ in 0..200 {
            let mut ids = UsageIds::default();
            let mut posted: Vec<(i64, Revision)> = Vec::new();
            for revision in 1..60 {
                let timestamp = random.between(0, 5);
                ids.post(timestamp, Revision::new(revision));
                posted.push((timestamp, Revision::new(revision)));
                if random.below(7) == 0 {
                    check(&mut ids, &posted);
                }
                if random.below(40) == 0 {
                    let until = random.between(0, 5);
                    let stands = |revision: Revision| !revision.get().is_multiple_of(3);
                    ids.close(until, stands);
                    posted.retain(|(at, revision)| *at >= until && stands(*revision));
                }
            }
            check(&mut ids, &posted);
        }
    }

    fn check(ids: &mut UsageIds, posted: &[(i64, Revision)]) {
        assert_eq!(ids.len(), posted.len());
        for (place, (timestamp, revision)) in posted.iter().enumerate() {
            let nth = posted[..place].iter().filter(|(at, _)| at == timestamp);
            let nth = u32::try_from(nth.count()).unwrap();
            let timestamp = *timestamp;
            let expected = Some(UsageId { timestamp, nth });
            assert_eq!(ids.get(timestamp, *revision), expected);
        }
        assert_eq!(ids.get(6, Revision::END), None);
    }
}
