//! The records of one account, as they were posted.

use std::ops::Range;

/// A grant as it stands: live in `[start, end]`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub start: i64,
    /// The last instant of the window. `i64::MAX`: it never lapses.
    pub end: i64,
    /// Whether the window ends there because the grant was revoked: what is left is then revoked
    /// and does not lapse.
    pub revoked: bool,
    /// Lower is drawn first.
    pub priority: i16,
}

impl Grant {
    pub(crate) fn is_live(self, timestamp: i64) -> bool {
        self.start <= timestamp && timestamp <= self.end
    }
}

/// Usage as it stands: at an instant, or metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// In the smallest unit. Of metered usage, the rate: this much at each tick.
    pub amount: u64,
    /// When it takes effect. Of metered usage, the first tick.
    pub timestamp: i64,
    /// `None`: usage at an instant. Otherwise usage is metered over `[timestamp, until)`; if that is
    /// empty, the record is nothing.
    pub until: Option<i64>,
}

impl Usage {
    /// Usage at an instant.
    pub fn at(amount: u64, timestamp: i64) -> Self {
        Self {
            amount,
            timestamp,
            until: None,
        }
    }

    /// Metered usage: `rate` units at each tick of a range, which may be empty.
    pub fn metered(rate: u64, ticks: Range<i64>) -> Self {
        Self {
            amount: rate,
            timestamp: ticks.start,
            until: Some(ticks.end),
        }
    }

    /// The number of ticks over which it falls: 1 at an instant.
    pub fn ticks(self) -> u64 {
        match self.until {
            None => 1,
            Some(until) if until <= self.timestamp => 0,
            Some(until) => until.abs_diff(self.timestamp),
        }
    }

    /// All of it, in the smallest unit.
    pub fn total(self) -> u128 {
        u128::from(self.amount) * u128::from(self.ticks())
    }

    /// Whether it is metered, and the tick is one of its own.
    pub(crate) fn is_metered_at(self, tick: i64) -> bool {
        self.until
            .is_some_and(|until| self.timestamp <= tick && tick < until)
    }
}

/// A grant as it was posted, and what has become of it.
#[derive(Clone, Copy, Debug)]
struct Granted {
    amount: u64,
    start: i64,
    end: i64,
    revoked_from: Option<i64>,
    priority: i16,
}

impl Granted {
    /// The grant as it stands; `None` if it was revoked before it started.
    fn standing(self) -> Option<Grant> {
        let end = match self.revoked_from {
            Some(from) if from <= self.start => return None,
            Some(from) => from - 1,
            None => self.end,
        };
        Some(Grant {
            amount: self.amount,
            start: self.start,
            end,
            revoked: self.revoked_from.is_some(),
            priority: self.priority,
        })
    }
}

/// The grants and the usage of one account in posting order, within the limits of the law.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// By posting number; a retracted grant leaves its place empty, so that no number is reused.
    grants: Vec<Option<Granted>>,
    usage: Vec<Usage>,
    granted: u64,
    used: u64,
}

impl Posted {
    /// The grants that are ever live, each with its posting number, in posting order: not those
    /// that are retracted, nor those revoked from their start on.
    pub fn grants(&self) -> impl Iterator<Item = (usize, Grant)> {
        let numbered = self.grants.iter().enumerate();
        numbered.filter_map(|(number, grant)| Some((number, (*grant)?.standing()?)))
    }

    /// The usage that stands, in posting order.
    pub fn usage(&self) -> &[Usage] {
        &self.usage
    }

    /// The instants at which anything can begin or end, and the one before each, in order: within a
    /// span that has none of them nothing happens but metered usage at one rate.
    pub fn turns(&self) -> Vec<i64> {
        let grants = self.grants();
        let windows = grants.flat_map(|(_, grant)| [Some(grant.start), grant.end.checked_add(1)]);
        let usage = self.usage.iter();
        let usage = usage.flat_map(|usage| [Some(usage.timestamp), usage.until]);
        let turns = windows.chain(usage).flatten();
        let mut turns: Vec<_> = turns
            .flat_map(|turn| [turn.saturating_sub(1), turn])
            .collect();
        turns.sort_unstable();
        turns.dedup();
        turns
    }

    /// Whether all usage still adds up to at most `i64::MAX` with this record.
    pub fn admits(&self, usage: Usage) -> bool {
        limited_sum(self.used, usage.total()).is_some()
    }

