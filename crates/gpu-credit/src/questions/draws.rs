//! Which usage drew from which grant.

use std::iter::FusedIterator;
use std::ops::RangeBounds;

use super::payments::{Payment, Payments};
use crate::account::GpuCredit;
use crate::range::closed;
use crate::record::{AnyUsageId, GrantId};
use crate::timeline::ask::trace::Trace;

/// What one usage record drew from one grant: of metered usage, at some ticks that follow one
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Draw {
    /// The usage that drew.
    pub usage: AnyUsageId,
    /// The grant that it drew from.
    pub grant: GrantId,
    /// How much, in the smallest unit; never 0.
    pub amount: u64,
    /// The first tick of the usage that drew, perhaps in part: its instant, if it is not metered.
    pub first: i64,
    /// The last tick of the usage that drew, perhaps in part.
    pub last: i64,
    /// When: at each of these ticks, from the first on, or at the start of the grant if the usage had
    /// become a deficit.
    pub drawn_at: i64,
}

impl GpuCredit {
    /// The draws of a range of time, in the order in which they happen: by `drawn_at`; at one
    /// instant those of grants that start into a deficit first, oldest usage first, then those of
    /// its usage in posting order, each from the grant that is drawn first on, then those of metered
    /// usage. These are ordered by their first tick, and broken where the rate of the account changes.
    ///
    /// The draws of one grant are a filter over its window, for it is drawn from at no other time. Usage that
    /// no grant has covered, and usage that was dropped, is in none of them:
    /// [`usage_statement`](Self::usage_statement) has it.
    ///
    /// A replay of boundaries from the last sound checkpoint before the range and O(1) for each
    /// usage record that is then part of the deficit. If any is under a credit line, a replay of all boundaries before
    /// the range, and O(1) for each usage record since there was no deficit. After that O(log live) for each boundary in the range and
    /// O(1) for each usage record, amortised; and at each change of rate O(1) for each job that runs.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 5, 0, 10)?;
    /// account.subtract(8, 3)?; // 3 more than there is
    /// let march = account.add_credit("march", 100, 20, 30)?;
    /// let draws = account.draws(..);
    /// let draws: Vec<_> = draws.map(|draw| (draw.grant, draw.amount, draw.drawn_at)).collect();
    /// assert_eq!(draws, [(trial, 5, 3), (march, 3, 20)]);
    ///
    /// let window = account.grant(march).map(|grant| grant.start..=grant.end).unwrap();
    /// let draws = account.draws(window).filter(|draw| draw.grant == march);
    /// assert_eq!(draws.count(), 1);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn draws(&self, range: impl RangeBounds<i64>) -> Draws<'_> {
        Draws(Payments::new(self, closed(range)))
    }

    /// A trace that stands where everything at or before an instant has happened.
    pub(super) fn trace_at(&self, time: i64) -> Trace<'_> {
        let mut replay = self.view().replay_from(time);
        replay.advance_to(time);
        let used = self.usage.through(time) - self.usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        self.view().trace_from(replay)
    }
}

/// The draws of a range of time in order: made by [`GpuCredit::draws`].
#[derive(Clone)]
#[must_use]
pub struct Draws<'a>(Payments<'a>);

impl Iterator for Draws<'_> {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        self.0.find_map(|payment| match payment {
            Payment::Drawn {
                part,
                grant,
                drawn_at,
            } => Some(part.paid_by(grant, drawn_at)),
            Payment::Dropped(_) => None,
        })
    }
}

impl FusedIterator for Draws<'_> {}

impl std::fmt::Debug for Draws<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Draws").finish_non_exhaustive()
    }
}
