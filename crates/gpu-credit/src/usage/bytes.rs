//! An index as bytes, which any machine reads back without sorting.
//!
//! ```text
//! entries     count
//!             for each 224 of them, in event order:
//!               time of the first, widths, distances from the time before, amounts
//! retracted   count of ranges
//!             for each: distance from the time before, first ordinal, ordinals but one
//! ```
//!
//! Distances are in time, so that bytes can say nothing that is out of order but from one chunk to
//! the next. All is checked in a first pass; the second, which builds the tree, may use threads.

use std::ops::Range;

use super::encoding::UsageEntry;
use super::load::SortedEntries;
use super::ordinals::{Gone, POSTED_MAX, RetractedOrdinals};
use super::{Body, UsageIndex};
use crate::bytes::Damage;
use crate::bytes::numbers::{Numbers, Width, write_numbers};
use crate::bytes::reader::Reader;
use crate::bytes::writer::{write_i64, write_varint};

/// Entries that are written together: as many as a chunk that is built in bulk has, so that each is
/// decoded once.
const TOGETHER: usize = 224;

impl UsageIndex {
    /// Writes all entries, and which are retracted. O(n)
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_varint(out, self.len as u64);
        let mut entries = self.entries(i64::MIN..=i64::MAX);
        let mut together = Vec::with_capacity(TOGETHER);
        for _ in 0..self.len.div_ceil(TOGETHER) {
            together.clear();
            together.extend(entries.by_ref().take(TOGETHER));
            write_entries(out, &together);
        }
        write_retracted(out, &self.retracted);
    }

    /// Reads what [`write`](Self::write) has written into an index whose chunks hold up to
    /// `chunk_entries`. O(n)
    pub(crate) fn read(bytes: &mut Reader<'_>, chunk_entries: usize) -> Result<Self, Damage> {
        let mut index = Self::new(chunk_entries);
        let entries = EntryBytes::read(bytes)?;
        let ranges = read_retracted(bytes)?;
        (index.total, index.len) = (entries.total, entries.len);
        index.body = Body::new(&entries, index.shape);
        index.retracted = RetractedOrdinals::new(&ranges, index.shape);
        if index.posted() > POSTED_MAX {
            return Err(Damage("there is more usage than can have been posted"));
        }
        if !index.were_posted(&ranges) {
            return Err(Damage("usage is retracted that was never posted"));
        }
        Ok(index)
    }
}

/// Writes entries in event order, at least one and no more than are written together.
fn write_entries(out: &mut Vec<u8>, entries: &[UsageEntry]) {
    let (mut distances, mut amounts) = ([0; TOGETHER], [0; TOGETHER]);
    let mut before = entries[0].0;
    let columns = distances.iter_mut().zip(&mut amounts);
    for ((time, amount), (distance, amount_out)) in entries.iter().zip(columns) {
        (*distance, *amount_out) = (time.abs_diff(before), *amount);
        before = *time;
    }
    let (distances, amounts) = (&distances[..entries.len()], &amounts[..entries.len()]);
    let widest = |numbers: &[u64]| Width::of(numbers.iter().fold(0, |all, number| all | number));
    // So that each entry takes a byte at least, and few bytes cannot stand for many.
    let (times, units) = (widest(distances), widest(amounts).max(Width::ONE));
    write_i64(out, entries[0].0);
    out.extend([times.byte(), units.byte()]);
    write_numbers(out, times, distances);
    write_numbers(out, units, amounts);
}

/// All entries, checked: in order, no time after `i64::MAX`, and no more amounts than fit.
struct EntryBytes<'a> {
    chunks: Vec<EntryChunk<'a>>,
    len: usize,
    total: u64,
}

/// Entries that were written together.
#[derive(Clone, Copy, Debug)]
struct EntryChunk<'a> {
    first: i64,
    distances: Numbers<'a>,
    amounts: Numbers<'a>,
}

