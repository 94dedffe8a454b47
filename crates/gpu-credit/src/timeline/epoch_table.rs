//! The epoch table: what is settled, laid out for questions as a [`StepTable`].
//!
//! A late write leaves the table standing. From the first level that its repair has changed to the last
//! that it has changed by another amount than the one before there is a **hole**, for which the tree
//! answers; and every later limit is lifted by one and the same amount. A table that has lost much is built anew as
//! soon as settling has replayed as many boundaries as that is worth.

use crate::options::Overdraft;
use crate::step_table::{Step, StepTable};

/// A stretch of time in which no window opens or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) limit: Limit,
}

impl Epoch {
    /// No stretch at all, and no balance.
    pub(crate) const NONE: Epoch = Epoch {
        first: i64::MAX,
        last: i64::MIN,
        limit: Limit(0),
    };

    #[inline]
    pub(crate) fn contains(&self, time: i64) -> bool {
        self.first <= time && time <= self.last
    }
}

/// One more than the level of an epoch in which a grant is live; 0 if none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u64);

impl Limit {
    #[inline]
    pub(crate) fn new(is_live: bool, level: u64) -> Self {
        // A level is at most all grants and all usage together, which leaves room for one.
        Limit(if is_live { level.wrapping_add(1) } else { 0 })
    }

    /// The balance after so much usage. There is no branch on whether there is one: the processor
    /// would guess wrong, and throw away the look-ups of the next questions that it has begun.
    #[inline]
    pub(crate) fn balance(self, used: u64, overdraft: Overdraft) -> Option<u64> {
        let (used, least) = match overdraft {
            Overdraft::Carry => (used, 0),
            // What is used of an epoch with a grant is dropped at a balance of 0.
            Overdraft::CarryUpTo(0) => (used.min(self.0.saturating_sub(1)), 0),
            Overdraft::CarryUpTo(_) => (used, 0),
            // A balance of 0 is none.
            Overdraft::Forfeit => (used, 1),
        };
        let balance = self.0.wrapping_sub(used).wrapping_sub(1);
        (self.0 > used + least).then_some(balance)
    }

    /// The limit if the level were higher by so much (wrapping).
    fn lifted(self, lift: u64) -> Self {
        Limit(if self.0 == 0 {
            0
        } else {
            self.0.wrapping_add(lift)
        })
    }
}

impl Hole {
    /// One hole in place of two, and of what lies between them.
    fn and(self, other: Hole) -> Hole {
        Hole {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            lift: self.lift.wrapping_add(other.lift),
        }
    }
}

/// The epochs of a settled timeline, none of them empty.
#[derive(Clone, Debug)]
pub(crate) struct EpochTable {
    /// The limit of each from when it opens on.
    limits: StepTable<Limit>,
    answers: Answers,
}

/// For what a table answers: all that a write changes of it.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// It answers for what is earlier: the first write that is not repaired struck here, or the
    /// frontier stood here.
    sound_before: i64,
    /// It knows nothing from here on.
    end: i64,
    /// What repairs have changed since it was built; in order, with times between them.
    holes: Vec<Hole>,
}

impl Answers {
    /// All that it was built from.
    fn of_all() -> Self {
        Answers {
            sound_before: i64::MAX,
            end: i64::MAX,
            holes: Vec::new(),
        }
    }
}

/// A stretch of time for which the table does not answer, and by how much the limits of all that
/// is later are to be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    from: i64,
    /// The first instant after it.
    to: i64,
    lift: u64,
}

/// More holes than this are joined: a question compares its instant with all of them.
const HOLES_MAX: usize = 8;

impl EpochTable {
    /// The table of these epochs, by when they open: the first is the beginning of time, and of
    /// those that open at one instant all but the last are empty. At most `len`. `None` if there
    /// is but one. O(m).
    pub(crate) fn new(len: usize, epochs: impl Iterator<Item = (i64, Limit)>) -> Option<Self> {
        let mut steps: Vec<Step<Limit>> = Vec::with_capacity(StepTable::<Limit>::room_for(len));
        epochs.for_each(|(time, value)| match steps.last_mut() {
            Some(last) if last.time() == time => last.value = value,
            _ => steps.push(Step::new(time, value)),
        });
        if steps.len() < 2 || u32::try_from(steps.len()).is_err() {
            return None;
        }
        Some(EpochTable {
            limits: StepTable::new(steps),
            answers: Answers::of_all(),
        })
    }

    /// The table of these epochs, if they open at the same instants as its own. O(m), a part of what
    /// [`new`](Self::new) takes.
    pub(crate) fn relaid(self, epochs: impl Iterator<Item = (i64, Limit)>) -> Option<Self> {
        Some(EpochTable {
            limits: self.limits.revalued(epochs)?,
            answers: Answers::of_all(),
        })
    }

