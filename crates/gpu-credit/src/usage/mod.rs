//! The usage index: prefix sums over time, for millions of entries that arrive in any order.
//!
//! It answers "how much was used up to this instant" and knows nothing of grants. An index of one
//! account has one of three shapes. Up to 256 entries it is a [`SmallList`]: one sorted list. Up to
//! 131,072 it is [flat](Flat): laid out for questions, once more by settling for every 16th part that is
//! late or corrected; what is late stands apart in sorted runs until then.
//! Beyond that it is a [`Tree`] of four levels, a wide segment tree whose nodes also route the search,
//! and an [`InsertBuffer`] of up to 32 entries that enter it together:
//!
//! ```text
//! Tree     time buckets -> [ head | head | head | ...        ]  one head a group, all in cache
//!                          [ sum of the groups before        ]
//!                                       |
//! Group    64 slots        [ head x 64                       ]  8 lines, asked for together
//!          2.6 KB          [ sum of the chunks before x 64   ]  in spans of 16
//!                          [ chunk x 64                      ]  its encoding, length and origin
//!                                       |
//! Chunk    256 entries     [ head x 16 | sum of the blocks before x 16 ]  2 lines
//!          2.2 KB          [ block x 16                                ]
//!                          [ entries of each block x 16, total         ]  1 line, writes only
//!                                       |
//! Block    16 entries      [ key x 16                        ]  1 line
//!          128 bytes       [ amount x 16                     ]  1 line
//! ```
//!
//! A **head** is at or before every entry of what it stands for, and not before any entry of what
//! stands earlier; so the last head at or before an instant leads to the answer on every level,
//! however many entries share the instant. The answer is the sum of four numbers: what the groups
//! before hold, the chunks before, the blocks before, and the amounts in the block at or before the
//! instant, which are 16 comparisons and 16 masked additions without a branch.
//!
//! Of the lines that a question reads, those of the tree and of the groups stay in cache (0.3
//! bytes an entry); of ten million entries, the chunk's two lines mostly do (0.6 bytes), and only
//! the block's two come from memory, in one wait. [Batches](batch) overlap these waits.
//!
//! Times in a chunk are distances from its origin (frame of reference) in 4 bytes, amounts are as
//! posted in 4 bytes, and no sum reaches beyond its node, so that a late entry changes one block
//! and a few sums on its way. If a time or a chunk's total does not fit, the chunk is
//! [wide](encoding): 8 bytes each. Each chunk chooses for itself, and again whenever it is rebuilt.
//!
//! While entries are in the insert buffer, an answer costs up to 32 comparisons more; settling the
//! account empties it. In the tree a full block hands an entry on to the nearest block with room. A
//! full chunk evens out with a neighbour or splits in half, a full group splits in half; at the end
//! of time both stay full and a new one is started. Chunks and groups that run empty are merged.
//!
//! # Where an entry is, and which one it is
//!
//! | word | meaning |
//! |---|---|
//! | address | in which slot of which group a chunk is, in which lane of which block an entry |
//! | rank | the number of entries before an entry in its chunk |
//! | place | the number of entries of the same instant that were posted before it and still [stand](instant) |
//! | ordinal, `nth` | the number of entries of the same instant that were [ever](ordinals) posted before it: its identity |
//!
//! # Costs
//!
//! | operation | time | memory touched, in lines |
//! |---|---|---|
//! | `through` | O(log n) | about 20, of these 2 to 4 not in cache |
//! | the same, laid out | O(1) if entries are spread evenly, else O(log n) | 3 |
//! | the same, flat, some late | O(log² n) | a binary search in each run |
//! | `through_each` | the same, 32 waiting together | the same |
//! | `walk`, sorted batches | O(1) amortised if they ask chunk after chunk | each line once |
//! | `insert` | O(log n + 64), amortised | as `through`, and 5 sums; 32 entries wait together |
//! | `insert`, flat | O(log n), amortised; O(n) where runs are merged | each entry once for each doubling |
//! | `insert` at the end | O(1), amortised | 5 for 32 entries |
//! | `extend` | O(n) if it is [staged] packed, else O(n log n) | |
//! | `remove_at`, `replace_at`, `get_at` | O(log n), and the groups of that instant | as `insert` |
//! | `remove_at`, `replace_at`, laid out | O(n) up to 16 times, then the tree is built | half of all |
//! | `lay_out` | O(n) if every 16th entry has changed, else O(1) | all |
//! | `retract`, `change`, `amount_of` | the same, and what is retracted of that instant, in chunks | as `insert` |
//! | `first_above` | O(log n); 64 `through` if flat and some are late | as `through` |
//! | `entries` | O(log n), then O(1) an entry; O(log n) if flat and some are late | each line once |
//!
//! Further reading: S+ trees and wide segment trees in Sergey Slotin's *Algorithmica*
//! (<https://en.algorithmica.org/hpc/data-structures/>); *Static search trees* by Ragnar Groot
//! Koerkamp (<https://curiouscoding.nl/posts/static-search-tree/>) for batches that wait together;
//! Goldstein, Ramakrishnan and Shaft, *Compressing relations and indexes* (ICDE 1998), for frames
//! of reference.

