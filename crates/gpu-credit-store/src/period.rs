//! What became of an account's credit and usage in a period, such as a month.

use std::mem::take;
use std::ops::Range;

use gpu_credit::PeriodStatement;

use crate::{Account, BeforeClose};

impl Account {
    /// What became of credit and usage in a period, of which the start is part and the end is not: see
    /// [`GpuCredit::period_statement`]. The period of closed books that is next starts with what was left at
    /// the close. O(m log m).
    ///
    /// [`GpuCredit::period_statement`]: gpu_credit::GpuCredit::period_statement
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
        self.check(period.start)?;
        Ok(self.ledger().period_statement(period))
    }

    /// What became of credit and usage up to an instant, which is part of it: since the close of the books if
    /// they are closed. What is left of a grant that ends at the instant remains.
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn statement_at(&self, timestamp: i64) -> Result<PeriodStatement, BeforeClose> {
        self.check(timestamp)?;
        let start = self.closed_until().unwrap_or(i64::MIN);
        let mut statement = self.ledger().period_statement(start..=timestamp);
        for row in &mut statement.grants {
            let grant = self.ledger().grant(row.grant);
            let grant = grant.expect("a grant of a statement is posted");
            if grant.end == timestamp && grant.revoked_from != Some(grant.start) {
                row.remaining += take(&mut row.lapsed) + take(&mut row.revoked);
            }
        }
        Ok(statement)
    }
}
