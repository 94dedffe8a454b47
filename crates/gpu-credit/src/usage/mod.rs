//! The usage index: prefix sums over time, for millions of entries that arrive in any order.
//!
//! It answers "how much was used up to this instant" and knows nothing of grants. An index of one
//! account has one of three shapes. Up to 256 entries it is a [`SmallList`]: one sorted list. Up to
//! 131,072 it is [laid out for questions](FlatList) if it comes in time order, is loaded or settled, and
//! then once more for every 16th part that is late or corrected; what is late stands apart in one of
//! the other shapes until then.
//! Beyond that it is a [`Tree`] of four levels, a wide segment tree whose nodes also route the search,
//! and an [`InsertBuffer`] of up to 16 entries that enter it together:
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
//! While entries are in the insert buffer, an answer costs up to 16 comparisons more; settling the
//! account empties it. While entries stand apart from those that are laid out, an answer is the sum of
//! two look-ups. In the tree a full block hands an entry on to the nearest block with room. A
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
//! | `through_each` | the same, 32 waiting together | the same |
//! | `walk`, sorted batches | O(1) amortised if they ask chunk after chunk | each line once |
//! | `insert` | O(log n + 64), amortised | as `through`, and 5 sums; 16 entries wait together |
//! | `insert` at the end | O(1), amortised | 5 for 16 entries |
//! | `extend` | O(n) if it is [staged] packed, else O(n log n) | |
//! | `remove_at`, `replace_at`, `get_at` | O(log n), and the groups of that instant | as `insert` |
//! | `remove_at`, `replace_at`, laid out | O(n) up to 16 times, then the tree is built | half of all |
//! | `lay_out` | O(n) if every 16th entry has changed, else O(1) | all |
//! | `retract`, `change`, `amount_of` | the same, and what is retracted of that instant, in chunks | as `insert` |
//! | `first_above` | O(log n), O(log² n) if some stand apart | as `through` |
//! | `entries` | O(log n), then O(1) an entry | each line once |
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

mod flat_list;
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
use flat_list::FlatList;
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
    /// Entries that are laid out for questions, if any are.
    flat: Option<Box<FlatList>>,
    /// The others, which stand apart: of one time, all posted after those.
    body: Body,
    /// No entry that stands apart from those that are laid out is later.
    latest_apart: i64,
    /// Entries posted apart and corrected since all were laid out, if they were ever.
    changes: usize,
    retracted: RetractedOrdinals,
}

#[derive(Clone, Debug)]
enum Body {
    /// Up to as many entries as a chunk holds.
    Small(SmallList),
    Tree(Box<Tree>, InsertBuffer),
}

impl Body {
    fn new(sorted: &impl SortedEntries, shape: Shape) -> Self {
        if sorted.len() <= shape.chunk_entries() {
            let mut entries = Vec::with_capacity(sorted.len());
            sorted.read(0..sorted.len(), &mut entries);
            Self::Small(SmallList::new(&entries))
        } else {
            Self::Tree(Box::new(Tree::build(sorted, shape)), InsertBuffer::new())
        }
    }

    fn empty() -> Self {
        Self::Small(SmallList::new(&[]))
    }

    /// All entries; the insert buffer is empty.
    fn decode(&self) -> Vec<UsageEntry> {
        match self {
            Self::Small(list) => list.decode(),
            Self::Tree(tree, _) => {
                let mut entries = Vec::with_capacity(tree.count_entries());
                tree.decode_into(&mut entries);
                entries
            }
        }
    }

    /// The time of the last entry. O(n)
    fn latest(&self) -> Option<i64> {
        let (mut entries, buffered) = match self {
            Self::Small(_) => (self.decode(), Vec::new()),
            Self::Tree(_, buffer) => (self.decode(), buffer.sorted(i64::MIN..=i64::MAX)),
        };
        entries.extend(buffered);
        entries.iter().map(|entry| entry.0).max()
    }

