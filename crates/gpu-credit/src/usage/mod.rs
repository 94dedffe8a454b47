//! The usage index: prefix sums over time.

mod batch;
mod block;
mod buckets;
mod chunk;
mod form;
mod group;
mod layout;
mod load;
mod prefetch;
mod run;
mod slot;
mod sums;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub(crate) use walk::Walk;

use form::Entry;
use layout::Shape;
use load::Sorted;
use run::Run;
use tree::Tree;
use walk::Iter;

/// Usage entries in time order, ties in posting order, and the sums of their amounts up to any
/// instant.
#[derive(Clone, Debug)]
pub(crate) struct UsageIndex {
    total: u64,
    len: usize,
    shape: Shape,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// Up to as many entries as a chunk holds.
    Small(Run),
    Tree(Box<Tree>),
}

impl UsageIndex {
    /// An index without entries. A chunk holds up to `chunk_entries`, 4 to 256.
    pub(crate) fn new(chunk_entries: usize) -> Self {
        Self {
            total: 0,
            len: 0,
            shape: Shape::new(chunk_entries),
            body: Body::Small(Run::new(&[])),
        }
    }

    /// Number of entries. O(1)
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The sum of all amounts. O(1)
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The sum of the amounts at or before `time`. O(log n)
    #[inline]
    pub(crate) fn through(&self, time: i64) -> u64 {
        match &self.body {
            Body::Small(run) => run.sum_through(time),
            Body::Tree(tree) => tree.sum_through(time),
        }
    }

    /// The sum of the amounts before `time`. O(log n)
    pub(crate) fn before(&self, time: i64) -> u64 {
        match time.checked_sub(1) {
            Some(time) => self.through(time),
            None => 0,
        }
    }

    /// [`through`](Self::through) for each of `times`, written to the same place of `sums`, which
    /// is as long.
    pub(crate) fn through_each(&self, times: &[i64], sums: &mut [u64]) {
        match &self.body {
            Body::Small(run) => {
                for (time, sum) in times.iter().zip(sums) {
                    *sum = run.sum_through(*time);
                }
            }
            Body::Tree(tree) => batch::sums_through(tree, times, sums),
        }
    }

    /// A reader for times that do not decrease.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The entries from the first at or after `time` on, in order. O(log n), and O(1) an entry.
    pub(crate) fn iter_from(&self, time: i64) -> impl Iterator<Item = Entry> + '_ {
        Iter::from(self, time)
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it.
    /// O(log n)
    pub(crate) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        if self.total <= sum {
            return None;
        }
        match &self.body {
            Body::Small(run) => run.first_above(sum),
            Body::Tree(tree) => tree.first_above(sum),
        }
    }

    /// Puts an entry behind those at or before its time. The caller has made sure that the total
    /// stays within `i64::MAX`. O(log n)
    pub(crate) fn insert(&mut self, time: i64, amount: u64) {
        self.total += amount;
        self.len += 1;
        match &mut self.body {
            Body::Small(run) if run.len() < self.shape.chunk_entries() => {
                run.insert((time, amount));
            }
            Body::Small(run) => {
                let mut tree = Tree::build(&Sorted::new(run.decode()), self.shape);
                tree.insert((time, amount));
                self.body = Body::Tree(Box::new(tree));
            }
            Body::Tree(tree) => tree.insert((time, amount)),
        }
    }

    /// [`insert`](Self::insert) for each, with several waiting for memory together.
    pub(crate) fn insert_many(&mut self, entries: &[Entry]) {
        let mut rest = entries;
        while let Body::Small(_) = self.body
            && let Some(((time, amount), later)) = rest.split_first()
        {
            self.insert(*time, *amount);
            rest = later;
        }
        if let Body::Tree(tree) = &mut self.body {
            self.total += rest.iter().map(|entry| entry.1).sum::<u64>();
            self.len += rest.len();
            batch::insert_many(tree, rest);
        }
    }

    /// [`insert`](Self::insert) for each, by one sort and one pass where they are many.
    pub(crate) fn extend(&mut self, entries: Vec<Entry>) {
        if entries.len() < self.len / 8 {
            return self.insert_many(&entries);
        }
        self.total += entries.iter().map(|entry| entry.1).sum::<u64>();
        let mut sorted = Sorted::new(entries);
        if self.len > 0 {
            sorted = sorted.merged_behind(&self.decode());
        }
        self.len = sorted.len();
        self.body = if self.len <= self.shape.chunk_entries() {
            Body::Small(Run::new(&sorted.into_entries()))
        } else {
            Body::Tree(Box::new(Tree::build(&sorted, self.shape)))
        };
    }

    /// Takes out the latest posted entry of this time and amount. False if there is none.
    /// O(log n), and the entries of that time that were posted after it.
    pub(crate) fn remove(&mut self, time: i64, amount: u64) -> bool {
        let done = match &mut self.body {
            Body::Small(run) => run.remove((time, amount)),
            Body::Tree(tree) => tree.remove((time, amount)),
        };
        if done {
            self.total -= amount;
            self.len -= 1;
            if self.len <= self.shape.chunk_entries() / 2 && matches!(self.body, Body::Tree(_)) {
                self.body = Body::Small(Run::new(&self.decode()));
            }
        }
        done
    }

    fn decode(&self) -> Vec<Entry> {
        match &self.body {
            Body::Small(run) => run.decode(),
            Body::Tree(tree) => {
                let mut entries = Vec::with_capacity(self.len);
                tree.decode_into(&mut entries);
                entries
            }
        }
    }

    /// Heap bytes, spare capacity included. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        match &self.body {
            Body::Small(run) => run.memory_used(),
            Body::Tree(tree) => tree.memory_used(),
        }
    }

    /// Checks order, heads, sums and counts on every level. O(n)
    pub(crate) fn assert_invariants(&self) {
        match &self.body {
            Body::Small(run) => {
                run.assert_invariants();
                assert_eq!(run.len(), self.len, "number of entries");
            }
            Body::Tree(tree) => {
                tree.assert_invariants();
                assert_eq!(tree.count_entries(), self.len, "number of entries");
                assert_eq!(tree.total(), self.total, "total");
            }
        }
    }
}
