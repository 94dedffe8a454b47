//! The top: all groups, and what finds the right one.

use super::encoding::UsageEntry;
use super::group::UsageGroup;
use super::head_buckets::HeadBuckets;
use super::layout::{SPAN, Shape};
use super::load::SortedEntries;
use super::slot::Slot;
use super::sums;
use crate::parallel;

/// Groups in time order. There is one at least, and no chunk is empty.
#[expect(clippy::vec_box, reason = "one more group moves all after it")]
#[derive(Clone, Debug)]
pub(super) struct Tree {
    shape: Shape,
    /// At or after every entry.
    end: i64,
    /// The heads of the groups. The first is `i64::MIN`.
    heads: Vec<i64>,
    /// The sum of the groups before, see [`sums`].
    within: Vec<u64>,
    spans: Vec<u64>,
    groups: Vec<Box<UsageGroup>>,
    buckets: HeadBuckets,
}

/// In which slot of which group a chunk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChunkAddress {
    pub(super) group: usize,
    pub(super) slot: usize,
}

impl Tree {
    /// A tree of at least one entry. O(n)
    pub(super) fn build(sorted: &impl SortedEntries, shape: Shape) -> Self {
        let mut groups = build_groups(sorted, shape);
        let end = groups[groups.len() - 1].last_time();
        groups[0].set_head(i64::MIN);
        let heads: Vec<i64> = groups.iter().map(|group| group.head()).collect();
        let totals: Vec<u64> = groups.iter().map(|group| group.total()).collect();
        let mut tree = Self {
            shape,
            end,
            within: Vec::new(),
            spans: Vec::new(),
            buckets: HeadBuckets::new(&heads),
            heads,
            groups,
        };
        tree.write_sums(&totals);
        tree
    }

    /// Writes the sums of all groups anew.
    fn write_sums(&mut self, totals: &[u64]) {
        self.within.resize(totals.len().next_multiple_of(SPAN), 0);
        self.spans.resize(totals.len().div_ceil(SPAN), 0);
        sums::write(&mut self.within, &mut self.spans, totals.iter().copied());
    }

    /// Adds a group after the first, and its sum, which was another's until now or is new.
    fn insert_group(&mut self, at: usize, group: Box<UsageGroup>, mut totals: Vec<u64>) {
        totals.insert(at, group.total());
        self.heads.insert(at, group.head());
        self.buckets.insert(group.head(), &self.heads);
        self.groups.insert(at, group);
        self.write_sums(&totals);
    }

    /// The sum of each group.
    fn totals(&self) -> Vec<u64> {
        let len = self.groups.len();
        let next = |group: usize| {
            if group + 1 < len {
                self.before_group(group + 1)
            } else {
                self.total()
            }
        };
        (0..len)
            .map(|group| next(group) - self.before_group(group))
            .collect()
    }

    /// The sum of all amounts.
    pub(super) fn total(&self) -> u64 {
        let last = self.groups.len() - 1;
        self.before_group(last) + self.groups[last].total()
    }

    #[inline]
    fn before_group(&self, group: usize) -> u64 {
        sums::before(&self.within, &self.spans, group)
    }

    /// The group that answers a question for `time`: the last whose head is at or before it.
    #[inline]
    pub(super) fn group_of(&self, time: i64) -> usize {
        self.buckets.find(&self.heads, time)
    }

    /// The chunk that answers a question for `time`.
    #[inline(always)]
    pub(super) fn locate(&self, time: i64) -> ChunkAddress {
        let group = self.group_of(time);
        // Together: the binary search would wait for one line after the other.
        self.groups[group].prefetch_heads();
        ChunkAddress {
            group,
            slot: self.groups[group].slot_of(time),
        }
    }

    #[inline]
    pub(super) fn group(&self, group: usize) -> &UsageGroup {
        &self.groups[group]
    }

    #[inline]
    pub(super) fn slot(&self, at: ChunkAddress) -> &Slot {
        self.groups[at.group].slot(at.slot)
    }

    /// The sum of all chunks before this one.
    #[inline]
    pub(super) fn before(&self, at: ChunkAddress) -> u64 {
        self.before_group(at.group) + self.groups[at.group].before(at.slot)
    }

