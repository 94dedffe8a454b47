//! Some changes of rate in order.

use super::change::{Change, Key, Narrow};
use super::line::Line;

/// Up to a fixed number of changes in order, and what they add up to.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    changes: Changes,
    total: Line,
}

/// Distances from an origin (frame of reference) in 4 bytes, and rates in 4, if they fit.
#[derive(Clone, Debug)]
enum Changes {
    Narrow { origin: i64, changes: Vec<Narrow> },
    Wide(Vec<Change>),
}

impl Changes {
    fn new(changes: &[Change]) -> Self {
        let origin = changes.first().map_or(0, |first| first.key.time);
        let narrow = changes.iter().map(|change| Narrow::new(origin, *change));
        match narrow.collect() {
            Some(changes) => Changes::Narrow { origin, changes },
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
            Changes::Narrow { changes, .. } => changes.len(),
            Changes::Wide(changes) => changes.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Change {
        match &self.changes {
            Changes::Narrow { origin, changes } => changes[index].wide(*origin),
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
            Changes::Narrow { origin, changes } => {
                changes.partition_point(|change| change.wide(*origin).key < key)
            }
            Changes::Wide(changes) => changes.partition_point(|change| change.key < key),
        }
    }

    /// What the changes up to an instant add up to.
    #[inline]
    pub(super) fn line_at(&self, time: i64) -> Line {
        match &self.changes {
            Changes::Narrow { origin, changes } if time >= *origin => {
                let last = u32::try_from(time.abs_diff(*origin)).unwrap_or(u32::MAX);
                // From the nearer end.
                if changes
                    .get(changes.len() / 2)
                    .is_some_and(|middle| middle.offset <= last)
                {
                    let later = changes
                        .iter()
                        .rev()
                        .take_while(|change| change.offset > last);
                    self.total - Narrow::sum(later).moved_from(*origin)
                } else {
                    let begun = changes.iter().take_while(|change| change.offset <= last);
                    Narrow::sum(begun).moved_from(*origin)
                }
            }
            Changes::Narrow { .. } => Line::default(),
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
            Changes::Narrow { origin, changes } => match Narrow::new(*origin, change) {
                Some(narrow) => insert(changes, rank, narrow, width),
                None => {
                    let mut all: Vec<Change> = self.iter().collect();
                    all.insert(rank, change);
                    self.changes = Changes::new(&all);
                }
            },
            Changes::Wide(changes) => insert(changes, rank, change, width),
        }
    }

    /// Takes the change at a place out.
    pub(super) fn remove(&mut self, index: usize) -> Change {
        let change = self.get(index);
        match &mut self.changes {
            Changes::Narrow { changes, .. } => _ = changes.remove(index),
            Changes::Wide(changes) => _ = changes.remove(index),
        }
        self.total += -change.line();
        change
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match &self.changes {
            Changes::Narrow { changes, .. } => changes.capacity() * size_of::<Narrow>(),
            Changes::Wide(changes) => changes.capacity() * size_of::<Change>(),
        }
    }
}

/// Grows in small steps, the last of which ends at `width` exactly.
fn insert<T>(changes: &mut Vec<T>, at: usize, change: T, width: usize) {
    if changes.len() == changes.capacity() {
        let room = width.saturating_sub(changes.len()).max(1);
        changes.reserve_exact(room.min(changes.len().clamp(4, 8)));
    }
    changes.insert(at, change);
}
