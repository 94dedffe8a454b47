//! The small shape of the index: one sorted list, before there is a tree.

use std::ops::{Range, RangeInclusive};

use super::encoding::{Encoding, Narrow, UsageEntry, Wide, fits_narrow};

/// Entries in time order, in whichever encoding holds them. It grows by an eighth at a time, so that
/// many small accounts pay for little more than what they hold.
#[derive(Clone, Debug)]
pub(super) enum SmallList {
    Narrow(EncodedList<Narrow>),
    Wide(EncodedList<Wide>),
}

/// Entries in one encoding, and the origin of their times.
#[derive(Clone, Debug)]
pub(super) struct EncodedList<E: Encoding> {
    origin: i64,
    entries: Vec<(E::Key, E::Amount)>,
}

impl SmallList {
    /// The list of `entries`, in time order.
    pub(super) fn new(entries: &[UsageEntry]) -> Self {
        match entries {
            [] => Self::Narrow(EncodedList {
                origin: 0,
                entries: Vec::new(),
            }),
            entries if fits_narrow(entries) => Self::Narrow(EncodedList::new(entries)),
            entries => Self::Wide(EncodedList::new(entries)),
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(list) => list.entries.len(),
            Self::Wide(list) => list.entries.len(),
        }
    }

    /// The sum of the amounts at or before `time`. O(n)
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        match self {
            Self::Narrow(list) => list.sum_through(time),
            Self::Wide(list) => list.sum_through(time),
        }
    }

    /// Puts an entry after those at or before its time. O(n)
    pub(super) fn insert(&mut self, entry: UsageEntry) {
        let fits = match self {
            Self::Narrow(list) => list.insert(entry),
            Self::Wide(list) => list.insert(entry),
        };
        if !fits {
            let mut entries = self.decode();
            entries.insert(entries.partition_point(|other| other.0 <= entry.0), entry);
            *self = Self::new(&entries);
        }
    }

    /// Takes out entry `at`, and gives its amount; there is one. O(n)
    pub(super) fn remove(&mut self, at: usize) -> u64 {
        match self {
            Self::Narrow(list) => list.entries.remove(at).1.into(),
            Self::Wide(list) => list.entries.remove(at).1,
        }
    }

    /// Changes the amount of entry `at`, and gives the old one; there is one. O(1), or O(n) if it
    /// does not fit the encoding.
    pub(super) fn replace(&mut self, at: usize, amount: u64) -> u64 {
        let replaced = match self {
            Self::Narrow(list) => list.replace(at, amount),
            Self::Wide(list) => list.replace(at, amount),
        };
        replaced.unwrap_or_else(|| {
            let mut entries = self.decode();
            let old = std::mem::replace(&mut entries[at].1, amount);
            *self = Self::new(&entries);
            old
        })
    }

    /// Which entries are at `time`. O(log n)
    pub(super) fn range_of(&self, time: i64) -> Range<usize> {
        self.range_within(time..=time)
    }

    /// Which entries are within a range of times. O(log n)
    pub(super) fn range_within(&self, times: RangeInclusive<i64>) -> Range<usize> {
        let before = times.start().checked_sub(1);
        let before = before.map_or(0, |before| self.count_through(before));
        before..self.count_through(*times.end())
    }

    /// How many entries are at or before `time`. O(log n)
    fn count_through(&self, time: i64) -> usize {
        match self {
            Self::Narrow(list) => list.count_through(time),
            Self::Wide(list) => list.count_through(time),
        }
    }

    /// Entry `at`, in order.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<UsageEntry> {
        match self {
            Self::Narrow(list) => list.get(at),
            Self::Wide(list) => list.get(at),
        }
    }

    /// The entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = UsageEntry> {
        (0..self.len()).map_while(|at| self.get(at))
    }

    /// The entries, in order.
    pub(super) fn decode(&self) -> Vec<UsageEntry> {
        self.iter().collect()
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it.
    /// The total of all is above `sum`.
    pub(super) fn first_above(&self, sum: u64) -> (i64, u64) {
        let mut total = 0;
        let mut found = self.iter().filter_map(|(time, amount)| {
            let before = total;
            total += amount;
            (total > sum).then_some((time, before))
        });
        found.next().expect("the total is above the sum")
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match self {
            Self::Narrow(list) => list.entries.capacity() * size_of::<(i32, u32)>(),
            Self::Wide(list) => list.entries.capacity() * size_of::<UsageEntry>(),
        }
    }

    /// Checks the order.
    pub(super) fn assert_invariants(&self) {
        assert!(
            self.iter().is_sorted_by_key(|entry| entry.0),
            "out of order: {self:?}"
        );
    }
}

impl<E: Encoding> EncodedList<E> {
    /// The caller has found the encoding to fit.
    fn new(entries: &[UsageEntry]) -> Self {
        let origin = E::origin(entries[0].0, entries[entries.len() - 1].0);
        let mut list = Self {
            origin,
            entries: Vec::with_capacity(entries.len()),
        };
        list.entries
            .extend(entries.iter().map(|entry| E::encode(*entry, origin)));
        list
    }

    fn encode(&self, (time, amount): UsageEntry) -> Option<(E::Key, E::Amount)> {
        Some((E::key(time, self.origin)?, E::amount(amount)?))
    }

    fn get(&self, at: usize) -> Option<UsageEntry> {
        let (key, amount) = *self.entries.get(at)?;
        Some((E::time(key, self.origin), amount.into()))
    }

    fn count_through(&self, time: i64) -> usize {
        let key = E::question(time, self.origin);
        self.entries.partition_point(|entry| entry.0 <= key)
    }

    fn sum_through(&self, time: i64) -> u64 {
        self.entries[..self.count_through(time)]
            .iter()
            .map(|entry| entry.1.into())
            .sum()
    }

    /// False if the entry does not fit the encoding.
    fn insert(&mut self, entry: UsageEntry) -> bool {
        let Some((key, amount)) = self.encode(entry) else {
            return false;
        };
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact((self.entries.len() / 8).max(4));
        }
        let at = self.entries.partition_point(|other| other.0 <= key);
        self.entries.insert(at, (key, amount));
        true
    }

    /// The old amount; `None` if the new one does not fit the encoding.
    fn replace(&mut self, at: usize, amount: u64) -> Option<u64> {
        let amount = E::amount(amount)?;
        Some(std::mem::replace(&mut self.entries[at].1, amount).into())
    }
}
