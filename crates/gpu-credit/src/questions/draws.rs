//! Which grant paid for which usage.

use std::collections::VecDeque;
use std::iter::{FusedIterator, Peekable};
use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::contents::UsageRecords;
use crate::range::closed;
use crate::record::{GrantId, UsageId, UsageRecord};
use crate::timeline::ask::trace::{Movement, Trace};

/// The part of one usage record that one grant paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Draw {
    /// The usage that was paid.
    pub usage: UsageId,
    /// The grant that paid.
    pub grant: GrantId,
    /// What it paid, in the smallest unit; never 0.
    pub amount: u64,
    /// When it paid: at the instant of the usage, or at its own start if the usage had become a
    /// deficit.
    pub paid_at: i64,
}

impl GpuCredit {
    /// The draws of a range of time, in the order in which they happen: by `paid_at`; at one
    /// instant those of grants that start into a deficit first, oldest usage first, then those of
    /// its usage in posting order, each from the grant that ends soonest on.
    ///
    /// The draws of one grant are a filter over its window, for it pays at no other time. Usage that
    /// no grant has paid, and usage that was dropped, is in none of them:
    /// [`usage_statement`](Self::usage_statement) has it.
    ///
    /// A replay of boundaries from the last sound checkpoint before the range and O(1) for each
    /// usage record that is then unpaid; after that O(log live) for each boundary in the range and
    /// O(1) for each usage record, amortised.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 5, 0, 10)?;
    /// account.subtract(8, 3)?; // 3 more than there is
    /// let march = account.add_credit("march", 100, 20, 30)?;
    /// let draws = account.draws(..);
    /// let draws: Vec<_> = draws.map(|draw| (draw.grant, draw.amount, draw.paid_at)).collect();
    /// assert_eq!(draws, [(trial, 5, 3), (march, 3, 20)]);
    ///
    /// let window = account.grant(march).map(|grant| grant.start..=grant.end).unwrap();
    /// let draws = account.draws(window).filter(|draw| draw.grant == march);
    /// assert_eq!(draws.count(), 1);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn draws(&self, range: impl RangeBounds<i64>) -> Draws<'_> {
        let range = closed(range);
        let (from, to) = range.unwrap_or((i64::MIN, i64::MIN));
        let (trace, owed) = match from.checked_sub(1) {
            None => (self.view().trace(), VecDeque::new()),
            Some(before) => {
                let trace = self.trace_at(before);
                let owed = self.owed_at(before, trace.deficit());
                (trace, owed)
            }
        };
        Draws {
            trace,
            entries: self.usage(from..=to).peekable(),
            to: range.map(|_| to),
            owed,
            ready: VecDeque::new(),
        }
    }

    /// A trace that stands where everything at or before an instant has happened.
    pub(super) fn trace_at(&self, time: i64) -> Trace<'_> {
        let mut replay = self.view().replay_from(time);
        replay.advance_to(time);
        let used = self.usage.through(time) - self.usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        self.view().trace_from(replay)
    }

    /// The usage that makes up the deficit at an instant, oldest first, and what is unpaid of each:
    /// grants pay the oldest first, so that it is the usage that came last.
    fn owed_at(&self, time: i64, deficit: u64) -> VecDeque<(UsageId, u64)> {
        let mut owed = VecDeque::new();
        let paid = self.usage.through(time) - deficit;
        if deficit == 0 {
            return owed;
        }
        let (first, _) = (self.usage.first_above(paid)).expect("the deficit is part of all usage");
        let mut used = self.usage.before(first);
        for (usage, record) in self.usage(first..=time) {
            used += record.amount;
            let unpaid = used.saturating_sub(paid).min(record.amount);
            if unpaid > 0 {
                owed.push_back((usage, unpaid));
            }
        }
        owed
    }
}

/// The draws of a range of time in order: made by [`GpuCredit::draws`].
#[derive(Clone)]
#[must_use]
pub struct Draws<'a> {
    trace: Trace<'a>,
    entries: Peekable<UsageRecords<'a>>,
    /// The last instant of the range; `None` when it is over.
    to: Option<i64>,
    /// What is not paid yet of each usage that is owed, oldest first.
    owed: VecDeque<(UsageId, u64)>,
    /// Draws that have happened and are not given yet.
    ready: VecDeque<Draw>,
}

impl Draws<'_> {
    /// Goes on by one boundary or one usage record; whether there was any in the range.
    fn step(&mut self) -> bool {
        let Some(to) = self.to else {
            return false;
        };
        let boundary = self.trace.next_time().filter(|boundary| *boundary <= to);
        let entry = self.entries.peek().map(|(usage, _)| usage.timestamp);
        match (boundary, entry) {
            (Some(boundary), entry) if entry.is_none_or(|time| boundary <= time) => {
                self.pass(boundary);
            }
            _ => match self.entries.next() {
                Some((usage, record)) => self.draw(usage, record),
                None => self.to = None,
            },
        }
        self.to.is_some()
    }

    fn pass(&mut self, time: i64) {
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        self.trace.enter_next(&mut |movement| {
            if let Movement::Repaid { grant, amount } = movement {
                repay(owed, ready, GrantId(grant), amount, time);
            }
        });
    }

    fn draw(&mut self, usage: UsageId, record: UsageRecord) {
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        (self.trace).draw(record.amount, &mut |movement| match movement {
            Movement::Drawn { grant, amount } => ready.push_back(Draw {
                usage,
                grant: GrantId(grant),
                amount,
                paid_at: usage.timestamp,
            }),
            Movement::Owed { amount } => owed.push_back((usage, amount)),
            _ => {}
        });
    }
}

/// A grant that starts pays `amount` of what is owed, oldest usage first.
fn repay(
    owed: &mut VecDeque<(UsageId, u64)>,
    ready: &mut VecDeque<Draw>,
    grant: GrantId,
    amount: u64,
    paid_at: i64,
) {
    let mut rest = amount;
    while rest > 0 {
        let (usage, unpaid) = owed.front_mut().expect("what a grant pays is owed");
        let amount = rest.min(*unpaid);
        ready.push_back(Draw {
            usage: *usage,
            grant,
            amount,
            paid_at,
        });
        rest -= amount;
        *unpaid -= amount;
        if *unpaid == 0 {
            owed.pop_front();
        }
    }
}

impl Iterator for Draws<'_> {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        loop {
            if let Some(draw) = self.ready.pop_front() {
                return Some(draw);
            }
            if !self.step() {
                return None;
            }
        }
    }
}

impl FusedIterator for Draws<'_> {}

impl std::fmt::Debug for Draws<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Draws")
            .field("ready", &self.ready)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