    /// The limits, if the table has no holes and answers for `time`.
    #[inline]
    pub(crate) fn as_built_at(&self, time: i64) -> Option<&StepTable<Limit>> {
        let is_sound = time < self.answers.sound_before && self.answers.holes.is_empty();
        is_sound.then_some(&self.limits)
    }

    /// The limit of the epoch of `time`; `None` if the table does not answer for it.
    #[inline]
    pub(crate) fn limit(&self, time: i64) -> Option<Limit> {
        if let Some(limits) = self.as_built_at(time) {
            return Some(limits.value(time));
        }
        self.epoch(time).map(|epoch| epoch.limit)
    }

    /// The epoch of `time`, or what of it is sound; `None` if the table has holes, or does not
    /// answer for it.
    #[inline]
    pub(crate) fn epoch_without_holes(&self, time: i64) -> Option<Epoch> {
        let limits = self.as_built_at(time);
        limits.map(|_| self.epoch_as_built(time))
    }

    /// The epoch of `time` when the table was built, as far as it is sound.
    #[inline]
    fn epoch_as_built(&self, time: i64) -> Epoch {
        let index = self.limits.find(time);
        let epoch = self.limits.steps()[index];
        let (first, limit) = (epoch.time(), epoch.value);
        let next = self.limits.end(index).min(self.answers.sound_before);
        let last = next - 1;
        Epoch { first, last, limit }
    }

    /// The epoch of `time`, or what of it is sound and lies between two holes; `None` if the table
    /// does not answer for it.
    #[inline(never)]
    pub(crate) fn epoch(&self, time: i64) -> Option<Epoch> {
        if time >= self.answers.sound_before {
            return None;
        }
        let mut epoch = self.epoch_as_built(time);
        let mut lift = 0_u64;
        for hole in &self.answers.holes {
            if time < hole.from {
                epoch.last = epoch.last.min(hole.from - 1);
                break;
            }
            if time < hole.to {
                return None;
            }
            epoch.first = epoch.first.max(hole.to);
            lift = lift.wrapping_add(hole.lift);
        }
        epoch.limit = epoch.limit.lifted(lift);
        Some(epoch)
    }

    /// For what it answers.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Answers for what it did, after all writes since have been taken back.
    pub(crate) fn restore(&mut self, answers: Answers) {
        self.answers = answers;
    }

    /// Takes note of the time of the first write that is not repaired.
    pub(crate) fn set_unsettled(&mut self, first: Option<i64>) {
        self.answers.sound_before = first.unwrap_or(i64::MAX).min(self.answers.end);
    }

    /// Takes note that what is known ends here.
    pub(crate) fn end_at(&mut self, time: i64) {
        self.answers.end = self.answers.end.min(time);
        self.answers.sound_before = self.answers.sound_before.min(time);
    }

    /// Takes note that what opens from `from` on and before `to` has changed, and that all later
    /// levels have been lifted (wrapping).
    pub(crate) fn change(&mut self, from: i64, to: i64, lift: u64) {
        let first = self.answers.holes.partition_point(|hole| hole.to < from);
        let end = self.answers.holes.partition_point(|hole| hole.from <= to);
        let hole = Hole { from, to, lift };
        let hole = self.answers.holes[first..end]
            .iter()
            .copied()
            .fold(hole, Hole::and);
        self.answers.holes.splice(first..end, [hole]);
        if self.answers.holes.len() > HOLES_MAX {
            self.join_nearest();
        }
    }

    /// Joins the two neighbouring holes with the shortest time between them.
    fn join_nearest(&mut self) {
        let distance = |at: &usize| {
            self.answers.holes[*at]
                .to
                .abs_diff(self.answers.holes[at + 1].from)
        };
        if let Some(at) = (0..self.answers.holes.len() - 1).min_by_key(distance) {
            let next = self.answers.holes.remove(at + 1);
            self.answers.holes[at] = self.answers.holes[at].and(next);
        }
    }

    /// For how many of its epochs it no longer answers. O(log m).
    pub(crate) fn lost_len(&self) -> usize {
        let epochs = self.limits.steps();
        let opened_before = |time: i64| epochs.partition_point(|epoch| epoch.time() < time);
        let in_holes = self.answers.holes.iter().map(|hole| {
            let [from, to] = [hole.from, hole.to].map(|time| time.min(self.answers.sound_before));
            opened_before(to) - opened_before(from)
        });
        epochs.len() - opened_before(self.answers.sound_before) + in_holes.sum::<usize>()
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        size_of_val(self)
            + self.limits.memory_used()
            + self.answers.holes.capacity() * size_of::<Hole>()
    }

