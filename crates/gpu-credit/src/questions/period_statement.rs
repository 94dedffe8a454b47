//! What became of credit and usage in a period, such as a month.

use std::ops::{Bound, RangeBounds};

use super::statement::{GrantStatement, Statement};
use crate::account::GpuCredit;
use crate::record::{Grant, GrantId};

/// What became of a grant in a period: `remaining_before + granted = drawn + lapsed + forfeited + revoked +
/// remaining`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GrantPeriod {
    /// The grant.
    pub grant: GrantId,
    /// What was left of it before the period, in the smallest unit like the rest.
    pub remaining_before: u64,
    /// Its amount, if it starts in the period.
    pub granted: u64,
    /// What usage drew from it.
    pub drawn: u64,
    /// What was left of it at the end of its window, if that is in the period.
    pub lapsed: u64,
    /// What an overdraft took.
    pub forfeited: u64,
    /// What was left of it when it was revoked.
    pub revoked: u64,
    /// What is left of it after the period.
    pub remaining: u64,
}

/// What became of an account's credit and usage in a period: `deficit_before + used = drawn + dropped +
/// deficit`, and `drawn` is the sum of what was drawn from the grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PeriodStatement {
    /// The grants that start in the period, or were active in it, in posting order.
    pub grants: Vec<GrantPeriod>,
    /// Usage before the period that no grant had covered by then.
    pub deficit_before: u64,
    /// The usage of the period.
    pub used: u64,
    /// What grants have covered in the period, of the deficit too.
    pub drawn: u64,
    /// Usage that was dropped.
    pub dropped: u64,
    /// Usage that no grant has covered by the end of the period.
    pub deficit: u64,
}

impl GpuCredit {
    /// What became of credit and usage in a period. A grant whose last instant is in the period has lapsed
    /// in it, also if that is the last instant of the period: so the statements of a month and of the next
    /// one add up to that of both, and a grant of a month lapses in that month. An empty period has no usage.
    ///
    /// As of that last instant itself the grant is still active: [`statement`](GpuCredit::statement) and the
    /// balance there have it. O(m log m), as `statement`.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 29)?; // active in [0, 29]
    /// account.subtract(60, 12)?;
    /// let march = account.period_statement(0..30);
    /// assert_eq!((march.used, march.grants[0].drawn, march.grants[0].lapsed), (60, 60, 40));
    /// assert_eq!(account.period_statement(30..60).grants, []);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn period_statement(&self, period: impl RangeBounds<i64>) -> PeriodStatement {
        // The last instant before the period, and the last one of it; none if that is before all time.
        let before = match period.start_bound() {
            Bound::Included(first) => first.checked_sub(1),
            Bound::Excluded(before) => Some(*before),
            Bound::Unbounded => None,
        };
        let last = match period.end_bound() {
            Bound::Included(last) => Some(*last),
            Bound::Excluded(until) => until.checked_sub(1),
            Bound::Unbounded => Some(i64::MAX),
        };
        let opening = self.statement_through(before);
        let closing = self.statement_through(last.max(before));
        let mut earlier = opening.grants.iter().peekable();
        let grants = closing.grants.iter().filter_map(|closing| {
            let opening = earlier.next_if(|opening| opening.grant == closing.grant);
            let is_over = opening.is_some() && self.is_over(closing, before);
            (!is_over).then(|| went(opening, closing))
        });
        PeriodStatement {
            grants: grants.collect(),
            deficit_before: opening.deficit,
            used: closing.used - opening.used,
            drawn: closing.drawn - opening.drawn,
            dropped: closing.dropped - opening.dropped,
            deficit: closing.deficit,
        }
    }

    /// All that happens up to an instant, and the ends of the windows of which it is the last instant.
    fn statement_through(&self, last: Option<i64>) -> Statement {
        let Some(last) = last else {
            return Statement::default();
        };
        let mut statement = self.statement(last);
        for row in &mut statement.grants {
            let grant = self.grant(row.grant);
            let grant = grant.expect("a grant of a statement is posted");
            if !has_ended(&grant, last) {
                continue;
            }
            let ended = match grant.revoked_from {
                Some(_) => &mut row.revoked,
                None => &mut row.lapsed,
            };
            *ended += std::mem::take(&mut row.remaining);
        }
        statement
    }

    /// Whether a grant that has started by an instant is no longer active after it.
    fn is_over(&self, statement: &GrantStatement, instant: Option<i64>) -> bool {
        let grant = self.grant(statement.grant);
        let grant = grant.expect("a grant of a statement is posted");
        instant.is_some_and(|instant| has_ended(&grant, instant))
            || grant.revoked_from == Some(grant.start)
    }
}

/// Whether an instant is the last one of a window, or later. A window that ends with time itself never ends.
fn has_ended(grant: &Grant<'_>, instant: i64) -> bool {
    grant.end <= instant && grant.end < i64::MAX
}

/// What became of a grant between two statements of it; there is one before if it had started.
fn went(opening: Option<&GrantStatement>, closing: &GrantStatement) -> GrantPeriod {
    let since = |part: fn(&GrantStatement) -> u64| part(closing) - opening.map_or(0, part);
    GrantPeriod {
        grant: closing.grant,
        remaining_before: opening.map_or(0, |opening| opening.remaining),
        granted: since(|statement| statement.amount),
        drawn: since(|statement| statement.drawn),
        lapsed: since(|statement| statement.lapsed),
        forfeited: since(|statement| statement.forfeited),
        revoked: since(|statement| statement.revoked),
        remaining: closing.remaining,
    }
}
