//! The account after the events so far.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Range, RangeInclusive};

use super::stretch::{Draws, Stretch};
use crate::{Answer, Grant, GrantStatement, Overdraft, Overdrawn, Statement, Usage};

/// What the events so far have left.
pub(super) struct Account {
    overdraft: Overdraft,
    /// The live grants in draw order.
    live: Vec<Pool>,
    lapsed: Vec<GrantStatement>,
    /// The metered usage that is running, by place.
    pub(super) running: BTreeMap<usize, Usage>,
    /// The first tick whose metered usage is not yet taken.
    now: i64,
    used: u64,
    drawn: u64,
    deficit: u64,
    dropped: u64,
    /// The units that make up the deficit, oldest first.
    owed: VecDeque<(Stretch, Range<u64>)>,
    pub(super) draws: Draws,
    /// The ticks whose usage was not drawn whole.
    pub(super) uncovered: Vec<RangeInclusive<i64>>,
}

impl Account {
    pub(super) fn new(overdraft: Overdraft) -> Self {
        Self {
            overdraft,
            live: Vec::new(),
            lapsed: Vec::new(),
            running: BTreeMap::new(),
            now: i64::MIN,
            used: 0,
            drawn: 0,
            deficit: 0,
            dropped: 0,
            owed: VecDeque::new(),
            draws: Draws::default(),
            uncovered: Vec::new(),
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let any_live = !self.live.is_empty();
        Answer::new(self.overdraft, any_live, self.remaining(), self.deficit)
    }

    pub(super) fn remainders(&self) -> Vec<(usize, u64)> {
        let live = self.live.iter();
        live.map(|pool| (pool.statement.grant, pool.statement.remaining))
            .collect()
    }

    pub(super) fn statement(self) -> Statement {
        let live = self.live.into_iter().map(|pool| pool.statement);
        let mut grants: Vec<_> = live.chain(self.lapsed).collect();
        grants.sort_by_key(|statement| statement.grant);
        Statement {
            grants,
            used: self.used,
            drawn: self.drawn,
            deficit: self.deficit,
            dropped: self.dropped,
        }
    }

    pub(super) fn overdrawn(&self) -> Overdrawn {
        Overdrawn {
            deficit: self.deficit,
            dropped: self.dropped,
        }
    }

    fn remaining(&self) -> u64 {
        self.live.iter().map(|pool| pool.statement.remaining).sum()
    }

    /// Takes the metered usage of the ticks before this one.
    pub(super) fn run_until(&mut self, tick: i64) {
        let (first, ticks) = (self.now, tick.abs_diff(self.now));
        self.now = tick;
        if ticks > 0 && !self.running.is_empty() {
            let records = self.running.iter();
            let records = records.map(|(number, usage)| (*number, *usage));
            self.subtract(Stretch::new(first, ticks, records));
        }
    }

    pub(super) fn lapse(&mut self, number: usize, revoked: bool) {
        let ends = |pool: &mut Pool| pool.statement.grant == number;
        for mut pool in self.live.extract_if(.., ends) {
            let left = std::mem::take(&mut pool.statement.remaining);
            if revoked {
                pool.statement.revoked = left;
            } else {
                pool.statement.lapsed = left;
            }
            self.lapsed.push(pool.statement);
        }
    }

    /// The grant pays the deficit on arrival, before anything else may draw from it.
    pub(super) fn start(&mut self, number: usize, grant: Grant) {
        let mut pool = Pool::new(number, grant);
        let paid = pool.pay(self.deficit);
        self.deficit -= paid;
        self.drawn += paid;
        self.note_paid(number, paid, grant.start);

        let place = |pool: &Pool| (pool.priority, pool.end, pool.statement.grant);
        let index = self
            .live
            .partition_point(|other| place(other) < place(&pool));
        self.live.insert(index, pool);
    }

    /// A grant has paid so much of the deficit.
    fn note_paid(&mut self, grant: usize, paid: u64, arrival: i64) {
        let mut left = paid;
        while left > 0 {
            let (stretch, units) = self.owed.pop_front().expect("the deficit is owed");
            let end = units.end.min(units.start + left);
            let draws = stretch.draws(units.start..end, grant, Some(arrival));
            self.draws.note(draws, true);
            left -= end - units.start;
            if end < units.end {
                self.owed.push_front((stretch, end..units.end));
            }
        }
    }

    pub(super) fn subtract(&mut self, stretch: Stretch) {
        let total = stretch.total();
        let remaining = self.remaining();
        let drawn = match self.overdraft {
            _ if total <= remaining => total,
            // Whole ticks only.
            Overdraft::Forfeit => remaining - remaining % stretch.rate,
            Overdraft::Carry | Overdraft::CarryUpTo(_) => remaining,
        };
        let uncovered = total - drawn;
        let owed = uncovered.min(self.overdraft.credit_line() - self.deficit);
        self.used += total;
        self.drawn += drawn;
        self.deficit += owed;
        self.dropped += uncovered - owed;

        self.draw(&stretch, drawn);
        if uncovered > 0 {
            if self.overdraft == Overdraft::Forfeit {
                self.live.iter_mut().for_each(Pool::forfeit);
            }
            self.uncovered.push(stretch.ticks_from(drawn));
        }
        if owed > 0 {
            self.owed.push_back((stretch, drawn..drawn + owed));
        }
    }

    /// Draws so many of the units of a stretch, which are there.
    fn draw(&mut self, stretch: &Stretch, amount: u64) {
        let mut drawn = 0;
        for pool in &mut self.live {
            let paid = pool.pay(amount - drawn);
            if paid > 0 {
                let draws = stretch.draws(drawn..drawn + paid, pool.statement.grant, None);
                self.draws.note(draws, false);
            }
            drawn += paid;
        }
    }
}

/// A live grant.
struct Pool {
    priority: i16,
    end: i64,
    statement: GrantStatement,
}

impl Pool {
    fn new(number: usize, grant: Grant) -> Self {
        let statement = GrantStatement {
            grant: number,
            amount: grant.amount,
            remaining: grant.amount,
            ..GrantStatement::default()
        };
        Self {
            priority: grant.priority,
            end: grant.end,
            statement,
        }
    }

    /// Pays as much of `amount` as it can, and returns that.
    fn pay(&mut self, amount: u64) -> u64 {
        let paid = amount.min(self.statement.remaining);
        self.statement.remaining -= paid;
        self.statement.drawn += paid;
        paid
    }

    fn forfeit(&mut self) {
        self.statement.forfeited += self.statement.remaining;
        self.statement.remaining = 0;
    }
}
