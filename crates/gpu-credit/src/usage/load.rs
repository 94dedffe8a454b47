//! Loading many entries at once: one sort, one pass.
//!
//! If entries are [staged](super::staged) packed into 8 bytes, the sort is a radix sort: one
//! pass puts them into 2048 buckets by the upper bits of the time, and two more order each bucket,
//! which by then fits a cache. Other entries are sorted by comparison. Both keep the posting order
//! of ties.

use std::ops::Range;

use super::encoding::UsageEntry;
use super::staged::{PackedEntry, Staged, StagedEntries, unpack};
use crate::parallel;

/// Entries in time order, ties in posting order, from which a tree is built.
pub(super) trait SortedEntries: Sync {
    fn len(&self) -> usize;

    /// Adds the entries of a range to `entries`.
    fn read(&self, range: Range<usize>, entries: &mut Vec<UsageEntry>);
}

/// Entries that have been sorted.
#[derive(Clone, Debug)]
pub(super) enum Sorted {
    Packed {
        start: i64,
        entries: Vec<PackedEntry>,
    },
    Plain(Vec<UsageEntry>),
}

/// Bits of the time that choose a bucket, at most, and bits that one pass within a bucket orders.
const DIGIT: u32 = 11;
/// Entries up to which comparing is faster.
const FEW: usize = 256;
/// Entries of a bucket range that one thread sorts before another may take some.
const ENTRIES_PER_TASK: usize = 256 * 1024;

impl Sorted {
    /// Sorts entries that are in posting order.
    pub(super) fn new(staged: Staged) -> Self {
        let (earliest, latest, is_in_order) = (staged.earliest, staged.latest, staged.is_in_order);
        match staged.entries {
            StagedEntries::Packed {
                origin: start,
                entries,
            } if is_in_order => Self::Packed { start, entries },
            StagedEntries::Packed { origin, entries } if entries.len() > FEW => Self::Packed {
                start: earliest,
                entries: sort_packed(
                    &entries,
                    earliest.abs_diff(origin),
                    latest.abs_diff(earliest),
                ),
            },
            entries => {
                let mut entries = entries.into_plain();
                if !is_in_order {
                    parallel::sort_by_key(&mut entries, |entry| entry.0);
                }
                Self::Plain(entries)
            }
        }
    }

    /// Entries that are in time order.
    pub(super) fn in_order(entries: Vec<UsageEntry>) -> Self {
        Self::Plain(entries)
    }

    /// All entries.
    pub(super) fn into_entries(self) -> Vec<UsageEntry> {
        match self {
            Self::Plain(entries) => entries,
            Self::Packed { .. } => {
                let mut entries = Vec::with_capacity(self.len());
                self.read(0..self.len(), &mut entries);
                entries
            }
        }
    }

    /// Merges entries in time order with these. Of one time, `earlier` comes first.
    pub(super) fn merged_after(self, earlier: impl ExactSizeIterator<Item = UsageEntry>) -> Self {
        let later = self.into_entries();
        let mut merged = Vec::with_capacity(earlier.len() + later.len());
        let mut later = later.into_iter().peekable();
        for entry in earlier {
            while let Some(other) = later.next_if(|other| other.0 < entry.0) {
                merged.push(other);
            }
            merged.push(entry);
        }
        merged.extend(later);
        Self::Plain(merged)
    }
}

impl SortedEntries for Sorted {
    fn len(&self) -> usize {
        match self {
            Self::Packed { entries, .. } => entries.len(),
            Self::Plain(entries) => entries.len(),
        }
    }

    fn read(&self, range: Range<usize>, entries: &mut Vec<UsageEntry>) {
        match self {
            Self::Plain(sorted) => entries.extend_from_slice(&sorted[range]),
            Self::Packed {
                start,
                entries: sorted,
            } => {
                entries.extend(sorted[range].iter().map(|entry| unpack(*entry, *start)));
            }
        }
    }
}

/// The entries sorted. The earliest is at the distance `first`, and will be at 0; the latest is
/// `range` later.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a difference of two packed distances is one"
)]
fn sort_packed(entries: &[PackedEntry], first: u64, range: u64) -> Vec<PackedEntry> {
    let bits = u64::BITS - range.leading_zeros();
    let bits_within = bits.saturating_sub(DIGIT);
    let mut sorted = vec![(0, 0); entries.len()];
    let from_first = |(distance, amount): PackedEntry| (distance - first as u32, amount);
    let ends = distribute(entries, &mut sorted, from_first, bits_within, DIGIT);
    sort_buckets(&mut sorted, 0, &ends, bits_within);
    sorted
}

/// Sorts buckets one by one by the lower `bits`. They begin at `start` and end at `ends`, counted
/// as in the whole of which `entries` is a part.
fn sort_buckets(entries: &mut [PackedEntry], start: usize, ends: &[usize], bits: u32) {
    if entries.len() > ENTRIES_PER_TASK && ends.len() > 1 {
        let work = entries.len();
        let (ends, later_ends) = ends.split_at(ends.len() / 2);
        let middle = ends[ends.len() - 1];
        let (entries, later) = entries.split_at_mut(middle - start);
        parallel::join(
            work,
            || sort_buckets(entries, start, ends, bits),
            || sort_buckets(later, middle, later_ends, bits),
        );
        return;
    }
    let mut spare = Vec::new();
    let mut rest = entries;
    let mut start = start;
    for end in ends {
        let (bucket, later) = rest.split_at_mut(end - start);
        sort_bucket(bucket, &mut spare, bits);
        (rest, start) = (later, *end);
    }
}

/// Sorts by the lower `bits`: first by the lower half of them, then by the upper.
fn sort_bucket(entries: &mut [PackedEntry], spare: &mut Vec<PackedEntry>, bits: u32) {
    if entries.len() <= FEW {
        entries.sort_by_key(|entry| entry.0);
        return;
    }
    if spare.len() < entries.len() {
        spare.resize(entries.len(), (0, 0));
    }
    let spare = &mut spare[..entries.len()];
    let lower = bits / 2;
    distribute(entries, spare, |entry| entry, 0, lower);
    distribute(spare, entries, |entry| entry, lower, bits - lower);
}

/// Writes what `change` makes of `from` into `to`, as long, in the order of the digit of `bits`
/// bits above the lowest `shift`; entries with one digit keep their order. Gives the end of each
/// digit's entries.
fn distribute(
    from: &[PackedEntry],
    to: &mut [PackedEntry],
    change: impl Fn(PackedEntry) -> PackedEntry,
    shift: u32,
    bits: u32,
) -> Vec<usize> {
    let digit = |entry: PackedEntry| (entry.0 >> shift) as usize & ((1 << bits) - 1);
    let mut ends = vec![0; 1 << bits];
    for entry in from {
        ends[digit(change(*entry))] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        start += std::mem::replace(end, start);
    }
    for entry in from {
        let entry = change(*entry);
        let at = &mut ends[digit(entry)];
        to[*at] = entry;
        *at += 1;
    }
    ends
}
