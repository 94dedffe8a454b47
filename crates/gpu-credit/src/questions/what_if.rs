//! The balance if one more record were posted.

use crate::account::GpuCredit;
use crate::answer::{Answer, answer};
use crate::error::Error;
use crate::record::{Record, UsageRecord};

impl GpuCredit {
    /// What [`balance_at`](Self::balance_at) would answer if a record were posted, which is not
    /// done. For other questions, and more than one record: [`what_if`](Self::what_if).
    ///
    /// Replays boundaries from the last sound checkpoint before the record takes effect up to the
    /// instant, with the record among them. O(log m + log n) if it takes effect later.
    ///
    /// # Errors
    /// If the record would be refused.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Record};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let job = Record::usage(120, 10);
    /// assert_eq!(account.balance_if(&job, 20)?.deficit, 20);
    /// let refill = Record::grant("refill", 50, 5, 30);
    /// assert_eq!(account.balance_if(&refill, 20)?.balance, Some(150));
    /// assert_eq!(account.get_balance(20), Some(100)); // as it was
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn balance_if(&self, record: &Record, timestamp: i64) -> Result<Answer, Error> {
        self.sums().add(record)?;
        let standing = match *record {
            Record::Usage(UsageRecord {
                amount,
                timestamp: used_at,
            }) => {
                let usage = (used_at, amount);
                self.view().standing_if_used(usage, timestamp)
            }
            Record::Metered(usage) => self.view().standing_if_metered(usage.into(), timestamp),
            Record::Grant(ref grant) => {
                let whole = self.timeline.grants.admit(grant.borrowed())?;
                let start = grant.timestamp;
                self.view().standing_if_granted(start, whole, timestamp)
            }
        };
        Ok(answer(standing, self.overdraft))
    }
}
