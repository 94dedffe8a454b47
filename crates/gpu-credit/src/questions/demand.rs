//! Usage on its way to be paid, and how a payment divides among the records that make it up.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::record::{AnyUsageId, MeteredId, UsageId};

/// Usage in the order in which it is drawn, paid or dropped.
#[derive(Clone, Debug)]
pub(super) enum Demand {
    /// A usage record at an instant, or what is left of one.
    Instant { usage: UsageId, amount: u64 },
    /// Ticks during which the same jobs run, or what is left of them.
    Metered(Ticks),
}

/// A part of one usage record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) usage: AnyUsageId,
    /// Never 0.
    pub(super) amount: u64,
    /// The first tick and the last of which it is usage.
    pub(super) first: i64,
    pub(super) last: i64,
    /// How much of the usage of the first tick, if it is metered, comes before it.
    pub(super) before: u64,
}

/// Metered usage counted in units: those of the first tick, job by job in posting order, then those
/// of the next tick.
#[derive(Clone, Debug)]
pub(super) struct Ticks {
    jobs: Arc<[RunningJob]>,
    /// What one tick uses.
    rate: u64,
    /// The tick with the first unit.
    origin: i64,
    /// The units that are left.
    from: u64,
    until: u64,
}

/// A job that runs, and what the jobs before it use in one tick.
#[derive(Clone, Copy, Debug)]
struct RunningJob {
    id: MeteredId,
    before: u64,
    rate: u64,
}

impl Demand {
    pub(super) fn amount(&self) -> u64 {
        match self {
            Demand::Instant { amount, .. } => *amount,
            Demand::Metered(ticks) => ticks.until - ticks.from,
        }
    }

    /// Takes units from the front: not more than there are. Shows what each record has of them.
    pub(super) fn take(&mut self, amount: u64, mut show: impl FnMut(Part)) {
        assert!(amount <= self.amount(), "no more is paid than is asked for");
        if amount == 0 {
            return;
        }
        match self {
            Demand::Instant {
                usage,
                amount: rest,
            } => {
                *rest -= amount;
                show(Part {
                    usage: AnyUsageId::Instant(*usage),
                    amount,
                    first: usage.timestamp,
                    last: usage.timestamp,
                    before: 0,
                });
            }
            Demand::Metered(ticks) => {
                let (from, until) = (ticks.from, ticks.from + amount);
                ticks.from = until;
                ticks.parts(from, until).for_each(show);
            }
        }
    }

    /// Takes units from the front as a demand of their own.
    pub(super) fn split_off_front(&mut self, amount: u64) -> Demand {
        let mut front = self.clone();
        match (self, &mut front) {
            (Demand::Instant { amount: rest, .. }, Demand::Instant { amount: taken, .. }) => {
                *rest -= amount;
                *taken = amount;
            }
            (Demand::Metered(rest), Demand::Metered(taken)) => {
                rest.from += amount;
                taken.until = rest.from;
            }
            _ => unreachable!("a clone is of the same kind"),
        }
        front
    }
}

impl Ticks {
    /// The usage of `jobs`, in posting order, from the tick `first` through the tick `last`.
    pub(super) fn new(jobs: impl Iterator<Item = (MeteredId, u64)>, first: i64, last: i64) -> Self {
        let mut before = 0;
        let jobs = jobs.map(|(id, rate)| {
            let job = RunningJob { id, before, rate };
            before += rate;
            job
        });
        let jobs = jobs.collect();
        let ticks = u128::from(first.abs_diff(last)) + 1;
        let until = u64::try_from(ticks * u128::from(before));
        Ticks {
            jobs,
            rate: before,
            origin: first,
            from: 0,
            until: until.expect("a part of all usage"),
        }
    }

    /// What one tick uses.
    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// What each job has of the units from `from` on and before `until`. There are some.
    fn parts(&self, from: u64, until: u64) -> impl Iterator<Item = Part> + '_ {
        let jobs = self.jobs.iter();
        jobs.filter_map(move |job| self.part(*job, from, until))
    }

    fn part(&self, job: RunningJob, from: u64, until: u64) -> Option<Part> {
        // Of the units of its tick before `unit`, those of the job.
        let in_tick = |unit: u64| (unit % self.rate).saturating_sub(job.before).min(job.rate);
        let before = |unit: u64| unit / self.rate * job.rate + in_tick(unit);
        let amount = before(until) - before(from);
        if amount == 0 {
            return None;
        }
        let (first, last) = (from / self.rate, (until - 1) / self.rate);
        let is_past = from % self.rate >= job.before + job.rate;
        let is_reached = (until - 1) % self.rate >= job.before;
        let tick = |ticks: u64| self.origin.saturating_add_unsigned(ticks);
        Some(Part {
            usage: AnyUsageId::Metered(job.id),
            amount,
            first: tick(first + u64::from(is_past)),
            last: tick(last - u64::from(!is_reached)),
            before: if is_past { 0 } else { in_tick(from) },
        })
    }
}

/// Takes units from the front of a queue that has so many.
pub(super) fn take_from(queue: &mut VecDeque<Demand>, amount: u64, show: &mut impl FnMut(Part)) {
    let mut rest = amount;
    while rest > 0 {
        let oldest = queue.front_mut().expect("what a grant pays is owed");
        let paid = rest.min(oldest.amount());
        oldest.take(paid, &mut *show);
        rest -= paid;
        if oldest.amount() == 0 {
            queue.pop_front();
        }
    }
}
