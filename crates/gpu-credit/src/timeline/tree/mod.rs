//! The boundary tree: boundaries in order, under a wide segment tree of sums.
//!
//! ```text
//!                        top ── directory of groups
//!            ┌────────────┼─────────────┐
//!          group        group         group ── directory of chunks
//!        ┌───┼───┐        │         ┌───┼───┐
//!      chunk …  chunk   chunk     chunk …  chunk ── up to 128 boundaries of 32 bytes
//! ```
//!
//! It knows keys and sums, not grants: a boundary has a level, a number of live grants and the
//! usage of its epoch, and the balance at the end of an epoch is its level less all usage so far.
//! An account whose boundaries fit one chunk has nothing above it. A [`Directory`] keeps, for each child, the sums before it (so that the level of an epoch is
//! three additions) and its [`Span`](span::Span) (sum, minimum prefix, maximum prefix of the balance), so that
//! "the first epoch from here on that ends with at least x" is one descent.
//!
//! With `m` boundaries, chunks and groups of at most `B`: a look-up is O(log m); an insertion, a
//! removal or a change of sums is O(B + m / B²), of which the second part is a straight pass over
//! the top. Two levels of directories instead of one are what keeps a split cheap. Wide nodes with
//! prefix sums: Slotin, *Algorithms for Modern Hardware*, chapter on segment trees.
//!
//! Levels and spans are the caller's to settle: the tree shifts them as it is told and never
//! derives one.

mod chunk;
mod directory;
mod minimum;
mod position;
mod search;
mod span;
#[cfg(test)]
mod tests;

pub(crate) use chunk::{Boundary, Chunk, Epoch};
use directory::{Directory, Node};
pub(crate) use minimum::Counting;
pub(crate) use position::Position;
use span::Span;
pub(crate) use span::Totals;

use crate::timeline::boundary::Key;

/// A small account has one chunk and no sums above it.
#[derive(Clone, Debug)]
enum Root {
    Chunk(Chunk),
    Top(Box<Directory<Directory<Chunk>>>),
}

/// Boundaries in order under their sums. There is always one: [`Key::FIRST`].
#[derive(Clone, Debug)]
pub(crate) struct BoundaryTree {
    root: Root,
    /// The number of boundaries.
    len: usize,
    /// The most boundaries in a chunk, and chunks in a group.
    width: usize,
}

impl BoundaryTree {
    pub(crate) fn new(width: usize) -> Self {
        Self::from_keys(width, &[])
    }

    /// The tree of these keys, in order, with all sums zero. O(m).
    pub(crate) fn from_keys(width: usize, keys: &[Key]) -> Self {
        let keys = [Key::FIRST].into_iter().chain(keys.iter().copied());
        let epochs = keys.map(|key| Epoch {
            key,
            sums: Totals::default(),
            usage: 0,
        });
        Self::from_epochs(width, epochs)
    }

    /// The tree of these epochs, in order, of which the first opens at [`Key::FIRST`]. O(m).
    pub(crate) fn from_epochs(width: usize, epochs: impl Iterator<Item = Epoch>) -> Self {
        let mut len = 0;
        let counted = epochs.inspect(|_| len += 1);
        // Three quarters full: late boundaries find room.
        let fill = width - width / 4;
        let mut opening = Totals::default();
        let mut chunks: Vec<Chunk> = Vec::new();
        for epochs in gather(counted, fill) {
            let chunk = Chunk::new(&epochs, opening);
            opening = opening.plus(chunk.sums().0);
            chunks.push(chunk);
        }
        if len <= width {
            let chunks = chunks.into_iter();
            let chunk = chunks.reduce(Chunk::with_next).expect("there is an epoch");
            let root = Root::Chunk(chunk);
            return BoundaryTree { root, len, width };
        }
        let groups = gather(chunks.into_iter(), fill).map(Directory::new);
        let top = Directory::new(groups.collect());
        let root = Root::Top(Box::new(top));
        BoundaryTree { root, len, width }
    }

    /// The number of boundaries, [`Key::FIRST`] among them.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The most boundaries in a chunk.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    #[inline]
    pub(crate) fn chunk(&self, at: Position) -> &Chunk {
        match &self.root {
            Root::Chunk(chunk) => chunk,
            Root::Top(top) => top.child(at.group).child(at.chunk),
        }
    }

    /// The boundaries of a chunk, to be changed in place; a [`refresh`](Self::refresh) must follow.
    pub(crate) fn chunk_mut(&mut self, at: Position) -> &mut Chunk {
        match &mut self.root {
            Root::Chunk(chunk) => chunk,
            Root::Top(top) => top.child_mut(at.group).child_mut(at.chunk),
        }
    }

