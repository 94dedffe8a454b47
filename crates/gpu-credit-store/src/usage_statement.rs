//! Which grants a usage record draws from, asked by its id.

use gpu_credit::UsageStatement;

use crate::standing::Standing;
use crate::{BeforeClose, Change, Error, RecordId, Revision, Storage, Store};

impl<S: Storage> Store<S> {
    /// Where the usage of a record went, as the account stood at a revision: see [`GpuCredit::usage_statement`] and [`GpuCredit::metered_statement`]. Its grants are those of
    /// that [account](Self::as_recorded). O(entries of the account).
    ///
    /// Usage of one instant draws in the order of posting, corrected or not. Of metered usage that runs
    /// across the close of the books it is what is used from the close on.
    ///
    /// [`GpuCredit::usage_statement`]: gpu_credit::GpuCredit::usage_statement
    /// [`GpuCredit::metered_statement`]: gpu_credit::GpuCredit::metered_statement
    ///
    /// # Errors
    /// As [`as_recorded`](Self::as_recorded); if the id is not that of usage that stood then, or
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
    /// let now = store.head("acme")?.revision;
    /// let statement = store.usage_statement("acme", &"job-17".into(), now)?;
    /// assert_eq!((statement.draws[0].amount, statement.deficit), (100, 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn usage_statement(
        &self,
        account: &str,
        id: &RecordId,
        revision: Revision,
    ) -> Result<UsageStatement, Error> {
        let no_such_usage = || Error::NoSuchUsage {
            account: account.to_owned(),
            id: id.clone(),
        };
        let mut recorded = self.as_recorded(account, revision)?;
        let entry = self.entry(account, id)?.ok_or_else(no_such_usage)?;
        if entry.revision > recorded.revision() {
            return Err(no_such_usage());
        }
        let closed = recorded.closed_until();
        let check_open = |timestamp| match closed {
            Some(until) if timestamp < until => Err(Error::from(BeforeClose { until, timestamp })),
            _ => Ok(()),
        };
        let statement = match (
            recorded.standing(entry.revision, &entry.change),
            &entry.change,
        ) {
            (Some(Standing::Usage { timestamp, .. }), _) => {
                check_open(timestamp)?;
                let usage = recorded.usage_id(timestamp, entry.revision);
                usage.and_then(|usage| recorded.ledger().usage_statement(usage))
            }
            (Some(Standing::Metered(_)), _) => {
                let usage = recorded.metered_id(entry.revision);
                usage.and_then(|usage| recorded.ledger().metered_statement(usage))
            }
            (
                Some(Standing::FoldedAway),
                Change::MeteredUsage { from, .. } | Change::SettleMetered { from, .. },
            ) => {
                check_open(*from)?;
                None
            }
            _ => None,
        };
        statement.ok_or_else(no_such_usage)
    }
}
