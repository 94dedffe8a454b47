//! The balance every hour, or every day.

use std::iter::FusedIterator;
use std::ops::RangeBounds;
use std::vec::IntoIter;

use crate::account::GpuCredit;
use crate::error::Error;
use crate::range::closed;
use crate::timeline::ask::replay::Replay;

/// Instants that are answered together, so that their look-ups are in flight at once.
const BLOCK: usize = 1_024;

impl GpuCredit {
    /// The balance at the first instant of a range and every `step` after it within the range, as
    /// `(timestamp, balance)`.
    ///
    /// The instants are answered in blocks as they are asked for, each as
    /// [`get_balances`](Self::get_balances) of instants in order: a long series takes no more memory
    /// than a short one. What is not settled is replayed once.
    ///
    /// # Errors
    /// [`Error::ZeroStep`] if `step` is 0.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 60)?;
    /// account.subtract(4, 30)?;
    /// let days: Vec<_> = account.series(0..=72, 24)?.collect();
    /// assert_eq!(days, [(0, Some(10)), (24, Some(10)), (48, Some(6)), (72, None)]);
    ///
    /// let mut forever = account.series(.., 1)?; // and nothing is computed yet
    /// assert_eq!(forever.next(), Some((i64::MIN, None)));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn series(&self, range: impl RangeBounds<i64>, step: u64) -> Result<Series<'_>, Error> {
        if step == 0 {
            return Err(Error::ZeroStep);
        }
        let range = closed(range);
        Ok(Series {
            account: self,
            next: range.map(|(from, _)| from),
            last: range.map_or(i64::MIN, |(_, to)| to),
            step,
            block: Vec::new().into_iter(),
            replay: None,
        })
    }
}

/// The balance at instants that are equally far apart: made by [`GpuCredit::series`].
#[derive(Clone)]
#[must_use]
pub struct Series<'a> {
    account: &'a GpuCredit,
    /// The first instant after those of the block; `None` if there is none.
    next: Option<i64>,
    last: i64,
    step: u64,
    /// What is answered and not given yet.
    block: IntoIter<(i64, Option<u64>)>,
    /// The replay of what is not settled, as far as it has been asked for.
    replay: Option<Replay<'a>>,
}

impl Series<'_> {
    /// Answers the next block of instants.
    fn refill(&mut self) {
        let (last, step) = (self.last, self.step);
        let following = |time: &i64| time.checked_add_unsigned(step).filter(|time| *time <= last);
        let times: Vec<i64> = std::iter::successors(self.next, following)
            .take(BLOCK)
            .collect();
        self.next = times.last().and_then(following);
        let mut balances = vec![None; times.len()];
        self.account
            .answer_in_order(&times, &mut balances, &mut self.replay);
        let answered: Vec<_> = times.into_iter().zip(balances).collect();
        self.block = answered.into_iter();
    }

    /// How many instants are not answered yet.
    fn unanswered(&self) -> u128 {
        let Some(next) = self.next else {
            return 0;
        };
        u128::from(self.last.abs_diff(next) / self.step) + 1
    }
}

impl Iterator for Series<'_> {
    type Item = (i64, Option<u64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.block.len() == 0 && self.next.is_some() {
            self.refill();
        }
        self.block.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = usize::try_from(self.unanswered() + self.block.len() as u128);
        (count.unwrap_or(usize::MAX), count.ok())
    }
}

impl FusedIterator for Series<'_> {}

impl std::fmt::Debug for Series<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Series")
            .field("next", &self.next)
            .field("last", &self.last)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
