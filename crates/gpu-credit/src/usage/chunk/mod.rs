//! A chunk: up to 16 blocks, and what finds the right one with two cache lines.

mod ranks;

use super::block::{Block, count_through};
use super::encoding::{Encoding, UsageEntry};
use super::layout::{BLOCKS, LANES, Shape, later_than, small};
use super::prefetch::prefetch;

/// Blocks in time order. Each has free lanes of its own, so a late entry moves within its
/// block; a full block hands one entry on, block by block, to the nearest that has room.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct UsageChunk<E: Encoding> {
    /// `heads[b]` is at or before every entry of block `b` and not before any entry of an earlier
    /// one. The first is [`Encoding::KEY_MIN`]; those of blocks not in use are [`Encoding::KEY_MAX`].
    heads: [E::Key; BLOCKS],
    /// `sums[b]` is the sum of all blocks before `b`, in use or not.
    sums: [E::Amount; BLOCKS],
    blocks: [Block<E>; BLOCKS],
    /// The sum of all blocks.
    total: E::Amount,
    /// Entries of each block.
    lens: [u8; BLOCKS],
    /// Blocks in use: the first so many. They may be empty.
    used: u8,
}

/// In which lane of which block an entry of a chunk is.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryAddress {
    pub(super) block: usize,
    pub(super) lane: usize,
}

impl EntryAddress {
    /// Before the first entry.
    pub(super) const START: Self = Self { block: 0, lane: 0 };
}

impl<E: Encoding> UsageChunk<E> {
    /// A chunk without entries.
    pub(super) fn new() -> Box<Self> {
        let mut heads = [E::KEY_MAX; BLOCKS];
        heads[0] = E::KEY_MIN;
        Box::new(Self {
            heads,
            sums: [E::Amount::default(); BLOCKS],
            blocks: std::array::from_fn(|_| Block::new()),
            total: E::Amount::default(),
            lens: [0; BLOCKS],
            used: 1,
        })
    }

    /// Holds `entries` from now on, in order, spread over as many blocks as the shape has. The
    /// caller has found the encoding to fit.
    pub(super) fn refill(&mut self, entries: &[UsageEntry], origin: i64, shape: Shape) {
        let mut rest = entries;
        let mut total = E::Amount::default();
        self.used = 0;
        for block in 0..BLOCKS {
            let blocks_left = shape.blocks().saturating_sub(block).max(1);
            let (now, later) = rest.split_at(rest.len().div_ceil(blocks_left));
            rest = later;
            self.sums[block] = total;
            total += self.blocks[block].refill(now, origin);
            self.heads[block] = self.blocks[block].get(0).0;
            self.lens[block] = small(now.len());
            self.used += u8::from(!now.is_empty());
        }
        self.total = total;
        self.heads[0] = E::KEY_MIN;
        self.used = self.used.max(1);
    }

    /// Number of entries. The slot keeps it too, so that it need not be added up.
    pub(super) fn count_entries(&self) -> usize {
        count(&self.lens)
    }

    /// The sum of all entries.
    pub(super) fn total(&self) -> E::Amount {
        self.total
    }

    /// Asks for what finds the block.
    #[inline]
    pub(super) fn prefetch_heads(&self) {
        prefetch(&self.heads);
        prefetch(&self.sums);
    }

    /// Asks for what counts the entries of the blocks.
    #[inline]
    pub(super) fn prefetch_lens(&self) {
        prefetch(&self.lens);
    }

    /// The block that answers a question for `key`, and the sum of those before it: the last
    /// whose head is at or before it.
    #[inline]
    pub(super) fn seek(&self, key: E::Key) -> (&Block<E>, E::Amount) {
        let block = (count_through(&self.heads, key) - 1) % BLOCKS;
        (&self.blocks[block], self.sums[block])
    }

    /// Puts an entry after those at or before its key. False if all blocks are full, and then
    /// nothing has changed. The caller has made sure that the total fits the encoding.
    #[inline]
    pub(super) fn insert(&mut self, key: E::Key, amount: E::Amount, shape: Shape) -> bool {
        let block = self.block_of(key);
        let len = usize::from(self.lens[block]);
        if len < shape.lanes() {
            let lane = self.blocks[block].position(key, len);
            self.blocks[block].insert(lane, (key, amount));
            self.lens[block] += 1;
            self.add(block, amount);
            return true;
        }
        let Some(room) = self.nearest_room(block, shape) else {
            return false;
        };
        self.add(block, amount);
        if room < block {
            self.hand_left(block, room, (key, amount));
        } else {
            self.hand_right(block, room, (key, amount));
        }
        true
    }

    /// The block in use to which an entry with this key belongs.
    #[inline]
    fn block_of(&self, key: E::Key) -> usize {
        (count_through(&self.heads, key).min(usize::from(self.used)) - 1) % BLOCKS
    }

    /// Adds to the sums what has come into `block`.
    #[inline]
    fn add(&mut self, block: usize, amount: E::Amount) {
        for (sum, later) in self.sums.iter_mut().zip(later_than(block)) {
            *sum += if *later != 0 {
                amount
            } else {
                E::Amount::default()
            };
        }
        self.total += amount;
    }

    /// The block nearest to `block` that is not full.
    fn nearest_room(&self, block: usize, shape: Shape) -> Option<usize> {
        let has_room = |at: &usize| usize::from(self.lens[*at]) < shape.lanes();
        let left = (0..block).rev().find(has_room);
        let right = (block + 1..shape.blocks()).find(has_room);
        [right, left]
            .into_iter()
            .flatten()
            .min_by_key(|room| room.abs_diff(block))
    }

