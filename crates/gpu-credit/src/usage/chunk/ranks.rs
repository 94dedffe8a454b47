//! The entries of a chunk by their rank: how many entries of the chunk are before them.

use super::{EntryAddress, UsageChunk, count};
use crate::usage::encoding::Encoding;

impl<E: Encoding> UsageChunk<E> {
    /// How many entries are at or before `key`.
    pub(in crate::usage) fn rank_after(&self, key: E::Key) -> usize {
        let address = self.address_after(key);
        count(&self.lens[..address.block]) + address.lane
    }

    /// The address of the entry with so many before it; there is one.
    fn address_of(&self, rank: usize) -> EntryAddress {
        let mut lane = rank;
        for (block, len) in self.lens.iter().enumerate() {
            if lane < usize::from(*len) {
                return EntryAddress { block, lane };
            }
            lane -= usize::from(*len);
        }
        panic!("entry {rank} of a chunk of {}", self.count_entries());
    }

    /// The entry with so many before it; there is one.
    pub(in crate::usage) fn get(&self, rank: usize) -> (E::Key, E::Amount) {
        let EntryAddress { block, lane } = self.address_of(rank);
        self.blocks[block].get(lane)
    }

    /// Takes out the entry with so many before it, and gives its amount; there is one.
    pub(in crate::usage) fn remove(&mut self, rank: usize) -> E::Amount {
        let EntryAddress { block, lane } = self.address_of(rank);
        let (_, amount) = self.blocks[block].remove(lane);
        self.lens[block] -= 1;
        self.total -= amount;
        for sum in &mut self.sums[block + 1..] {
            *sum -= amount;
        }
        amount
    }

    /// Changes the amount of the entry with so many before it, and gives the old one; there is
    /// one. The caller has found the total to fit the encoding afterwards.
    pub(in crate::usage) fn replace(&mut self, rank: usize, amount: E::Amount) -> E::Amount {
        let EntryAddress { block, lane } = self.address_of(rank);
        let (key, old) = self.blocks[block].get(lane);
        self.blocks[block].set(lane, (key, amount));
        let later = self.sums[block + 1..].iter_mut();
        for sum in later.chain([&mut self.total]) {
            *sum -= old;
            *sum += amount;
        }
        old
    }

    /// How many entries are before the last one of this key and amount, if there is one.
    pub(in crate::usage) fn last_rank_of(&self, key: E::Key, amount: E::Amount) -> Option<usize> {
        for block in (0..=self.block_of(key)).rev() {
            let end = self.blocks[block].position(key, usize::from(self.lens[block]));
            let found = (0..end)
                .rev()
                .map(|lane| (lane, self.blocks[block].get(lane)))
                .take_while(|(_, entry)| entry.0 == key)
                .find(|(_, entry)| entry.1 == amount);
            if let Some((lane, _)) = found {
                return Some(count(&self.lens[..block]) + lane);
            }
            if self.heads[block] < key {
                return None;
            }
        }
        None
    }
}
