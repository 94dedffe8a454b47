//! Reading the entries in order.

use std::iter::FusedIterator;
use std::ops::{Range, RangeInclusive};
use std::vec::IntoIter;

use super::chunk::EntryAddress;
use super::encoding::UsageEntry;
use super::flat::FlatEntries;
use super::layout::{BLOCKS, LANES};
use super::ordinals::Ordinals;
use super::small_list::SmallList;
use super::tree::{ChunkAddress, Tree};
use super::{Body, UsageIndex};

/// The entries of a range of times, in event order: `(time, amount)`.
#[derive(Clone, Debug)]
pub(crate) struct UsageEntries<'a>(Source<'a>);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few iterators at once")]
enum Source<'a> {
    Small {
        list: &'a SmallList,
        range: Range<usize>,
    },
    Flat(FlatEntries<'a>),
    Tree {
        entries: TreeEntries<'a>,
        buffer: IntoIter<UsageEntry>,
    },
}

impl<'a> UsageEntries<'a> {
    /// O(log n)
    pub(super) fn new(index: &'a UsageIndex, times: RangeInclusive<i64>) -> Self {
        Self(match &index.body {
            Body::Small(list) => Source::Small {
                list,
                range: list.range_within(times),
            },
            Body::Flat(flat) => Source::Flat(flat.entries(times)),
            Body::Tree(tree, buffer) => Source::Tree {
                buffer: buffer.sorted(times.clone()).into_iter(),
                entries: TreeEntries::new(tree, times),
            },
        })
    }
}

impl Iterator for UsageEntries<'_> {
    type Item = UsageEntry;

    #[inline]
    fn next(&mut self) -> Option<UsageEntry> {
        match &mut self.0 {
            Source::Small { list, range } => range.next().and_then(|at| list.get(at)),
            Source::Flat(entries) => entries.next(),
            Source::Tree { entries, buffer } => match (entries.peek(), buffer.as_slice()) {
                // Of one time, those in the tree were posted before.
                (Some(entry), [other, ..]) if other.0 < entry.0 => buffer.next(),
                (None, _) => buffer.next(),
                (entry, _) => {
                    entries.advance();
                    entry
                }
            },
        }
    }
}

impl FusedIterator for UsageEntries<'_> {}

/// The entries of a tree within a range of times, in order, read block by block.
#[derive(Clone, Debug)]
struct TreeEntries<'a> {
    tree: &'a Tree,
    /// The chunk and the block that are read next; `None` if nothing is.
    next: Option<(ChunkAddress, usize)>,
    /// The block that has been read.
    entries: [UsageEntry; LANES],
    /// What of it is to come.
    range: Range<usize>,
    last: i64,
}

impl<'a> TreeEntries<'a> {
    fn new(tree: &'a Tree, times: RangeInclusive<i64>) -> Self {
        let (chunk, first) = match times.start().checked_sub(1) {
            None => (ChunkAddress::default(), EntryAddress::START),
            Some(before) => {
                let chunk = tree.locate(before);
                (chunk, tree.slot(chunk).address_after(before))
            }
        };
        let mut entries = Self {
            tree,
            next: Some((chunk, first.block)),
            entries: [(0, 0); LANES],
            range: 0..0,
            last: *times.end(),
        };
        entries.read_block();
        entries.range.start = entries.range.end.min(first.lane);
        entries
    }

    /// The next entry.
    #[inline]
    fn peek(&mut self) -> Option<UsageEntry> {
        while self.range.is_empty() {
            self.next?;
            self.read_block();
        }
        Some(self.entries[self.range.start])
    }

    /// Passes the entry that [`peek`](Self::peek) has given.
    #[inline]
    fn advance(&mut self) {
        self.range.start += 1;
    }

    /// Reads the next block, which may be empty.
    fn read_block(&mut self) {
        let (chunk, block) = self.next.expect("there is one more block");
        let len = self.tree.slot(chunk).read_block(block, &mut self.entries);
        let within = self.entries[..len].partition_point(|entry| entry.0 <= self.last);
        self.range = 0..within;
        self.next = if within < len {
            None
        } else if block + 1 < BLOCKS {
            Some((chunk, block + 1))
        } else {
            self.tree.next(chunk).map(|chunk| (chunk, 0))
        };
    }
}

/// The entries of a range of times with their ordinals, in event order: `(time, nth, amount)`.
#[derive(Clone, Debug)]
pub(crate) struct NumberedEntries<'a> {
    entries: UsageEntries<'a>,
    ordinals: Ordinals<'a>,
}

impl<'a> NumberedEntries<'a> {
    /// O(log n)
    pub(super) fn new(index: &'a UsageIndex, times: RangeInclusive<i64>) -> Self {
        Self {
            ordinals: Ordinals::from(&index.retracted, *times.start()),
            entries: UsageEntries::new(index, times),
        }
    }
}

impl Iterator for NumberedEntries<'_> {
    type Item = (i64, u32, u64);

    #[inline]
    fn next(&mut self) -> Option<(i64, u32, u64)> {
        let (time, amount) = self.entries.next()?;
        Some((time, self.ordinals.next(time), amount))
    }
}

impl FusedIterator for NumberedEntries<'_> {}
