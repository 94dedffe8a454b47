//! Where metered usage went.

use super::UsageStatement;
use super::demand::{Part, take_from};
use super::payments::{Payment, Payments};
use crate::account::GpuCredit;
use crate::record::{AnyUsageId, MeteredId};
use crate::timeline::ask::trace::Movement;

impl GpuCredit {
    /// What metered usage has cost, and which grants paid for it, now or later. `None` if it was never
    /// posted, or is retracted.
    ///
    /// As [`draws`](Self::draws) over its ticks; and if a part of it became a deficit, passes over the
    /// boundaries up to the one at which it is paid.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// let today = account.add_credit("today", 20, 0, 9)?; // live in [0, 9]
    /// let tomorrow = account.add_credit("tomorrow", 100, 10, 9)?; // live in [10, 19]
    /// let job = account.post_metered(MeteredUsage { rate: 8, from: 6, until: 12 })?;
    /// let statement = account.metered_statement(job).unwrap();
    /// let draws = statement.draws.iter();
    /// let draws: Vec<_> = draws.map(|draw| (draw.grant, draw.amount, draw.first, draw.last)).collect();
    /// // Today's credit pays two ticks and a half; tomorrow's the rest of them first, then its own.
    /// assert_eq!(draws, [(today, 20, 6, 8), (tomorrow, 12, 8, 9), (tomorrow, 16, 10, 11)]);
    /// assert_eq!((statement.amount, statement.unpaid, statement.dropped), (48, 0, 0));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn metered_statement(&self, usage: MeteredId) -> Option<UsageStatement> {
        let job = self.usage.metered()?.get(usage.0)?;
        let amount = u64::try_from(job.total()).expect("a part of all usage");
        let mut statement = UsageStatement {
            amount,
            draws: Vec::new(),
            unpaid: amount,
            dropped: 0,
        };
        if amount == 0 {
            return Some(statement);
        }
        let usage = AnyUsageId::Metered(usage);
        let mut payments = Payments::new(self, Some((job.from, job.until - 1)));
        for payment in payments.by_ref() {
            match payment {
                Payment::Drawn(draw) if draw.usage == usage => statement.pay_by(draw),
                Payment::Dropped(part) if part.usage == usage => statement.drop_part(part),
                _ => {}
            }
        }
        let (mut owed, mut trace) = payments.into_owed();
        while statement.unpaid > 0
            && let Some(time) = trace.next_time()
        {
            trace.enter_next(&mut |movement| {
                if let Movement::Repaid { grant, amount } = movement {
                    take_from(&mut owed, amount, &mut |part| {
                        if part.usage == usage {
                            statement.pay_by(part.paid_by(grant, time));
                        }
                    });
                }
            });
        }
        Some(statement)
    }
}

impl UsageStatement {
    fn pay_by(&mut self, draw: super::Draw) {
        self.unpaid -= draw.amount;
        self.draws.push(draw);
    }

    fn drop_part(&mut self, part: Part) {
        self.unpaid -= part.amount;
        self.dropped += part.amount;
    }
}
