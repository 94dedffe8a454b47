//! The balance over a range of time, in pieces that are constant or linear.

use std::iter::{FusedIterator, Peekable};
use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::all_usage::AllUsageWalk;
use crate::answer::{Answer, answer};
use crate::options::Overdraft;
use crate::range::closed;
use crate::timeline::ask::Standing;
use crate::timeline::ask::replay::Replay;
use crate::usage::UsageEntries;

/// A stretch of time over which the balance is constant, or changes by the same amount at each
/// tick because usage is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Step {
    /// The first tick.
    pub first: i64,
    /// The last tick.
    pub last: i64,
    /// The answer at the first tick.
    pub answer: Answer,
    /// By how much the balance falls from each tick to the next; or, if it is none, by how much the
    /// deficit grows, which it does not at the credit line.
    pub rate: u64,
}

impl Step {
    /// The answer at a tick of the stretch. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.post_metered(MeteredUsage { rate: 8, from: 0, until: 9 })?;
    /// let step = account.steps(0..).next().unwrap();
    /// assert_eq!((step.first, step.last, step.rate), (0, 8, 8));
    /// assert_eq!(step.answer_at(3).balance, Some(68));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the stretch does not contain the tick.
    #[must_use]
    pub fn answer_at(&self, tick: i64) -> Answer {
        assert!(
            (self.first..=self.last).contains(&tick),
            "{tick} is not in [{}, {}]",
            self.first,
            self.last
        );
        // If the rate is not 0, so many ticks of it are a part of all usage.
        let used = self.rate
            * if self.rate == 0 {
                0
            } else {
                self.first.abs_diff(tick)
            };
        match self.answer.balance {
            Some(balance) => Answer {
                balance: Some(balance - used),
                ..self.answer
            },
            None => Answer {
                deficit: self.answer.deficit + used,
                ..self.answer
            },
        }
    }

    /// Both as one, if one function of time describes both.
    fn joined(self, next: Step) -> Option<Step> {
        let ticks = u128::from(self.first.abs_diff(next.first));
        let used = u128::from(self.rate) * ticks;
        let (answer, then) = (self.answer, next.answer);
        let fallen = answer.balance.zip(then.balance);
        let is_one = self.rate == next.rate
            && answer.status == then.status
            && answer.balance.is_some() == then.balance.is_some()
            && match fallen {
                Some((balance, then)) => u128::from(balance) == u128::from(then) + used,
                None => u128::from(then.deficit) == u128::from(answer.deficit) + used,
            };
        let whole = Step {
            last: next.last,
            ..self
        };
        is_one.then_some(whole)
    }
}

impl GpuCredit {
    /// The balance over a range of time, in steps: stretches over which it is constant, or linear
    /// because usage is metered. A linear one ends before the first tick with a deficit, where the deficit
    /// reaches the credit line, and before the first tick at which nothing is left under
    /// [`Overdraft::Forfeit`]. They follow one another without a
    /// gap; nothing if the range is empty.
    ///
    /// O(log live) for each boundary in the range and O(1) for each usage record and each
    /// beginning and end of metered usage, amortised, and a replay of boundaries from the last sound
    /// checkpoint before it.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 100)?;
    /// account.subtract(4, 50)?;
    /// let steps = account.steps(-10..=200);
    /// let steps: Vec<_> = steps.map(|step| (step.first, step.last, step.answer.balance)).collect();
    /// assert_eq!(
    ///     steps,
    ///     [(-10, -1, None), (0, 49, Some(10)), (50, 100, Some(6)), (101, 200, None)]
    /// );
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn steps(&self, range: impl RangeBounds<i64>) -> Steps<'_> {
        let range = closed(range);
        let (from, to) = range.unwrap_or((i64::MIN, i64::MIN));
        let mut replay = self.view().replay_from(from);
        replay.advance_to(from);
        let before = self.usage.before(replay.opening());
        Steps {
            account: self,
            replay,
            before,
            walk: self.usage.walk(),
            entries: self.usage.instants.entries(from..=to).peekable(),
            now: range.map(|(from, _)| from),
            to,
            found: None,
        }
    }
}

/// The balance over a range of time, in steps: made by [`GpuCredit::steps`].
#[derive(Clone)]
#[must_use]
pub struct Steps<'a> {
    account: &'a GpuCredit,
    /// It stands in the epoch of `now`.
    replay: Replay<'a>,
    /// All usage before that epoch.
    before: u64,
    walk: AllUsageWalk<'a>,
    /// The usage at instants of the range.
    entries: Peekable<UsageEntries<'a>>,
    /// The first tick that is not in a step yet; `None` when the range is over.
    now: Option<i64>,
    to: i64,
    /// A step that may go on.
    found: Option<Step>,
}

impl Steps<'_> {
    /// The next stretch with nothing posted but at its first tick, cut where its kind of answer
    /// changes.
    fn next_piece(&mut self) -> Option<Step> {
        let first = self.now?;
        while let Some(opening) = self.replay.next_time().filter(|opening| *opening <= first) {
            let used = self.walk.before(opening);
            self.replay.advance(used - self.before);
            self.before = used;
        }
        while self.entries.next_if(|(time, _)| *time <= first).is_some() {}
        let standing = (self.replay).standing_after(self.walk.through(first) - self.before);
        let (rate, change) = self.walk.rate(first);
        let entry = self.entries.peek().map(|(time, _)| *time);
        let next = [self.replay.next_time(), entry, change];
        let last = next.into_iter().flatten().map(|next| next - 1).min();
        let last = last.map_or(self.to, |last| last.min(self.to));
        let (rate, last) = cut(standing, self.account.overdraft, rate, first, last);
        self.now = (last < self.to).then(|| last + 1);
        Some(Step {
            first,
            last,
            answer: answer(standing, self.account.overdraft),
            rate,
        })
    }
}

/// The rate at which an answer changes, and the last tick at which that holds.
fn cut(standing: Standing, overdraft: Overdraft, rate: u64, first: i64, last: i64) -> (u64, i64) {
    let balance = i128::from(standing.level) - i128::from(standing.used);
    let line = i128::from(overdraft.line());
    // The least balance that is not another kind of answer, nor one that falls no more.
    let least = match overdraft {
        Overdraft::Carry if balance < 0 => return (rate, last),
        Overdraft::CarryUpTo(_) if balance < 0 => -line,
        Overdraft::Carry | Overdraft::CarryUpTo(_) => 0,
        Overdraft::Forfeit => 1,
    };
    let Ok(room) = u64::try_from(balance - least) else {
        return (0, last);
    };
    if balance == -line {
        return (0, last);
    }
    match room.checked_div(rate) {
        Some(ticks) => (rate, last.min(first.saturating_add_unsigned(ticks))),
        None => (0, last),
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let mut step = self.found.take().or_else(|| self.next_piece())?;
        while let Some(next) = self.next_piece() {
            match step.joined(next) {
                Some(whole) => step = whole,
                None => {
                    self.found = Some(next);
                    break;
                }
            }
        }
        Some(step)
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
