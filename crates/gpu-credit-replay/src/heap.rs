//! Full replay with a min-heap by expiry: the same answers found another way, in O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{Answer, Grant, GrantStatement, Overdraft, Posted, Replay, Statement, Usage};

/// Replays usage in time order, letting grants start before it, over a heap of what is undrawn.
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
        live.sort_by_key(|(_, grant)| grant.end); // Stable: equal ends stay in posting order.
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
}

impl HeapReplay {
    fn started_at(&self, timestamp: i64) -> impl Iterator<Item = (usize, Grant)> {
        let grants = self.posted.grants();
        grants.filter(move |(_, grant)| grant.start <= timestamp)
    }

    fn live_at(&self, timestamp: i64) -> impl Iterator<Item = (usize, Grant)> {
        let started = self.started_at(timestamp);
        started.filter(move |(_, grant)| timestamp <= grant.end)
    }

    /// Both sorts are stable, which keeps posting order at one instant.
    fn replay(&self, timestamp: i64) -> Machine {
        let mut grants: Vec<_> = self.started_at(timestamp).collect();
        grants.sort_by_key(|(_, grant)| grant.start);
        let usage = self.posted.usage().iter();
        let mut usage: Vec<_> = usage.filter(|usage| usage.timestamp <= timestamp).collect();
        usage.sort_by_key(|usage| usage.timestamp);

        let mut machine = Machine::new(self.overdraft, grants.iter().map(|&(number, _)| number));
        let mut grants = grants.into_iter().peekable();
        for usage in usage {
            while let Some((number, grant)) =
                grants.next_if(|(_, grant)| grant.start <= usage.timestamp)
            {
                machine.grant(number, grant);
            }
            machine.usage(usage);
        }
        for (number, grant) in grants {
            machine.grant(number, grant);
        }
        machine.lapse_before(timestamp);
        machine
    }
}

/// What is left after the records so far.
struct Machine {
    overdraft: Overdraft,
    /// The end and the posting number of each grant that has something left.
    undrawn: BinaryHeap<Reverse<(i64, usize)>>,
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
}

impl Machine {
    fn new(overdraft: Overdraft, numbers: impl Iterator<Item = usize>) -> Self {
        let grant_count = numbers.max().map_or(0, |last| last + 1);
        Self {
            overdraft,
            undrawn: BinaryHeap::new(),
            grants: vec![GrantStatement::default(); grant_count],
            is_revoked: vec![false; grant_count],
            available: 0,
            used: 0,
            drawn: 0,
            deficit: 0,
            dropped: 0,
        }
    }

    /// Lets the windows end that do not reach this instant.
    fn lapse_before(&mut self, timestamp: i64) {
        while let Some(&Reverse((end, number))) = self.undrawn.peek()
            && end < timestamp
        {
            self.undrawn.pop();
            let grant = &mut self.grants[number];
            let left = std::mem::take(&mut grant.remaining);
            if self.is_revoked[number] {
                grant.revoked = left;
            } else {
                grant.lapsed = left;
            }
            self.available -= left;
        }
    }

    fn grant(&mut self, number: usize, grant: Grant) {
        self.lapse_before(grant.start);
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
            self.undrawn.push(Reverse((grant.end, number)));
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.lapse_before(usage.timestamp);
        self.used += usage.amount;
        if usage.amount <= self.available {
            self.draw(usage.amount);
            return;
        }
        match self.overdraft {
            Overdraft::Carry => {
                self.deficit += usage.amount - self.available;
                self.draw(self.available);
            }
            Overdraft::Forfeit => {
                self.dropped += usage.amount;
                self.forfeit();
            }
        }
    }

    /// Draws an amount that is available.
    fn draw(&mut self, amount: u64) {
        self.available -= amount;
        self.drawn += amount;
        let mut due = amount;
        while due > 0
            && let Some(&Reverse((_, number))) = self.undrawn.peek()
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
        for Reverse((_, number)) in self.undrawn.drain() {
            let grant = &mut self.grants[number];
            grant.forfeited = std::mem::take(&mut grant.remaining);
        }
    }
}
