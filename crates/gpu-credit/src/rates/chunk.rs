//! Some changes of rate in order.

use super::change::{Change, Key};
use super::line::Line;
use super::steps::Steps;

/// Up to 64 changes in order, as narrow as times and rates allow.
#[expect(
    clippy::large_enum_variant,
    reason = "a question reads those of a large account where they stand"
)]
#[derive(Clone, Debug)]
pub(super) enum Chunk {
    Short(Steps<i16>),
    Narrow(Box<Steps<i32>>),
    Wide(Box<Steps<i64>>),
}

macro_rules! steps {
    ($chunk:ident, $steps:ident => $result:expr) => {
        match $chunk {
            Chunk::Short($steps) => $result,
            Chunk::Narrow($steps) => $result,
            Chunk::Wide($steps) => $result,
        }
    };
}

impl Chunk {
    /// O(changes)
    pub(super) fn new(changes: &[Change]) -> Self {
        let middle = changes.get(changes.len() / 2);
        let middle = middle.map_or(0, |change| change.key.time);
        if let Some(steps) = Steps::new(middle, changes) {
            Chunk::Short(steps)
        } else if let Some(steps) = Steps::new(middle, changes) {
            Chunk::Narrow(Box::new(steps))
        } else {
            let steps = Steps::new(0, changes);
            Chunk::Wide(Box::new(steps.expect("all times and rates fit")))
        }
    }

    pub(super) fn len(&self) -> usize {
        steps!(self, steps => steps.len())
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Change {
        steps!(self, steps => steps.get(index))
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Change> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// What all changes add up to. O(changes)
    pub(super) fn total(&self) -> Line {
        self.iter().map(Change::line).sum()
    }

    /// The number of changes before `key`.
    #[inline]
    pub(super) fn rank(&self, key: Key) -> usize {
        steps!(self, steps => steps.rank(key))
    }

    /// What is used through a tick by the changes up to it (wrapping).
    #[inline]
    pub(super) fn through(&self, time: i64) -> u64 {
        steps!(self, steps => steps.through(time))
    }

    /// Puts a change in its place. There is room.
    pub(super) fn insert(&mut self, change: Change) {
        let rank = self.rank(change.key);
        if !steps!(self, steps => steps.insert(rank, change)) {
            let mut all: Vec<Change> = self.iter().collect();
            all.insert(rank, change);
            *self = Chunk::new(&all);
        }
    }

    /// Takes the change at a place out.
    pub(super) fn remove(&mut self, index: usize) -> Change {
        let change = self.get(index);
        steps!(self, steps => steps.remove(index));
        change
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match self {
            Chunk::Short(steps) => steps.memory_used(),
            Chunk::Narrow(steps) => size_of_val(&**steps) + steps.memory_used(),
            Chunk::Wide(steps) => size_of_val(&**steps) + steps.memory_used(),
        }
    }
}
