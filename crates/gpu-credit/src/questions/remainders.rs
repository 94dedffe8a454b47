//! What is undrawn of each grant.

use crate::account::GpuCredit;
use crate::record::GrantId;

/// What is undrawn of one live grant at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Remainder {
    /// The grant.
    pub grant: GrantId,
    /// What is undrawn of it, in the smallest unit; never 0.
    pub amount: u64,
}

impl GpuCredit {
    /// The remainder of each live grant at an instant, in the order in which usage draws: lowest
    /// priority first, then soonest expiry, then posting order. Grants without a remainder are left out. The
    /// remainders add up to the balance; if there is a deficit there are none.
    ///
    /// Replays boundaries from the last sound checkpoint before the instant: O(log live) each.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let long = account.add_credit("long", 10, 0, 100)?;
    /// account.add_credit("short", 5, 0, 50)?;
    /// account.subtract(7, 20)?;
    /// let remainders = account.remainders_at(20);
    /// assert_eq!(remainders.len(), 1); // the short one ends sooner and is spent
    /// assert_eq!((remainders[0].grant, remainders[0].amount), (long, 8));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn remainders_at(&self, timestamp: i64) -> Vec<Remainder> {
        let live = self.view().remainders_at(timestamp);
        let remainders = live.into_iter().map(|live| Remainder {
            grant: GrantId(live.grant),
            amount: live.remainder,
        });
        remainders.collect()
    }
}
