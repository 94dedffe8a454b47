//! Where boundaries stand, and the ways to one: by key, by time, from its neighbour.

use super::chunk::Boundary;
use super::directory::Node;
use super::search::{interpolate, partition_point, partition_point_near};
use super::{BoundaryTree, Root};
use crate::timeline::boundary::Key;

/// Where a boundary stands now. Insertions and removals make it stale; a [`Key`] never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(super) group: usize,
    pub(super) chunk: usize,
    pub(crate) index: usize,
}

impl Position {
    /// The boundary of [`Key::FIRST`].
    pub(crate) const FIRST: Position = Position {
        group: 0,
        chunk: 0,
        index: 0,
    };
}

impl BoundaryTree {
    /// All keys in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let chunks = std::iter::successors(Some(Position::FIRST), |at| self.next_chunk(*at));
        chunks.flat_map(|at| self.chunk(at).boundaries.iter().map(Boundary::key))
    }

    /// All epochs in order: when each opens, the number of live grants and the level.
    pub(crate) fn epochs(&self) -> impl Iterator<Item = (i64, i64, u64)> + '_ {
        let chunks = std::iter::successors(Some(Position::FIRST), |at| self.next_chunk(*at));
        chunks.flat_map(|at| {
            let opening = self.opening(at);
            self.chunk(at).boundaries.iter().map(move |boundary| {
                let live = opening.live.wrapping_add(i64::from(boundary.live));
                (
                    boundary.time,
                    live,
                    opening.level.wrapping_add(boundary.level),
                )
            })
        })
    }

    /// The last boundary at or before `key`. O(log m).
    pub(crate) fn find(&self, key: Key) -> Position {
        let (group, chunk, end) = match &self.root {
            Root::Chunk(_) => (0, 0, None),
            Root::Top(top) => {
                let group = top.find(key);
                let (chunk, end) = top.child(group).find_with_end(key);
                (group, chunk, end)
            }
        };
        let at = Position {
            group,
            chunk,
            index: 0,
        };
        let boundaries = &self.chunk(at).boundaries;
        let is_before = |boundary: &Boundary| boundary.key() <= key;
        let after = match end {
            Some((start, end)) => {
                let guess = interpolate(key.time, start, end, boundaries.len());
                partition_point_near(boundaries, guess, is_before)
            }
            None => partition_point(boundaries, is_before),
        };
        Position {
            index: after.saturating_sub(1),
            ..at
        }
    }

    /// The last boundary at or before `time`: its epoch is the one that `time` falls into.
    /// O(log m).
    #[inline]
    pub(crate) fn find_time(&self, time: i64) -> Position {
        let (group, chunk) = match &self.root {
            Root::Chunk(_) => (0, 0),
            Root::Top(top) => {
                let group = top.find_time(time);
                (group, top.child(group).find_time(time))
            }
        };
        let at = Position {
            group,
            chunk,
            index: 0,
        };
        let boundaries = &self.chunk(at).boundaries;
        let after = partition_point(boundaries, |boundary| boundary.time <= time);
        Position {
            index: after.saturating_sub(1),
            ..at
        }
    }

    /// The next boundary. O(1).
    pub(crate) fn next(&self, at: Position) -> Option<Position> {
        if at.index + 1 < self.chunk(at).boundaries.len() {
            return Some(Position {
                index: at.index + 1,
                ..at
            });
        }
        self.next_chunk(at)
    }

    /// The boundary so many after the one at `at`, or the last of all. O(count / B).
    pub(crate) fn later(&self, mut at: Position, count: usize) -> Position {
        let mut index = at.index + count;
        loop {
            let len = self.chunk(at).boundaries.len();
            let next = self.next_chunk(at);
            match next {
                Some(next) if index >= len => {
                    index -= len;
                    at = next;
                }
                _ => {
                    at.index = index.min(len - 1);
                    return at;
                }
            }
        }
    }

    /// The time of the next boundary. O(1).
    pub(crate) fn next_time(&self, at: Position) -> Option<i64> {
        Some(self.get(self.next(at)?).time)
    }

    /// The boundary at a position, or the first of the next chunk if the position is at the end of
    /// its own. O(1).
    pub(crate) fn at_or_next_chunk(&self, at: Position) -> Option<Position> {
        if at.index < self.chunk(at).boundaries.len() {
            return Some(at);
        }
        self.next_chunk(at)
    }

    /// The first boundary from `key` on, or the last of all. O(log m).
    pub(crate) fn first_from(&self, key: Key) -> Position {
        let at = self.find(key);
        if self.get(at).key() == key {
            at
        } else {
            self.next(at).unwrap_or(at)
        }
    }

    /// The last boundary before `key`, whether or not there is one at `key`; the first of all if
    /// there is none before. O(log m).
    pub(crate) fn last_before(&self, key: Key) -> Position {
        let at = self.find(key);
        if self.get(at).key() == key {
            self.previous(at).unwrap_or(Position::FIRST)
        } else {
            at
        }
    }

    /// A key before the boundary at `at` and not before the one ahead of it. O(1).
    pub(crate) fn key_before(&self, at: Position) -> Key {
        let before = self.previous(at).unwrap_or(Position::FIRST);
        self.get(before).key()
    }

    /// The first boundary of the next chunk. O(1).
    pub(crate) fn next_chunk(&self, at: Position) -> Option<Position> {
        let Root::Top(top) = &self.root else {
            return None;
        };
        if at.chunk + 1 < top.child(at.group).len() {
            return Some(Position {
                chunk: at.chunk + 1,
                index: 0,
                ..at
            });
        }
        (at.group + 1 < top.len()).then_some(Position {
            group: at.group + 1,
            chunk: 0,
            index: 0,
        })
    }

    /// The boundary before. O(1).
    pub(crate) fn previous(&self, at: Position) -> Option<Position> {
        if at.index > 0 {
            return Some(Position {
                index: at.index - 1,
                ..at
            });
        }
        let Root::Top(top) = &self.root else {
            return None;
        };
        let (group, chunk) = if at.chunk > 0 {
            (at.group, at.chunk - 1)
        } else {
            let group = at.group.checked_sub(1)?;
            (group, top.child(group).len() - 1)
        };
        let index = top.child(group).child(chunk).boundaries.len() - 1;
        Some(Position {
            group,
            chunk,
            index,
        })
    }
}
