//! Full replay with two heaps, by draw order and by end: the same answers found another way, in
//! O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::vec::IntoIter;

use crate::{Answer, Grant, GrantStatement, Overdraft, Overdrawn, Posted, Replay, Statement};

/// Replays grants, usage at instants and changes of the rate, merged by time, over a heap of what is
/// undrawn. Of metered usage it knows nothing but the rate of all that runs.
#[derive(Clone, Debug, Default)]
pub struct HeapReplay {
    overdraft: Overdraft,
    posted: Posted,
}

impl Replay for HeapReplay {
    fn new(overdraft: Overdraft) -> Self {
        Self {
            overdraft,
            posted: Posted::default(),
        }
    }

    fn posted(&self) -> &Posted {
        &self.posted
    }

    fn posted_mut(&mut self) -> &mut Posted {
        &mut self.posted
    }

    fn balance_at(&self, timestamp: i64) -> Answer {
        let machine = self.replay(timestamp);
        Answer::new(
            self.overdraft,
            self.live_at(timestamp).next().is_some(),
            machine.available,
            machine.deficit,
        )
    }

    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)> {
        let machine = self.replay(timestamp);
        let mut live: Vec<_> = self.live_at(timestamp).collect();
        live.sort_by_key(|(_, grant)| (grant.priority, grant.end)); // Stable: in posting order.
        live.iter()
            .map(|&(number, _)| (number, machine.grants[number].remaining))
            .collect()
    }

    fn statement_at(&self, timestamp: i64) -> Statement {
        let machine = self.replay(timestamp);
        let started = self.started_at(timestamp);
        Statement {
            grants: started.map(|(number, _)| machine.grants[number]).collect(),
            used: machine.used,
            drawn: machine.drawn,
            deficit: machine.deficit,
            dropped: machine.dropped,
        }
    }

    fn overdrawn_at(&self, instants: &[i64]) -> Vec<Overdrawn> {
        let mut machine = Machine::new(self.overdraft, &self.posted);
        let overdrawn = instants.iter().map(|&instant| {
            machine.run_through(instant);
            Overdrawn {
                deficit: machine.deficit,
                dropped: machine.dropped,
            }
        });
        overdrawn.collect()
    }

    fn uncovered(&self) -> Vec<RangeInclusive<i64>> {
        self.replay(i64::MAX).uncovered
    }
}

impl HeapReplay {
    fn started_at(&self, timestamp: i64) -> impl Iterator<Item = (usize, Grant)> {
        let grants = self.posted.grants();
        grants.filter(move |(_, grant)| grant.start <= timestamp)
    }

    fn live_at(&self, timestamp: i64) -> impl Iterator<Item = (usize, Grant)> {
        let grants = self.posted.grants();
        grants.filter(move |(_, grant)| grant.is_live(timestamp))
    }

    fn replay(&self, timestamp: i64) -> Machine {
        let mut machine = Machine::new(self.overdraft, &self.posted);
        machine.run_through(timestamp);
        machine
    }
}

/// What is still to come, and what is left after the records so far.
struct Machine {
    overdraft: Overdraft,
    /// The grants to come, by start.
    starts: Coming<(usize, Grant)>,
    /// The usage at instants to come: amounts, by time.
    instants: Coming<u64>,
    /// By how much the rate is still to change, by time.
    changes: Coming<i64>,
    /// The units that metered usage takes at each tick.
    rate: u64,
    /// The first tick whose metered usage is not yet taken.
    now: i64,
    /// The grants in draw order: priority, end and posting number. What is spent is still there
    /// until it comes to the top.
    undrawn: BinaryHeap<Reverse<(i16, i64, usize)>>,
    /// The grants by end: end and posting number.
    ends: BinaryHeap<Reverse<(i64, usize)>>,
    /// By posting number.
    grants: Vec<GrantStatement>,
    /// Whether what is left at the end is revoked, by posting number.
    is_revoked: Vec<bool>,
    /// The sum of all that is left.
    available: u64,
    used: u64,
    drawn: u64,
    deficit: u64,
    dropped: u64,
    uncovered: Vec<RangeInclusive<i64>>,
}

/// What bears these times, in their order.
type Coming<T> = Peekable<IntoIter<(i64, T)>>;

/// Sorts by time. The sort is stable, which keeps posting order at one instant.
fn coming<T>(events: impl Iterator<Item = (i64, T)>) -> Coming<T> {
    let mut events: Vec<_> = events.collect();
    events.sort_by_key(|(time, _)| *time);
    events.into_iter().peekable()
}

impl Machine {
    fn new(overdraft: Overdraft, posted: &Posted) -> Self {
        let starts = posted.grants().map(|grant| (grant.1.start, grant));
        let usage = posted.usage().iter();
        let instants = usage.clone().filter(|usage| usage.until.is_none());
        let instants = instants.map(|usage| (usage.timestamp, usage.amount));
        let running = usage.filter_map(|usage| Some((usage, usage.until?)));
        let running = running.filter(|(usage, until)| usage.timestamp < *until);
        let changes = running.flat_map(|(usage, until)| {
            let rate = i64::try_from(usage.amount).expect("within the limit");
            [(usage.timestamp, rate), (until, -rate)]
        });
        let grant_count = posted.grants().last().map_or(0, |(number, _)| number + 1);
        Self {
            overdraft,
            starts: coming(starts),
            instants: coming(instants),
            changes: coming(changes),
            rate: 0,
            now: i64::MIN,
            undrawn: BinaryHeap::new(),
            ends: BinaryHeap::new(),
            grants: vec![GrantStatement::default(); grant_count],
            is_revoked: vec![false; grant_count],
            available: 0,
            used: 0,
            drawn: 0,
            deficit: 0,
            dropped: 0,
            uncovered: Vec::new(),
        }
    }

