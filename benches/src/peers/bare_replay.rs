//! Replay with a heap over ready epoch totals: what settlement would cost without looking back.
//!
//! It keeps no checkpoint and never stops early. What it is given ready is in its favour: the
//! boundaries in one array, the usage of each epoch added up, and the state at the write.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use gpu_credit::Overdraft;

use super::SortedUsage;
use crate::workload::{Grant, History, Write};

/// The boundaries of one account and the usage of each epoch.
#[derive(Clone, Debug)]
pub struct BareReplay {
    overdraft: Overdraft,
    boundaries: Vec<Boundary>,
    /// Of the epoch that the boundary at the same place opens.
    totals: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Boundary {
    time: i64,
    kind: Kind,
    /// Posting number of the grant.
    number: u32,
    amount: u64,
    /// The last instant of the grant's window.
    end: i64,
}

/// In the order in which boundaries stand at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    First,
    End,
    Start,
}

impl Boundary {
    /// Opens the epoch before all grants.
    const FIRST: Boundary = Boundary {
        time: i64::MIN,
        kind: Kind::First,
        number: 0,
        amount: 0,
        end: 0,
    };

    fn of(number: usize, grant: &Grant) -> [Boundary; 2] {
        let start = Boundary {
            time: grant.start,
            kind: Kind::Start,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            amount: grant.amount,
            end: grant.end(),
        };
        let end = Boundary {
            time: start.end.saturating_add(1),
            kind: Kind::End,
            ..start
        };
        [start, end]
    }

    fn key(&self) -> (i64, Kind, u32) {
        (self.time, self.kind, self.number)
    }
}

/// What is live at a boundary.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// End, posting number and remainder of each grant that has something left.
    undrawn: BinaryHeap<Reverse<(i64, u32, u64)>>,
    available: u64,
    deficit: u64,
    live: u32,
}

/// The balance at each of some instants, in any order, by one replay of a history.
pub fn replayed(history: &History, overdraft: Overdraft, times: &[i64]) -> Vec<Option<u64>> {
    let usage = SortedUsage::new(&history.usage);
    let replay = BareReplay::new(overdraft, &history.grants, &usage);
    let mut places: Vec<usize> = (0..times.len()).collect();
    places.sort_unstable_by_key(|place| times[*place]);
    let sorted: Vec<i64> = places.iter().map(|place| times[*place]).collect();
    let mut balances = vec![None; times.len()];
    for (place, balance) in places.into_iter().zip(replay.balances(&usage, &sorted)) {
        balances[place] = balance;
    }
    balances
}

impl BareReplay {
    /// Sorts the boundaries and adds up the epochs. O(m log m + m log n)
    pub fn new(overdraft: Overdraft, grants: &[Grant], usage: &SortedUsage) -> Self {
        let mut boundaries = vec![Boundary::FIRST];
        for (number, grant) in grants.iter().enumerate() {
            boundaries.extend(Boundary::of(number, grant));
        }
        boundaries.sort_unstable_by_key(Boundary::key);
        let mut opening = usage.before_each(boundaries.iter().map(|boundary| boundary.time));
        opening.push(usage.through(i64::MAX));
        let totals = opening.windows(2).map(|pair| pair[1] - pair[0]);
        Self {
            overdraft,
            totals: totals.collect(),
            boundaries,
        }
    }

    /// The number of boundaries, the one before all grants included.
    pub fn len(&self) -> usize {
        self.boundaries.len()
    }

    /// Never: there is always the boundary before all grants.
    pub fn is_empty(&self) -> bool {
        self.boundaries.is_empty()
    }

    /// Replays a range of epochs, from the state at its first boundary to that at its end.
    pub fn replay(&self, range: Range<usize>, state: &mut State) {
        let boundaries = &self.boundaries[range.clone()];
        for (boundary, total) in boundaries.iter().zip(&self.totals[range]) {
            state.open(boundary);
            state.draw(*total, self.overdraft);
        }
    }

    /// The balance at the end of history, given the state there.
    pub fn balance(&self, state: &State) -> Option<u64> {
        state.balance(0, self.overdraft)
    }

