//! Many questions at once.

use crate::account::GpuCredit;
use crate::answer::balance;
use crate::parallel;
use crate::timeline::ask::replay::Replay;
use crate::timeline::epoch_table::Epoch;

/// Questions that one thread answers before another may take some. Their sums stay in its cache.
const QUESTIONS_PER_TASK: usize = 8 * 1024;

impl GpuCredit {
    /// The balance at each instant, in any order: as [`get_balance`](Self::get_balance), and
    /// several times faster a question, because many look-ups are in flight at once. Sorted
    /// instants are faster still. With the `rayon` feature, large batches use all cores.
    ///
    /// O(log m + log n) a question, amortised O(1) for dense instants in order. What is not settled
    /// is replayed once for the batch, not once for each question.
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
    #[must_use]
    pub fn get_balances(&self, timestamps: &[i64]) -> Vec<Option<u64>> {
        let mut balances = vec![None; timestamps.len()];
        parallel::answer(
            QUESTIONS_PER_TASK,
            timestamps,
            &mut balances,
            |times, balances| {
                self.answer_settled(times, balances);
            },
        );
        self.replay_unsettled(timestamps, &mut balances, &mut None);
        balances
    }

    /// The balance at instants in order, on this thread. What is not settled is replayed from the instant of
    /// `replay` on, if there is one, which goes on with them.
    pub(super) fn answer_in_order<'a>(
        &'a self,
        timestamps: &[i64],
        balances: &mut [Option<u64>],
        replay: &mut Option<Replay<'a>>,
    ) {
        self.answer_settled(timestamps, balances);
        self.replay_unsettled(timestamps, balances, replay);
    }

    /// Answers the instants whose level is settled.
    fn answer_settled(&self, timestamps: &[i64], balances: &mut [Option<u64>]) {
        if self.is_settled() && self.usage.laid_out().is_some() {
            // Each reads so little that nothing is gained by asking for it ahead.
            for (time, answer) in timestamps.iter().zip(balances) {
                *answer = self.get_balance(*time);
            }
            return;
        }
        let mut sums = vec![0; timestamps.len()];
        self.usage.through_each(timestamps, &mut sums);
        let mut epoch = Epoch::NONE;
        for ((time, used), answer) in timestamps.iter().zip(sums).zip(balances) {
            if !epoch.contains(*time) {
                epoch = self
                    .timeline
                    .epoch(&self.usage, *time)
                    .unwrap_or(Epoch::NONE);
            }
            *answer = epoch.limit.balance(used, self.overdraft);
        }
    }

    /// Answers the others, none of which is before the instant of `replay`.
    fn replay_unsettled<'a>(
        &'a self,
        timestamps: &[i64],
        balances: &mut [Option<u64>],
        replay: &mut Option<Replay<'a>>,
    ) {
        if self.is_settled() {
            return;
        }
        let questions = timestamps.iter().zip(balances);
        let mut unsettled: Vec<_> = questions
            .filter(|(time, _)| self.timeline.epoch(&self.usage, **time).is_none())
            .collect();
        unsettled.sort_unstable_by_key(|(time, _)| **time);
        for (time, answer) in unsettled {
            let replay = replay.get_or_insert_with(|| self.view().replay_from(*time));
            replay.advance_to(*time);
            *answer = balance(replay.standing(*time), self.overdraft);
        }
    }
}
