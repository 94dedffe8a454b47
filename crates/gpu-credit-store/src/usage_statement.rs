//! Which grants paid for a usage, asked by its id.

use gpu_credit::UsageStatement;

use crate::standing::Standing;
use crate::{BeforeClose, Change, Error, Journal, RecordId, Sequence, Store};

impl<J: Journal> Store<J> {
    /// Where a usage went, as the account stood once an entry of the journal was recorded: see
    /// [`GpuCredit::usage_statement`]. Its grants are those of that [account](Self::as_recorded).
    /// O(entries of the account).
    ///
    /// Usage of one instant draws in the order of posting, corrected or not.
    ///
    /// [`GpuCredit::usage_statement`]: gpu_credit::GpuCredit::usage_statement
    ///
    /// # Errors
    /// As [`as_recorded`](Self::as_recorded); where the id is not that of a usage that stood then, or
    /// it is from before the close of the books.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Posting, Store};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::create(folder.path().join("credit.redb"))?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 30))?;
    /// store.post(Posting::usage("acme", "job-17", 120, 12))?;
    /// let statement = store.usage_statement("acme", &"job-17".into(), store.last_sequence())?;
    /// assert_eq!((statement.draws[0].amount, statement.unpaid), (100, 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn usage_statement(
        &self,
        account: &str,
        id: &RecordId,
        sequence: Sequence,
    ) -> Result<UsageStatement, Error> {
        let no_such_usage = || Error::NoSuchUsage {
            account: account.to_owned(),
            id: id.clone(),
        };
        let mut recorded = self.as_recorded(account, sequence)?;
        let entry = self.entry(account, id)?.ok_or_else(no_such_usage)?;
        let Change::Usage { timestamp, .. } = entry.change else {
            return Err(no_such_usage());
        };
        if let Some(until) = recorded.closed_until().filter(|until| timestamp < *until) {
            return Err(BeforeClose { until, timestamp }.into());
        }
        let standing = recorded.standing(entry.sequence, &entry.change);
        let Some(Standing::Usage { .. }) =
            standing.filter(|_| entry.sequence <= recorded.last_sequence())
        else {
            return Err(no_such_usage());
        };

        let usage = recorded.usage_id(timestamp, entry.sequence);
        let statement = usage.and_then(|usage| recorded.ledger().usage_statement(usage));
        statement.ok_or_else(no_such_usage)
    }
}
