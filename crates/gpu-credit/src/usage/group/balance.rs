//! Room in a group: full chunks and groups split, sparse ones are merged.

use super::UsageGroup;
use crate::usage::layout::{Shape, small};
use crate::usage::slot::Slot;

impl UsageGroup {
    /// Finds room in a full chunk: evens it out with a neighbour that has plenty, or splits it in
    /// half. False if there is no slot for the other half.
    pub(in crate::usage) fn make_room(&mut self, slot: usize, shape: Shape) -> bool {
        let left = slot.checked_sub(1);
        let right = Some(slot + 1).filter(|right| *right < self.len());
        let emptier = [left, right]
            .into_iter()
            .flatten()
            .min_by_key(|at| self.slots[*at].len())
            .filter(|at| self.slots[*at].len() <= shape.chunk_entries_even());
        if let Some(neighbour) = emptier {
            self.even_out(slot.min(neighbour), shape);
        } else if self.len() < shape.slots() {
            self.open_slot(slot + 1);
            self.even_out(slot, shape);
        } else {
            return false;
        }
        true
    }

    /// Makes a vacant slot at `slot`, after a chunk.
    fn open_slot(&mut self, slot: usize) {
        let totals = self.totals();
        let len = self.len();
        self.slots[slot..=len].rotate_right(1);
        self.heads.copy_within(slot..len, slot + 1);
        self.heads[slot] = self.heads[slot - 1];
        self.len += 1;
        let (earlier, later) = totals[..len].split_at(slot);
        self.write_sums(earlier.iter().chain(&[0]).chain(later).copied());
    }

    /// Distributes the entries of chunk `slot` and the next one, which may be vacant, evenly.
    fn even_out(&mut self, slot: usize, shape: Shape) {
        let mut totals = self.totals();
        let mut entries = Vec::with_capacity(2 * shape.chunk_entries());
        self.slots[slot].decode_into(&mut entries);
        self.slots[slot + 1].decode_into(&mut entries);
        let (earlier, later) = entries.split_at(entries.len() / 2);
        self.slots[slot].refill(earlier, shape);
        self.slots[slot + 1].refill(later, shape);
        self.heads[slot + 1] = later[0].0;
        totals[slot] = self.slots[slot].total();
        totals[slot + 1] = self.slots[slot + 1].total();
        self.write_sums(totals[..self.len()].iter().copied());
    }

    /// Frees an empty chunk, or merges a sparse one with a neighbour, if it has one.
    pub(in crate::usage) fn tidy(&mut self, slot: usize, shape: Shape) {
        let len = self.slots[slot].len();
        if len >= shape.chunk_entries_sparse() || self.len() == 1 {
            return;
        }
        let slot = slot.min(self.len() - 2);
        let both = self.slots[slot].len() + self.slots[slot + 1].len();
        if both <= shape.chunk_entries_even() {
            self.merge(slot, shape);
        } else if len == 0 {
            self.even_out(slot, shape);
        }
    }

    /// Merges chunk `slot` and the next one.
    fn merge(&mut self, slot: usize, shape: Shape) {
        let mut totals = self.totals();
        let len = self.len();
        let mut entries = Vec::with_capacity(shape.chunk_entries());
        self.slots[slot].decode_into(&mut entries);
        self.slots[slot + 1].decode_into(&mut entries);
        self.slots[slot].refill(&entries, shape);
        self.slots[slot + 1] = Slot::Vacant;
        self.slots[slot + 1..len].rotate_left(1);
        self.heads.copy_within(slot + 2..len, slot + 1);
        self.heads[len - 1] = i64::MAX;
        totals[slot] += totals[slot + 1];
        totals.copy_within(slot + 2..len, slot + 1);
        self.len -= 1;
        self.write_sums(totals[..len - 1].iter().copied());
    }

    /// Moves the later half of the chunks into a new group.
    pub(in crate::usage) fn split(&mut self) -> Box<Self> {
        let totals = self.totals();
        let (len, half) = (self.len(), self.len() / 2);
        let mut other = Self::new();
        other.entries = self.slots[half..len]
            .iter()
            .map(|slot| small::<u32>(slot.len()))
            .sum();
        self.entries -= other.entries;
        for slot in half..len {
            other.slots[slot - half] = std::mem::take(&mut self.slots[slot]);
            other.heads[slot - half] = std::mem::replace(&mut self.heads[slot], i64::MAX);
        }
        self.len = small(half);
        other.len = small(len - half);
        other.write_sums(totals[half..len].iter().copied());
        other
    }

    /// Moves all chunks of `other`, the next group, to the end of this one, which has room.
    pub(in crate::usage) fn append_group(&mut self, mut other: Box<Self>) {
        let (mut totals, later) = (self.totals(), other.totals());
        let len = self.len();
        for slot in 0..other.len() {
            self.slots[len + slot] = std::mem::take(&mut other.slots[slot]);
            self.heads[len + slot] = other.heads[slot];
            totals[len + slot] = later[slot];
        }
        self.len += other.len;
        self.entries += other.entries;
        self.write_sums(totals[..self.len()].iter().copied());
    }
}