    /// The head of a chunk.
    pub(super) fn head(&self, at: ChunkAddress) -> i64 {
        self.groups[at.group].head_of(at.slot)
    }

    /// The chunk after this one.
    pub(super) fn next(&self, at: ChunkAddress) -> Option<ChunkAddress> {
        if at.slot + 1 < self.groups[at.group].len() {
            Some(ChunkAddress {
                slot: at.slot + 1,
                ..at
            })
        } else if at.group + 1 < self.groups.len() {
            Some(ChunkAddress {
                group: at.group + 1,
                slot: 0,
            })
        } else {
            None
        }
    }

    /// The chunk before this one.
    pub(super) fn previous(&self, at: ChunkAddress) -> Option<ChunkAddress> {
        if at.slot > 0 {
            return Some(ChunkAddress {
                slot: at.slot - 1,
                ..at
            });
        }
        let group = at.group.checked_sub(1)?;
        Some(ChunkAddress {
            group,
            slot: self.groups[group].len() - 1,
        })
    }

    /// The sum of the amounts at or before `time`.
    #[inline]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        let at = self.locate(time);
        self.before(at) + self.slot(at).sum_through(time)
    }

    /// The first entry whose running total is above `sum`: its time, and the total before it. The
    /// total of all is above `sum`.
    pub(super) fn first_above(&self, sum: u64) -> (i64, u64) {
        let (mut low, mut high) = (0, self.groups.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.before_group(middle) <= sum {
                low = middle;
            } else {
                high = middle;
            }
        }
        let slot = self.groups[low].slot_of_sum(sum - self.before_group(low));
        let at = ChunkAddress { group: low, slot };
        let before = self.before(at);
        let (time, within) = self.slot(at).first_above(sum - before);
        (time, before + within)
    }

    /// Puts an entry after those at or before its time.
    #[inline]
    pub(super) fn insert(&mut self, entry: UsageEntry) {
        if entry.0 >= self.end {
            self.append(&[entry]);
        } else {
            self.insert_late(entry);
        }
    }

    #[inline(never)]
    fn insert_late(&mut self, entry: UsageEntry) {
        loop {
            let at = self.locate(entry.0);
            if self.insert_at(at, entry) {
                return;
            }
            self.make_room(at);
        }
    }

    /// Puts an entry before the end into the chunk that [`locate`](Self::locate) finds for it.
    /// False if there is no room, or the entry is not before the end.
    #[inline]
    pub(super) fn insert_at(&mut self, at: ChunkAddress, entry: UsageEntry) -> bool {
        let done = entry.0 < self.end && self.groups[at.group].insert(at.slot, entry, self.shape);
        if done {
            sums::add(&mut self.within, &mut self.spans, at.group, entry.1);
        }
        done
    }

    /// Puts the first of `entries` at the end, as many as belong there, and gives the rest.
    /// Full chunks and groups stay full at the end: a new one is started.
    pub(super) fn append<'a>(&mut self, entries: &'a [UsageEntry]) -> &'a [UsageEntry] {
        let mut ordered = entries.chunk_by(|entry, next| entry.0 <= next.0);
        let Some(next) = ordered.next().filter(|next| next[0].0 >= self.end) else {
            return entries;
        };
        self.end = next[next.len() - 1].0;
        let (mut next, late) = entries.split_at(next.len());
        while !next.is_empty() {
            let last = self.groups.len() - 1;
            match self.groups[last].append(next, self.shape) {
                0 => self.start_chunk(next[0].0),
                appended => next = &next[appended..],
            }
        }
        late
    }

    /// Adds a chunk at the end, for entries from `time` on that follow at once.
    #[cold]
    fn start_chunk(&mut self, time: i64) {
        let last = self.groups.len() - 1;
        if self.groups[last].len() < self.shape.slots() {
            self.groups[last].push_chunk(time, Slot::start(time));
            return;
        }
        let mut group = UsageGroup::new();
        group.push_chunk(time, Slot::start(time));
        self.insert_group(last + 1, group, self.totals());
    }

    #[cold]
    fn make_room(&mut self, at: ChunkAddress) {
        if self.groups[at.group].make_room(at.slot, self.shape) {
            return;
        }
        let mut totals = self.totals();
        let later = self.groups[at.group].split();
        totals[at.group] -= later.total();
        self.insert_group(at.group + 1, later, totals);
    }

    /// Takes the entry with `rank` before it out of a chunk, and gives its amount. There is one.
    pub(super) fn remove(&mut self, at: ChunkAddress, rank: usize) -> u64 {
        let amount = self.groups[at.group].remove(at.slot, rank);
        sums::subtract(&mut self.within, &mut self.spans, at.group, amount);
        self.groups[at.group].tidy(at.slot, self.shape);
        self.tidy(at.group);
        amount
    }

    /// Changes the amount of the entry with `rank` before it in a chunk, and gives the old one.
    /// There is one.
    pub(super) fn replace(&mut self, at: ChunkAddress, rank: usize, amount: u64) -> u64 {
        let old = self.groups[at.group].replace(at.slot, rank, amount, self.shape);
        let change = amount.wrapping_sub(old);
        sums::add(&mut self.within, &mut self.spans, at.group, change);
        old
    }

    /// Frees an empty group, or merges a sparse one with a neighbour that has room.
    fn tidy(&mut self, group: usize) {
        let len = self.groups[group].len();
        let empty = len == 1 && self.groups[group].slot(0).len() == 0;
        if len >= self.shape.slots_sparse() && !empty || self.groups.len() == 1 {
            return;
        }
        if empty {
            self.take_group(group);
            self.groups[0].set_head(i64::MIN);
            self.heads[0] = i64::MIN;
            return;
        }
        let group = group.min(self.groups.len() - 2);
        if self.groups[group].len() + self.groups[group + 1].len() <= self.shape.slots_built() {
            let later = self.take_group(group + 1);
            sums::add(&mut self.within, &mut self.spans, group, later.total());
            self.groups[group].append_group(later);
        }
    }

    /// Takes out a group, and what it adds to the sums.
    fn take_group(&mut self, at: usize) -> Box<UsageGroup> {
        let mut totals = self.totals();
        totals.remove(at);
        self.write_sums(&totals);
        self.heads.remove(at);
        self.buckets = HeadBuckets::new(&self.heads);
        self.groups.remove(at)
    }

    /// Number of entries. O(groups)
    pub(super) fn count_entries(&self) -> usize {
        self.groups.iter().map(|group| group.count_entries()).sum()
    }

    /// Heap bytes, those of the tree included.
    pub(super) fn memory_used(&self) -> usize {
        size_of::<Self>()
            + self.heads.capacity() * size_of::<i64>()
            + self.buckets.memory_used()
            + (self.within.capacity() + self.spans.capacity()) * size_of::<u64>()
            + self.groups.capacity() * size_of::<Box<UsageGroup>>()
            + self
                .groups
                .iter()
                .map(|group| group.memory_used())
                .sum::<usize>()
    }

    /// Checks every group, head and sum.
    pub(super) fn assert_invariants(&self) {
        assert_eq!(self.heads.len(), self.groups.len(), "one head a group");
        assert_eq!(self.heads[0], i64::MIN, "the first head is the least time");
        assert!(
            self.heads.is_sorted(),
            "heads out of order: {:?}",
            self.heads
        );
        self.buckets.assert_invariants(&self.heads);
        let mut sum = 0;
        for (at, group) in self.groups.iter().enumerate() {
            group.assert_invariants(self.shape);
            assert_eq!(group.head(), self.heads[at], "head of group {at}");
            assert_eq!(self.before_group(at), sum, "sum before group {at}");
            sum += group.total();
            let mut entries = Vec::new();
            group.decode_into(&mut entries);
            let next = self.heads.get(at + 1).copied().unwrap_or(self.end);
            assert!(
                entries[entries.len() - 1].0 <= next,
                "entry of group {at} after the next head"
            );
        }
    }
}

/// The groups of all entries, each with some slots left.
#[expect(clippy::vec_box, reason = "this is how the tree holds them")]
fn build_groups(sorted: &impl SortedEntries, shape: Shape) -> Vec<Box<UsageGroup>> {
    let group_entries = shape.slots_built() * shape.chunk_entries_built();
    let build = |group: usize| {
        let from = group * group_entries;
        let to = sorted.len().min(from + group_entries);
        UsageGroup::build(sorted, from..to, shape)
    };
    let groups = sorted.len().div_ceil(group_entries);
    parallel::map(sorted.len(), groups, build)
}
