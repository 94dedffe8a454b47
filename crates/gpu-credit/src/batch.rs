//! Many questions at once.

use crate::GpuCredit;
use crate::ledger::balance;
use crate::timeline::replay::Standing;

impl GpuCredit {
    /// The balance at each instant, in any order: as [`get_balance`](Self::get_balance), and
    /// several times faster a question, because many look-ups are in flight at once. Sorted
    /// instants are faster still. With the `rayon` feature, large batches use all cores.
    ///
    /// What is not settled is replayed once for the batch, not once for each question.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 100)?;
    /// account.subtract(4, 50)?;
    /// assert_eq!(account.get_balances(&[60, 0, 101]), [Some(6), Some(10), None]);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn get_balances(&self, timestamps: &[i64]) -> Vec<Option<u64>> {
        let mut sums = vec![0; timestamps.len()];
        self.usage.through_each(timestamps, &mut sums);
        let mut unsettled = Vec::new();
        let mut balances: Vec<Option<u64>> = timestamps
            .iter()
            .zip(sums)
            .enumerate()
            .map(
                |(index, (time, used))| match self.timeline.standing_settled(*time, used) {
                    Some(standing) => balance(standing, self.overdraft),
                    None => {
                        unsettled.push((*time, index));
                        None
                    }
                },
            )
            .collect();
        unsettled.sort_unstable();
        if let Some((first, _)) = unsettled.first() {
            let mut replay = self.timeline.replay_from(&self.usage, *first);
            for (time, index) in unsettled {
                replay.advance_to(time);
                let standing: Standing = replay.standing(time);
                balances[index] = balance(standing, self.overdraft);
            }
        }
        balances
    }
}
