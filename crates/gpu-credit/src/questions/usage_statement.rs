//! Where one usage went.

use super::Draw;
use crate::account::GpuCredit;
use crate::record::GrantId;
use crate::timeline::trace::Movement;

/// Where one usage went: `amount` is the sum of its draws, `unpaid` and `dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UsageStatement {
    /// As posted, or as corrected.
    pub amount: u64,
    /// What grants paid, in the order in which they did: those live at its instant, soonest end
    /// first, then those that started later and paid it out of the deficit.
    pub draws: Vec<Draw>,
    /// What no grant has paid yet. Always 0 under [`Overdraft::Forfeit`].
    ///
    /// [`Overdraft::Forfeit`]: crate::Overdraft::Forfeit
    pub unpaid: u64,
    /// What was dropped: nothing, or all of it. Always 0 under [`Overdraft::Carry`].
    ///
    /// [`Overdraft::Carry`]: crate::Overdraft::Carry
    pub dropped: u64,
}

impl GpuCredit {
    /// Which grants paid for a usage entry, now or later. The entry is named by its instant and
    /// its place among the usage of that instant in posting order, from 0 on; `None` where there
    /// is none.
    ///
    /// Replays window ends from the last sound checkpoint to the usage and, where it became a
    /// deficit, passes over those up to where it is paid; and a pass over the usage of its instant.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 5, 0, 10)?;
    /// let march = account.add_credit("march", 1, 20, 30)?;
    /// account.subtract(8, 3)?;
    /// let statement = account.usage_statement(3, 0).unwrap();
    /// let draws: Vec<_> = statement.draws.iter().map(|draw| (draw.grant, draw.amount)).collect();
    /// assert_eq!(draws, [(trial, 5), (march, 1)]);
    /// assert_eq!((statement.amount, statement.unpaid, statement.dropped), (8, 2, 0));
    /// assert_eq!(account.usage_statement(3, 1), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn usage_statement(&self, timestamp: i64, place: usize) -> Option<UsageStatement> {
        let mut entries = self.usage.iter_from(timestamp);
        let mut before = self.usage.before(timestamp);
        for _ in 0..place {
            before += entries.next().filter(|(time, _)| *time == timestamp)?.1;
        }
        let (_, amount) = entries.next().filter(|(time, _)| *time == timestamp)?;

        let mut replay = self.timeline.replay_from(&self.usage, timestamp);
        replay.advance_to(timestamp);
        let used = before - self.usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        let mut trace = self.timeline.trace_from(replay);
        // Older usage that is still owed is paid before this one.
        let mut ahead = trace.deficit();

        let mut statement = UsageStatement {
            amount,
            draws: Vec::new(),
            unpaid: 0,
            dropped: 0,
        };
        let draw = |grant: u32, amount: u64, paid_at: i64| Draw {
            used_at: timestamp,
            place,
            grant: GrantId(grant),
            amount,
            paid_at,
        };
        trace.draw(amount, &mut |movement| match movement {
            Movement::Drawn { grant, amount } => {
                statement.draws.push(draw(grant, amount, timestamp));
            }
            Movement::Owed { amount } => statement.unpaid += amount,
            Movement::Dropped { amount } => statement.dropped += amount,
            _ => {}
        });
        while statement.unpaid > 0
            && let Some(time) = trace.next_time()
        {
            trace.enter_next(&mut |movement| {
                if let Movement::Repaid { grant, amount } = movement {
                    let older = amount.min(ahead);
                    ahead -= older;
                    let paid = (amount - older).min(statement.unpaid);
                    if paid > 0 {
                        statement.unpaid -= paid;
                        statement.draws.push(draw(grant, paid, time));
                    }
                }
            });
        }
        Some(statement)
    }
}
