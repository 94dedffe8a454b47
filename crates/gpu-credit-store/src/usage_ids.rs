//! The identities of an account's usage in its engine, by the entries that posted it.

use std::collections::BTreeMap;

use gpu_credit::UsageId;

use crate::Revision;

/// The usage that the engine was told of, in order of time and then of posting.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageIds {
    ordered: BTreeMap<(i64, Revision), u32>,
    /// Posted since an identity was last asked for: most accounts are never asked.
    recent: Vec<(i64, Revision)>,
}

impl UsageIds {
    pub(crate) fn post(&mut self, timestamp: i64, revision: Revision) {
        self.recent.push((timestamp, revision));
    }

    /// How much usage the engine was told of.
    pub(crate) fn len(&self) -> usize {
        self.ordered.len() + self.recent.len()
    }

    /// Bytes of memory that they take, about.
    pub(crate) fn memory_used(&self) -> usize {
        const ORDERED_BYTES: usize = 40;
        self.ordered.len() * ORDERED_BYTES + self.recent.capacity() * size_of::<(i64, Revision)>()
    }

    /// The identity of the usage that an entry posted; `None` if it posted none at that instant.
    /// O(log n), and as much for each that was posted since the last time.
    pub(crate) fn get(&mut self, timestamp: i64, revision: Revision) -> Option<UsageId> {
        for entry in std::mem::take(&mut self.recent) {
            self.number(entry);
        }
        let nth = *self.ordered.get(&(timestamp, revision))?;
        Some(UsageId { timestamp, nth })
    }

    /// The entries of all usage, in order of time and then of posting: of an instant the first is that of
    /// identity 0, and so on. O(n log n)
    pub(crate) fn in_order(&self) -> Vec<(i64, Revision)> {
        let all = self.ordered.keys().chain(&self.recent);
        let mut all: Vec<_> = all.copied().collect();
        all.sort_unstable();
        all
    }

    /// Forgets what was before `until` or does not stand, as the engine that comes out of closing the
    /// books has never been told of it.
    pub(crate) fn close(&mut self, until: i64, stands: impl Fn(Revision) -> bool) {
        let ordered = std::mem::take(&mut self.ordered).into_keys();
        let all: Vec<_> = ordered.chain(std::mem::take(&mut self.recent)).collect();
        let kept = all.into_iter();
        self.recent = kept
            .filter(|(timestamp, revision)| *timestamp >= until && stands(*revision))
            .collect();
    }

    /// Numbers the usage of an entry that is later than those of its instant so far.
    fn number(&mut self, (timestamp, revision): (i64, Revision)) {
        let instant = (timestamp, Revision::START)..(timestamp, revision);
        let last = self.ordered.range(instant).next_back();
        let nth = last.map_or(0, |(_, nth)| nth + 1);
        self.ordered.insert((timestamp, revision), nth);
    }
}
