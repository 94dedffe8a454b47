//! The balance over a range of time, as steps.

use std::iter::{FusedIterator, Peekable};
use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::answer::balance;
use crate::range::closed;
use crate::timeline::ask::replay::Replay;
use crate::usage::UsageEntries;

impl GpuCredit {
    /// The balance over a range of time: at its first instant, and then wherever it changes, as
    /// `(timestamp, balance)`. Nothing if the range is empty.
    ///
    /// O(log live) for each boundary in the range and O(1) for each usage record, and a replay of
    /// boundaries from the last sound checkpoint before it.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 100)?;
    /// account.subtract(4, 50)?;
    /// let steps: Vec<_> = account.steps(-10..).collect();
    /// assert_eq!(steps, [(-10, None), (0, Some(10)), (50, Some(6)), (101, None)]);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn steps(&self, range: impl RangeBounds<i64>) -> Steps<'_> {
        let range = closed(range);
        let (from, to) = range.unwrap_or((i64::MIN, i64::MIN));
        let mut replay = self.view().replay_from(from);
        replay.advance_to(from);
        let opening = replay.opening();
        let used = self.usage.through(from) - self.usage.before(opening);
        let mut entries = self.usage.instants.entries(from..=to).peekable();
        while entries.next_if(|(time, _)| *time == from).is_some() {}
        Steps {
            account: self,
            replay,
            used,
            entries,
            now: range.map(|(from, _)| from),
            to,
            last: None,
        }
    }
}

/// The balance wherever it changes: made by [`GpuCredit::steps`].
#[derive(Clone)]
#[must_use]
pub struct Steps<'a> {
    account: &'a GpuCredit,
    replay: Replay<'a>,
    /// Usage of the epoch so far.
    used: u64,
    /// The usage of the range after `now`.
    entries: Peekable<UsageEntries<'a>>,
    /// The instant up to which everything is applied; `None` when the range is over.
    now: Option<i64>,
    to: i64,
    /// The balance that was given last.
    last: Option<Option<u64>>,
}

impl Steps<'_> {
    /// Applies everything at the next instant at which there is anything, if it is in the range.
    fn advance(&mut self) {
        let boundary = self.replay.next_time();
        let entry = self.entries.peek().map(|(time, _)| *time);
        let next = match (boundary, entry) {
            (Some(boundary), Some(entry)) => Some(boundary.min(entry)),
            (boundary, entry) => boundary.or(entry),
        };
        self.now = next.filter(|time| *time <= self.to);
        let Some(now) = self.now else {
            return;
        };
        while self.replay.next_time() == Some(now) {
            self.replay.advance(self.used);
            self.used = 0;
        }
        while let Some((_, amount)) = self.entries.next_if(|(time, _)| *time == now) {
            self.used += amount;
        }
    }
}

impl Iterator for Steps<'_> {
    type Item = (i64, Option<u64>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let now = self.now?;
            let standing = self.replay.standing_after(self.used);
            let balance = balance(standing, self.account.overdraft);
            self.advance();
            if self.last.replace(balance) != Some(balance) {
                return Some((now, balance));
            }
        }
    }
}

impl FusedIterator for Steps<'_> {}

impl std::fmt::Debug for Steps<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Steps")
            .field("now", &self.now)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
