//! Entries in the order of their keys, each with a number, in blocks under fences.
//!
//! ```text
//! index    [ first key of every 16th block | first keys of the other blocks ]
//! blocks   [ 8 keys, 8 numbers ], the last with as many as there are
//! ```
//!
//! A look-up reads some of the index, which is a line or two, and one block. The first block has no
//! fence. All keys have one width in bytes, and all numbers have one.

use super::column::{Column, Width};

/// Entries in a block.
const BLOCK: usize = 8;
/// Blocks under one of the keys that stand first in the index.
const GROUP: usize = 16;

/// How wide keys and numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    pub(super) key: Width,
    pub(super) number: Width,
}

impl Widths {
    /// Of so many entries.
    pub(super) fn block_bytes(self, len: usize) -> usize {
        len * (self.key.bytes() + self.number.bytes())
    }

    pub(super) fn index_bytes(self, len: usize) -> usize {
        fences(len) * self.key.bytes()
    }
}

/// How many blocks of so many entries have a fence.
fn fences(len: usize) -> usize {
    len.div_ceil(BLOCK).saturating_sub(1)
}

/// What stands where among the bytes of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) len: usize,
    pub(super) widths: Widths,
    /// Where the index begins.
    pub(super) index: usize,
    /// Where the blocks begin.
    pub(super) blocks: usize,
}

impl Series {
    /// The group of the block that holds the last key that is at most `key`, if any does.
    #[inline]
    pub(super) fn group_of(&self, bytes: &[u8], key: u64) -> usize {
        let tops = fences(self.len) / GROUP;
        self.fences_from(0, tops).count_through(bytes, key)
    }

    /// The fences of a group: of all its blocks but the first.
    #[inline]
    pub(super) fn fences_of(&self, group: usize) -> Column {
        let fences = fences(self.len);
        let tops = fences / GROUP;
        let before = group * (GROUP - 1);
        let among = (fences - tops - before).min(GROUP - 1);
        self.fences_from(tops + before, among)
    }

    /// The block that holds the last key that is at most `key`, if any does.
    #[inline]
    pub(super) fn block_of(&self, bytes: &[u8], key: u64) -> usize {
        let group = match self.has_groups() {
            true => self.group_of(bytes, key),
            false => 0,
        };
        group * GROUP + self.fences_of(group).count_through(bytes, key)
    }

    /// Whether there is more than one group.
    #[inline]
    pub(super) fn has_groups(&self) -> bool {
        self.len > BLOCK * GROUP
    }

    fn fences_from(&self, first: usize, len: usize) -> Column {
        let width = self.widths.key;
        let at = self.index + first * width.bytes();
        Column { at, len, width }
    }

    /// How many keys are at most `key`, the last of which stands in this block.
    #[inline]
    pub(super) fn count_in(&self, bytes: &[u8], block: usize, key: u64) -> usize {
        block * BLOCK + self.keys_of(block).count_through(bytes, key)
    }

    /// How many keys are at most `key`.
    #[inline]
    pub(super) fn count_through(&self, bytes: &[u8], key: u64) -> usize {
        self.count_in(bytes, self.block_of(bytes, key), key)
    }

    /// How many keys are below `key`, of which the first `known` are.
    pub(super) fn count_before(&self, bytes: &[u8], known: usize, key: u64) -> usize {
        let is_below = |at: usize| at < self.len && self.key(bytes, at) < key;
        let mut count = known;
        while is_below(count + BLOCK) {
            count += BLOCK;
        }
        while is_below(count) {
            count += 1;
        }
        count
    }

    #[inline]
    pub(super) fn key(&self, bytes: &[u8], at: usize) -> u64 {
        self.keys_of(at / BLOCK).get(bytes, at % BLOCK)
    }

    #[inline]
    pub(super) fn number(&self, bytes: &[u8], at: usize) -> u64 {
        self.numbers_of(at / BLOCK).get(bytes, at % BLOCK)
    }

    /// The number of the last of the first `count` entries; 0 if that is none.
    #[inline]
    pub(super) fn number_before(&self, bytes: &[u8], count: usize) -> u64 {
        count.checked_sub(1).map_or(0, |at| self.number(bytes, at))
    }

    pub(super) fn iter(self, bytes: &[u8]) -> impl Iterator<Item = (u64, u64)> + Clone {
        (0..self.len).map(move |at| (self.key(bytes, at), self.number(bytes, at)))
    }

    /// Where the block stands, and how long it is.
    pub(super) fn block_range(&self, block: usize) -> std::ops::Range<usize> {
        let start = self.start_of(block);
        start..start + self.widths.block_bytes(self.len_of(block))
    }

    #[inline]
    fn start_of(&self, block: usize) -> usize {
        self.blocks + self.widths.block_bytes(block * BLOCK)
    }

    #[inline]
    fn len_of(&self, block: usize) -> usize {
        (self.len - block * BLOCK).min(BLOCK)
    }

    #[inline]
    fn keys_of(&self, block: usize) -> Column {
        Column {
            at: self.start_of(block),
            len: self.len_of(block),
            width: self.widths.key,
        }
    }

    #[inline]
    fn numbers_of(&self, block: usize) -> Column {
        let len = self.len_of(block);
        Column {
            at: self.start_of(block) + len * self.widths.key.bytes(),
            len,
            width: self.widths.number,
        }
    }

    /// Writes all entries, of which there are as many as it has places.
    pub(super) fn write(&self, bytes: &mut [u8], entries: impl Iterator<Item = (u64, u64)>) {
        for (at, (key, number)) in entries.enumerate() {
            self.set_key(bytes, at, key);
            self.set_number(bytes, at, number);
        }
    }

