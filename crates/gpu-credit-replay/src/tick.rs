//! The law read aloud: replay tick by tick, for spans so short that every tick can be looked at.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::{Answer, Draw, GrantStatement, Overdraft, Overdrawn, Posted, Replay, Statement, Usage};

/// Replays every tick from the first record to the last. Costs ticks times records, so it is for
/// records that lie close together.
#[derive(Clone, Debug, Default)]
pub struct TickReplay {
    overdraft: Overdraft,
    posted: Posted,
}

impl Replay for TickReplay {
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
        let account = self.replay(timestamp);
        let any_live = !account.live.is_empty();
        let remaining = account.remaining();
        Answer::new(self.overdraft, any_live, remaining, account.deficit)
    }

    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)> {
        let live = self.replay(timestamp).live.into_iter();
        live.map(|pool| (pool.statement.grant, pool.statement.remaining))
            .collect()
    }

    fn statement_at(&self, timestamp: i64) -> Statement {
        let account = self.replay(timestamp);
        let live = account.live.iter().map(|pool| pool.statement);
        let mut grants: Vec<_> = live.chain(account.ended.iter().copied()).collect();
        grants.sort_by_key(|statement| statement.grant);
        Statement {
            grants,
            used: account.used,
            drawn: account.drawn,
            deficit: account.deficit,
            dropped: account.dropped,
        }
    }

    fn overdrawn_at(&self, instants: &[i64]) -> Vec<Overdrawn> {
        let accounts = instants.iter().map(|instant| self.replay(*instant));
        let overdrawn = accounts.map(|account| Overdrawn {
            deficit: account.deficit,
            dropped: account.dropped,
        });
        overdrawn.collect()
    }

    fn uncovered(&self) -> Vec<RangeInclusive<i64>> {
        let uncovered = self.replay(i64::MAX).uncovered.into_iter();
        uncovered.map(|tick| tick..=tick).collect()
    }
}

impl TickReplay {
    /// Which grant paid for which usage up to an instant, in the order in which they began to.
    pub fn draws_at(&self, timestamp: i64) -> Vec<Draw> {
        let draws = self.replay(timestamp).draws.into_iter();
        draws.map(|(draw, _)| draw).collect()
    }

    /// Who paid for one usage record, by its place: its draws by first tick.
    pub fn draws_of(&self, usage: usize) -> Vec<Draw> {
        let mut draws = self.draws_at(i64::MAX);
        draws.retain(|draw| draw.usage == usage);
        draws.sort_by_key(|draw| draw.first); // Stable: of one tick as they were paid.
        draws
    }

    fn replay(&self, through: i64) -> Account {
        let mut account = Account::default();
        let turns = self.posted.turns();
        if let (Some(&first), Some(&last)) = (turns.first(), turns.last()) {
            for tick in first..=through.min(last) {
                self.take(tick, &mut account);
            }
        }
        account
    }

    /// One tick: lapses, then grants, then usage at instants, then metered usage, each in posting
    /// order. The metered usage of the tick is one usage.
    fn take(&self, tick: i64, account: &mut Account) {
        let ends_before = |pool: &mut Pool| pool.end < tick;
        let ended: Vec<_> = account.live.extract_if(.., ends_before).collect();
        account.ended.extend(ended.into_iter().map(Pool::ended));

        for (grant, posted) in self.posted.grants() {
            if posted.start == tick {
                let mut statement = GrantStatement {
                    grant,
                    amount: posted.amount,
                    remaining: posted.amount,
                    ..GrantStatement::default()
                };
                account.pay_deficit(tick, &mut statement);
                account.live.push(Pool {
                    priority: posted.priority,
                    end: posted.end,
                    is_revoked: posted.revoked,
                    statement,
                });
            }
        }
        let draw_order = |pool: &Pool| (pool.priority, pool.end, pool.statement.grant);
        account.live.sort_by_key(draw_order);

        let usage = self.posted.usage().iter().enumerate();
        let (mut instants, mut metered) = (Vec::new(), Vec::new());
        for (number, &usage) in usage {
            if usage.until.is_none() && usage.timestamp == tick {
                instants.push((number, usage));
            } else if usage.is_metered_at(tick) {
                metered.push((number, usage));
            }
        }
        for instant in instants {
            account.subtract(tick, &[instant], self.overdraft);
        }
        account.subtract(tick, &metered, self.overdraft);
    }
}