    /// Puts an entry into block `from`, which is full. The last entry of each block from there on
    /// becomes the first of the next, up to `to`.
    fn hand_right(&mut self, from: usize, to: usize, entry: (E::Key, E::Amount)) {
        let mut carried = entry;
        for at in from..to {
            let len = usize::from(self.lens[at]);
            let lane = if at == from {
                self.blocks[at].position(entry.0, len)
            } else {
                0
            };
            if lane < len {
                let last = self.blocks[at].remove(len - 1);
                self.blocks[at].insert(lane, carried);
                carried = last;
            }
            self.heads[at + 1] = carried.0;
            self.sums[at + 1] -= carried.1;
        }
        self.blocks[to].insert(0, carried);
        self.lens[to] += 1;
        self.used = self.used.max(small(to + 1));
    }

    /// Puts an entry into block `from`, which is full. The first entry of each block from there
    /// down becomes the last of the one before, down to `to`.
    fn hand_left(&mut self, from: usize, to: usize, entry: (E::Key, E::Amount)) {
        let mut carried = entry;
        for at in (to + 1..=from).rev() {
            let len = usize::from(self.lens[at]);
            let lane = if at == from {
                self.blocks[at].position(entry.0, len)
            } else {
                len
            };
            if lane > 0 {
                let next = self.blocks[at].remove(0);
                self.blocks[at].insert(lane - 1, carried);
                carried = next;
            }
            self.heads[at] = self.blocks[at].get(0).0;
            self.sums[at] += carried.1;
        }
        let len = usize::from(self.lens[to]);
        self.blocks[to].set(len, carried);
        self.lens[to] += 1;
    }

    /// Puts the first of `entries`, which are in order, at the end, where they belong: as many as
    /// go into one block. Gives their number; 0 if there is no room after the last block in use.
    /// The caller has found the encoding to fit.
    #[inline]
    pub(super) fn append(&mut self, entries: &[UsageEntry], origin: i64, shape: Shape) -> usize {
        let mut block = usize::from(self.used) - 1;
        if usize::from(self.lens[block]) == shape.lanes() {
            block += 1;
            if block == shape.blocks() {
                return 0;
            }
            self.used += 1;
            self.heads[block] = E::encode(entries[0], origin).0;
        }
        let len = usize::from(self.lens[block]);
        let mut total = E::Amount::default();
        let mut count = 0;
        for (lane, entry) in (len..shape.lanes()).zip(entries) {
            let (key, amount) = E::encode(*entry, origin);
            self.blocks[block].set(lane, (key, amount));
            total += amount;
            count += 1;
        }
        self.lens[block] += small::<u8>(count);
        self.add(block, total);
        count
    }

    /// The address of the first entry after `key`.
    pub(super) fn address_after(&self, key: E::Key) -> EntryAddress {
        let block = self.block_of(key);
        let lane = self.blocks[block].position(key, usize::from(self.lens[block]));
        EntryAddress { block, lane }
    }

    /// Writes the entries of a block to the front of `entries`, and gives their number.
    pub(super) fn read_block(
        &self,
        block: usize,
        origin: i64,
        entries: &mut [UsageEntry; LANES],
    ) -> usize {
        let len = usize::from(self.lens[block]);
        for (entry, (key, amount)) in entries.iter_mut().zip(self.blocks[block].entries(len)) {
            *entry = (E::time(key, origin), amount.into());
        }
        len
    }

    /// The first entry whose running total within the chunk is above `sum`, and the total before
    /// it. There is one: the chunk's total is above `sum`.
    pub(super) fn first_above(&self, sum: E::Amount) -> (E::Key, E::Amount) {
        let block = self.sums.partition_point(|before| *before <= sum) - 1;
        let mut total = self.sums[block];
        for lane in 0..usize::from(self.lens[block]) {
            let (key, amount) = self.blocks[block].get(lane);
            if total + amount > sum {
                return (key, total);
            }
            total += amount;
        }
        unreachable!("the sums of the chunk lead to a block whose total is above")
    }

    /// Adds all entries to `entries`, in order.
    pub(super) fn decode_into(&self, entries: &mut Vec<UsageEntry>, origin: i64) {
        for (block, len) in self.blocks.iter().zip(self.lens) {
            let block = block.entries(usize::from(len));
            entries.extend(block.map(|(key, amount)| (E::time(key, origin), amount.into())));
        }
    }

    /// Checks every block, head and sum.
    pub(super) fn assert_invariants(&self, shape: Shape) {
        let used = usize::from(self.used);
        assert!((1..=shape.blocks()).contains(&used), "{used} blocks in use");
        assert_eq!(self.heads[0], E::KEY_MIN, "the first head is the least key");
        assert!(
            self.heads.is_sorted(),
            "heads out of order: {:?}",
            self.heads
        );
        let mut total = E::Amount::default();
        for block in 0..BLOCKS {
            let block_len = usize::from(self.lens[block]);
            self.blocks[block].assert_invariants(block_len);
            assert_eq!(self.sums[block], total, "sum before block {block}");
            if block >= used {
                assert_eq!(block_len, 0, "block {block} is not in use");
                assert_eq!(
                    self.heads[block],
                    E::KEY_MAX,
                    "head of block {block}, not in use"
                );
            }
            assert!(
                block_len <= shape.lanes(),
                "{block_len} entries in block {block}"
            );
            for lane in 0..block_len {
                let (key, amount) = self.blocks[block].get(lane);
                assert!(
                    key >= self.heads[block],
                    "entry before the head of block {block}"
                );
                assert!(
                    block + 1 >= used || key <= self.heads[block + 1],
                    "entry of block {block} after the next head"
                );
                total += amount;
            }
        }
        assert_eq!(self.total, total, "total of a chunk");
    }
}

/// The entries of some blocks.
#[inline]
fn count(lens: &[u8]) -> usize {
    lens.iter().map(|len| usize::from(*len)).sum()
}
