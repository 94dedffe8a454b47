//! Checkpoints: remembered remainders at some boundaries. They change cost, never meaning.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::boundary::Key;
use super::live::{Live, LiveGrant, Remainders};

/// What was left of each grant just before a boundary. The deficit is not here: the tree knows
/// the balance.
#[derive(Clone, Debug, Default)]
struct Checkpoint {
    remainders: Remainders,
    /// Of what is left: see [`Live::checksum`].
    checksum: u64,
}

impl Checkpoint {
    /// Remembers this in place of what it remembered before, and in the same memory if that fits.
    fn set(&mut self, live: &Live) {
        let capacity = self.remainders.capacity();
        if capacity < live.len() || (self.remainders.spilled() && capacity / 2 > live.len()) {
            // Exactly as many as there are, here and in a clone.
            self.remainders = Remainders::with_capacity(live.len());
        }
        self.remainders.clear();
        live.copy_to(&mut self.remainders);
        self.checksum = live.checksum();
    }

    /// Heap bytes.
    fn spilled(&self) -> usize {
        if self.remainders.spilled() {
            self.remainders.capacity() * size_of::<LiveGrant>()
        } else {
            0
        }
    }

    /// Whether exactly this is left. O(1) if the number or the first grant differs, O(live)
    /// if the checksum does, which is nearly always, else O(live log live) at most: only what
    /// does not stand in the same place is sorted.
    fn agrees(&self, live: &Live) -> bool {
        if self.remainders.len() != live.len()
            || self.remainders.first() != live.first().as_ref()
            || self.checksum != live.checksum()
        {
            return false;
        }
        let pairs = self.remainders.iter().zip(live.remainders());
        let moved = pairs.filter(|(remembered, grant)| remembered != grant);
        let (mut remembered, mut remainders): (Vec<LiveGrant>, Vec<LiveGrant>) = moved.unzip();
        remembered.sort_unstable_by_key(|grant| grant.grant);
        remainders.sort_unstable_by_key(|grant| grant.grant);
        remembered == remainders
    }
}

/// The checkpoints of a timeline, by the boundary before which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    by_key: BTreeMap<Key, Checkpoint>,
    /// Heap bytes of the remainders that are too many to stand inline.
    spilled: usize,
}

impl Clone for Checkpoints {
    /// A clone has no memory to spare, so that its bytes are counted anew.
    fn clone(&self) -> Self {
        let by_key = self.by_key.clone();
        let spilled = by_key.values().map(Checkpoint::spilled).sum();
        Checkpoints { by_key, spilled }
    }
}

impl Checkpoints {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The last checkpoint before or at `key`, with what was left there.
    pub(crate) fn at_or_before(&self, key: Key) -> Option<(Key, &[LiveGrant])> {
        let (key, checkpoint) = self.by_key.range(..=key).next_back()?;
        Some((*key, &checkpoint.remainders))
    }

    /// The first checkpoint after `key`.
    pub(crate) fn after(&self, key: Key) -> Option<Key> {
        let range = (Bound::Excluded(key), Bound::Unbounded);
        self.by_key.range(range).next().map(|(key, _)| *key)
    }

    /// Whether the checkpoint at `key` remembers exactly this.
    pub(crate) fn agrees(&self, key: Key, live: &Live) -> bool {
        (self.by_key.get(&key)).is_some_and(|checkpoint| checkpoint.agrees(live))
    }

    /// Remembers what is left, in place of what was remembered there before.
    pub(crate) fn store(&mut self, key: Key, live: &Live) {
        let checkpoint = self.by_key.entry(key).or_default();
        self.spilled -= checkpoint.spilled();
        checkpoint.set(live);
        self.spilled += checkpoint.spilled();
    }

    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(old) = self.by_key.remove(&key) {
            self.spilled -= old.spilled();
        }
    }

    /// Forgets all checkpoints after `key`.
    pub(crate) fn forget_after(&mut self, key: Key) {
        let Some(first) = self.after(key) else {
            return;
        };
        for checkpoint in self.by_key.split_off(&first).values() {
            self.spilled -= checkpoint.spilled();
        }
    }

    /// Heap bytes: nodes of the map have room for 11 and are taken as two thirds full.
    pub(crate) fn memory_used(&self) -> usize {
        let entry = size_of::<Key>() + size_of::<Checkpoint>();
        self.by_key.len().div_ceil(7) * 11 * entry + self.spilled
    }

    /// Every checkpoint with what it remembers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &[LiveGrant])> {
        (self.by_key.iter()).map(|(key, checkpoint)| (*key, &checkpoint.remainders[..]))
    }
}
