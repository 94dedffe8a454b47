//! Full replay with a sorted list of pools: the law, read aloud.

use std::collections::VecDeque;

use crate::{Answer, Draw, GrantStatement, Overdraft, Posted, Replay, Statement};

/// Replays all events in their total order over a list of live grants in draw order.
#[derive(Clone, Debug, Default)]
pub struct ListReplay {
    overdraft: Overdraft,
    posted: Posted,
}

impl Replay for ListReplay {
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
        Answer::new(
            self.overdraft,
            !account.live.is_empty(),
            account.remaining(),
            account.deficit,
        )
    }

    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)> {
        let live = self.replay(timestamp).live;
        live.iter()
            .map(|pool| (pool.statement.grant, pool.statement.remaining))
            .collect()
    }

    fn statement_at(&self, timestamp: i64) -> Statement {
        let account = self.replay(timestamp);
        let live = account.live.iter().map(|pool| pool.statement);
        let mut grants: Vec<_> = live.chain(account.lapsed).collect();
        grants.sort_by_key(|statement| statement.grant);
        Statement {
            grants,
            used: account.used,
            drawn: account.drawn,
            deficit: account.deficit,
            dropped: account.dropped,
        }
    }
}

impl ListReplay {
    /// Which grant paid for which usage up to an instant, in the order in which they did. Costs as
    /// much as [`balance_at`](Replay::balance_at).
    pub fn draws_at(&self, timestamp: i64) -> Vec<Draw> {
        self.replay(timestamp).draws
    }

    fn replay(&self, timestamp: i64) -> Account {
        let mut account = Account::default();
        for (time, event) in self.events(timestamp) {
            account.now = time;
            match event {
                Event::Lapse { number, revoked } => account.lapse(number, revoked),
                Event::Grant {
                    number,
                    amount,
                    end,
                } => account.start(number, amount, end),
                Event::Usage { number, amount } => account.subtract(number, amount, self.overdraft),
            }
        }
        account
    }

    /// Everything that happens at or before an instant, in the total event order.
    fn events(&self, timestamp: i64) -> Vec<(i64, Event)> {
        let mut events = Vec::new();
        for (number, grant) in self.posted.grants() {
            let (amount, end) = (grant.amount, grant.end);
            events.push((
                grant.start,
                Event::Grant {
                    number,
                    amount,
                    end,
                },
            ));
            // After the last instant there is none at which to lapse.
            if let Some(lapse) = end.checked_add(1) {
                let revoked = grant.revoked;
                events.push((lapse, Event::Lapse { number, revoked }));
            }
        }
        for (number, usage) in self.posted.usage().iter().enumerate() {
            let amount = usage.amount;
            events.push((usage.timestamp, Event::Usage { number, amount }));
        }
        events.retain(|(time, _)| *time <= timestamp);
        events.sort();
        events
    }
}

/// The derived order is the law's: at one instant lapses come before grants before usage, and each
/// kind comes in posting order. Numbers are unique, so nothing after them is ever compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Lapse {
        number: usize,
        revoked: bool,
    },
    Grant {
        number: usize,
        amount: u64,
        end: i64,
    },
    Usage {
        number: usize,
        amount: u64,
    },
}

/// What the events so far have left.
#[derive(Default)]
struct Account {
    /// The live grants in draw order.
    live: Vec<Pool>,
    lapsed: Vec<GrantStatement>,
    used: u64,
    drawn: u64,
    deficit: u64,
    dropped: u64,
    /// The usage that makes up the deficit, oldest first: its number, and what is unpaid of it.
    owed: VecDeque<(usize, u64)>,
    draws: Vec<Draw>,
    now: i64,
}

impl Account {
    fn remaining(&self) -> u64 {
        self.live.iter().map(|pool| pool.statement.remaining).sum()
    }

    fn lapse(&mut self, number: usize, revoked: bool) {
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
    fn start(&mut self, number: usize, amount: u64, end: i64) {
        let mut pool = Pool::new(number, amount, end);
        let paid = pool.pay(self.deficit);
        self.deficit -= paid;
        self.drawn += paid;
        self.note_paid(number, paid);

        let place = |pool: &Pool| (pool.end, pool.statement.grant);
        let index = self
            .live
            .partition_point(|other| place(other) < place(&pool));
        self.live.insert(index, pool);
    }

    /// A grant has paid so much of the deficit.
    fn note_paid(&mut self, grant: usize, paid: u64) {
        let mut left = paid;
        while left > 0 {
            let (usage, unpaid) = self.owed.pop_front().expect("the deficit is owed");
            let amount = unpaid.min(left);
            self.note_draw(usage, grant, amount);
            left -= amount;
            if amount < unpaid {
                self.owed.push_front((usage, unpaid - amount));
            }
        }
    }

    fn note_draw(&mut self, usage: usize, grant: usize, amount: u64) {
        self.draws.push(Draw {
            usage,
            grant,
            amount,
            paid_at: self.now,
        });
    }

    fn subtract(&mut self, number: usize, amount: u64, overdraft: Overdraft) {
        self.used += amount;
        if overdraft == Overdraft::Forfeit && amount > self.remaining() {
            self.live.iter_mut().for_each(Pool::forfeit);
            self.dropped += amount;
            return;
        }
        let mut unpaid = amount;
        let mut paid = Vec::new();
        for pool in &mut self.live {
            let part = pool.pay(unpaid);
            unpaid -= part;
            paid.push((pool.statement.grant, part));
        }
        for (grant, part) in paid.into_iter().filter(|(_, part)| *part > 0) {
            self.note_draw(number, grant, part);
        }
        if unpaid > 0 {
            self.owed.push_back((number, unpaid));
        }
        self.drawn += amount - unpaid;
        self.deficit += unpaid;
    }
}

/// A live grant.
struct Pool {
    end: i64,
    statement: GrantStatement,
}

impl Pool {
    fn new(grant: usize, amount: u64, end: i64) -> Self {
        let statement = GrantStatement {
            grant,
            amount,
            remaining: amount,
            ..GrantStatement::default()
        };
        Self { end, statement }
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
