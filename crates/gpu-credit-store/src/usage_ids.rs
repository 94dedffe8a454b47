//! The places of an account's usage among that of one instant, by the entries that posted it.

use std::collections::BTreeSet;

use crate::Sequence;

/// The usage that stands, in order of time and then of posting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    ordered: BTreeSet<(i64, Sequence)>,
    /// Posted since a place was last asked for: most accounts are never asked.
    recent: Vec<(i64, Sequence)>,
}

impl Places {
    pub(crate) fn post(&mut self, timestamp: i64, sequence: Sequence) {
        self.recent.push((timestamp, sequence));
    }

    /// How much usage of that instant was posted before. O(log n), a pass over the usage of the
    /// instant, and what was posted since the last time.
    pub(crate) fn place(&mut self, timestamp: i64, sequence: Sequence) -> usize {
        self.ordered.extend(self.recent.drain(..));
        let before = (timestamp, Sequence::START)..(timestamp, sequence);
        self.ordered.range(before).count()
    }

    pub(crate) fn retract(&mut self, timestamp: i64, sequence: Sequence) {
        self.ordered.extend(self.recent.drain(..));
        self.ordered.remove(&(timestamp, sequence));
    }

    /// Forgets what was before `until`.
    pub(crate) fn close(&mut self, until: i64) {
        self.recent.retain(|(timestamp, _)| *timestamp >= until);
        self.ordered = self.ordered.split_off(&(until, Sequence::START));
    }
}
