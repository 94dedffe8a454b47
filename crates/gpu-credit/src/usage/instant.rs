//! The entries of one instant in the tree: found by their place, without reading those before.
//!
//! The *place* of an entry is the number of entries of the same instant that were posted before it
//! and still stand. Its *rank* is the number of entries before it in its chunk. An instant begins
//! within one chunk and ends within another, which may be groups apart: groups and chunks are
//! passed over by their numbers of entries.

use super::tree::{ChunkAddress, Tree};

/// From which entry up to which other an instant reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant<'a> {
    tree: &'a Tree,
    time: i64,
    first: ChunkAddress,
    /// Entries of the first chunk's group that are before the instant.
    start: usize,
    last: ChunkAddress,
    /// Entries of the last chunk that are not after the instant.
    end: usize,
}

impl<'a> Instant<'a> {
    /// O(log n)
    pub(super) fn new(tree: &'a Tree, time: i64) -> Self {
        let last = tree.locate(time);
        let end = tree.slot(last).rank_after(time);
        let (first, start) = match time.checked_sub(1) {
            None => (ChunkAddress::default(), 0),
            Some(before) => {
                let first = tree.locate(before);
                let earlier = tree.group(first.group).entries_before(first.slot);
                (first, earlier + tree.slot(first).rank_after(before))
            }
        };
        Self {
            tree,
            time,
            first,
            start,
            last,
            end,
        }
    }

    /// The number of entries. O(groups of the instant)
    pub(super) fn count(self) -> usize {
        self.place_of(self.last, self.end)
    }

    /// The chunk and the rank of the entry at `place`. O(groups of the instant)
    pub(super) fn find(self, place: usize) -> Option<(ChunkAddress, usize)> {
        let mut rank = self.start.checked_add(place)?;
        for group in self.first.group..=self.last.group {
            let entries = self.tree.group(group).count_entries();
            if rank < entries {
                let (slot, rank) = self.tree.group(group).find_rank(rank);
                let found = (ChunkAddress { group, slot }, rank);
                return (found < (self.last, self.end)).then_some(found);
            }
            rank -= entries;
        }
        None
    }

    /// The place of the last entry of this amount. O(groups of the instant), and the entries of
    /// the instant after it
    pub(super) fn last_of(self, amount: u64) -> Option<usize> {
        let mut chunk = self.last;
        loop {
            if let Some(rank) = self.tree.slot(chunk).last_rank_of((self.time, amount)) {
                return Some(self.place_of(chunk, rank));
            }
            if chunk == self.first {
                return None;
            }
            chunk = (self.tree.previous(chunk)).expect("the first chunk of an instant is earlier");
        }
    }

    /// The place of the entry with this rank in its chunk.
    fn place_of(self, chunk: ChunkAddress, rank: usize) -> usize {
        let groups = self.first.group..chunk.group;
        let entries = groups.map(|group| self.tree.group(group).count_entries());
        let within = self.tree.group(chunk.group).entries_before(chunk.slot) + rank;
        entries.sum::<usize>() + within - self.start
    }
}
