//! What became of an account's credit and usage in a period, such as a month.

use std::ops::Range;

use gpu_credit::{GrantId, GrantStatement, Statement};

use crate::{Account, BeforeClose};

/// What became of a grant in a period: `remaining_before + granted = drawn + lapsed + forfeited + revoked +
/// remaining`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Account {
    /// What became of credit and usage in a period, of which the start is part and the end is not. A grant
    /// whose window ends in it, with its last instant too, has lapsed in it: so the statements of a month
    /// and of the next one add up to that of both. An empty period has no usage.
    ///
    /// The period of closed books that is next starts with what was left at the close. O(m log m), see
    /// [`GpuCredit::statement`].
    ///
    /// [`GpuCredit::statement`]: gpu_credit::GpuCredit::statement
    ///
    /// # Errors
    /// If the period starts before the close of the books.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Posting, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// // Active from 0 until 30.
    /// store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 29))?;
    /// store.post(Posting::usage("acme", "job-17", 60, 12))?;
    /// let march = store.with_account("acme", |account| account.statement(0..30))??;
    /// assert_eq!((march.used, march.grants[0].drawn, march.grants[0].lapsed), (60, 60, 40));
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn statement(&self, period: Range<i64>) -> Result<PeriodStatement, BeforeClose> {
        let Range { start, end } = period;
        self.check(start)?;
        let after = self.before(end.max(start));
        Ok(self.between(start, &self.before(start), &after))
    }

    /// What became of credit and usage up to an instant, which is part of it: since the close of the books if
    /// they are closed. What is left of a grant that ends at the instant remains.
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn statement_at(&self, timestamp: i64) -> Result<PeriodStatement, BeforeClose> {
        self.check(timestamp)?;
        let start = self.closed_until().unwrap_or(i64::MIN);
        let after = self.ledger().statement(timestamp);
        Ok(self.between(start, &self.before(start), &after))
    }

    /// Everything before an instant, the ends of windows among it.
    fn before(&self, instant: i64) -> Statement {
        let Some(last) = instant.checked_sub(1) else {
            return Statement::default();
        };
        let mut statement = self.ledger().statement(last);
        for row in &mut statement.grants {
            let grant = self.ledger().grant(row.grant);
            let grant = grant.expect("a grant of a statement is posted");
            if grant.end < instant {
                let ended = match grant.revoked_from {
                    Some(_) => &mut row.revoked,
                    None => &mut row.lapsed,
                };
                *ended += row.remaining;
                row.remaining = 0;
            }
        }
        statement
    }

    /// What happened from one statement to a later one, which has all grants of the first.
    fn between(&self, start: i64, before: &Statement, after: &Statement) -> PeriodStatement {
        let mut earlier = before.grants.iter().peekable();
        let grants = after.grants.iter().filter_map(|after| {
            let before = earlier.next_if(|before| before.grant == after.grant);
            let is_of_period = before.is_none() || self.is_active_from(start, after.grant);
            is_of_period.then(|| went(before, after))
        });
        PeriodStatement {
            grants: grants.collect(),
            deficit_before: before.deficit,
            used: after.used - before.used,
            drawn: after.drawn - before.drawn,
            dropped: after.dropped - before.dropped,
            deficit: after.deficit,
        }
    }

    /// Whether a grant that started before an instant is active there.
    fn is_active_from(&self, instant: i64, grant: GrantId) -> bool {
        let grant = self.ledger().grant(grant);
        let grant = grant.expect("a grant of a statement is posted");
        grant.end >= instant && grant.revoked_from != Some(grant.start)
    }
}

/// What became of a grant between two statements of it; there is one before if it had started.
fn went(before: Option<&GrantStatement>, after: &GrantStatement) -> GrantPeriod {
    let since = |part: fn(&GrantStatement) -> u64| part(after) - before.map_or(0, part);
    GrantPeriod {
        grant: after.grant,
        remaining_before: before.map_or(0, |before| before.remaining),
        granted: since(|statement| statement.amount),
        drawn: since(|statement| statement.drawn),
        lapsed: since(|statement| statement.lapsed),
        forfeited: since(|statement| statement.forfeited),
        revoked: since(|statement| statement.revoked),
        remaining: after.remaining,
    }
}