mod layout;

mod block;
mod chunk;
mod encoding;
mod found_block;
mod group;
mod slot;
mod tree;

mod head_buckets;
pub(crate) mod prefetch;
mod sums;

mod flat;
mod insert_buffer;
mod small_list;

mod batch;
mod cursor;
mod walk;

mod bytes;
mod entries;
mod instant;
mod ordinals;
mod places;

mod load;
mod staged;

#[cfg(test)]
mod tests;

pub(crate) use entries::{NumberedEntries, UsageEntries};
pub(crate) use staged::Staged;
pub(crate) use walk::Walk;

use std::ops::RangeInclusive;

use encoding::UsageEntry;
use flat::Flat;
use insert_buffer::InsertBuffer;
use layout::Shape;
use load::{Sorted, SortedEntries};
use ordinals::RetractedOrdinals;
use small_list::SmallList;
use tree::Tree;

use crate::step_table::StepTable;

/// Entries are laid out anew if more than one in so many have been posted apart and corrected.
const CHANGES_SHARE: usize = 16;

/// Usage entries in time order, ties in posting order, and the sums of their amounts up to any
/// instant.
#[derive(Clone, Debug)]
pub(crate) struct UsageIndex {
    total: u64,
    len: usize,
    shape: Shape,
    body: Body,
    /// Entries posted late and corrected since all were laid out, if they were ever.
    changes: usize,
    retracted: RetractedOrdinals,
}

#[derive(Clone, Debug)]
enum Body {
    /// Up to as many entries as a chunk holds.
    Small(SmallList),
    Flat(Box<Flat>),
    Tree(Box<Tree>, InsertBuffer),
}

impl Body {
    /// In the shape that suits their number.
    fn new(sorted: &impl SortedEntries, shape: Shape) -> Self {
        if shape.is_flat(sorted.len()) {
            Self::Flat(Box::new(Flat::new(sorted, shape)))
        } else {
            Self::changeable(sorted, shape)
        }
    }

    /// In a shape that takes changes one by one.
    fn changeable(sorted: &impl SortedEntries, shape: Shape) -> Self {
        if sorted.len() <= shape.chunk_entries() {
            let mut entries = Vec::with_capacity(sorted.len());
            sorted.read(0..sorted.len(), &mut entries);
            Self::Small(SmallList::new(&entries))
        } else {
            Self::Tree(Box::new(Tree::build(sorted, shape)), InsertBuffer::new())
        }
    }

    #[inline]
    fn sum_through(&self, time: i64) -> u64 {
        match self {
            Self::Small(list) => list.sum_through(time),
            Self::Flat(flat) => flat.sum_through(time),
            Self::Tree(tree, buffer) => tree.sum_through(time) + buffer.sum_through(time),
        }
    }

    fn sums_through(&self, times: &[i64], sums: &mut [u64]) {
        match self {
            Self::Small(list) => {
                for (time, sum) in times.iter().zip(sums) {
                    *sum = list.sum_through(*time);
                }
            }
            Self::Flat(flat) => {
                for (time, sum) in times.iter().zip(sums) {
                    *sum = flat.sum_through(*time);
                }
            }
            Self::Tree(tree, buffer) => {
                batch::sums_through(tree, times, sums);
                if buffer.len() > 0 {
                    for (time, sum) in times.iter().zip(sums) {
                        *sum += buffer.sum_through(*time);
                    }
                }
            }
        }
    }

    fn first_above(&self, sum: u64) -> (i64, u64) {
        match self {
            Self::Small(list) => list.first_above(sum),
            Self::Flat(flat) => flat.first_above(sum),
            Self::Tree(tree, buffer) => buffer.first_above(sum, tree),
        }
    }
}

