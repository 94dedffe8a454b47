//! Accounts by name, in slots in the order of their hashes.
//!
//! The place of an account follows from its tag: the higher the tag, the later the slot, so that growing
//! is one pass from the first slot to the last. If a slot is taken, the next free one is used. Neighbours
//! are in one cache line or two, and from there the account is one step away.
//!
//! A batch of questions loads slots before it reads them. The hash tables of the standard library and of
//! `hashbrown` do not tell which those are.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::account::Account;
use crate::usage::prefetch::prefetch;

/// How many parts a book has: one thread at a time works on one.
pub(super) const SHARDS: usize = 64;

/// A part of the hash of a name, by which accounts are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

/// The hash of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Hash {
    /// Nobody who chooses names knows the seed.
    #[inline]
    pub(super) fn new(name: &str, seed: u64) -> Self {
        Hash(xxh3_64_with_seed(name.as_bytes(), seed))
    }

    /// The shard of the name: less than [`SHARDS`].
    #[inline]
    pub(super) fn shard(self) -> usize {
        usize::from(self.0.to_le_bytes()[0]) % SHARDS
    }

    #[inline]
    pub(super) fn tag(self) -> Tag {
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        Tag(u32::from_be_bytes([a, b, c, d]))
    }
}

/// The place of an account in its shard. It holds until an account is opened or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(usize);

/// Some of the accounts of a book.
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    /// A quarter of them free, at least.
    slots: Box<[Option<Account>]>,
    len: usize,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the account of a name is, if it is there. O(1) expected
    #[inline]
    pub(super) fn find(&self, name: &str, tag: Tag) -> Option<Place> {
        let mut tagged = self.tagged(tag);
        tagged.find_map(|(place, account)| account.is_named(name).then_some(place))
    }

    /// The first account of a tag: nearly always the only one.
    #[inline]
    pub(super) fn first_tagged(&self, tag: Tag) -> Option<&Account> {
        self.tagged(tag).next().map(|(_, account)| account)
    }

    /// The account of a name. O(1) expected
    #[inline]
    pub(super) fn get(&self, name: &str, tag: Tag) -> Option<&Account> {
        Some(self.at(self.find(name, tag)?))
    }

    #[inline]
    fn tagged(&self, tag: Tag) -> impl Iterator<Item = (Place, &Account)> {
        let mut slot = self.home(tag);
        let accounts = std::iter::from_fn(move || {
            let at = slot;
            slot = self.next(at);
            Some((Place(at), self.slots.get(at)?.as_ref()?))
        });
        accounts.filter(move |(_, account)| account.tag() == tag)
    }

    /// Starts loading the slots in which an account of this tag is looked for.
    #[inline]
    pub(super) fn prefetch(&self, tag: Tag) {
        if let Some(slot) = self.slots.get(self.home(tag)) {
            prefetch(slot);
        }
    }

    #[inline]
    pub(super) fn at(&self, Place(at): Place) -> &Account {
        self.slots[at]
            .as_ref()
            .expect("an account has been found there")
    }

    #[inline]
    pub(super) fn at_mut(&mut self, Place(at): Place) -> &mut Account {
        self.slots[at]
            .as_mut()
            .expect("an account has been found there")
    }

    /// Adds an account whose name is not there. O(1) amortised
    pub(super) fn insert(&mut self, account: Account) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(account);
    }

    fn grow(&mut self) {
        let more = self.slots.len() / 3 + 4;
        let slots = (0..self.slots.len() + more).map(|_| None).collect();
        let before = std::mem::replace(&mut self.slots, slots);
        before
            .into_iter()
            .flatten()
            .for_each(|account| self.put(account));
    }

    fn put(&mut self, account: Account) {
        let mut slot = self.home(account.tag());
        while self.slots[slot].is_some() {
            slot = self.next(slot);
        }
        self.slots[slot] = Some(account);
    }

    /// Takes an account out. O(1) expected
    pub(super) fn remove(&mut self, Place(mut free): Place) -> Account {
        let removed = self.slots[free].take();
        self.len -= 1;
        // Those that would not be found any more across the free slot move up.
        let mut at = self.next(free);
        while let Some(account) = &self.slots[at] {
            let home = self.home(account.tag());
            if self.distance(home, at) >= self.distance(free, at) {
                self.slots.swap(free, at);
                free = at;
            }
            at = self.next(at);
        }
        removed.expect("an account has been found there")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.slots.iter_mut().flatten()
    }

    /// Heap bytes, those of the accounts included.
    pub(super) fn memory_used(&self) -> usize {
        size_of_val(&*self.slots) + self.iter().map(Account::memory_used).sum::<usize>()
    }

    /// The slot in which the search for a tag begins.
    #[inline]
    fn home(&self, Tag(tag): Tag) -> usize {
        let place = (u64::from(tag) * self.slots.len() as u64) >> u32::BITS;
        usize::try_from(place).expect("it is less than the number of slots")
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// How many steps it is from one slot to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.slots.len() - from
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Shard, Tag};
    use crate::book::account::Account;
    use crate::options::Options;

    /// Names whose tags are few, close together, or both: at the beginning, at the end, and in between.
    fn tag(number: u32, seed: u32) -> Tag {
        let number = number % 40;
        Tag(match seed % 4 {
            0 => number.wrapping_mul(0x9e37_79b9),
            1 => number % 3,
            2 => u32::MAX - number % 5,
            _ => (number % 7).wrapping_mul(0x6000_0000) + number % 2,
        })
    }

    #[test]
    fn a_shard_is_a_map() {
        for seed in 0..200_u32 {
            let mut shard = Shard::default();
            let mut map: HashMap<String, Tag> = HashMap::new();
            let mut state = seed;
            for _ in 0..300 {
                state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
                let number = (state >> 16) % 40;
                let (name, tag) = (number.to_string(), tag(number, seed));
                match shard.find(&name, tag) {
                    Some(place) => {
                        assert_eq!(shard.remove(place).name(), name, "seed {seed}");
                        assert_eq!(map.remove(&name), Some(tag), "seed {seed}");
                    }
                    None => {
                        shard.insert(Account::open(tag, &name, Options::default()));
                        assert_eq!(map.insert(name, tag), None, "seed {seed}");
                    }
                }
                assert_eq!(shard.len(), map.len());
                assert_eq!(shard.iter().count(), map.len());
                for (name, tag) in &map {
                    let found = shard.get(name, *tag).map(Account::name);
                    assert_eq!(found, Some(&**name), "seed {seed}");
                }
            }
        }
    }
}
