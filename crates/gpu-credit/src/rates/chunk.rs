//! Some changes of rate in order.

use super::change::{Change, Key};
use super::line::Line;
use super::narrow::{Narrow, insert};

/// Up to a fixed number of changes in order, and what they add up to.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    changes: Changes,
    total: Line,
}

#[derive(Clone, Debug)]
enum Changes {
    /// If times and rates fit.
    Narrow(Narrow),
    Wide(Vec<Change>),
}

impl Changes {
    fn new(changes: &[Change]) -> Self {
        match Narrow::new(changes) {
            Some(narrow) => Changes::Narrow(narrow),
            None => Changes::Wide(changes.to_vec()),
        }
    }
}

impl Chunk {
    /// O(changes)
    pub(super) fn new(changes: &[Change]) -> Self {
        Chunk {
            changes: Changes::new(changes),
            total: changes.iter().map(|change| change.line()).sum(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.changes {
            Changes::Narrow(changes) => changes.len(),
            Changes::Wide(changes) => changes.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Change {
        match &self.changes {
            Changes::Narrow(changes) => changes.get(index),
            Changes::Wide(changes) => changes[index],
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Change> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// What all changes add up to.
    pub(super) fn total(&self) -> Line {
        self.total
    }

    /// The number of changes before `key`.
    #[inline]
    pub(super) fn rank(&self, key: Key) -> usize {
        match &self.changes {
            Changes::Narrow(changes) => changes.rank(key),
            Changes::Wide(changes) => changes.partition_point(|change| change.key < key),
        }
    }

    /// What the changes up to an instant add up to.
    #[inline]
    pub(super) fn line_at(&self, time: i64) -> Line {
        match &self.changes {
            Changes::Narrow(changes) => changes.line_at(time, self.total),
            Changes::Wide(changes) => {
                let begun = changes.iter().take_while(|change| change.key.time <= time);
                begun.map(|change| change.line()).sum()
            }
        }
    }

    /// Puts a change in its place, in a chunk that is to hold up to `width`.
    pub(super) fn insert(&mut self, change: Change, width: usize) {
        let rank = self.rank(change.key);
        self.total += change.line();
        match &mut self.changes {
            Changes::Narrow(changes) => {
                if !changes.insert(rank, change, width) {
                    let mut all: Vec<Change> = self.iter().collect();
                    all.insert(rank, change);
                    self.changes = Changes::new(&all);
                }
            }
            Changes::Wide(changes) => insert(changes, rank, change, width),
        }
    }

    /// Takes the change at a place out.
    pub(super) fn remove(&mut self, index: usize) -> Change {
        let change = self.get(index);
        match &mut self.changes {
            Changes::Narrow(changes) => changes.remove(index),
            Changes::Wide(changes) => _ = changes.remove(index),
        }
        self.total += -change.line();
        change
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match &self.changes {
            Changes::Narrow(changes) => changes.memory_used(),
            Changes::Wide(changes) => changes.capacity() * size_of::<Change>(),
        }
    }
}