    /// Panics unless it says of every epoch for which it answers what `limit` says.
    pub(crate) fn assert_invariants(&self, limit: impl Fn(i64) -> Option<Limit>) {
        for pair in self.answers.holes.windows(2) {
            assert!(
                pair[0].to < pair[1].from,
                "holes in order: {:?}",
                self.answers.holes
            );
        }
        let edges = self
            .answers
            .holes
            .iter()
            .flat_map(|hole| [hole.from.saturating_sub(1), hole.to]);
        self.limits.assert_invariants();
        let openings = self.limits.steps().iter();
        let openings = openings.flat_map(|epoch| [epoch.time().saturating_sub(1), epoch.time()]);
        for time in openings.chain(edges) {
            if let found @ Some(_) = self.limit(time) {
                assert_eq!(found, limit(time), "limit of the epoch of {time}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::random::Random;

    use super::*;
    use crate::{GpuCredit, Record};

    /// Epochs that open at random between two instants, many at one instant if those are few.
    fn openings(random: &mut Random, from: i64, to: i64) -> Vec<(i64, Limit)> {
        let count = random.between(2, 200);
        let mut times: Vec<i64> = (0..count).map(|_| random.between(from, to)).collect();
        times.push(i64::MIN);
        times.sort_unstable();
        (times.into_iter().zip(1..))
            .map(|(time, limit)| (time, Limit(limit)))
            .collect()
    }

    #[test]
    fn finds_what_a_search_finds() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let near = random.between(-50, 50);
            let ranges = [
                (near, near + 5),
                (near, near + 300),
                (near << 40, (near + 1) << 40),
                (i64::MIN, i64::MAX),
            ];
            for (from, to) in ranges {
                let mut openings = openings(&mut random, from, to);
                // A crowd in one bucket, and one far away.
                openings.extend([(to, Limit(777)), (i64::MAX, Limit(888))]);
                let table = EpochTable::new(openings.len(), openings.iter().copied());
                let table = table.expect("more than one epoch");
                let near_openings = openings
                    .iter()
                    .flat_map(|(time, _)| [time.saturating_sub(1), *time, time.saturating_add(1)]);
                for time in near_openings.chain((0..50).map(|_| random.between(from, to))) {
                    let opened = openings.partition_point(|(opening, _)| *opening <= time);
                    let expected = (time < i64::MAX).then(|| openings[opened - 1].1);
                    assert_eq!(table.limit(time), expected, "seed {seed}, at {time}");
                    let epoch = table.epoch(time);
                    assert_eq!(epoch.map(|epoch| epoch.limit), expected, "seed {seed}");
                    assert!(
                        epoch.is_none_or(|epoch| epoch.contains(time)),
                        "seed {seed}"
                    );
                }
            }
        }
    }

    fn four_epochs() -> EpochTable {
        let openings = [(i64::MIN, 0), (10, 5), (20, 6), (30, 7)];
        let openings = openings.map(|(time, limit)| (time, Limit(limit)));
        EpochTable::new(4, openings.into_iter()).expect("four epochs")
    }

    fn bounds(table: &EpochTable, time: i64) -> Option<(i64, i64)> {
        let epoch = table.epoch(time)?;
        Some((epoch.first, epoch.last))
    }

    #[test]
    fn holds_up_to_the_first_write_that_is_not_repaired() {
        let mut table = four_epochs();
        assert_eq!(table.lost_len(), 0);
        table.set_unsettled(Some(25));
        assert_eq!(table.limit(24), Some(Limit(6)));
        assert_eq!(table.limit(25), None);
        assert_eq!(bounds(&table, 22), Some((20, 24)));
        assert_eq!(table.lost_len(), 1);
        table.end_at(28);
        table.set_unsettled(None);
        assert_eq!(table.limit(27), Some(Limit(6)));
        assert_eq!(table.limit(28), None);
    }

    #[test]
    fn answers_on_both_sides_of_what_a_repair_has_changed() {
        let mut table = four_epochs();
        table.change(12, 25, 3);
        assert_eq!(table.limit(5), Some(Limit(0)));
        assert_eq!(bounds(&table, 11), Some((10, 11)));
        assert_eq!([12, 24].map(|time| table.limit(time)), [None; 2]);
        assert_eq!(table.limit(25), Some(Limit(9)));
        assert_eq!(bounds(&table, 25), Some((25, 29)));
        assert_eq!(table.limit(30), Some(Limit(10)));
        // The next one begins where the first ends, and a third lies apart.
        table.change(25, 27, 1);
        table.change(29, 30, 1);
        assert_eq!(table.limit(26), None);
        assert_eq!(table.limit(28), Some(Limit(10)));
        assert_eq!(bounds(&table, 28), Some((27, 28)));
        assert_eq!(table.limit(30), Some(Limit(12)));
        // One that covers all of them.
        table.change(0, 40, 1);
        assert_eq!([11, 28, 39].map(|time| table.limit(time)), [None; 3]);
        assert_eq!(table.limit(40), Some(Limit(13)));
    }

    #[test]
    fn joins_the_nearest_holes_when_there_are_many() {
        let mut table = four_epochs();
        for hole in 0..20 {
            table.change(hole * hole, hole * hole + 1, 1);
        }
        assert_eq!(table.answers.holes.len(), HOLES_MAX);
        assert_eq!(table.limit(1_000), Some(Limit(27)));
        assert_eq!(table.limit(360), Some(Limit(26)));
        assert_eq!(table.limit(-1), Some(Limit(0)));
        // The last two are the nearest.
        let mut table = four_epochs();
        for hole in (0..9).map(|hole| 100 - hole * hole) {
            table.change(hole, hole + 1, 1);
        }
        assert_eq!(table.answers.holes.len(), HOLES_MAX);
        assert_eq!([38, 98].map(|time| table.limit(time).is_some()), [true; 2]);
    }

    #[test]
    fn stands_after_a_load_after_writes_one_by_one_and_when_read() {
        let grant = |start| Record::grant("daily", 10, start, 86_399);
        let mut loaded = GpuCredit::new();
        let records = (0..1_000).map(|day| grant(day * 86_400));
        loaded.extend(records).expect("all fit");
        let mut posted = GpuCredit::new();
        for day in (0..1_000).rev() {
            (posted.add_credit("daily", 10, day * 86_400, 86_399)).expect("all fit");
        }
        posted.settle();
        let mut small = GpuCredit::new();
        (small.add_credit("daily", 10, 0, 86_399 * 1_000)).expect("it fits");
        small.settle();
        let read = |account: &GpuCredit| GpuCredit::from_bytes(&account.to_bytes()).expect("sound");
        for account in [read(&loaded), read(&small), loaded, posted, small] {
            assert_eq!(account.timeline.limit(7), Some(Limit(11)));
            assert_eq!(account.timeline.limit(999 * 86_399), Some(Limit(11)));
        }
    }

    /// The instants of some at which the table answers.
    fn answered(account: &GpuCredit, times: [i64; 4]) -> [bool; 4] {
        times.map(|time| account.timeline.limit(time).is_some())
    }

    #[test]
    fn answers_for_all_that_a_repair_has_not_touched() {
        let mut account = GpuCredit::new();
        let records = (0..1_000).map(|day| Record::grant("daily", 10, day * 10, 9));
        let usage = (0..1_000).map(|day| Record::usage(5, day * 10));
        account.extend(records.chain(usage)).expect("all fit");
        // Its day lets less lapse, and the next stands.
        account.subtract(1, 5_005).expect("it fits");
        assert_eq!(answered(&account, [0, 5_005, 5_015, 6_000]), [true; 4]);
        // The third of these is not repaired before the account is settled.
        for time in [6_005, 4_005] {
            account.subtract(1, time).expect("it fits");
        }
        assert_eq!(
            answered(&account, [0, 4_005, 4_015, 9_000]),
            [true, true, false, false]
        );
        account.settle();
        assert_eq!(answered(&account, [0, 4_005, 4_015, 9_000]), [true; 4]);
        // So does a grant that comes late.
        (account.add_credit("late", 3, 3_000, 20)).expect("it fits");
        assert!(account.is_settled());
        assert_eq!(
            answered(&account, [0, 3_005, 3_050, 9_000]),
            [true, false, true, true]
        );
        // It runs to the end of what is known.
        account.subtract(1, 9_995).expect("it fits");
        assert!(account.is_settled());
        assert_eq!(answered(&account, [0, 6_000, 9_995, 10_005]), [true; 4]);
    }

    /// Each grant pays the last unit of the one before, or one unit more, and all of it is drawn.
    #[test]
    fn a_repair_to_the_end_that_changes_no_level_leaves_all_of_it() {
        let mut account = GpuCredit::new();
        let records = (0..1_000).flat_map(|number| {
            let start = number * 10;
            [
                Record::grant("domino", 10, start, 14),
                Record::usage(9, start + 7),
                Record::usage(1, start + 12),
            ]
        });
        account.extend(records).expect("all fit");
        let built_at = account.timeline.replayed_before;
        account.subtract(1, 6).expect("it fits");
        account.settle();
        assert!(account.settlement().boundaries_replayed - built_at > 1_900);
        assert_eq!(account.timeline.replayed_before, built_at, "built once");
        assert_eq!(answered(&account, [0, 6, 5_000, 9_900]), [true; 4]);
        account.assert_invariants();
    }

    #[test]
    fn needs_more_than_one_epoch() {
        let first = (i64::MIN, Limit(0));
        assert!(EpochTable::new(1, [first].into_iter()).is_none());
    }
}
