//! Live grants of priorities other than 0, which most accounts never have.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BinaryHeap};

use super::live::LiveGrant;

/// Grants by priority; no heap is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranked {
    by_priority: BTreeMap<i16, BinaryHeap<LiveGrant>>,
    len: usize,
}

impl Ranked {
    /// These grants, those of one priority together. O(grants).
    pub(super) fn new(grants: &[LiveGrant]) -> Self {
        let same = grants.chunk_by(|one, other| one.priority == other.priority);
        Ranked {
            by_priority: same
                .map(|same| (same[0].priority, same.to_vec().into()))
                .collect(),
            len: grants.len(),
        }
    }

    /// Adds a grant. O(log grants).
    pub(super) fn push(&mut self, grant: LiveGrant) {
        self.by_priority
            .entry(grant.priority)
            .or_default()
            .push(grant);
        self.len += 1;
    }

    /// The least priority.
    pub(super) fn least(&self) -> Option<i16> {
        self.by_priority.keys().next().copied()
    }

    /// Takes out the grant that is drawn first. O(log grants).
    pub(super) fn pop(&mut self) -> Option<LiveGrant> {
        let least = self.least()?;
        self.pop_if(least, |_| true)
    }

    /// Takes out the grant of a priority that is drawn first, if it is a certain one. O(log grants).
    pub(super) fn pop_if(
        &mut self,
        priority: i16,
        is_it: impl Fn(&LiveGrant) -> bool,
    ) -> Option<LiveGrant> {
        let Entry::Occupied(mut heap) = self.by_priority.entry(priority) else {
            return None;
        };
        if !heap.get().peek().is_some_and(is_it) {
            return None;
        }
        let grant = heap.get_mut().pop();
        if heap.get().is_empty() {
            heap.remove();
        }
        self.len -= 1;
        grant
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All grants, in order of priority; those of one priority in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &LiveGrant> {
        self.by_priority.values().flatten()
    }

    /// Heap bytes: nodes of the map have room for 11 and are taken as two thirds full.
    pub(super) fn memory_used(&self) -> usize {
        let entry = size_of::<(i16, BinaryHeap<LiveGrant>)>();
        let grants = self.by_priority.values().map(BinaryHeap::capacity);
        size_of::<Self>()
            + self.by_priority.len().div_ceil(7) * 11 * entry
            + grants.sum::<usize>() * size_of::<LiveGrant>()
    }
}