    /// The balance at each of sorted instants, by one replay.
    pub fn balances(&self, usage: &SortedUsage, times: &[i64]) -> Vec<Option<u64>> {
        let mut balances = Vec::with_capacity(times.len());
        let mut state = State::default();
        let mut times = times.iter().copied().peekable();
        for (place, boundary) in self.boundaries.iter().enumerate() {
            state.open(boundary);
            let next = self.boundaries.get(place + 1);
            let is_here = |time: &i64| next.is_none_or(|next| *time < next.time);
            while let Some(time) = times.next_if(is_here) {
                let used = usage.through(time) - usage.before(boundary.time);
                balances.push(state.balance(used, self.overdraft));
            }
            state.draw(self.totals[place], self.overdraft);
        }
        balances
    }

    /// The level of each epoch, with the time at which it opens and whether a grant is live: what
    /// the balance would be had there been no usage so far.
    pub fn levels(&self) -> Vec<(i64, i64, bool)> {
        let mut state = State::default();
        let mut used = 0;
        let mut levels = Vec::with_capacity(self.len());
        for (boundary, total) in self.boundaries.iter().zip(&self.totals) {
            state.open(boundary);
            let level = (state.available + used).cast_signed() - state.deficit.cast_signed();
            levels.push((boundary.time, level, state.live > 0));
            state.draw(*total, self.overdraft);
            used += total;
        }
        levels
    }

    /// Applies one write to the boundaries and totals of ready usage. The place of the first epoch
    /// that it changes.
    pub fn apply(&mut self, write: &Write, number: usize, usage: &SortedUsage) -> usize {
        match write {
            Write::AddUsage((time, amount)) => {
                let place = self.epoch_of(*time);
                self.totals[place] += amount;
                place
            }
            Write::RemoveUsage((time, amount)) => {
                let place = self.epoch_of(*time);
                self.totals[place] -= amount;
                place
            }
            Write::AddGrant(grant) => {
                let [start, end] = Boundary::of(number, grant);
                self.insert(end, usage);
                self.insert(start, usage)
            }
            Write::RemoveGrant { number, grant } => {
                let [start, end] = Boundary::of(*number, grant);
                self.remove(&end, usage);
                self.remove(&start, usage)
            }
        }
    }

    fn insert(&mut self, boundary: Boundary, usage: &SortedUsage) -> usize {
        let place = self.place(&boundary);
        self.boundaries.insert(place, boundary);
        self.totals.insert(place, 0);
        self.total_up(place, usage);
        self.total_up(place - 1, usage);
        place
    }

    fn remove(&mut self, boundary: &Boundary, usage: &SortedUsage) -> usize {
        let place = self.place(boundary);
        self.boundaries.remove(place);
        self.totals.remove(place);
        self.total_up(place - 1, usage);
        place - 1
    }

    fn place(&self, boundary: &Boundary) -> usize {
        let key = boundary.key();
        self.boundaries.partition_point(|other| other.key() < key)
    }

    fn epoch_of(&self, time: i64) -> usize {
        self.boundaries.partition_point(|other| other.time <= time) - 1
    }

    fn total_up(&mut self, place: usize, usage: &SortedUsage) {
        let until = match self.boundaries.get(place + 1) {
            Some(next) => usage.before(next.time),
            None => usage.through(i64::MAX),
        };
        self.totals[place] = until - usage.before(self.boundaries[place].time);
    }
}

impl State {
    fn open(&mut self, boundary: &Boundary) {
        match boundary.kind {
            Kind::First => {}
            Kind::End => self.lapse(boundary),
            Kind::Start => self.start(boundary),
        }
    }

    /// Ends come in the order of the heap, so that this grant is its first or is drawn already.
    fn lapse(&mut self, boundary: &Boundary) {
        self.live -= 1;
        if let Some(first) = self.undrawn.peek_mut()
            && first.0.1 == boundary.number
        {
            let Reverse((_, _, left)) = PeekMut::pop(first);
            self.available -= left;
        }
    }

