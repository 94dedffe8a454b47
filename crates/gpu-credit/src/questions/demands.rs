//! All usage of a range of time, in the order in which it is drawn.

use std::iter::Peekable;

use super::demand::{Demand, Ticks};
use crate::account::GpuCredit;
use crate::all_usage::AllUsageWalk;
use crate::contents::UsageRecords;
use crate::record::MeteredId;

/// Usage in event order: at one tick that at instants first, in posting order, then what is metered.
#[derive(Clone, Debug)]
pub(super) struct Demands<'a> {
    account: &'a GpuCredit,
    instants: Peekable<UsageRecords<'a>>,
    walk: AllUsageWalk<'a>,
    /// The first tick whose metered usage is still to come.
    tick: Option<i64>,
    last: i64,
}

impl<'a> Demands<'a> {
    /// The usage of `[first, last]`.
    pub(super) fn new(account: &'a GpuCredit, first: i64, last: i64) -> Self {
        let is_metered = account.metered_count() > 0 && first <= last;
        Demands {
            account,
            instants: account.usage(first..=last).peekable(),
            walk: account.usage.walk(),
            tick: is_metered.then_some(first),
            last,
        }
    }

    /// The next usage, if it is earlier than `end`.
    pub(super) fn next_before(&mut self, end: Option<i64>) -> Option<Demand> {
        let last = match end {
            Some(end) => self.last.min(end.checked_sub(1)?),
            None => self.last,
        };
        let instant = self.instants.peek().map(|(usage, _)| usage.timestamp);
        let before_instant = match instant {
            Some(instant) => instant.checked_sub(1).map(|before| before.min(last)),
            None => Some(last),
        };
        if let Some(ticks) = before_instant.and_then(|last| self.metered_through(last)) {
            return Some(Demand::Metered(ticks));
        }
        let (usage, record) = (self.instants).next_if(|(usage, _)| usage.timestamp <= last)?;
        Some(Demand::Instant {
            usage,
            amount: record.amount,
        })
    }

    /// The next metered ticks at which the same jobs run, not after `last`.
    fn metered_through(&mut self, last: i64) -> Option<Ticks> {
        loop {
            let first = self.tick.filter(|first| *first <= last)?;
            let (rate, change) = self.walk.rate(first);
            self.tick = change;
            if rate == 0 {
                continue;
            }
            let through = change.map_or(last, |change| last.min(change - 1));
            self.tick = through.checked_add(1);
            let metered = self.account.usage.metered()?;
            let jobs = metered.running(first).into_iter();
            let jobs = jobs.map(|(number, job)| (MeteredId(number), job.rate));
            return Some(Ticks::new(jobs, first, through));
        }
    }
}
