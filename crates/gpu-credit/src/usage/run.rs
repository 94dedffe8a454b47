//! The small form of the index: one sorted list, before there is a tree.

use std::ops::{Range, RangeInclusive};

use super::form::{Entry, Form, Narrow, Wide, fits_narrow};

/// Entries in time order, in whichever form holds them. It grows by an eighth at a time, so that
/// many small accounts pay for little more than what they hold.
#[derive(Clone, Debug)]
pub(super) enum Run {
    Narrow(Entries<Narrow>),
    Wide(Entries<Wide>),
}

/// The entries of a run in one form, and the origin of their times.
#[derive(Clone, Debug)]
pub(super) struct Entries<F: Form> {
    origin: i64,
    entries: Vec<(F::Key, F::Amount)>,
}

impl Run {
    /// A run of `entries`, in time order.
    pub(super) fn new(entries: &[Entry]) -> Self {
        match entries {
            [] => Self::Narrow(Entries {
                origin: 0,
                entries: Vec::new(),
            }),
            entries if fits_narrow(entries) => Self::Narrow(Entries::new(entries)),
            entries => Self::Wide(Entries::new(entries)),
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(run) => run.entries.len(),
            Self::Wide(run) => run.entries.len(),
        }
    }

    /// The sum of the amounts at or before `time`. O(n)
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        match self {
            Self::Narrow(run) => run.sum_through(time),
            Self::Wide(run) => run.sum_through(time),
        }
    }

    /// Puts an entry behind those at or before its time. O(n)
    pub(super) fn insert(&mut self, entry: Entry) {
        let fits = match self {
            Self::Narrow(run) => run.insert(entry),
            Self::Wide(run) => run.insert(entry),
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
            Self::Narrow(run) => run.entries.remove(at).1.into(),
            Self::Wide(run) => run.entries.remove(at).1,
        }
    }

    /// Changes the amount of entry `at`, and gives the old one; there is one. O(1), or O(n) if it
    /// does not fit the form.
    pub(super) fn replace(&mut self, at: usize, amount: u64) -> u64 {
        match self {
            Self::Narrow(run) if let Some(amount) = Narrow::amount(amount) => {
                std::mem::replace(&mut run.entries[at].1, amount).into()
            }
            Self::Narrow(_) => {
                let mut entries = self.decode();
                let old = std::mem::replace(&mut entries[at].1, amount);
                *self = Self::new(&entries);
                old
            }
            Self::Wide(run) => std::mem::replace(&mut run.entries[at].1, amount),
        }
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
            Self::Narrow(run) => run.count_through(time),
            Self::Wide(run) => run.count_through(time),
        }
    }

    /// Entry `at`, in order.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Entry> {
        match self {
            Self::Narrow(run) => run.get(at),
            Self::Wide(run) => run.get(at),
        }
    }

    /// The entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).map_while(|at| self.get(at))
    }

    /// The entries, in order.
    pub(super) fn decode(&self) -> Vec<Entry> {
        self.iter().collect()
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it.
    pub(super) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        let mut total = 0;
        self.iter().find_map(|(time, amount)| {
            let before = total;
            total += amount;
            (total > sum).then_some((time, before))
        })
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match self {
            Self::Narrow(run) => run.entries.capacity() * size_of::<(i32, u32)>(),
            Self::Wide(run) => run.entries.capacity() * size_of::<Entry>(),
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

impl<F: Form> Entries<F> {
    /// The caller has found the form to fit.
    fn new(entries: &[Entry]) -> Self {
        let origin = F::origin(entries[0].0, entries[entries.len() - 1].0);
        let mut run = Self {
            origin,
            entries: Vec::with_capacity(entries.len()),
        };
        run.entries
            .extend(entries.iter().map(|entry| F::encode(*entry, origin)));
        run
    }

    fn encode(&self, (time, amount): Entry) -> Option<(F::Key, F::Amount)> {
        Some((F::key(time, self.origin)?, F::amount(amount)?))
    }

    fn get(&self, at: usize) -> Option<Entry> {
        let (key, amount) = *self.entries.get(at)?;
        Some((F::time(key, self.origin), amount.into()))
    }

    fn count_through(&self, time: i64) -> usize {
        let key = F::question(time, self.origin);
        self.entries.partition_point(|entry| entry.0 <= key)
    }

    fn sum_through(&self, time: i64) -> u64 {
        self.entries[..self.count_through(time)]
            .iter()
            .map(|entry| entry.1.into())
            .sum()
    }

    /// False if the entry does not fit the form.
    fn insert(&mut self, entry: Entry) -> bool {
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
}