impl UsageIndex {
    /// An index without entries. A chunk holds up to `chunk_entries`, 4 to 256.
    pub(crate) fn new(chunk_entries: usize) -> Self {
        Self {
            total: 0,
            len: 0,
            shape: Shape::new(chunk_entries),
            body: Body::Small(SmallList::new(&[])),
            changes: 0,
            retracted: RetractedOrdinals::default(),
        }
    }

    /// Number of entries. O(1)
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The sum of all amounts. O(1)
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The sums through each instant, if all entries are laid out. O(1)
    #[inline]
    pub(crate) fn laid_out(&self) -> Option<&StepTable<u64>> {
        match &self.body {
            Body::Flat(flat) if flat.late() == 0 => Some(flat.laid_out()),
            _ => None,
        }
    }

    /// The sum of the amounts at or before `time`. O(log n), or O(log² n)
    #[inline]
    pub(crate) fn through(&self, time: i64) -> u64 {
        self.body.sum_through(time)
    }

    /// [`through`](Self::through) for each of `times`, written to the same position of `sums`,
    /// which is as long.
    pub(crate) fn through_each(&self, times: &[i64], sums: &mut [u64]) {
        self.body.sums_through(times, sums);
    }

    /// A reader for times that do not decrease.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The entries from the first at or after `time` on, in order. O(log n), and O(1) an entry.
    #[cfg(test)]
    pub(crate) fn iter_from(&self, time: i64) -> UsageEntries<'_> {
        self.entries(time..=i64::MAX)
    }

    /// The entries of a range of times, in order. O(log n), and O(1) an entry.
    pub(crate) fn entries(&self, times: RangeInclusive<i64>) -> UsageEntries<'_> {
        UsageEntries::new(self, times)
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it.
    /// O(log n), or as 64 times [`through`](Self::through)
    pub(crate) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        (self.total > sum).then(|| self.body.first_above(sum))
    }

    /// Puts an entry after those at or before its time. The caller has made sure that the total
    /// stays within `i64::MAX`. Amortised O(log n), and O(1) in time order.
    #[inline]
    pub(crate) fn insert(&mut self, time: i64, amount: u64) {
        self.len += 1;
        self.total += amount;
        match &mut self.body {
            Body::Flat(flat) if self.len <= self.shape.flat_entries() => {
                self.changes += usize::from(flat.insert((time, amount)));
            }
            Body::Tree(tree, buffer) => {
                self.changes += 1;
                buffer.insert((time, amount), tree);
            }
            _ => self.insert_and_reshape((time, amount)),
        }
    }

    /// Puts an entry, which is counted already, into the small list, or among those that are too many
    /// to be flat. Then the shape may be another. O(n)
    #[inline(never)]
    fn insert_and_reshape(&mut self, entry: UsageEntry) {
        match &mut self.body {
            Body::Small(list) if list.len() < self.shape.chunk_entries() => list.insert(entry),
            Body::Small(list) => {
                let mut entries = list.decode();
                entries.insert(entries.partition_point(|other| other.0 <= entry.0), entry);
                self.hold(&Sorted::in_order(entries));
            }
            Body::Flat(flat) => {
                let mut tree = go_on_in_tree(flat, self.shape);
                tree.insert(entry);
                self.body = Body::Tree(Box::new(tree), InsertBuffer::new());
            }
            Body::Tree(..) => unreachable!("a tree takes any number of entries"),
        }
    }

    /// [`insert`](Self::insert) for each, with several waiting for memory together.
    pub(crate) fn insert_many(&mut self, entries: &[UsageEntry]) {
        let mut rest = entries;
        self.flush();
        while !matches!(self.body, Body::Tree(..))
            && let Some(((time, amount), later)) = rest.split_first()
        {
            self.insert(*time, *amount);
            rest = later;
        }
        self.flush();
        if let Body::Tree(tree, _) = &mut self.body {
            self.total += rest.iter().map(|entry| entry.1).sum::<u64>();
            self.len += rest.len();
            self.changes += rest.len();
            batch::insert_many(tree, rest);
        }
    }

    /// The most entries of a chunk.
    pub(crate) fn chunk_entries(&self) -> usize {
        self.shape.chunk_entries()
    }

    /// Whether so many entries are inserted one after another, rather than merged in one pass.
    pub(crate) fn are_few(&self, entries: usize) -> bool {
        entries <= 16 || entries < self.len / 8
    }

    /// [`insert`](Self::insert) for each, by one sort and one pass if they are many. O(n)
    pub(crate) fn extend(&mut self, entries: Staged) {
        if self.are_few(entries.len()) {
            return self.insert_many(&entries.into_entries());
        }
        self.flush();
        let total = self.total + entries.total;
        let mut sorted = Sorted::new(entries);
        if self.len > 0 {
            sorted = sorted.merged_after(self.decode().into_iter());
        }
        (self.total, self.len) = (total, sorted.len());
        self.hold(&sorted);
    }

    /// Takes out the latest posted entry of this time and amount. False if there is none. As
    /// [`find_at`](Self::find_at).
    #[cfg(test)]
    pub(crate) fn remove(&mut self, time: i64, amount: u64) -> bool {
        let place = self.find_at(time, amount);
        place.is_some_and(|place| self.remove_at(time, place).is_some())
    }

    /// Empties the insert buffer of the tree. It changes the cost of questions, and no answer.
    #[inline]
    pub(crate) fn flush(&mut self) {
        if let Body::Tree(tree, buffer) = &mut self.body {
            buffer.flush(tree);
        }
    }

    /// Lays all entries out for questions, if they are neither very few nor very many, and enough have
    /// changed. It changes the cost of questions, and no answer. O(16) for each change, amortised
    pub(crate) fn lay_out(&mut self) {
        self.flush();
        if self.changes <= self.len / CHANGES_SHARE {
            return;
        }
        match &mut self.body {
            Body::Flat(flat) => {
                flat.lay_out();
                self.changes = 0;
            }
            Body::Tree(..) if self.shape.is_flat(self.len) => {
                self.hold(&Sorted::in_order(self.decode()));
            }
            Body::Small(_) | Body::Tree(..) => {}
        }
    }

    /// Holds these entries, which are all, in the shape that suits their number.
    fn hold(&mut self, sorted: &impl SortedEntries) {
        self.changes = 0;
        self.body = Body::new(sorted, self.shape);
    }

    /// Holds all entries in a shape that takes changes one by one.
    fn stand_apart(&mut self) {
        self.flush();
        let entries = Sorted::in_order(self.decode());
        self.body = Body::changeable(&entries, self.shape);
    }

    /// All entries, in order.
    fn decode(&self) -> Vec<UsageEntry> {
        let mut entries = Vec::with_capacity(self.len);
        entries.extend(self.entries(i64::MIN..=i64::MAX));
        entries
    }

    /// Heap bytes, spare capacity included. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        let body = match &self.body {
            Body::Small(list) => list.memory_used(),
            Body::Flat(flat) => flat.memory_used(),
            Body::Tree(tree, buffer) => tree.memory_used() + buffer.memory_used(),
        };
        body + self.retracted.memory_used()
    }

    /// Checks order, heads, sums and counts on every level. O(n)
    pub(crate) fn assert_invariants(&self) {
        self.retracted.assert_invariants();
        let ranges: Vec<_> = self.retracted.ranges().collect();
        assert!(self.were_posted(&ranges), "not posted: {ranges:?}");
        let (len, total) = match &self.body {
            Body::Small(list) => {
                list.assert_invariants();
                (list.len(), list.iter().map(|entry| entry.1).sum())
            }
            Body::Flat(flat) => (flat.len(), flat.assert_invariants()),
            Body::Tree(tree, buffer) => {
                tree.assert_invariants();
                let len = tree.count_entries() + buffer.len();
                (len, tree.total() + buffer.total())
            }
        };
        assert_eq!(len, self.len, "number of entries");
        assert_eq!(total, self.total, "total");
    }
}

/// The tree of entries that are too many to be flat: without room for late ones, as most likely few are.
fn go_on_in_tree(flat: &Flat, shape: Shape) -> Tree {
    let mut entries = flat.entries(i64::MIN..=i64::MAX);
    let first = entries.by_ref().take(shape.chunk_entries()).collect();
    let mut tree = Tree::build(&Sorted::in_order(first), shape);
    let mut chunk = Vec::with_capacity(shape.chunk_entries());
    loop {
        chunk.clear();
        chunk.extend(entries.by_ref().take(shape.chunk_entries()));
        if chunk.is_empty() {
            return tree;
        }
        tree.append(&chunk);
    }
}
