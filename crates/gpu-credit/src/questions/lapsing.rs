//! What will be lost if nothing more is used.

use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::range::closed;
use crate::record::GrantId;
use crate::timeline::ask::trace::Movement;

/// The remainder of a grant at the end of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Lapse {
    /// The grant.
    pub grant: GrantId,
    /// What lapses of it, in the smallest unit; never 0.
    pub amount: u64,
    /// When: the instant after the last one of its window.
    pub timestamp: i64,
}

impl GpuCredit {
    /// What will lapse later than the first instant of a range and within it, if nothing is used
    /// after its first instant: in the order of time, at one instant in posting order.
    ///
    /// Usage that takes effect later than the first instant is left out, whenever it was posted; of a
    /// job, so are its ticks after that instant. Grants that start later are not left out, and cover a
    /// deficit at their start. The remainder of a revoked grant is revoked, and does not lapse.
    ///
    /// Replays boundaries from the last sound checkpoint to the last instant of the range: O(log
    /// live) each.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 50, 0, 9)?; // live in [0, 9]
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(20, 5)?;
    /// let lapses = account.lapsing(5..=10);
    /// assert_eq!((lapses[0].grant, lapses[0].amount, lapses[0].timestamp), (trial, 30, 10));
    /// assert_eq!(lapses.len(), 1);
    /// assert_eq!(account.lapsing(5..).len(), 2);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn lapsing(&self, range: impl RangeBounds<i64>) -> Vec<Lapse> {
        let Some((first, last)) = closed(range) else {
            return Vec::new();
        };
        let mut trace = self.trace_at(first);
        let mut lapses = Vec::new();
        while let Some(timestamp) = trace.next_time()
            && timestamp <= last
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
