//! Which usage is gone: the ordinals that are not given again.
//!
//! The *ordinal* of an entry is the number of entries ever posted before it at the same instant. It
//! never changes, and is never given twice. The entries that stand know nothing of it: as long as
//! nothing is retracted at an instant, ordinal and [place](super::instant) are the same number. Once
//! something is, the ordinals that are gone are remembered here, neighbours as one range, and a place
//! is an ordinal less the gone ones before it.

use super::layout::Shape;

/// Entries ever posted, at most, so that ordinals and the numbers of them are `u32`.
pub(crate) const POSTED_MAX: u64 = u32::MAX as u64;

/// The ordinals that are gone, of all instants. It allocates nothing until one is.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetractedOrdinals {
    /// In order; none is empty.
    chunks: Vec<OrdinalChunk>,
    total: u64,
}

/// Up to as many ranges as a chunk of the index has entries.
#[derive(Clone, Debug, Default)]
struct OrdinalChunk {
    /// In order, and no two of them touch.
    ranges: Vec<Gone>,
    /// Ordinals of all ranges.
    total: u64,
}

/// The ordinals from `first` up to `end`, which is not gone, of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) time: i64,
    pub(crate) first: u32,
    pub(crate) end: u32,
}

impl Gone {
    fn len(self) -> u64 {
        (self.end - self.first).into()
    }

    fn is_at_or_before(self, time: i64, nth: u32) -> bool {
        (self.time, self.first) <= (time, nth)
    }

    /// Whether `next` is later and does not touch it.
    pub(super) fn is_apart_from(self, next: Self) -> bool {
        (self.time, self.end) < (next.time, next.first)
    }

    /// Whether `next`, which is later, goes on at once.
    fn touches(self, next: Self) -> bool {
        (self.time, self.end) == (next.time, next.first)
    }
}

impl RetractedOrdinals {
    /// Those of ranges in order, no two of which touch. O(r)
    pub(super) fn new(ranges: &[Gone], shape: Shape) -> Self {
        let chunks = ranges.chunks(shape.chunk_entries_built());
        let chunks: Vec<_> = chunks.map(OrdinalChunk::new).collect();
        Self {
            total: chunks.iter().map(|chunk| chunk.total).sum(),
            chunks,
        }
    }

    /// How many are gone, of all instants. O(1)
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many are gone at `time`. O(log r + chunks of the instant) for `r` ranges
    pub(crate) fn retracted_at(&self, time: i64) -> u32 {
        self.gone_before(time, u32::MAX)
    }

    /// How many are gone at `time` before an ordinal.
    fn gone_before(&self, time: i64, nth: u32) -> u32 {
        let (first, last) = (self.chunk_of(time, 0), self.chunk_of(time, nth));
        let Some(chunks) = self.chunks.get(first..=last) else {
            return 0; // There are no chunks at all.
        };
        let within = chunks.iter().enumerate().map(|(at, chunk)| {
            if 0 < at && at < last - first {
                chunk.total
            } else {
                chunk.gone_before(time, nth)
            }
        });
        ordinal(within.sum())
    }

    /// The place of an ordinal among those that stand; `None` if it is gone.
    /// O(log r + chunks of the instant)
    pub(crate) fn place_of(&self, time: i64, nth: u32) -> Option<usize> {
        let chunk = self.chunks.get(self.chunk_of(time, nth));
        if chunk.is_some_and(|chunk| chunk.contains(time, nth)) {
            return None;
        }
        let place = nth - self.gone_before(time, nth);
        Some(usize::try_from(place).expect("a place is at most the number of entries"))
    }

    /// The ordinal at a place among those that stand. O(log r + chunks of the instant)
    pub(crate) fn nth_of(&self, time: i64, place: usize) -> u32 {
        let mut nth = place as u64;
        let first = self.chunk_of(time, 0);
        for chunk in self.chunks.iter().skip(first) {
            if chunk.is_before(time, nth) {
                nth += chunk.total;
                continue;
            }
            for range in chunk.ranges_from(time) {
                if time < range.time || nth < range.first.into() {
                    return ordinal(nth);
                }
                nth += range.len();
            }
        }
        ordinal(nth)
    }

