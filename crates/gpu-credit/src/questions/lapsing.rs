//! What will be lost if nothing more is used.

use crate::account::GpuCredit;
use crate::record::GrantId;
use crate::timeline::trace::Movement;

/// What is left of a grant at the end of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lapse {
    /// The grant.
    pub grant: GrantId,
    /// What lapses of it, in the smallest unit; never 0.
    pub amount: u64,
    /// When: the instant after the last one of its window.
    pub timestamp: i64,
}

impl GpuCredit {
    /// What will lapse after an instant and up to another, both of it and in it, if nothing is used
    /// after the first: in the order of time, at one instant in posting order. Usage that is posted
    /// later than `after` is left out; grants that start later are not, and pay a deficit on
    /// arrival. What is left of a revoked grant is revoked, and does not lapse.
    ///
    /// Replays window ends from the last sound checkpoint to `after`, and those up to `by`:
    /// O(log live) each.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 50, 0, 9)?; // live in [0, 9]
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(20, 5)?;
    /// let lapses = account.lapsing(5, 10);
    /// assert_eq!((lapses[0].grant, lapses[0].amount, lapses[0].timestamp), (trial, 30, 10));
    /// assert_eq!(lapses.len(), 1);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn lapsing(&self, after: i64, by: i64) -> Vec<Lapse> {
        let mut replay = self.timeline.replay_from(&self.usage, after);
        replay.advance_to(after);
        let used = self.usage.through(after) - self.usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        let mut trace = self.timeline.trace_from(replay);
        let mut lapses = Vec::new();
        while let Some(timestamp) = trace.next_time()
            && timestamp <= by
        {
            trace.enter_next(&mut |movement| {
                if let Movement::Ended { grant, amount } = movement
                    && !self.is_revoked(GrantId(grant))
                {
                    lapses.push(Lapse {
                        grant: GrantId(grant),
                        amount,
                        timestamp,
                    });
                }
            });
        }
        lapses
    }
}
