//! Reading the entries in order.

use std::iter::{FusedIterator, Peekable};
use std::ops::{Range, RangeInclusive};
use std::vec::IntoIter;

use super::chunk::EntryAddress;
use super::encoding::UsageEntry;
use super::ordinals::Ordinals;
use super::small_list::SmallList;
use super::tree::{ChunkAddress, Tree};
use super::{Body, UsageIndex};

/// The entries of a range of times, in event order: `(time, amount)`.
#[derive(Clone, Debug)]
pub(crate) struct UsageEntries<'a>(Source<'a>);

#[derive(Clone, Debug)]
enum Source<'a> {
    Small {
        list: &'a SmallList,
        range: Range<usize>,
    },
    Tree {
        entries: Peekable<TreeEntries<'a>>,
        buffer: Peekable<IntoIter<UsageEntry>>,
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
            Body::Tree(tree, buffer) => Source::Tree {
                buffer: buffer.sorted(times.clone()).into_iter().peekable(),
                entries: TreeEntries::new(tree, times).peekable(),
            },
        })
    }
}

impl Iterator for UsageEntries<'_> {
    type Item = UsageEntry;

    fn next(&mut self) -> Option<UsageEntry> {
        match &mut self.0 {
            Source::Small { list, range } => range.next().and_then(|at| list.get(at)),
            Source::Tree { entries, buffer } => {
                // Of one time, those in the tree were posted before.
                let is_next =
                    |entry: &UsageEntry| entries.peek().is_none_or(|other| entry.0 < other.0);
                buffer.next_if(is_next).or_else(|| entries.next())
            }
        }
    }
}

impl FusedIterator for UsageEntries<'_> {}

/// The entries of a tree within a range of times, in order.
#[derive(Clone, Debug)]
struct TreeEntries<'a> {
    tree: &'a Tree,
    /// The chunk that is read; `None` at the end.
    at: Option<ChunkAddress>,
    address: EntryAddress,
    last: i64,
}

impl<'a> TreeEntries<'a> {
    fn new(tree: &'a Tree, times: RangeInclusive<i64>) -> Self {
        let (at, address) = match times.start().checked_sub(1) {
            None => (ChunkAddress::default(), EntryAddress::START),
            Some(before) => {
                let at = tree.locate(before);
                (at, tree.slot(at).address_after(before))
            }
        };
        Self {
            tree,
            at: Some(at),
            address,
            last: *times.end(),
        }
    }
}

impl Iterator for TreeEntries<'_> {
    type Item = UsageEntry;

    #[inline]
    fn next(&mut self) -> Option<UsageEntry> {
        loop {
            let at = self.at?;
            match self.tree.slot(at).next(&mut self.address) {
                Some(entry) if entry.0 <= self.last => return Some(entry),
                Some(_) => self.at = None,
                None => (self.at, self.address) = (self.tree.next(at), EntryAddress::START),
            }
        }
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

    fn next(&mut self) -> Option<(i64, u32, u64)> {
        let (time, amount) = self.entries.next()?;
        Some((time, self.ordinals.next(time), amount))
    }
}

impl FusedIterator for NumberedEntries<'_> {}