impl<'a> EntryBytes<'a> {
    fn read(bytes: &mut Reader<'a>) -> Result<Self, Damage> {
        let len = bytes.count(1)?;
        let mut chunks = Vec::with_capacity(len.div_ceil(TOGETHER));
        let (mut latest, mut total) = (i64::MIN, 0);
        for start in (0..len).step_by(TOGETHER) {
            let chunk = EntryChunk::read(bytes, TOGETHER.min(len - start))?;
            if chunk.first < latest {
                return Err(Damage("usage is out of order"));
            }
            let last = chunk.time_after(TOGETHER.min(len - start));
            latest = last.ok_or(Damage("usage is after the end of time"))?;
            total += chunk.amounts.sum();
            chunks.push(chunk);
        }
        let total = i64::try_from(total).map_err(|_| Damage("there is too much usage"))?;
        Ok(Self {
            chunks,
            len,
            total: total.cast_unsigned(),
        })
    }
}

impl<'a> EntryChunk<'a> {
    fn read(bytes: &mut Reader<'a>, len: usize) -> Result<Self, Damage> {
        let first = bytes.i64()?;
        let [times, units] = bytes.array()?;
        let units = Width::from_byte(units)?;
        if units < Width::ONE {
            return Err(Damage("an amount takes a byte at least"));
        }
        Ok(Self {
            first,
            distances: Numbers::read(bytes, Width::from_byte(times)?, len)?,
            amounts: Numbers::read(bytes, units, len)?,
        })
    }

    /// The time after the first so many distances.
    fn time_after(&self, distances: usize) -> Option<i64> {
        let distance = u64::try_from(self.distances.range(0..distances).sum()).ok()?;
        self.first.checked_add_unsigned(distance)
    }

    /// Adds the entries of a range to `entries`.
    fn decode(&self, range: Range<usize>, entries: &mut Vec<UsageEntry>) {
        let time = self.time_after(range.start);
        let mut time = time.expect("the last time has been checked");
        let first = entries.len();
        let distances = self.distances.range(range.clone());
        distances.extend(entries, |distance| {
            time = time.wrapping_add_unsigned(distance);
            (time, 0)
        });
        let amounts = self.amounts.range(range);
        amounts.give_to(&mut entries[first..], |entry, amount| entry.1 = amount);
    }
}

impl SortedEntries for EntryBytes<'_> {
    fn len(&self) -> usize {
        self.len
    }

    fn read(&self, range: Range<usize>, entries: &mut Vec<UsageEntry>) {
        let chunks = range.start / TOGETHER..range.end.div_ceil(TOGETHER);
        for at in chunks {
            let start = at * TOGETHER;
            let from = range.start.saturating_sub(start);
            let to = (range.end - start).min(TOGETHER);
            self.chunks[at].decode(from..to, entries);
        }
    }
}

fn write_retracted(out: &mut Vec<u8>, retracted: &RetractedOrdinals) {
    write_varint(out, retracted.ranges().count() as u64);
    let mut before = i64::MIN;
    for range in retracted.ranges() {
        write_varint(out, range.time.abs_diff(before));
        write_varint(out, range.first.into());
        write_varint(out, (range.end - range.first - 1).into());
        before = range.time;
    }
}

/// The ranges in order, no two of which touch.
fn read_retracted(bytes: &mut Reader<'_>) -> Result<Vec<Gone>, Damage> {
    let count = bytes.count(3)?;
    let mut ranges: Vec<Gone> = Vec::with_capacity(count);
    let mut before = i64::MIN;
    for _ in 0..count {
        let range = read_range(bytes, before)?;
        if ranges.last().is_some_and(|last| !last.is_apart_from(range)) {
            return Err(Damage("retracted usage is out of order"));
        }
        before = range.time;
        ranges.push(range);
    }
    Ok(ranges)
}

fn read_range(bytes: &mut Reader<'_>, before: i64) -> Result<Gone, Damage> {
    let beyond = Damage("retracted usage is beyond all usage");
    let time = before.checked_add_unsigned(bytes.varint()?).ok_or(beyond)?;
    let first = u32::try_from(bytes.varint()?).map_err(|_| beyond)?;
    let more = u32::try_from(bytes.varint()?).map_err(|_| beyond)?;
    let last = first.checked_add(more).ok_or(beyond)?;
    let end = last.checked_add(1).ok_or(beyond)?;
    Ok(Gone { time, first, end })
}
