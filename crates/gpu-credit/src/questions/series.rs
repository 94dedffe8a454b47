//! The balance every hour, or every day.

use crate::account::GpuCredit;

impl GpuCredit {
    /// The balance at `count` instants, `step` apart, from `from` on: as `(timestamp, balance)`. It
    /// is shorter where the next instant would be after `i64::MAX`. Cost as
    /// [`get_balances`](Self::get_balances) of instants in order.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 60)?;
    /// account.subtract(4, 30)?;
    /// let hours = account.series(0, 24, 4);
    /// assert_eq!(hours, [(0, Some(10)), (24, Some(10)), (48, Some(6)), (72, None)]);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn series(&self, from: i64, step: u64, count: usize) -> Vec<(i64, Option<u64>)> {
        let next = |time: &i64| time.checked_add_unsigned(step);
        let timestamps: Vec<i64> = std::iter::successors(Some(from), next)
            .take(count)
            .collect();
        let balances = self.get_balances(&timestamps);
        timestamps.into_iter().zip(balances).collect()
    }
}