    #[inline]
    pub(crate) fn get(&self, at: Position) -> &Boundary {
        &self.chunk(at).boundaries[at.index]
    }

    /// The boundaries from `at` on and before `to`, which is not earlier, that are in the chunk of
    /// `at`. O(1).
    pub(crate) fn in_chunk(&self, at: Position, to: Position) -> &[Boundary] {
        let boundaries = &self.chunk(at).boundaries;
        let is_same = (at.group, at.chunk) == (to.group, to.chunk);
        &boundaries[at.index..if is_same { to.index } else { boundaries.len() }]
    }

    /// The sums before the chunk in which `at` is. O(1).
    #[inline]
    pub(crate) fn opening(&self, at: Position) -> Totals {
        match &self.root {
            Root::Chunk(_) => Totals::default(),
            Root::Top(top) => {
                let group = top.opening_of(at.group);
                group.plus(top.child(at.group).opening_of(at.chunk))
            }
        }
    }

    /// The level of an epoch. O(1).
    #[inline]
    pub(crate) fn level(&self, at: Position) -> u64 {
        self.opening(at).level.wrapping_add(self.get(at).level)
    }

    /// The number of live grants in an epoch. O(1).
    #[inline]
    pub(crate) fn live(&self, at: Position) -> i64 {
        let opening = self.opening(at).live;
        opening.wrapping_add(i64::from(self.get(at).live))
    }

    /// All usage before an epoch. O(B).
    pub(crate) fn used_before(&self, at: Position) -> u64 {
        let opening = self.opening(at).used;
        opening.wrapping_add(self.chunk(at).used_before(at.index))
    }

    /// The balance at the end of the epoch before a boundary, less the deficit if there is one.
    /// O(B).
    pub(crate) fn balance_before(&self, at: Position) -> i128 {
        let before = self.previous(at);
        let level = before.map_or(0, |before| self.level(before));
        i128::from(level) - i128::from(self.used_before(at))
    }

    /// The balance at the end of an epoch, less the deficit if there is one. O(B).
    pub(crate) fn balance_after(&self, at: Position) -> i128 {
        let used = self.used_before(at).wrapping_add(self.get(at).usage);
        i128::from(self.level(at)) - i128::from(used)
    }

    /// Brings the sums above a chunk up to date after its boundaries have changed. O(B + m / B²).
    pub(crate) fn refresh(&mut self, at: Position) {
        if let Root::Top(top) = &mut self.root {
            top.child_mut(at.group).refresh(at.chunk);
            top.refresh(at.group);
        }
    }

    /// Adds a boundary that is not there yet after the one at `at`, which it follows in order. It
    /// takes over `usage` of that one's epoch, and every level from its own on rises by `rise`
    /// (wrapping). O(B + m / B²).
    pub(crate) fn insert_after(&mut self, at: Position, key: Key, rise: u64, usage: u64) {
        self.chunk_mut(at).insert_after(at.index, key, rise, usage);
        self.refresh(at);
        self.grown(at);
    }

    /// The same, but leaves every sum as it is: they are unknown there anyway. O(B).
    pub(crate) fn insert_blank_after(&mut self, at: Position, key: Key) {
        self.chunk_mut(at).insert_blank_after(at.index, key);
        self.grown(at);
    }

    fn grown(&mut self, at: Position) {
        self.len += 1;
        let len = self.chunk(at).boundaries.len();
        if len > self.width {
            // At the end of time a new chunk begins instead of two halves: appends fill them.
            let last = at.index + 2 == len && self.next_chunk(at).is_none();
            self.split(at, if last { len - 1 } else { len / 2 });
        }
    }

    fn split(&mut self, at: Position, index: usize) {
        let top = match &mut self.root {
            Root::Top(top) => top,
            Root::Chunk(chunk) => {
                let boundaries = std::mem::take(&mut chunk.boundaries);
                let group = Directory::new(vec![Chunk { boundaries }]);
                let top = Directory::new(vec![group]);
                self.root = Root::Top(Box::new(top));
                return self.split(at, index);
            }
        };
        let group = top.child_mut(at.group);
        group.split_child(at.chunk, index);
        let len = group.len();
        if len > self.width {
            let last = at.chunk + 2 == len && at.group + 1 == top.len();
            let index = if last { len - 1 } else { len / 2 };
            top.split_child(at.group, index);
        }
    }

    /// Takes a boundary away and lets every later level fall by `rise` (wrapping); its usage goes
    /// to the epoch before. [`Key::FIRST`] stays for good. O(B + m / B²).
    pub(crate) fn remove(&mut self, at: Position, rise: u64) {
        let before = self.previous(at).expect("the first boundary stays");
        self.add_usage(before, self.get(at).usage);
        self.chunk_mut(at).remove(at.index, rise);
        self.len -= 1;
        self.refresh(at);
        self.join(at);
    }

