//! What becomes of usage: who pays it, when, and what is dropped.

use std::collections::VecDeque;

use super::demand::{Demand, Part, take_from};
use super::demands::Demands;
use super::draws::Draw;
use crate::account::GpuCredit;
use crate::options::Overdraft;
use crate::record::GrantId;
use crate::timeline::ask::trace::{Movement, Trace};

/// What happens to a part of a usage record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payment {
    Drawn {
        part: Part,
        grant: u32,
        drawn_at: i64,
    },
    Dropped(Part),
}

/// All payments of a range of time, in the order in which they happen.
#[derive(Clone)]
pub(super) struct Payments<'a> {
    account: &'a GpuCredit,
    trace: Trace<'a>,
    demands: Demands<'a>,
    /// The last instant of the range; `None` when it is over.
    to: Option<i64>,
    /// What is not paid yet, oldest first.
    owed: VecDeque<Demand>,
    /// Payments that have happened and are not given yet.
    ready: VecDeque<Payment>,
}

impl<'a> Payments<'a> {
    /// The payments of `[from, to]`; of no time at all if there is no range.
    pub(super) fn new(account: &'a GpuCredit, range: Option<(i64, i64)>) -> Self {
        let (from, to) = range.unwrap_or((i64::MIN, i64::MIN));
        let (trace, owed) = match from.checked_sub(1) {
            None => (account.view().trace(), VecDeque::new()),
            Some(before) => owed_at(account, before),
        };
        Payments {
            owed,
            to: range.map(|(_, to)| to),
            ..Self::after(account, trace, from, to)
        }
    }

    /// The payments from `from` on, before which nothing is owed, up to `to`. O(m log live).
    fn since(account: &'a GpuCredit, from: i64, to: i64) -> Self {
        let trace = match from.checked_sub(1) {
            None => account.view().trace(),
            Some(before) => account.trace_to(before, &mut |_| {}),
        };
        Self::after(account, trace, from, to)
    }

    /// The payments from `from` to `to` after a trace that owes nothing.
    fn after(account: &'a GpuCredit, trace: Trace<'a>, from: i64, to: i64) -> Self {
        Payments {
            account,
            trace,
            demands: Demands::new(account, from, to),
            to: Some(to),
            owed: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// What is owed when the range is over, oldest first, and a trace that stands there.
    pub(super) fn into_owed(self) -> (VecDeque<Demand>, Trace<'a>) {
        (self.owed, self.trace)
    }

    /// Goes on by one boundary, one usage record or some ticks; whether there was any in the range.
    fn step(&mut self) -> bool {
        let Some(to) = self.to else {
            return false;
        };
        let boundary = self.trace.next_time().filter(|boundary| *boundary <= to);
        match (self.demands.next_before(boundary), boundary) {
            (Some(demand), _) => self.draw(demand),
            (None, Some(boundary)) => self.pass(boundary),
            (None, None) => self.to = None,
        }
        self.to.is_some()
    }

    /// Enters the next epoch: a grant that starts pays what is owed.
    fn pass(&mut self, time: i64) {
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        self.trace.enter_next(&mut |movement| {
            if let Movement::Repaid { grant, amount } = movement {
                take_from(owed, amount, &mut |part| {
                    let drawn_at = time;
                    ready.push_back(Payment::Drawn {
                        part,
                        grant,
                        drawn_at,
                    });
                });
            }
        });
    }

    fn draw(&mut self, mut demand: Demand) {
        let total = demand.amount();
        // Under `Forfeit` the metered usage of a tick is drawn whole, or dropped whole.
        let whole = match &demand {
            Demand::Metered(ticks) if self.account.overdraft == Overdraft::Forfeit => {
                let remaining = self.trace.remaining().min(total);
                remaining - remaining % ticks.rate()
            }
            _ => total,
        };
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        for amount in [whole, total - whole] {
            self.trace.draw(amount, &mut |movement| match movement {
                Movement::Drawn { grant, amount } => demand.take(amount, |part| {
                    let drawn_at = part.first;
                    ready.push_back(Payment::Drawn {
                        part,
                        grant,
                        drawn_at,
                    });
                }),
                Movement::Owed { amount } => owed.push_back(demand.split_off_front(amount)),
                Movement::Dropped { amount } => demand.take(amount, |part| {
                    ready.push_back(Payment::Dropped(part));
                }),
                _ => {}
            });
        }
    }
}

impl Iterator for Payments<'_> {
    type Item = Payment;

    fn next(&mut self) -> Option<Payment> {
        loop {
            if let Some(payment) = self.ready.pop_front() {
                return Some(payment);
            }
            if !self.step() {
                return None;
            }
        }
    }
}

/// A trace that stands where everything at or before an instant has happened, and the usage that
/// makes up the deficit there, oldest first.
fn owed_at(account: &GpuCredit, time: i64) -> (Trace<'_>, VecDeque<Demand>) {
    let trace = account.trace_at(time);
    match (trace.deficit(), account.overdraft) {
        (0, _) => (trace, VecDeque::new()),
        (_, Overdraft::CarryUpTo(_)) => {
            // Usage may have been dropped that came later than what is owed.
            let since = account.view().owing_since(time);
            let mut payments = Payments::since(account, since, time);
            payments.by_ref().for_each(drop);
            let (owed, trace) = payments.into_owed();
            (trace, owed)
        }
        (deficit, _) => {
            let owed = latest_usage(account, time, deficit);
            (trace, owed)
        }
    }
}

/// So much of the usage up to an instant that came last, oldest first: grants pay the oldest first,
/// and so that is what is owed if nothing was dropped.
fn latest_usage(account: &GpuCredit, time: i64, amount: u64) -> VecDeque<Demand> {
    let mut latest = VecDeque::new();
    let paid = account.usage.through(time) - amount;
    let (first, _) = (account.usage.first_above(paid)).expect("the deficit is part of all usage");
    let mut demands = Demands::new(account, first, time);
    let mut paid = paid - account.usage.before(first);
    while let Some(mut demand) = demands.next_before(None) {
        let older = paid.min(demand.amount());
        demand.take(older, |_| {});
        paid -= older;
        if demand.amount() > 0 {
            latest.push_back(demand);
        }
    }
    latest
}

impl Part {
    /// The draw by which a grant pays it.
    pub(super) fn paid_by(self, grant: u32, drawn_at: i64) -> Draw {
        Draw {
            usage: self.usage,
            grant: GrantId(grant),
            amount: self.amount,
            first: self.first,
            last: self.last,
            drawn_at,
        }
    }
}