    #[inline]
    fn sum_through(&self, time: i64) -> u64 {
        match self {
            Self::Small(list) => list.sum_through(time),
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
            flat: None,
            body: Body::empty(),
            latest_apart: i64::MIN,
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
        let flat = self.flat.as_ref();
        let flat = flat.filter(|flat| flat.len() == self.len);
        flat.map(|flat| flat.sums())
    }

    /// The sum of the amounts at or before `time`. O(log n)
    #[inline]
    pub(crate) fn through(&self, time: i64) -> u64 {
        match &self.flat {
            Some(flat) => flat.sum_through(time) + self.body.sum_through(time),
            None => self.body.sum_through(time),
        }
    }

    /// [`through`](Self::through) for each of `times`, written to the same position of `sums`,
    /// which is as long.
    pub(crate) fn through_each(&self, times: &[i64], sums: &mut [u64]) {
        self.body.sums_through(times, sums);
        if let Some(flat) = &self.flat {
            for (time, sum) in times.iter().zip(sums) {
                *sum += flat.sum_through(*time);
            }
        }
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
    /// O(log n); O(log² n) while entries stand apart from those that are laid out
    pub(crate) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        if self.total <= sum {
            return None;
        }
        Some(match &self.flat {
            Some(flat) => flat.first_above(sum, &self.body),
            None => self.body.first_above(sum),
        })
    }

    /// Puts an entry after those at or before its time. The caller has made sure that the total
    /// stays within `i64::MAX`. O(log n), and every 16th time for the 16 together; amortised O(1) in
    /// time order.
    #[inline]
    pub(crate) fn insert(&mut self, time: i64, amount: u64) {
        let others = self.len;
        self.len += 1;
        self.total += amount;
        match &mut self.flat {
            None => self.insert_apart((time, amount)),
            Some(flat)
                if time >= flat.last_time()
                    && (flat.len() == others || time > self.latest_apart)
                    && others < self.shape.flat_entries() =>
            {
                flat.push((time, amount));
            }
            Some(_) => self.insert_beside_flat((time, amount)),
        }
    }

    /// Puts an entry, which is counted already, apart from those that are laid out; these too go into a
    /// tree if all are too many. O(n) once
    #[inline(never)]
    fn insert_beside_flat(&mut self, entry: UsageEntry) {
        if self.len > self.shape.flat_entries() {
            match self.flat.take_if(|flat| flat.len() + 1 == self.len) {
                Some(flat) => self.go_on_in_tree(&flat),
                None => self.stand_apart(),
            }
        }
        self.latest_apart = self.latest_apart.max(entry.0);
        self.insert_apart(entry);
    }

    /// Puts an entry, which is counted already, among those that are not laid out.
    #[inline]
    fn insert_apart(&mut self, entry: UsageEntry) {
        self.changes += 1;
        match &mut self.body {
            Body::Tree(tree, buffer) => buffer.insert(entry, tree),
            Body::Small(_) => self.insert_into_small(entry),
        }
    }

    /// Puts an entry, which is counted already, into the small list. If that is full, what it holds
    /// is laid out or goes into a tree.
    #[inline(never)]
    fn insert_into_small(&mut self, entry: UsageEntry) {
        let Body::Small(list) = &mut self.body else {
            unreachable!("it is not small")
        };
        if list.len() < self.shape.chunk_entries() {
            return list.insert(entry);
        }
        let is_early = self.len <= self.shape.flat_entries_early();
        let is_most =
            (self.flat.as_ref()).is_none_or(|flat| flat.len() <= self.shape.flat_entries_early());
        let mut entries = if is_most {
            self.decode()
        } else {
            list.decode()
        };
        entries.insert(entries.partition_point(|other| other.0 <= entry.0), entry);
        let sorted = Sorted::in_order(entries);
        if is_early {
            self.lay_out_sorted(&sorted);
        } else {
            self.flat = self.flat.take().filter(|_| !is_most);
            self.body = Body::new(&sorted, self.shape);
        }
    }

    /// [`insert`](Self::insert) for each, with several waiting for memory together.
    pub(crate) fn insert_many(&mut self, entries: &[UsageEntry]) {
        let mut rest = entries;
        self.flush();
        while (self.flat.is_some() || matches!(self.body, Body::Small(_)))
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
        self.lay_out_sorted(&sorted);
    }

    /// Takes out the latest posted entry of this time and amount. False if there is none. As
    /// [`find_at`](Self::find_at).
    #[cfg(test)]
    pub(crate) fn remove(&mut self, time: i64, amount: u64) -> bool {
        let place = self.find_at(time, amount);
        place.is_some_and(|place| self.remove_at(time, place).is_some())
    }

    /// Empties the insert buffer. It changes the cost of questions, and no answer.
    #[inline]
    pub(crate) fn flush(&mut self) {
        if let Body::Tree(tree, buffer) = &mut self.body
            && buffer.len() > 0
        {
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
        if self.shape.is_flat(self.len) {
            self.lay_out_sorted(&Sorted::in_order(self.decode()));
        } else if self.flat.is_some() {
            self.stand_apart();
        }
    }

    /// Holds these entries, which are all, in the shape that suits their number.
    fn lay_out_sorted(&mut self, sorted: &impl SortedEntries) {
        self.changes = 0;
        (self.flat, self.body) = if self.shape.is_flat(sorted.len()) {
            (Some(Box::new(FlatList::new(sorted))), Body::empty())
        } else {
            (None, Body::new(sorted, self.shape))
        };
    }

    /// Holds all entries, which are laid out and most likely came in time order, in a tree without room for
    /// late ones.
    fn go_on_in_tree(&mut self, flat: &FlatList) {
        let mut entries = flat.entries();
        let first = entries.by_ref().take(self.shape.chunk_entries()).collect();
        let mut tree = Tree::build(&Sorted::in_order(first), self.shape);
        let mut chunk = Vec::with_capacity(self.shape.chunk_entries());
        while entries.len() > 0 {
            chunk.clear();
            chunk.extend(entries.by_ref().take(self.shape.chunk_entries()));
            tree.append(&chunk);
        }
        self.body = Body::Tree(Box::new(tree), InsertBuffer::new());
    }

    /// Holds all entries in a shape that takes changes one by one.
    fn stand_apart(&mut self) {
        self.flush();
        let entries = Sorted::in_order(self.decode());
        (self.flat, self.body) = (None, Body::new(&entries, self.shape));
    }

    /// Whether all entries stand in one small list.
    fn is_small(&self) -> bool {
        self.flat.is_none() && matches!(self.body, Body::Small(_))
    }

    /// All entries; the insert buffer is empty.
    fn decode(&self) -> Vec<UsageEntry> {
        let later = self.body.decode();
        match &self.flat {
            Some(flat) => Sorted::in_order(later)
                .merged_after(flat.entries())
                .into_entries(),
            None => later,
        }
    }

    /// Heap bytes, spare capacity included. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        let body = match &self.body {
            Body::Small(list) => list.memory_used(),
            Body::Tree(tree, buffer) => tree.memory_used() + buffer.memory_used(),
        };
        let flat = self.flat.as_ref().map_or(0, |flat| flat.memory_used());
        flat + body + self.retracted.memory_used()
    }

    /// Checks order, heads, sums and counts on every level. O(n)
    pub(crate) fn assert_invariants(&self) {
        self.retracted.assert_invariants();
        let ranges: Vec<_> = self.retracted.ranges().collect();
        assert!(self.were_posted(&ranges), "not posted: {ranges:?}");
        let flat = self.flat.as_ref().map_or((0, 0), |flat| {
            flat.assert_invariants();
            (flat.len(), flat.total())
        });
        let (len, total) = match &self.body {
            Body::Small(list) => {
                list.assert_invariants();
                (list.len(), list.iter().map(|entry| entry.1).sum())
            }
            Body::Tree(tree, buffer) => {
                tree.assert_invariants();
                let len = tree.count_entries() + buffer.len();
                (len, tree.total() + buffer.total())
            }
        };
        if self.flat.is_some() {
            let latest = self.body.latest().unwrap_or(self.latest_apart);
            let expected = self.latest_apart;
            assert!(latest <= expected, "{latest} is apart, after {expected}");
        }
        assert_eq!(flat.0 + len, self.len, "number of entries");
        assert_eq!(flat.1 + total, self.total, "total");
    }
}
