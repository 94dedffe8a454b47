//! Live grants of priorities other than 0, which most accounts never have.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BinaryHeap};

use super::live::LiveGrant;

/// Grants by priority: at least one, and no heap is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranked {
    by_priority: BTreeMap<i16, BinaryHeap<LiveGrant>>,
    len: usize,
}

impl Ranked {
    /// These grants, if there are any. O(grants).
    pub(super) fn new(grants: &[LiveGrant]) -> Option<Box<Self>> {
        let mut ranked: Option<Box<Ranked>> = None;
        for same in grants.chunk_by(|one, other| one.priority == other.priority) {
            let ranked = ranked.get_or_insert_default();
            let heap = ranked.by_priority.entry(same[0].priority).or_default();
            heap.extend(same);
            ranked.len += same.len();
        }
        ranked
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
    pub(super) fn least(&self) -> i16 {
        let first = self.by_priority.first_key_value();
        *first.expect("there is a grant").0
    }

    /// Of one priority the grant that is drawn first.
    pub(super) fn peek(&self, priority: i16) -> Option<&LiveGrant> {
        self.by_priority.get(&priority)?.peek()
    }

    /// Takes that grant out, and all if nothing is left then. O(log grants).
    pub(super) fn pop(all: &mut Option<Box<Ranked>>, priority: i16) -> Option<LiveGrant> {
        let ranked = all.as_mut()?;
        let Entry::Occupied(mut heap) = ranked.by_priority.entry(priority) else {
            return None;
        };
        let grant = heap.get_mut().pop();
        if heap.get().is_empty() {
            heap.remove();
        }
        ranked.len -= usize::from(grant.is_some());
        if ranked.len == 0 {
            *all = None;
        }
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
