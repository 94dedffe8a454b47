//! A block: up to 16 entries in time order, the leaf of the tree.

use std::hint::select_unpredictable;

use super::encoding::{Encoding, UsageEntry};
use super::layout::{LANES, later_than};

/// Keys and amounts apart, so that a question compares 16 keys and adds 16 masked amounts
/// without a branch. Free lanes have the key [`Encoding::KEY_MAX`] and the amount 0: no question
/// needs to know how many are taken, which is why the chunk keeps that number.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Block<E: Encoding> {
    keys: [E::Key; LANES],
    amounts: [E::Amount; LANES],
}

impl<E: Encoding> Block<E> {
    pub(super) fn new() -> Self {
        Self {
            keys: [E::KEY_MAX; LANES],
            amounts: [E::Amount::default(); LANES],
        }
    }

    /// Holds `entries` from now on, in order, and gives their sum. The caller has found the encoding
    /// to fit.
    pub(super) fn refill(&mut self, entries: &[UsageEntry], origin: i64) -> E::Amount {
        let mut sum = E::Amount::default();
        *self = Self::new();
        for ((time, amount), lane) in entries.iter().zip(0..LANES) {
            self.set(lane, E::encode((*time, *amount), origin));
            sum += self.amounts[lane];
        }
        sum
    }

    /// The sum of the amounts at or before `key`.
    #[inline]
    pub(super) fn sum_through(&self, key: E::Key) -> E::Amount {
        let mut sum = E::Amount::default();
        for (other, amount) in self.keys.iter().zip(self.amounts) {
            sum += select_unpredictable(*other <= key, amount, E::Amount::default());
        }
        sum
    }

    /// Entry `lane`, which is taken.
    #[inline]
    pub(super) fn get(&self, lane: usize) -> (E::Key, E::Amount) {
        (self.keys[lane], self.amounts[lane])
    }

    /// Writes entry `lane`, which is free, as are all after it.
    #[inline]
    pub(super) fn set(&mut self, lane: usize, (key, amount): (E::Key, E::Amount)) {
        self.keys[lane] = key;
        self.amounts[lane] = amount;
    }

    /// The lane after the last of the `len` entries at or before `key`.
    #[inline]
    pub(super) fn position(&self, key: E::Key, len: usize) -> usize {
        count_through(&self.keys, key).min(len)
    }

    /// Puts an entry at `lane` and moves those from there on by one. The block has room.
    #[inline]
    pub(super) fn insert(&mut self, lane: usize, (key, amount): (E::Key, E::Amount)) {
        move_later(&mut self.keys, lane);
        move_later(&mut self.amounts, lane);
        self.set(lane, (key, amount));
    }

    /// The first `len` entries.
    pub(super) fn entries(&self, len: usize) -> impl Iterator<Item = (E::Key, E::Amount)> {
        let (keys, amounts) = (&self.keys[..len], &self.amounts[..len]);
        keys.iter().copied().zip(amounts.iter().copied())
    }

    /// Takes entry `lane` out and moves those after it back by one.
    pub(super) fn remove(&mut self, lane: usize) -> (E::Key, E::Amount) {
        let entry = self.get(lane);
        self.keys.copy_within(lane + 1.., lane);
        self.amounts.copy_within(lane + 1.., lane);
        self.set(LANES - 1, (E::KEY_MAX, E::Amount::default()));
        entry
    }

    /// Checks that the first `len` lanes are in order and the others are free.
    pub(super) fn assert_invariants(&self, len: usize) {
        assert!(self.keys[..len].is_sorted(), "keys out of order: {self:?}");
        for lane in len..LANES {
            assert_eq!(
                self.get(lane),
                (E::KEY_MAX, E::Amount::default()),
                "lane {lane} of a block of {len} is not free"
            );
        }
    }
}

/// Moves what stands after `lane`, and there, by one; the last is lost.
#[inline]
fn move_later<T: Copy>(lanes: &mut [T; LANES], lane: usize) {
    let mut moved = *lanes;
    moved[1..].copy_from_slice(&lanes[..LANES - 1]);
    for ((stays, moves), later) in lanes.iter_mut().zip(moved).zip(later_than(lane)) {
        *stays = if *later != 0 { moves } else { *stays };
    }
}

/// How many of the keys, which are in order, are at or before `key`.
#[inline]
pub(super) fn count_through<K: Ord + Copy, const N: usize>(keys: &[K; N], key: K) -> usize {
    keys.partition_point(|other| *other <= key)
}
