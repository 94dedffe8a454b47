//! Full replay over a sorted list of events and a sorted list of pools.

mod account;
mod stretch;

use std::iter::Peekable;
use std::ops::RangeInclusive;

use crate::{Answer, Draw, Grant, Overdraft, Overdrawn, Posted, Replay, Statement, Usage};
use account::Account;
use stretch::Stretch;

/// Replays all events in their total order over a list of live grants in draw order. Metered usage
/// is taken from one event to the next in one go, as one sum.
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
        self.replay(timestamp).answer()
    }

    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)> {
        self.replay(timestamp).remainders()
    }

    fn statement_at(&self, timestamp: i64) -> Statement {
        self.replay(timestamp).statement()
    }

    fn overdrawn_at(&self, instants: &[i64]) -> Vec<Overdrawn> {
        let mut course = self.course();
        let overdrawn = instants
            .iter()
            .map(|&instant| course.through(instant).overdrawn());
        overdrawn.collect()
    }

    fn uncovered(&self) -> Vec<RangeInclusive<i64>> {
        self.replay(i64::MAX).uncovered
    }
}

impl ListReplay {
    /// Which grant paid for which usage up to an instant, in the order in which they began to.
    /// Costs as much as [`balance_at`](Replay::balance_at).
    pub fn draws_at(&self, timestamp: i64) -> Vec<Draw> {
        self.replay(timestamp).draws.all
    }

    /// Who paid for one usage record, by its place: its draws by first tick.
    pub fn draws_of(&self, usage: usize) -> Vec<Draw> {
        let mut draws = self.draws_at(i64::MAX);
        draws.retain(|draw| draw.usage == usage);
        draws.sort_by_key(|draw| draw.first); // Stable: of one tick as they were paid.
        draws
    }

    fn replay(&self, timestamp: i64) -> Account {
        let mut course = self.course();
        course.through(timestamp);
        course.account
    }

    fn course(&self) -> Course {
        Course {
            events: self.events().into_iter().peekable(),
            account: Account::new(self.overdraft),
        }
    }

    /// Everything that happens, in the total event order.
    fn events(&self) -> Vec<(i64, Event)> {
        let mut events = Vec::new();
        for (number, grant) in self.posted.grants() {
            events.push((grant.start, Event::Grant { number, grant }));
            // After the last instant there is none at which to lapse.
            if let Some(lapse) = grant.end.checked_add(1) {
                let revoked = grant.revoked;
                events.push((lapse, Event::Lapse { number, revoked }));
            }
        }
        for (number, &usage) in self.posted.usage().iter().enumerate() {
            match usage.until {
                None => events.push((usage.timestamp, Event::Usage { number, usage })),
                Some(until) if usage.timestamp < until => {
                    events.push((usage.timestamp, Event::Run { number, usage }));
                    events.push((until, Event::Stop { number }));
                }
                Some(_) => {}
            }
        }
        events.sort_by_key(|(time, event)| (*time, event.rank()));
        events
    }
}

enum Event {
    Lapse { number: usize, revoked: bool },
    Grant { number: usize, grant: Grant },
    Usage { number: usize, usage: Usage },
    Run { number: usize, usage: Usage },
    Stop { number: usize },
}

impl Event {
    /// The law's order at one instant: lapses come before grants before usage, and each kind comes
    /// in posting order. Metered usage of a tick comes after all of them, whatever runs then.
    fn rank(&self) -> (u8, usize) {
        match *self {
            Event::Lapse { number, .. } => (0, number),
            Event::Grant { number, .. } => (1, number),
            Event::Usage { number, .. } => (2, number),
            Event::Run { number, .. } | Event::Stop { number } => (3, number),
        }
    }
}

/// The events that are still to come, and the account after the others.
struct Course {
    events: Peekable<std::vec::IntoIter<(i64, Event)>>,
    account: Account,
}

impl Course {
    /// The account after everything at or before an instant.
    fn through(&mut self, timestamp: i64) -> &Account {
        let account = &mut self.account;
        while let Some((time, event)) = self.events.next_if(|(time, _)| *time <= timestamp) {
            account.run_until(time);
            match event {
                Event::Lapse { number, revoked } => account.lapse(number, revoked),
                Event::Grant { number, grant } => account.start(number, grant),
                Event::Usage { number, usage } => {
                    account.subtract(Stretch::new(time, 1, [(number, usage)]));
                }
                Event::Run { number, usage } => {
                    account.running.insert(number, usage);
                }
                Event::Stop { number } => {
                    account.running.remove(&number);
                }
            }
        }
        // Nothing runs at the last instant.
        account.run_until(timestamp.saturating_add(1));
        account
    }
}
