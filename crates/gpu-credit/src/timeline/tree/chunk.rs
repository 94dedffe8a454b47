//! A run of neighbouring boundaries: a leaf of the tree.

use super::directory::Node;
use super::span::{Span, Totals};
use crate::timeline::boundary::{Handle, Key};

/// One boundary and the epoch that it opens: 32 bytes, two to a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    pub(crate) time: i64,
    pub(crate) handle: Handle,
    /// Live grants from here on, less those where the chunk opens.
    pub(crate) live: i32,
    /// The level of the epoch, less the level where the chunk opens (wrapping).
    pub(crate) level: u64,
    /// The usage of the epoch.
    pub(crate) usage: u64,
}

const _: () = assert!(size_of::<Boundary>() == 32);

impl Boundary {
    #[inline]
    pub(crate) fn key(&self) -> Key {
        Key {
            time: self.time,
            handle: self.handle,
        }
    }
}

/// An epoch apart from any tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    /// The boundary that opens it.
    pub(crate) key: Key,
    /// The level and the number of live grants, and no usage.
    pub(crate) sums: Totals,
    /// The usage of the epoch.
    pub(crate) usage: u64,
}

/// Neighbouring boundaries, never none.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) boundaries: Vec<Boundary>,
}

impl Chunk {
    /// The chunk of these epochs, where it opens at `opening`.
    pub(super) fn new(epochs: &[Epoch], opening: Totals) -> Self {
        let boundary = |epoch: &Epoch| {
            let sums = epoch.sums.minus(opening);
            Boundary {
                time: epoch.key.time,
                handle: epoch.key.handle,
                live: live_change(sums.live),
                level: sums.level,
                usage: epoch.usage,
            }
        };
        Chunk {
            boundaries: epochs.iter().map(boundary).collect(),
        }
    }

    /// This chunk and the next one as one.
    pub(super) fn with_next(mut self, next: Self) -> Self {
        self.append(next);
        self
    }

    /// Puts a boundary after the one at `index`. It takes over `usage` of that one's epoch, and
    /// its own level and all later ones rise by `rise`.
    pub(crate) fn insert_after(&mut self, index: usize, key: Key, rise: u64, usage: u64) {
        self.insert_blank_after(index, key);
        let before = &mut self.boundaries[index];
        before.usage = before.usage.wrapping_sub(usage);
        self.boundaries[index + 1].usage = usage;
        let live_change = key.handle.live_change();
        for later in &mut self.boundaries[index + 1..] {
            later.live = later.live.wrapping_add(live_change);
            later.level = later.level.wrapping_add(rise);
        }
    }

    /// Puts a boundary after the one at `index`, with no usage and no change of any sum.
    pub(crate) fn insert_blank_after(&mut self, index: usize, key: Key) {
        if self.boundaries.len() == self.boundaries.capacity() {
            // Half as much again rather than double: most accounts are small.
            let more = (self.boundaries.len() / 2).max(4);
            self.boundaries.reserve_exact(more);
        }
        let boundary = Boundary {
            time: key.time,
            handle: key.handle,
            usage: 0,
            ..self.boundaries[index]
        };
        self.boundaries.insert(index + 1, boundary);
    }

    /// Takes the boundary at `index` away, with its rise; its usage is the caller's to place.
    pub(crate) fn remove(&mut self, index: usize, rise: u64) -> Boundary {
        let removed = self.boundaries.remove(index);
        let live_change = removed.handle.live_change();
        for later in &mut self.boundaries[index..] {
            later.live = later.live.wrapping_sub(live_change);
            later.level = later.level.wrapping_sub(rise);
        }
        removed
    }

    /// Lifts the levels from `index` on.
    pub(crate) fn lift(&mut self, index: usize, rise: u64) {
        if rise != 0 {
            for later in &mut self.boundaries[index..] {
                later.level = later.level.wrapping_add(rise);
            }
        }
    }

