//! When the balance is low.

use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::answer::Answer;
use crate::range::closed;
use crate::timeline::ask::Counting;

impl GpuCredit {
    /// The lowest balance in a range of time: the first instant at which it stands, and the answer
    /// there. Instants at which no grant is live are skipped; an overdrawn account is lower than
    /// any balance, and the lower the greater its deficit; under
    /// [`Overdraft::Forfeit`](crate::Overdraft::Forfeit) a spent one stands at zero. `None` if no
    /// grant is live in the range, or if the range is empty.
    ///
    /// Within an epoch a balance never rises, so that the lowest is at the end of an epoch. If the
    /// account is settled, a descent in the sums over epochs: O(log n + log m), and a pass over one
    /// chunk for each chunk with an end at or below the answer, even if no grant is live there. In
    /// the worst case O(m): an account that again and again is without a grant, and its balance then
    /// no higher than the answer. If it is not settled, boundaries are replayed.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(70, 10)?;
    /// account.add_credit("refill", 50, 20, 30)?;
    /// let (timestamp, answer) = account.lowest_balance(0..=1_000).unwrap();
    /// assert_eq!((timestamp, answer.balance), (10, Some(30)));
    /// assert_eq!(account.lowest_balance(51..), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn lowest_balance(&self, range: impl RangeBounds<i64>) -> Option<(i64, Answer)> {
        let range = closed(range)?;
        let least = -i128::from(self.overdraft.line());
        let (balance, stretch) = self.view().lowest(range, least)?;
        let timestamp = stretch.first_at_most(&self.usage, balance);
        Some((timestamp, self.balance_at(timestamp)))
    }

    /// The first instant in a range of time at which the balance is below `amount`: overdrawn, or
    /// a lower number, or spent under
    /// [`Overdraft::Forfeit`](crate::Overdraft::Forfeit) if `amount` is not 0. Below 0 is an
    /// overdrawn account alone. Instants at which no grant is live are skipped.
    ///
    /// If the account is settled, a descent to the epoch in the sums over epochs, then one in the
    /// usage index: O(log n + log m), and a pass over one chunk for each chunk before it in which
    /// only the balance of an instant without live grant is below `amount`. If it is not settled,
    /// boundaries are replayed.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(70, 10)?;
    /// account.subtract(50, 20)?;
    /// assert_eq!(account.first_below(0..=30, 50), Some(10));
    /// assert_eq!(account.first_below(0..=30, 0), Some(20)); // overdrawn
    /// assert_eq!(account.first_below(0..20, 0), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn first_below(&self, range: impl RangeBounds<i64>, amount: u64) -> Option<i64> {
        let range = closed(range)?;
        if amount == 0 && self.overdraft.line() == 0 {
            return None;
        }
        let amount = i128::from(amount);
        let stretch = self.view().first_below(range, amount, Counting::Live)?;
        Some(stretch.first_at_most(&self.usage, amount - 1))
    }
}