    /// Remembers that an ordinal is gone. It has not been so far.
    /// O(log r + chunk), and a pass over the chunks each time one fills up
    pub(crate) fn retract(&mut self, time: i64, nth: u32, shape: Shape) {
        assert!(nth < u32::MAX, "the ordinal after it is given out next");
        if self.chunks.is_empty() {
            self.chunks.push(OrdinalChunk::default());
        }
        let at = self.chunk_of(time, nth);
        self.total += 1;
        self.chunks[at].insert(time, nth);
        self.join_next_chunk(at);
        if self.chunks[at].ranges.len() > shape.chunk_entries() {
            let later = self.chunks[at].split();
            self.chunks.insert(at + 1, later);
        } else {
            self.merge(at, shape);
        }
    }

    /// Forgets that an ordinal is gone. It is so far.
    /// O(log r + chunk), and a pass over the chunks each time one fills up or runs empty
    pub(crate) fn restore(&mut self, time: i64, nth: u32, shape: Shape) {
        let at = self.chunk_of(time, nth);
        self.total -= 1;
        self.chunks[at].restore(time, nth);
        if self.chunks[at].ranges.is_empty() {
            self.chunks.remove(at);
        } else if self.chunks[at].ranges.len() > shape.chunk_entries() {
            let later = self.chunks[at].split();
            self.chunks.insert(at + 1, later);
        }
    }

    /// Joins the last range of a chunk and the first of the next, if they touch.
    fn join_next_chunk(&mut self, at: usize) {
        let [chunk, next, ..] = &mut self.chunks[at..] else {
            return;
        };
        let (last, first) = (chunk.ranges.len() - 1, next.ranges[0]);
        if chunk.ranges[last].touches(first) {
            chunk.ranges[last].end = first.end;
            chunk.total += first.len();
            next.total -= first.len();
            next.ranges.remove(0);
            if next.ranges.is_empty() {
                self.chunks.remove(at + 1);
            }
        }
    }

    /// Merges a chunk and the next if both are sparse.
    fn merge(&mut self, at: usize, shape: Shape) {
        if let [chunk, next, ..] = &mut self.chunks[at..]
            && chunk.ranges.len() + next.ranges.len() <= shape.chunk_entries() / 2
        {
            chunk.ranges.append(&mut next.ranges);
            chunk.total += next.total;
            self.chunks.remove(at + 1);
        }
    }

    /// The chunk of the last range that begins at or before an ordinal; the first if there is none.
    fn chunk_of(&self, time: i64, nth: u32) -> usize {
        // Only a chunk that has just been made is without ranges, and then it is the only one.
        let is_before = |chunk: &OrdinalChunk| {
            let first = chunk.ranges.first();
            first.is_some_and(|first| first.is_at_or_before(time, nth))
        };
        self.chunks.partition_point(is_before).saturating_sub(1)
    }

    /// All ranges, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Gone> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.ranges.iter().copied())
    }

    /// Heap bytes, spare capacity included. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        let ranges = self.chunks.iter().map(|chunk| chunk.ranges.capacity());
        self.chunks.capacity() * size_of::<OrdinalChunk>()
            + ranges.sum::<usize>() * size_of::<Gone>()
    }

    /// Checks order and sums. O(r)
    pub(crate) fn assert_invariants(&self) {
        let mut total = 0;
        for chunk in &self.chunks {
            assert!(!chunk.ranges.is_empty(), "a chunk without ranges");
            let lens = chunk.ranges.iter().map(|range| range.len());
            assert_eq!(chunk.total, lens.sum::<u64>(), "ordinals of a chunk");
            total += chunk.total;
        }
        assert_eq!(self.total, total, "ordinals that are gone");
        let ranges: Vec<Gone> = self.ranges().collect();
        for range in &ranges {
            assert!(range.first < range.end, "{range:?} is empty");
        }
        for pair in ranges.windows(2) {
            let [range, next] = [pair[0], pair[1]];
            assert!(
                range.is_apart_from(next),
                "{range:?} is not apart from {next:?}"
            );
        }
    }
}

impl OrdinalChunk {
    fn new(ranges: &[Gone]) -> Self {
        Self {
            ranges: ranges.to_vec(),
            total: ranges.iter().map(|range| range.len()).sum(),
        }
    }

    /// How many ranges begin at or before an ordinal.
    fn position(&self, time: i64, nth: u32) -> usize {
        let is_before = |range: &Gone| range.is_at_or_before(time, nth);
        self.ranges.partition_point(is_before)
    }