/// What the ticks so far have left.
#[derive(Default)]
struct Account {
    /// The live grants in draw order.
    live: Vec<Pool>,
    ended: Vec<GrantStatement>,
    used: u64,
    drawn: u64,
    deficit: u64,
    dropped: u64,
    /// The parts of usage that make up the deficit, oldest first.
    owed: VecDeque<Part>,
    /// The draws, each with the unit of the record that comes after it.
    draws: Vec<(Draw, u64)>,
    /// The ticks whose usage was not drawn whole.
    uncovered: Vec<i64>,
}

/// Units of a usage record that fall at one tick.
#[derive(Clone, Copy)]
struct Part {
    usage: usize,
    tick: i64,
    /// How many units of the record come before them.
    unit: u64,
    amount: u64,
}

/// A live grant.
struct Pool {
    priority: i16,
    end: i64,
    is_revoked: bool,
    statement: GrantStatement,
}

impl Pool {
    fn ended(self) -> GrantStatement {
        let mut statement = self.statement;
        let left = std::mem::take(&mut statement.remaining);
        if self.is_revoked {
            statement.revoked = left;
        } else {
            statement.lapsed = left;
        }
        statement
    }
}

impl Account {
    fn remaining(&self) -> u64 {
        self.live.iter().map(|pool| pool.statement.remaining).sum()
    }

    /// The grant pays the deficit on arrival, before anything else may draw from it.
    fn pay_deficit(&mut self, tick: i64, grant: &mut GrantStatement) {
        while let Some(mut part) = self.owed.pop_front() {
            self.deficit -= pay(&mut part, grant, tick, &mut self.draws);
            if part.amount > 0 {
                self.owed.push_front(part);
                break;
            }
        }
        self.drawn += grant.drawn;
    }

    /// Usage of one tick that is one in sums: these records' parts of it, in posting order.
    fn subtract(&mut self, tick: i64, records: &[(usize, Usage)], overdraft: Overdraft) {
        let total: u64 = records.iter().map(|(_, usage)| usage.amount).sum();
        let remaining = self.remaining();
        self.used += total;
        if total > remaining {
            self.uncovered.push(tick);
        }
        if overdraft == Overdraft::Forfeit && total > remaining {
            for pool in &mut self.live {
                pool.statement.forfeited += std::mem::take(&mut pool.statement.remaining);
            }
            self.dropped += total;
            return;
        }
        for &(number, usage) in records {
            let mut part = Part {
                usage: number,
                tick,
                unit: tick.abs_diff(usage.timestamp) * usage.amount,
                amount: usage.amount,
            };
            for pool in &mut self.live {
                self.drawn += pay(&mut part, &mut pool.statement, tick, &mut self.draws);
            }
            let uncovered = part.amount;
            part.amount = uncovered.min(overdraft.credit_line() - self.deficit);
            self.deficit += part.amount;
            self.dropped += uncovered - part.amount;
            if part.amount > 0 {
                self.owed.push_back(part);
            }
        }
    }
}

/// The grant pays as many units of the part as it can, which are taken from it, and counted.
fn pay(
    part: &mut Part,
    grant: &mut GrantStatement,
    drawn_at: i64,
    draws: &mut Vec<(Draw, u64)>,
) -> u64 {
    let paid = part.amount.min(grant.remaining);
    if paid > 0 {
        grant.remaining -= paid;
        grant.drawn += paid;
        note(part, grant.grant, paid, drawn_at, draws);
        part.unit += paid;
        part.amount -= paid;
    }
    paid
}

/// Makes the draw that these units go on longer, or begins one.
fn note(part: &Part, grant: usize, paid: u64, drawn_at: i64, draws: &mut Vec<(Draw, u64)>) {
    let on_arrival = drawn_at > part.tick;
    let goes_on = draws.iter_mut().find(|(draw, unit)| {
        let same = (draw.usage, draw.grant, draw.drawn_at > draw.last);
        same == (part.usage, grant, on_arrival) && *unit == part.unit
    });
    if let Some((draw, unit)) = goes_on {
        draw.amount += paid;
        draw.last = part.tick;
        *unit += paid;
    } else {
        let draw = Draw {
            usage: part.usage,
            grant,
            amount: paid,
            first: part.tick,
            last: part.tick,
            drawn_at,
        };
        draws.push((draw, part.unit + paid));
    }
}