    pub(super) fn set_number(&self, bytes: &mut [u8], at: usize, number: u64) {
        self.numbers_of(at / BLOCK).set(bytes, at % BLOCK, number);
    }

    fn set_key(&self, bytes: &mut [u8], at: usize, key: u64) {
        let block = at / BLOCK;
        self.keys_of(block).set(bytes, at % BLOCK, key);
        if at.is_multiple_of(BLOCK) && block > 0 {
            let tops = fences(self.len) / GROUP;
            let fence = match block % GROUP {
                0 => block / GROUP - 1,
                _ => tops + block - block / GROUP - 1,
            };
            self.fences_from(fence, 1).set(bytes, 0, key);
        }
    }

    /// Where the key that one more entry needs in the index is to stand, if it needs one.
    pub(super) fn next_fence(&self) -> Option<usize> {
        let block = self.len / BLOCK;
        if block == 0 || !self.len.is_multiple_of(BLOCK) {
            return None;
        }
        let fence = match block % GROUP {
            0 => block / GROUP - 1,
            _ => block - 1,
        };
        Some(self.index + fence * self.widths.key.bytes())
    }

    /// Puts an entry before the one at `at`; the numbers of those behind it grow by `more`. Until now
    /// there has been one entry less, and the place for its fence is there.
    pub(super) fn insert(&self, bytes: &mut [u8], at: usize, (key, number): (u64, u64), more: u64) {
        let last = self.len - 1;
        let before = Series { len: last, ..*self };
        if !last.is_multiple_of(BLOCK) {
            // The numbers of the last block make room for one more key.
            let numbers = before.numbers_of(last / BLOCK);
            let place = self.numbers_of(last / BLOCK).at;
            bytes.copy_within(numbers.at..numbers.end(), place);
        }
        for block in (at / BLOCK..=last / BLOCK).rev() {
            let is_first = block == at / BLOCK;
            let place = if is_first { at % BLOCK } else { 0 };
            // What the block before has to give up; there it is still as it was.
            let (key, number) = match is_first {
                true => (key, number),
                false => {
                    let given_up = block * BLOCK - 1;
                    (
                        self.key(bytes, given_up),
                        self.number(bytes, given_up) + more,
                    )
                }
            };
            let (keys, numbers) = (self.keys_of(block), self.numbers_of(block));
            keys.make_place(bytes, place);
            numbers.make_place(bytes, place);
            for later in place + 1..numbers.len {
                numbers.set(bytes, later, numbers.get(bytes, later) + more);
            }
            self.set_key(bytes, block * BLOCK + place, key);
            numbers.set(bytes, place, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::WORD;
    use super::*;

    fn series(entries: &[(u64, u64)], room: usize) -> (Series, Vec<u8>) {
        let widths = Widths {
            key: Width::of(entries.iter().map(|entry| entry.0)),
            number: Width::of(entries.iter().map(|entry| 2 * entry.1)),
        };
        let (index, len) = (5, entries.len());
        let blocks = index + widths.index_bytes(len) + 3;
        let series = Series {
            len,
            widths,
            index,
            blocks,
        };
        let end = blocks + widths.block_bytes(len + room);
        let mut bytes = vec![0xa5; end + WORD];
        series.write(&mut bytes, entries.iter().copied());
        (series, bytes)
    }

    fn entries(len: u64, spread: u64) -> Vec<(u64, u64)> {
        (0..len)
            .map(|at| (at * at % 3 + at / 2 * spread, 7 * at))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn look_ups_are_those_of_a_list() {
        for len in (0..300).chain([1_000, 1_023, 1_024]) {
            for spread in [0, 5, 100, 1 << 40, u64::MAX >> 10] {
                let mut entries = entries(len, spread);
                entries.sort_unstable();
                let (series, bytes) = series(&entries, 0);
                assert!(series.iter(&bytes).eq(entries.iter().copied()), "{len}");
                let keys = entries.iter().map(|entry| entry.0);
                for key in keys
                    .flat_map(|key| [key.saturating_sub(1), key, key + 1])
                    .chain([0, u64::MAX])
                {
                    let expected = entries.partition_point(|entry| entry.0 <= key);
                    assert_eq!(
                        series.count_through(&bytes, key),
                        expected,
                        "{key} of {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_entry_can_be_put_anywhere() {
        for len in (0..40).chain([127, 128, 129, 135, 136, 255, 256, 1_000, 1_001]) {
            for at in (0..=len).step_by(1 + len / 40) {
                let mut list: Vec<(u64, u64)> =
                    (0..len as u64).map(|at| (3 * at, at + 1)).collect();
                let (before, mut bytes) = series(&list, 2);
                let mut series = Series {
                    len: len + 1,
                    ..before
                };
                if let Some(fence) = before.next_fence() {
                    let width = before.widths.key.bytes();
                    let end = before.blocks + before.widths.block_bytes(len);
                    bytes.copy_within(fence..end, fence + width);
                    series.blocks += width;
                }
                let key = list.get(at.wrapping_sub(1)).map_or(0, |entry| entry.0);
                let entry = (key, u64::from(len > 0));
                series.insert(&mut bytes, at, entry, 1);
                list[at..].iter_mut().for_each(|entry| entry.1 += 1);
                list.insert(at, entry);
                let found: Vec<_> = series.iter(&bytes).collect();
                assert_eq!(found, list, "{at} of {len}");
                for key in 0..3 * len as u64 {
                    let expected = list.partition_point(|entry| entry.0 <= key);
                    assert_eq!(
                        series.count_through(&bytes, key),
                        expected,
                        "{key} of {len}"
                    );
                }
            }
        }
    }
}
