//! Loading many entries at once: one sort, one pass.
//!
//! Where times span less than 2^32 and amounts are less than 2^32, an entry is packed into 8 bytes
//! and the sort is a radix sort: one pass puts the entries into 2048 buckets by the upper bits of
//! the time, and two more order each bucket, which by then fits a cache. Other entries are sorted
//! by comparison. Both keep the posting order of ties.

use super::form::Entry;

/// Entries in time order, ties in posting order.
#[derive(Clone, Debug)]
pub(super) enum Sorted {
    Packed { start: i64, entries: Vec<Packed> },
    Plain(Vec<Entry>),
}

/// The distance of a time from the least one, and the amount.
type Packed = (u32, u32);

/// Bits of the time that choose a bucket, at most, and bits that one pass within a bucket orders.
const DIGIT: u32 = 11;
/// Entries up to which comparing is faster.
const FEW: usize = 256;
/// Entries of a bucket range that one thread sorts before another may take some.
#[cfg(feature = "rayon")]
const ENTRIES_PER_TASK: usize = 256 * 1024;

impl Sorted {
    /// Sorts `entries`, which are in posting order.
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        if entries.is_sorted_by_key(|entry| entry.0) {
            return Self::Plain(entries);
        }
        if entries.len() > FEW
            && let Some((start, entries)) = sort_packed(&entries)
        {
            return Self::Packed { start, entries };
        }
        sort_by_comparing(&mut entries);
        Self::Plain(entries)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Packed { entries, .. } => entries.len(),
            Self::Plain(entries) => entries.len(),
        }
    }

    /// Adds the entries from `from` up to `to` to `entries`.
    pub(super) fn read(&self, from: usize, to: usize, entries: &mut Vec<Entry>) {
        match self {
            Self::Plain(sorted) => entries.extend_from_slice(&sorted[from..to]),
            Self::Packed {
                start,
                entries: sorted,
            } => {
                entries.extend(
                    sorted[from..to].iter().map(|(distance, amount)| {
                        (start + i64::from(*distance), u64::from(*amount))
                    }),
                );
            }
        }
    }

    /// All entries.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        match self {
            Self::Plain(entries) => entries,
            Self::Packed { .. } => {
                let mut entries = Vec::with_capacity(self.len());
                self.read(0, self.len(), &mut entries);
                entries
            }
        }
    }

    /// Merges entries in time order with these. Of one time, `earlier` comes first.
    pub(super) fn merged_behind(self, earlier: &[Entry]) -> Self {
        let later = self.into_entries();
        let mut merged = Vec::with_capacity(earlier.len() + later.len());
        let mut later = later.into_iter().peekable();
        for entry in earlier {
            while let Some(other) = later.next_if(|other| other.0 < entry.0) {
                merged.push(other);
            }
            merged.push(*entry);
        }
        merged.extend(later);
        Self::Plain(merged)
    }
}

fn sort_by_comparing(entries: &mut [Entry]) {
    #[cfg(feature = "rayon")]
    rayon::slice::ParallelSliceMut::par_sort_by_key(entries, |entry| entry.0);
    #[cfg(not(feature = "rayon"))]
    entries.sort_by_key(|entry| entry.0);
}

/// The entries packed and sorted, and the least time, if all fit.
fn sort_packed(entries: &[Entry]) -> Option<(i64, Vec<Packed>)> {
    let (mut first, mut last, mut largest) = (i64::MAX, i64::MIN, 0);
    for (time, amount) in entries {
        first = first.min(*time);
        last = last.max(*time);
        largest = largest.max(*amount);
    }
    let range = u32::try_from(last.checked_sub(first)?).ok()?;
    u32::try_from(largest).ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the largest distance and the largest amount fit"
    )]
    let pack = |(time, amount): Entry| ((time - first) as u32, amount as u32);
    let bits = u32::BITS - range.leading_zeros();
    let bits_within = bits.saturating_sub(DIGIT);
    let mut packed = vec![(0, 0); entries.len()];
    let ends = distribute(entries, &mut packed, pack, bits_within, DIGIT);
    sort_buckets(&mut packed, 0, &ends, bits_within);
    Some((first, packed))
}

/// Sorts buckets one by one by the lower `bits`. They begin at `start` and end at `ends`, counted
/// as in the whole of which `entries` is a part.
fn sort_buckets(entries: &mut [Packed], start: usize, ends: &[usize], bits: u32) {
    #[cfg(feature = "rayon")]
    if entries.len() > ENTRIES_PER_TASK && ends.len() > 1 {
        let (ends, later_ends) = ends.split_at(ends.len() / 2);
        let middle = ends[ends.len() - 1];
        let (entries, later) = entries.split_at_mut(middle - start);
        rayon::join(
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
fn sort_bucket(entries: &mut [Packed], spare: &mut Vec<Packed>, bits: u32) {
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

/// Packs `from` into `to`, as long, in the order of the digit of `bits` bits above the lowest
/// `shift`; entries with one digit keep their order. Gives the end of each digit's entries.
fn distribute<T: Copy>(
    from: &[T],
    to: &mut [Packed],
    pack: impl Fn(T) -> Packed,
    shift: u32,
    bits: u32,
) -> Vec<usize> {
    let digit = |entry: Packed| (entry.0 >> shift) as usize & ((1 << bits) - 1);
    let mut ends = vec![0; 1 << bits];
    for entry in from {
        ends[digit(pack(*entry))] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        start += std::mem::replace(end, start);
    }
    for entry in from {
        let entry = pack(*entry);
        let at = &mut ends[digit(entry)];
        to[*at] = entry;
        *at += 1;
    }
    ends
}