    /// Posts a grant of priority 0 that is live in `[timestamp, timestamp + expiration]`, and returns
    /// its posting number: 0, 1, 2 and so on, never reused.
    ///
    /// # Panics
    ///
    /// When the window ends after `i64::MAX`, or all grants add up to more than that. The reference
    /// has no errors of its own; the caller posts only what the law admits.
    pub fn add_credit(&mut self, amount: u64, timestamp: i64, expiration: u64) -> usize {
        let end = timestamp
            .checked_add_unsigned(expiration)
            .expect("a window ends at most at i64::MAX");
        self.granted = sum_within_limit(self.granted, amount.into());
        self.grants.push(Some(Granted {
            amount,
            start: timestamp,
            end,
            revoked_from: None,
            priority: 0,
        }));
        self.grants.len() - 1
    }

    /// Posts usage, at an instant or metered.
    ///
    /// # Panics
    ///
    /// When all usage adds up to more than `i64::MAX`; see [`add_credit`](Self::add_credit).
    pub fn post_usage(&mut self, usage: Usage) {
        self.used = sum_within_limit(self.used, usage.total());
        self.usage.push(usage);
    }

    /// Takes a grant back as if never posted. `false`: there is none of this number.
    pub fn retract_grant(&mut self, grant: usize) -> bool {
        match self.grants.get_mut(grant).and_then(Option::take) {
            Some(Granted { amount, .. }) => {
                self.granted -= amount;
                true
            }
            None => false,
        }
    }

    /// The place in [`usage`](Self::usage) of the latest posted record like this one. O(n).
    pub fn latest_place(&self, usage: Usage) -> Option<usize> {
        self.usage.iter().rposition(|posted| *posted == usage)
    }

    /// Takes the usage at a place in [`usage`](Self::usage) back as if never posted. `false`: there
    /// is none. O(n).
    pub fn retract_usage_at(&mut self, place: usize) -> bool {
        if place >= self.usage.len() {
            return false;
        }
        let retracted = self.usage.remove(place);
        self.used = used_without(self.used, retracted);
        true
    }

    /// Puts another record in the place of the usage at a place in [`usage`](Self::usage): another
    /// amount or rate, another first tick, another end. `false`: there is none.
    ///
    /// # Panics
    ///
    /// When all usage adds up to more than `i64::MAX`; see [`add_credit`](Self::add_credit).
    pub fn replace_usage_at(&mut self, place: usize, new: Usage) -> bool {
        let Some(posted) = self.usage.get_mut(place) else {
            return false;
        };
        self.used = sum_within_limit(used_without(self.used, *posted), new.total());
        *posted = new;
        true
    }

    /// Revokes a grant from an instant on: its window then ends the instant before. `false`: there
    /// is none of this number, its window ends before, or it is revoked as early already.
    pub fn revoke_grant(&mut self, grant: usize, from: i64) -> bool {
        let Some(Some(granted)) = self.grants.get_mut(grant) else {
            return false;
        };
        let from = from.max(granted.start);
        if from > granted.end || granted.revoked_from.is_some_and(|present| present <= from) {
            return false;
        }
        granted.revoked_from = Some(from);
        true
    }

    /// Gives a grant another window: `[start, start + expiration]`. `false`: there is none of this
    /// number, it is revoked, or the window would end after `i64::MAX`.
    pub fn change_expiration(&mut self, grant: usize, expiration: u64) -> bool {
        let Some(Some(granted)) = self.grants.get_mut(grant) else {
            return false;
        };
        let end = granted.start.checked_add_unsigned(expiration);
        match end {
            Some(end) if granted.revoked_from.is_none() => {
                granted.end = end;
                true
            }
            _ => false,
        }
    }

    /// Gives a grant another priority, its place in posting order kept. `false`: there is none of
    /// this number.
    pub fn change_priority(&mut self, grant: usize, priority: i16) -> bool {
        let Some(Some(granted)) = self.grants.get_mut(grant) else {
            return false;
        };
        granted.priority = priority;
        true
    }
}

/// Every sum that a replay takes is part of a sum checked here, so none of them can overflow.
fn sum_within_limit(total: u64, amount: u128) -> u64 {
    limited_sum(total, amount).expect("grants and usage each add up to at most i64::MAX")
}

fn limited_sum(total: u64, amount: u128) -> Option<u64> {
    let sum = amount.checked_add(total.into())?;
    i64::try_from(sum).ok().map(i64::unsigned_abs)
}

fn used_without(used: u64, usage: Usage) -> u64 {
    let rest = u128::from(used) - usage.total();
    rest.try_into().expect("less than all usage")
}