    /// Joins a chunk that has become small with a neighbour, and so its group. If the chunk or
    /// the group at `at` has become empty and is gone, another has its place, and may be joined as
    /// well.
    fn join(&mut self, at: Position) {
        let Root::Top(top) = &mut self.root else {
            return;
        };
        if at.group >= top.len() {
            return;
        }
        let group = top.child_mut(at.group);
        if at.chunk < group.len() && group.child(at.chunk).len() <= self.width / 4 {
            group.join_child(at.chunk, self.width / 2);
        }
        if group.len() <= self.width / 4 {
            top.join_child(at.group, self.width / 2);
        }
    }

    /// Adds to the usage of an epoch (wrapping, so that a difference may be added). O(B + m / B²).
    pub(crate) fn add_usage(&mut self, at: Position, amount: u64) {
        let boundary = &mut self.chunk_mut(at).boundaries[at.index];
        boundary.usage = boundary.usage.wrapping_add(amount);
        self.refresh(at);
    }

    /// The first epoch from `at` on and before `limit` whose balance at its end is one of some: such
    /// a one `may_be` between a minimum and a maximum, which are the same for one epoch. The spans of
    /// the chunk and the group of `limit` are not trusted: beyond it sums may mean nothing.
    /// O(B + m / B²), mostly O(B).
    pub(crate) fn first_end(
        &self,
        at: Position,
        limit: Position,
        may_be: impl Fn(i128, i128) -> bool,
    ) -> Option<Position> {
        let scan = |at: Position| {
            let is_it = |end| may_be(end, end);
            let index = (self.chunk(at)).first_end(self.opening(at), at.index, is_it)?;
            let found = Position { index, ..at };
            (found < limit).then_some(found)
        };
        if let found @ Some(_) = scan(at) {
            return found;
        }
        let Root::Top(top) = &self.root else {
            return None;
        };
        let spans = |opening: i128, span: Span| may_be(opening + span.min, opening + span.max);
        let scan_group = |group: usize, from: usize| {
            let base = top.opening_of(group);
            let directory = top.child(group);
            let chunk = (from..directory.len()).find(|chunk| {
                let opening = base.plus(directory.opening_of(*chunk)).balance();
                (group, *chunk) >= (limit.group, limit.chunk)
                    || spans(opening, directory.span_of(*chunk))
            })?;
            scan(Position {
                group,
                chunk,
                index: 0,
            })
        };
        if let found @ Some(_) = scan_group(at.group, at.chunk + 1) {
            return found;
        }
        let group = (at.group + 1..=limit.group).find(|group| {
            let opening = top.opening_of(*group).balance();
            *group == limit.group || spans(opening, top.span_of(*group))
        })?;
        scan_group(group, 0)
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        match &self.root {
            Root::Chunk(chunk) => chunk.memory_used(),
            Root::Top(top) => size_of_val(&**top) + top.memory_used(),
        }
    }

    /// Panics unless keys are in order and every sum adds up. Spans are checked for the chunks
    /// that lie before `settled` whole: beyond it they mean nothing.
    pub(crate) fn assert_invariants(&self, settled: Option<Key>) {
        match &self.root {
            Root::Chunk(chunk) => chunk.assert_invariants(),
            Root::Top(top) => top.assert_invariants(),
        }
        let mut at = Position::FIRST;
        let mut count = 0;
        assert_eq!(self.get(at).key(), Key::FIRST, "the first boundary");
        loop {
            let chunk = self.chunk(at);
            count += chunk.boundaries.len();
            assert!(
                chunk.boundaries.len() <= self.width,
                "a chunk within its width"
            );
            let whole = |key: Key| chunk.boundaries.last().is_some_and(|last| last.key() < key);
            if let Root::Top(top) = &self.root
                && settled.is_none_or(whole)
            {
                let span = top.child(at.group).span_of(at.chunk);
                assert_eq!(span, chunk.sums().1, "span of the chunk at {at:?}");
            }
            match self.next_chunk(at) {
                Some(next) => {
                    let (last, head) = (chunk.boundaries.last(), self.get(next).key());
                    assert!(
                        last.is_some_and(|last| last.key() < head),
                        "chunks in order"
                    );
                    at = next;
                }
                None => break,
            }
        }
        assert_eq!(count, self.len, "the number of boundaries");
    }
}

/// Runs of at most `size` items; none is empty.
fn gather<T>(items: impl Iterator<Item = T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.peekable();
    std::iter::from_fn(move || {
        items.peek()?;
        Some(items.by_ref().take(size).collect())
    })
}