    fn contains(&self, time: i64, nth: u32) -> bool {
        let range = self.ranges[..self.position(time, nth)].last();
        range.is_some_and(|range| range.time == time && nth < range.end)
    }

    /// The ranges at `time` and later.
    fn ranges_from(&self, time: i64) -> &[Gone] {
        &self.ranges[self.ranges.partition_point(|range| range.time < time)..]
    }

    /// How many are gone at `time` before an ordinal.
    fn gone_before(&self, time: i64, nth: u32) -> u64 {
        let ranges = self.ranges_from(time).iter();
        ranges
            .take_while(|range| range.time == time && range.first < nth)
            .map(|range| u64::from(range.end.min(nth) - range.first))
            .sum()
    }

    /// Whether all ranges are of `time` and begin at or before the ordinal that `nth` becomes by
    /// adding those before.
    fn is_before(&self, time: i64, nth: u64) -> bool {
        let (first, last) = (self.ranges[0], self.ranges[self.ranges.len() - 1]);
        first.time == time
            && last.time == time
            && u64::from(last.first) <= nth + self.total - last.len()
    }

    /// Adds an ordinal, which joins the ranges that it touches.
    fn insert(&mut self, time: i64, first: u32) {
        let range = Gone {
            time,
            first,
            end: first + 1,
        };
        let at = self.position(time, first);
        self.ranges.insert(at, range);
        self.total += 1;
        self.join(at + 1);
        self.join(at);
    }

    /// Takes an ordinal out, which may leave two ranges of one.
    fn restore(&mut self, time: i64, nth: u32) {
        assert!(self.contains(time, nth), "the ordinal is gone");
        let at = self.position(time, nth) - 1;
        let range = self.ranges[at];
        let earlier = Gone { end: nth, ..range };
        let later = Gone {
            first: nth + 1,
            ..range
        };
        let rest = [earlier, later].into_iter();
        let rest = rest.filter(|range| range.first < range.end);
        self.ranges.splice(at..=at, rest);
        self.total -= 1;
    }

    /// Joins the range at `at` and the one before it, if there are two that touch.
    fn join(&mut self, at: usize) {
        if 0 < at && at < self.ranges.len() && self.ranges[at - 1].touches(self.ranges[at]) {
            self.ranges[at - 1].end = self.ranges[at].end;
            self.ranges.remove(at);
        }
    }

    /// Takes out the later half of the ranges.
    fn split(&mut self) -> Self {
        let ranges = self.ranges.split_off(self.ranges.len() / 2);
        let total = ranges.iter().map(|range| range.len()).sum();
        self.total -= total;
        Self { ranges, total }
    }
}

fn ordinal(nth: u64) -> u32 {
    u32::try_from(nth).expect("an instant has fewer than 2^32 ordinals")
}

/// The ordinals of entries that are read in order.
#[derive(Clone, Debug)]
pub(crate) struct Ordinals<'a> {
    chunks: &'a [OrdinalChunk],
    /// The next range of the first of them.
    at: usize,
    time: i64,
    nth: u32,
}

impl<'a> Ordinals<'a> {
    /// For entries from the first at `time` on.
    pub(crate) fn from(retracted: &'a RetractedOrdinals, time: i64) -> Self {
        let chunks = &retracted.chunks[retracted.chunk_of(time, 0)..];
        let earlier = chunks.first().map_or(0, |chunk| {
            chunk.ranges.len() - chunk.ranges_from(time).len()
        });
        Self {
            chunks,
            at: earlier,
            time,
            nth: 0,
        }
    }

    /// The ordinal of the next entry, which is at `time`.
    #[inline]
    pub(crate) fn next(&mut self, time: i64) -> u32 {
        if time != self.time {
            (self.time, self.nth) = (time, 0);
        }
        if !self.chunks.is_empty() {
            self.pass_gone();
        }
        self.nth += 1;
        self.nth - 1
    }

    #[inline(never)]
    fn pass_gone(&mut self) {
        while let Some(chunk) = self.chunks.first() {
            let Some(range) = chunk.ranges.get(self.at) else {
                (self.chunks, self.at) = (&self.chunks[1..], 0);
                continue;
            };
            if (self.time, self.nth) < (range.time, range.first) {
                return;
            }
            if range.time == self.time {
                self.nth = range.end;
            }
            self.at += 1;
        }
    }
}
