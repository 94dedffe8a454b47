//! Where the usage of one record went.

use super::Draw;
use crate::account::GpuCredit;
use crate::record::{AnyUsageId, GrantId, UsageId};
use crate::timeline::ask::trace::{Movement, Trace};

/// Where the usage of one record went: `amount` is the sum of its draws, `deficit` and `dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct UsageStatement {
    /// As posted, or as corrected.
    pub amount: u64,
    /// What it drew, in the order in which it did: from the grants live at its instant, lowest priority
    /// and then soonest end first, then from those that started later and covered the deficit.
    pub draws: Vec<Draw>,
    /// What no grant has covered yet. Always 0 under [`Overdraft::Forfeit`].
    ///
    /// [`Overdraft::Forfeit`]: crate::Overdraft::Forfeit
    pub deficit: u64,
    /// What was dropped: under [`Overdraft::Forfeit`] nothing, or all of it if it is not metered; what
    /// was beyond the credit line under [`Overdraft::CarryUpTo`]. Always 0 under [`Overdraft::Carry`].
    ///
    /// [`Overdraft::CarryUpTo`]: crate::Overdraft::CarryUpTo
    /// [`Overdraft::Forfeit`]: crate::Overdraft::Forfeit
    /// [`Overdraft::Carry`]: crate::Overdraft::Carry
    pub dropped: u64,
}

impl GpuCredit {
    /// Which grants a usage record drew from, as it happened or later. `None` if it was never posted, or is
    /// retracted.
    ///
    /// O(log live) for each boundary from the last sound checkpoint to the usage and, if it became a
    /// deficit, up to the one at which it is covered; and a pass over the usage of its instant.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 5, 0, 10)?;
    /// let march = account.add_credit("march", 1, 20, 30)?;
    /// let job = account.post_usage(UsageRecord { amount: 8, timestamp: 3 })?;
    /// let statement = account.usage_statement(job).unwrap();
    /// let draws: Vec<_> = statement.draws.iter().map(|draw| (draw.grant, draw.amount)).collect();
    /// assert_eq!(draws, [(trial, 5), (march, 1)]);
    /// assert_eq!((statement.amount, statement.deficit, statement.dropped), (8, 2, 0));
    /// assert_eq!(account.usage_statement(account.next_usage_id(3)), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn usage_statement(&self, usage: UsageId) -> Option<UsageStatement> {
        let amount = self.usage_record(usage)?.amount;
        let mut trace = self.trace_before(usage);
        // Older usage that is still owed is paid before this one.
        let ahead = trace.deficit();
        let mut statement = UsageStatement {
            amount,
            draws: Vec::new(),
            deficit: 0,
            dropped: 0,
        };
        trace.draw(amount, &mut |movement| match movement {
            Movement::Drawn { grant, amount } => {
                statement.pay(usage, grant, amount, usage.timestamp);
            }
            Movement::Owed { amount } => statement.deficit += amount,
            Movement::Dropped { amount } => statement.dropped += amount,
            _ => {}
        });
        statement.repay(usage, trace, ahead);
        Some(statement)
    }

    /// A trace that stands where a usage record is drawn next.
    fn trace_before(&self, usage: UsageId) -> Trace<'_> {
        let timestamp = usage.timestamp;
        let mut replay = self.view().replay_from(timestamp);
        replay.advance_to(timestamp);
        let earlier = self.usage(timestamp..=timestamp);
        let earlier = earlier.take_while(|(other, _)| *other < usage);
        let at_instant: u64 = earlier.map(|(_, record)| record.amount).sum();
        let used = self.usage.before(timestamp) - self.usage.before(replay.opening());
        replay.live.draw(used + at_instant, self.overdraft);
        self.view().trace_from(replay)
    }
}

impl UsageStatement {
    fn pay(&mut self, usage: UsageId, grant: u32, amount: u64, drawn_at: i64) {
        self.draws.push(Draw {
            usage: AnyUsageId::Instant(usage),
            grant: GrantId(grant),
            amount,
            first: usage.timestamp,
            last: usage.timestamp,
            drawn_at,
        });
    }

    /// Lets the grants that start later pay what is owed, after the older usage `ahead` of it.
    fn repay(&mut self, usage: UsageId, mut trace: Trace<'_>, mut ahead: u64) {
        while self.deficit > 0
            && let Some(time) = trace.next_time()
        {
            trace.enter_next(&mut |movement| {
                let Movement::Repaid { grant, amount } = movement else {
                    return;
                };
                let older = amount.min(ahead);
                ahead -= older;
                let paid = (amount - older).min(self.deficit);
                if paid > 0 {
                    self.deficit -= paid;
                    self.pay(usage, grant, paid, time);
                }
            });
        }
    }
}