    fn start(&mut self, boundary: &Boundary) {
        self.live += 1;
        let paid = boundary.amount.min(self.deficit);
        self.deficit -= paid;
        let left = boundary.amount - paid;
        if left > 0 {
            self.available += left;
            self.undrawn
                .push(Reverse((boundary.end, boundary.number, left)));
        }
    }

    fn draw(&mut self, total: u64, overdraft: Overdraft) {
        if total > self.available {
            if overdraft == Overdraft::Carry {
                self.deficit += total - self.available;
            }
            self.available = 0;
            self.undrawn.clear();
            return;
        }
        self.available -= total;
        let mut due = total;
        while due > 0
            && let Some(mut first) = self.undrawn.peek_mut()
        {
            let left = first.0.2;
            if due < left {
                first.0.2 = left - due;
                return;
            }
            due -= left;
            PeekMut::pop(first);
        }
    }

    /// The balance after `used` more in this epoch.
    fn balance(&self, used: u64, overdraft: Overdraft) -> Option<u64> {
        let left = self
            .available
            .checked_sub(self.deficit)?
            .checked_sub(used)?;
        let reads_none = self.live == 0 || (overdraft == Overdraft::Forfeit && left == 0);
        (!reads_none).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::AnswerTable;
    use crate::workload::{History, LateWrites, Mix};
    use gpu_credit_replay::{ListReplay, Replay};

    fn list(history: &History, overdraft: Overdraft) -> ListReplay {
        let is_carry = overdraft == Overdraft::Carry;
        let mut replay = ListReplay::new(match is_carry {
            true => gpu_credit_replay::Overdraft::Carry,
            false => gpu_credit_replay::Overdraft::Forfeit,
        });
        for grant in &history.grants {
            replay.add_credit(grant.amount, grant.start, grant.expiration);
        }
        for (time, amount) in &history.usage {
            replay.subtract(*amount, *time);
        }
        replay
    }

    fn mix(load_percent: u64) -> Mix {
        Mix {
            grants: 40,
            live: 5,
            load_percent,
            has_long: true,
        }
    }

    fn check(history: &History, overdraft: Overdraft) {
        let times: Vec<i64> = (-500..history.seconds + 9_000).step_by(500).collect();
        let usage = SortedUsage::new(&history.usage);
        let bare = BareReplay::new(overdraft, &history.grants, &usage);
        let list = list(history, overdraft);
        let expected: Vec<_> = times.iter().map(|time| list.get_balance(*time)).collect();
        assert_eq!(bare.balances(&usage, &times), expected);
        let backwards: Vec<i64> = times.iter().rev().copied().collect();
        let mut replayed = replayed(history, overdraft, &backwards);
        replayed.reverse();
        assert_eq!(replayed, expected);
        if overdraft == Overdraft::Carry {
            let table = AnswerTable::new(&bare, &usage);
            let answers: Vec<_> = times.iter().map(|time| table.get(*time)).collect();
            assert_eq!(answers, expected);
        }
    }

    #[test]
    fn it_answers_as_the_reference() {
        for seed in 0..20 {
            for load_percent in [50, 100, 200] {
                let history = mix(load_percent).history(seed);
                check(&history, Overdraft::Carry);
                check(&history, Overdraft::Forfeit);
            }
        }
    }

    #[test]
    fn a_write_applied_is_a_history_with_it() {
        for seed in 0..50 {
            let mix = mix(90);
            let history = mix.history(seed);
            let usage = SortedUsage::new(&history.usage);
            let mut late = LateWrites::new(
                seed,
                &history,
                move |random| mix.small_usage(random),
                move |random| mix.grant(random),
            );
            let mut bare = BareReplay::new(Overdraft::Carry, &history.grants, &usage);
            let number = late.posted_count();
            let write = late.make();
            bare.apply(&write, number, &usage);
            let expected = late.standing(&history);
            let sorted = SortedUsage::new(&expected.usage);
            let expected = BareReplay::new(Overdraft::Carry, &expected.grants, &sorted);
            assert_eq!(bare.totals, expected.totals, "{write:?}");
        }
    }
}