    /// Goes on until everything at this instant has happened.
    fn run_through(&mut self, timestamp: i64) {
        while let Some(time) = self.next_time()
            && time <= timestamp
        {
            self.run_until(time);
            while let Some((_, (number, grant))) = self.starts.next_if(|next| next.0 == time) {
                self.grant(number, grant);
            }
            while let Some((_, amount)) = self.instants.next_if(|next| next.0 == time) {
                self.usage(time, amount, 1);
            }
            while let Some((_, change)) = self.changes.next_if(|next| next.0 == time) {
                let rate = self.rate.checked_add_signed(change);
                self.rate = rate.expect("what stops has run, and all of it is within the limit");
            }
        }
        self.run_until(timestamp);
        // Nothing runs at the last instant.
        self.meter_until(timestamp.saturating_add(1));
    }

    fn next_time(&mut self) -> Option<i64> {
        let times = [
            self.starts.peek().map(|next| next.0),
            self.instants.peek().map(|next| next.0),
            self.changes.peek().map(|next| next.0),
        ];
        times.into_iter().flatten().min()
    }

    /// Takes the metered usage before this instant, and lets the windows end that do not reach it.
    fn run_until(&mut self, timestamp: i64) {
        while let Some(&Reverse((end, number))) = self.ends.peek()
            && end < timestamp
        {
            self.ends.pop();
            self.meter_until(end + 1);
            self.lapse(number);
        }
        self.meter_until(timestamp);
    }

    fn meter_until(&mut self, tick: i64) {
        let (first, ticks) = (self.now, tick.abs_diff(self.now));
        self.now = tick;
        if ticks > 0 && self.rate > 0 {
            self.usage(first, self.rate, ticks);
        }
    }

    fn lapse(&mut self, number: usize) {
        let grant = &mut self.grants[number];
        let left = std::mem::take(&mut grant.remaining);
        if self.is_revoked[number] {
            grant.revoked = left;
        } else {
            grant.lapsed = left;
        }
        self.available -= left;
    }

    fn grant(&mut self, number: usize, grant: Grant) {
        let paid = self.deficit.min(grant.amount);
        let remaining = grant.amount - paid;
        self.grants[number] = GrantStatement {
            grant: number,
            amount: grant.amount,
            drawn: paid,
            remaining,
            ..GrantStatement::default()
        };
        self.is_revoked[number] = grant.revoked;
        self.deficit -= paid;
        self.drawn += paid;
        self.available += remaining;
        if remaining > 0 {
            let place = (grant.priority, grant.end, number);
            self.undrawn.push(Reverse(place));
            self.ends.push(Reverse((grant.end, number)));
        }
    }

    /// Usage of so much at each of so many ticks.
    fn usage(&mut self, first: i64, rate: u64, ticks: u64) {
        self.used += rate * ticks;
        // The ticks that are drawn whole; usage of nothing always is.
        let whole = self.available.checked_div(rate);
        let whole = whole.map_or(ticks, |whole| whole.min(ticks));
        self.draw(rate * whole);
        if whole == ticks {
            return;
        }
        let uncovered = rate * (ticks - whole);
        let time = |ticks| first.checked_add_unsigned(ticks).expect("a tick of these");
        self.uncovered.push(time(whole)..=time(ticks - 1));
        match self.overdraft {
            Overdraft::Carry => self.owe(uncovered),
            Overdraft::CarryUpTo(line) => {
                let most = self.available + (line - self.deficit);
                self.dropped += uncovered.saturating_sub(most);
                self.owe(uncovered.min(most));
            }
            Overdraft::Forfeit => {
                self.dropped += uncovered;
                self.forfeit();
            }
        }
    }

    /// Draws what is available of an amount that is more, and owes the rest.
    fn owe(&mut self, amount: u64) {
        self.deficit += amount - self.available;
        self.draw(self.available);
    }

    /// Draws an amount that is available.
    fn draw(&mut self, amount: u64) {
        self.available -= amount;
        self.drawn += amount;
        let mut due = amount;
        while due > 0
            && let Some(&Reverse((_, _, number))) = self.undrawn.peek()
        {
            let grant = &mut self.grants[number];
            let paid = due.min(grant.remaining);
            grant.remaining -= paid;
            grant.drawn += paid;
            due -= paid;
            if grant.remaining == 0 {
                self.undrawn.pop();
            }
        }
    }

    fn forfeit(&mut self) {
        self.available = 0;
        for Reverse((_, _, number)) in self.undrawn.drain() {
            let grant = &mut self.grants[number];
            grant.forfeited += std::mem::take(&mut grant.remaining);
        }
    }
}