    /// The sum of the usage of the epochs before `index`.
    pub(crate) fn used_before(&self, index: usize) -> u64 {
        (self.boundaries[..index].iter()).fold(0, |sum, boundary| sum.wrapping_add(boundary.usage))
    }

    /// The first epoch from `index` on that ends with such a balance.
    #[inline]
    pub(crate) fn first_end(
        &self,
        opening: Totals,
        index: usize,
        is_it: impl Fn(i128) -> bool,
    ) -> Option<usize> {
        let mut used = opening.used.wrapping_add(self.used_before(index));
        for (offset, boundary) in self.boundaries[index..].iter().enumerate() {
            used = used.wrapping_add(boundary.usage);
            if is_it(end_balance(opening, boundary, used)) {
                return Some(index + offset);
            }
        }
        None
    }
}

/// How far the number of live grants moves within a chunk: no further than it has boundaries.
fn live_change(live: i64) -> i32 {
    i32::try_from(live).expect("a chunk is small")
}

/// The balance at the end of an epoch by which `used` has been used in all.
#[inline]
fn end_balance(opening: Totals, boundary: &Boundary, used: u64) -> i128 {
    i128::from(opening.level.wrapping_add(boundary.level)) - i128::from(used)
}

/// The balance at the end of an epoch by which `used` has been used from where the chunk opens, less
/// the balance there.
///
/// It does not depend on the level there, which may mean nothing for now. A level falls by less than
/// 2^63, for all grants together are less. It rises by more only if it counts dropped usage: then this
/// is too low.
#[inline]
fn end_from_opening(boundary: &Boundary, used: u64) -> i128 {
    i128::from(boundary.level.cast_signed()) - i128::from(used)
}

impl Node for Chunk {
    fn len(&self) -> usize {
        self.boundaries.len()
    }

    fn head(&self) -> Key {
        self.boundaries.first().map_or(Key::FIRST, Boundary::key)
    }

    fn sums(&self) -> (Totals, Span) {
        let (first, later) = (self.boundaries.split_first()).expect("a chunk has boundaries");
        let mut used = first.usage;
        let mut end = end_from_opening(first, used);
        let (mut min, mut max) = (i128::MAX, end);
        let mut last = first;
        for boundary in later {
            if last.time < boundary.time {
                min = min.min(end);
            }
            used = used.wrapping_add(boundary.usage);
            end = end_from_opening(boundary, used);
            max = max.max(end);
            last = boundary;
        }
        // Whether the last epoch of a chunk lasts is for the next chunk to say.
        min = min.min(end);
        let totals = Totals {
            level: last.level,
            used,
            live: i64::from(last.live),
        };
        (totals, Span { sum: end, min, max })
    }

    fn split_off(&mut self, index: usize) -> Self {
        let opening = self.boundaries[index - 1];
        let mut boundaries = self.boundaries.split_off(index);
        for boundary in &mut boundaries {
            boundary.level = boundary.level.wrapping_sub(opening.level);
            boundary.live = boundary.live.wrapping_sub(opening.live);
        }
        Chunk { boundaries }
    }

    fn append(&mut self, next: Self) {
        let opening = self.boundaries.last().copied();
        let (level, live) = opening.map_or((0, 0), |last| (last.level, last.live));
        self.boundaries
            .extend(next.boundaries.into_iter().map(|mut boundary| {
                boundary.level = boundary.level.wrapping_add(level);
                boundary.live = boundary.live.wrapping_add(live);
                boundary
            }));
    }

    fn memory_used(&self) -> usize {
        self.boundaries.capacity() * size_of::<Boundary>()
    }

    fn assert_invariants(&self) {
        for pair in self.boundaries.windows(2) {
            let [before, boundary] = [pair[0].key(), pair[1].key()];
            assert!(
                before < boundary,
                "boundaries in order: {before:?} before {boundary:?}"
            );
        }
    }
}
