//! Where metered usage went.

use super::demand::{Part, take_from};
use super::payments::{Payment, Payments};
use super::{Draw, UsageStatement};
use crate::account::GpuCredit;
use crate::record::{AnyUsageId, MeteredId};
use crate::timeline::ask::trace::Movement;

impl GpuCredit {
    /// What metered usage came to, and which grants it drew from, as it happened or later. `None` if it was never
    /// posted, or is retracted.
    ///
    /// A draw is of as many ticks on end as drew from one grant, as they came or at its start: only its
    /// first and its last tick can have drawn from it in part. They are in order of their ticks.
    ///
    /// As [`draws`](Self::draws) over its ticks; and if a part of it became a deficit, a pass over the
    /// boundaries up to the one at which it is covered.
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
    /// // Two ticks and a half draw from today's credit; tomorrow's covers the rest of them first.
    /// assert_eq!(draws, [(today, 20, 6, 8), (tomorrow, 12, 8, 9), (tomorrow, 16, 10, 11)]);
    /// assert_eq!((statement.amount, statement.deficit, statement.dropped), (48, 0, 0));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn metered_statement(&self, usage: MeteredId) -> Option<UsageStatement> {
        let job = self.usage.metered()?.get(usage.0)?;
        let amount = u64::try_from(job.total()).expect("a part of all usage");
        let mut statement = UsageStatement {
            amount,
            draws: Vec::new(),
            deficit: amount,
            dropped: 0,
        };
        if amount == 0 {
            return Some(statement);
        }
        let usage = AnyUsageId::Metered(usage);
        // The units of the job before a part of it.
        let before = |part: Part| {
            let ticks = u128::from(job.from.abs_diff(part.first));
            ticks * u128::from(job.rate) + u128::from(part.before)
        };
        let mut paid_before = 0;
        let mut pay = |statement: &mut UsageStatement, part: Part, draw: Draw| {
            let goes_on = before(part) == paid_before;
            paid_before = before(part) + u128::from(part.amount);
            statement.pay_by(draw, goes_on);
        };
        let mut payments = Payments::new(self, Some((job.from, job.until - 1)));
        for payment in payments.by_ref() {
            match payment {
                Payment::Drawn {
                    part,
                    grant,
                    drawn_at,
                } if part.usage == usage => {
                    pay(&mut statement, part, part.paid_by(grant, drawn_at));
                }
                Payment::Dropped(part) if part.usage == usage => statement.drop_part(part),
                _ => {}
            }
        }
        let (mut owed, mut trace) = payments.into_owed();
        while statement.deficit > 0
            && let Some(time) = trace.next_time()
        {
            trace.enter_next(&mut |movement| {
                if let Movement::Repaid { grant, amount } = movement {
                    take_from(&mut owed, amount, &mut |part| {
                        if part.usage == usage {
                            pay(&mut statement, part, part.paid_by(grant, time));
                        }
                    });
                }
            });
        }
        Some(statement)
    }
}

impl UsageStatement {
    /// Notes a draw of metered usage. It is one with the one before if it `goes_on` from its last unit,
    /// by the same grant and of the same kind.
    fn pay_by(&mut self, draw: Draw, goes_on: bool) {
        self.deficit -= draw.amount;
        let is_late = |draw: &Draw| draw.drawn_at > draw.last;
        let is_same = |last: &&mut Draw| {
            goes_on && last.grant == draw.grant && is_late(last) == is_late(&draw)
        };
        match self.draws.last_mut().filter(is_same) {
            Some(last) => {
                last.amount += draw.amount;
                last.last = draw.last;
            }
            None => self.draws.push(draw),
        }
    }

    fn drop_part(&mut self, part: Part) {
        self.deficit -= part.amount;
        self.dropped += part.amount;
    }
}
