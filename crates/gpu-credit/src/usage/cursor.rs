//! The sums of the tree at times that do not decrease.

use super::tree::{ChunkAddress, Tree};

/// The chunk that answered last, and the times that it answers: from `head` on, up to but not
/// at `end`. The last chunk answers at `i64::MAX` too.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    tree: &'a Tree,
    at: ChunkAddress,
    head: i64,
    end: i64,
    before: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        let mut cursor = Self {
            tree,
            at: ChunkAddress { group: 0, slot: 0 },
            head: 0,
            end: 0,
            before: 0,
        };
        cursor.enter(cursor.at);
        cursor
    }

    fn enter(&mut self, at: ChunkAddress) {
        self.at = at;
        self.head = self.tree.head(at);
        self.end = self
            .tree
            .next(at)
            .map_or(i64::MAX, |next| self.tree.head(next));
        self.before = self.tree.before(at);
    }

    #[inline]
    pub(super) fn sum_through(&mut self, time: i64) -> u64 {
        if time < self.head || time >= self.end {
            self.move_to(time);
        }
        self.before + self.tree.slot(self.at).sum_through(time)
    }

    /// Tries the next chunk, expecting to go on like that, and otherwise searches from the top.
    fn move_to(&mut self, time: i64) {
        if time >= self.end
            && let Some(next) = self.tree.next(self.at)
        {
            self.enter(next);
            if let Some(later) = self.tree.next(next) {
                self.tree.slot(later).prefetch();
            }
        }
        if time < self.head || time >= self.end {
            self.enter(self.tree.locate(time));
        }
    }
}
