//! A group: up to 64 chunks, and what finds the right one.

mod balance;

use std::ops::Range;

use super::encoding::UsageEntry;
use super::layout::{SLOTS, SPAN, Shape, small};
use super::load::SortedEntries;
use super::prefetch::prefetch;
use super::slot::Slot;
use super::sums;

/// Chunks in time order. A chunk that splits moves the slots after it, and the chunks themselves
/// stay where they are.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct UsageGroup {
    /// `heads[s]` is at or before every entry of chunk `s` and not before any entry of an earlier
    /// one. Vacant slots have `i64::MAX`.
    heads: [i64; SLOTS],
    /// The sum of the chunks before, see [`sums`].
    within: [u64; SLOTS],
    spans: [u64; SLOTS / SPAN],
    /// Entries of all chunks: beside the spans, which an insertion writes too.
    entries: u32,
    len: u8,
    slots: [Slot; SLOTS],
}

impl UsageGroup {
    /// A group of no chunks, which must get one.
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            heads: [i64::MAX; SLOTS],
            within: [0; SLOTS],
            spans: [0; SLOTS / SPAN],
            entries: 0,
            len: 0,
            slots: std::array::from_fn(|_| Slot::Vacant),
        })
    }

    /// A group of a range of entries, at least one, and no more than fill it.
    pub(super) fn build(
        sorted: &impl SortedEntries,
        range: Range<usize>,
        shape: Shape,
    ) -> Box<Self> {
        let mut group = Self::new();
        let mut entries = Vec::with_capacity(shape.chunk_entries());
        for start in range.clone().step_by(shape.chunk_entries_built()) {
            entries.clear();
            let end = range.end.min(start + shape.chunk_entries_built());
            sorted.read(start..end, &mut entries);
            group.push_chunk(entries[0].0, Slot::new(&entries, shape));
        }
        group
    }

    /// Number of chunks.
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// At or before every entry.
    pub(super) fn head(&self) -> i64 {
        self.heads[0]
    }

    /// Declares that the entries before this group are all at or before `head`, as are its own
    /// at or after it.
    pub(super) fn set_head(&mut self, head: i64) {
        self.heads[0] = head;
    }

    /// The head of slot `slot`; after the last one `i64::MAX`.
    #[inline]
    pub(super) fn head_of(&self, slot: usize) -> i64 {
        self.heads.get(slot).copied().unwrap_or(i64::MAX)
    }

    /// Asks for what [`slot_of`](Self::slot_of) reads.
    #[inline]
    pub(super) fn prefetch_heads(&self) {
        prefetch(&self.heads);
    }

    /// Asks for what leads on from `slot`.
    #[inline]
    pub(super) fn prefetch_slot(&self, slot: usize) {
        prefetch(&self.slots[slot]);
        prefetch(&self.within[slot]);
    }

    /// The chunk that answers a question for `time`, which is not before the group's head: the
    /// last whose head is at or before it.
    #[inline]
    pub(super) fn slot_of(&self, time: i64) -> usize {
        (self
            .heads
            .partition_point(|head| *head <= time)
            .min(self.len())
            - 1)
            % SLOTS
    }

    #[inline]
    pub(super) fn slot(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    /// The sum of the chunks before slot `slot`.
    #[inline]
    pub(super) fn before(&self, slot: usize) -> u64 {
        sums::before(&self.within, &self.spans, slot)
    }

    /// The last chunk whose sum before is at most `sum`.
    pub(super) fn slot_of_sum(&self, sum: u64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.before(middle) <= sum {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The sum of all chunks.
    pub(super) fn total(&self) -> u64 {
        let last = self.len() - 1;
        self.before(last) + self.slots[last].total()
    }

    /// Puts an entry into chunk `slot`. False if it is full.
    #[inline]
    pub(super) fn insert(&mut self, slot: usize, entry: UsageEntry, shape: Shape) -> bool {
        let done = self.slots[slot].insert(entry, shape);
        if done {
            self.entries += 1;
            sums::add_to_few(&mut self.within, &mut self.spans, slot, entry.1);
        }
        done
    }

    /// Puts the first of `entries`, which are in order and at least one, at the end of the last
    /// chunk, where they belong. Gives their number; 0 if there is no room.
    #[inline]
    pub(super) fn append(&mut self, entries: &[UsageEntry], shape: Shape) -> usize {
        let last = self.len() - 1;
        let appended = self.slots[last].append(entries, shape);
        self.entries += small::<u32>(appended);
        appended
    }

    /// Takes the entry with `rank` before it out of chunk `slot`, and gives its amount.
    pub(super) fn remove(&mut self, slot: usize, rank: usize) -> u64 {
        let amount = self.slots[slot].remove(rank);
        self.entries -= 1;
        sums::subtract(&mut self.within, &mut self.spans, slot, amount);
        amount
    }

    /// Changes the amount of the entry with `rank` before it in chunk `slot`, and gives the old
    /// one.
    pub(super) fn replace(&mut self, slot: usize, rank: usize, amount: u64, shape: Shape) -> u64 {
        let old = self.slots[slot].replace(rank, amount, shape);
        let change = amount.wrapping_sub(old);
        sums::add(&mut self.within, &mut self.spans, slot, change);
        old
    }

    /// Adds a chunk after the last. The group is not full.
    pub(super) fn push_chunk(&mut self, head: i64, chunk: Slot) {
        let slot = self.len();
        let before = if slot == 0 { 0 } else { self.total() };
        self.heads[slot] = head;
        self.entries += small::<u32>(chunk.len());
        self.slots[slot] = chunk;
        if slot.is_multiple_of(SPAN) {
            self.spans[slot / SPAN] = before;
        }
        self.within[slot] = before - self.spans[slot / SPAN];
        self.len += 1;
    }

    /// The sum of each chunk.
    fn totals(&self) -> [u64; SLOTS] {
        let mut totals = [0; SLOTS];
        for (slot, total) in totals.iter_mut().enumerate().take(self.len()) {
            let next = if slot + 1 < self.len() {
                self.before(slot + 1)
            } else {
                self.total()
            };
            *total = next - self.before(slot);
        }
        totals
    }

    fn write_sums(&mut self, totals: impl Iterator<Item = u64>) {
        sums::write(&mut self.within, &mut self.spans, totals);
    }

    /// The time of the last entry. O(chunk)
    pub(super) fn last_time(&self) -> i64 {
        let mut entries = Vec::new();
        self.slots[self.len() - 1].decode_into(&mut entries);
        entries.last().expect("no chunk is empty").0
    }

    /// Number of entries of all chunks. O(1)
    pub(super) fn count_entries(&self) -> usize {
        self.entries as usize
    }

    /// Number of entries of the chunks before slot `slot`. O(chunks)
    pub(super) fn entries_before(&self, slot: usize) -> usize {
        self.slots[..slot].iter().map(Slot::len).sum()
    }

    /// The slot of the entry with so many before it in the group, and how many are before it in
    /// its chunk; there is one. O(chunks)
    pub(super) fn find_rank(&self, rank: usize) -> (usize, usize) {
        let mut rank = rank;
        for (slot, chunk) in self.slots.iter().enumerate() {
            if rank < chunk.len() {
                return (slot, rank);
            }
            rank -= chunk.len();
        }
        panic!("{rank} beyond the entries of a group");
    }

    /// Adds all entries to `entries`, in order.
    pub(super) fn decode_into(&self, entries: &mut Vec<UsageEntry>) {
        for slot in &self.slots[..self.len()] {
            slot.decode_into(entries);
        }
    }

    /// Heap bytes, those of the group included.
    pub(super) fn memory_used(&self) -> usize {
        size_of::<Self>() + self.slots.iter().map(Slot::memory_used).sum::<usize>()
    }

    /// Checks every chunk, head and sum.
    pub(super) fn assert_invariants(&self, shape: Shape) {
        let len = self.len();
        assert!(
            (1..=shape.slots()).contains(&len),
            "{len} chunks in a group"
        );
        assert!(
            self.heads.is_sorted(),
            "heads out of order: {:?}",
            self.heads
        );
        let entries: usize = self.slots.iter().map(Slot::len).sum();
        assert_eq!(self.count_entries(), entries, "entries of a group");
        let mut sum = 0;
        for slot in 0..SLOTS {
            let chunk = &self.slots[slot];
            if slot >= len {
                assert!(
                    matches!(chunk, Slot::Vacant),
                    "slot {slot} of {len} is not vacant"
                );
                assert_eq!(self.heads[slot], i64::MAX, "head of vacant slot {slot}");
                continue;
            }
            chunk.assert_invariants(shape);
            assert!(chunk.len() > 0, "chunk {slot} is empty");
            assert_eq!(self.before(slot), sum, "sum before chunk {slot}");
            sum += chunk.total();
            let mut entries = Vec::new();
            chunk.decode_into(&mut entries);
            assert!(
                entries[0].0 >= self.heads[slot],
                "entry before the head of chunk {slot}"
            );
            assert!(
                entries[entries.len() - 1].0 <= self.head_of(slot + 1),
                "entry of chunk {slot} after the next head"
            );
        }
        assert_eq!(self.total(), sum, "total of a group");
    }
}
