//! Posting to the store: records and corrections, each an entry under an id.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{Change, Posting, Stopped};
use pyo3::prelude::*;

use crate::instant::{Instant, Length};
use crate::integer::{Amount, Priority};
use crate::policy::Policy;
use crate::records;
use crate::store::DurableStore;

impl DurableStore {
    fn post(&self, py: Python<'_>, account: &str, id: &str, change: Change) -> PyResult<bool> {
        let posting = Posting::new(account, id, change);
        Ok(self.ask(py, move |store| store.post(posting))?.is_new())
    }
}

#[pymethods]
impl DurableStore {
    /// Open an account, with its policy for good.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.open_account("bob", "forfeit"), store.open_account("bob", "forfeit")
    /// (True, False)
    #[pyo3(signature = (name, policy = Policy::CARRY), text_signature = "($self, name, policy='carry')")]
    fn open_account(&self, py: Python<'_>, name: String, policy: Policy) -> PyResult<bool> {
        Ok(self
            .ask(py, move |store| store.open_account(&name, policy.0))?
            .is_new())
    }

    /// Post a grant, live in [timestamp, timestamp + expiration] or in [timestamp, until); without either it
    /// never ends. Of lower priority it is drawn first.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.get_balance("ada", 30)
    /// True
    /// 100
    #[pyo3(signature = (account, id, credit_id, *, amount, timestamp, expiration = None, until = None, priority = Priority::DEFAULT),
           text_signature = "($self, account, id, credit_id, *, amount, timestamp, expiration=None, until=None, priority=0)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn add_credit(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        credit_id: String,
        amount: Amount,
        timestamp: Instant,
        expiration: Option<Length>,
        until: Option<Instant>,
        priority: Priority,
    ) -> PyResult<bool> {
        let timestamp = self.at(py, timestamp)?;
        let expiration =
            records::expiration(timestamp, self.at(py, expiration)?, self.at(py, until)?)?;
        let change = Change::Grant {
            credit_id,
            amount: amount.0,
            timestamp,
            expiration,
            priority: priority.0,
        };
        self.post(py, account, id, change)
    }

    /// Post usage at an instant.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)   # a retry
    /// True
    /// False
    #[pyo3(signature = (account, id, *, amount, timestamp))]
    fn subtract(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        amount: Amount,
        timestamp: Instant,
    ) -> PyResult<bool> {
        let timestamp = self.at(py, timestamp)?;
        let amount = amount.0;
        self.post(py, account, id, Change::Usage { amount, timestamp })
    }

    /// Post metered usage, a job: rate units at each tick of [start, until). A job that still runs is
    /// posted with the end that is planned; stop and change_metered say when it ended.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.run("ada", "job-17", rate=8, start=5, until=45)
    /// ...     store.stop("ada", "job-17", at=9)
    /// ...     store.stop("ada", "job-17", at=11)   # a retry
    /// ...     store.get_balance("ada", 30), store.usage_statement("ada", "job-17").amount
    /// True
    /// True
    /// True
    /// False
    /// (68, 32)
    #[pyo3(signature = (account, id, *, rate, start, until))]
    fn run(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        rate: Amount,
        start: Instant,
        until: Instant,
    ) -> PyResult<bool> {
        let start = self.at(py, start)?;
        let until = self.at(py, until)?;
        let usage = MeteredUsage {
            rate: rate.0,
            from: start,
            until,
        };
        self.post(py, account, id, usage.into())
    }

    /// Stop the job of an id: its ticks from an instant on are not used. If it has ended by then, or was
    /// stopped before, it stays as it is: a retry never charges more. Returns whether it stopped only now.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.run("ada", "job-17", rate=8, start=5, until=45), store.stop("ada", "job-17", at=9)
    /// ...     store.usage_statement("ada", "job-17").amount
    /// (True, True)
    /// 32
    #[pyo3(signature = (account, of, *, at))]
    fn stop(&self, py: Python<'_>, account: String, of: &str, at: Instant) -> PyResult<bool> {
        let at = self.at(py, at)?;
        let of = of.into();
        let stopped = self.ask(py, move |store| store.stop(&account, &of, at))?;
        Ok(matches!(stopped, Stopped::Now(_)))
    }

    /// Give the job of an id another rate, first tick or end; what is not given stays.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.run("ada", "job-17", rate=8, start=5, until=45)
    /// ...     store.change_metered("ada", "correction-1", "job-17", rate=4)
    /// ...     store.usage_statement("ada", "job-17").amount
    /// True
    /// True
    /// 160
    #[pyo3(signature = (account, id, of, *, rate = None, start = None, until = None))]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn change_metered(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        rate: Option<Amount>,
        start: Option<Instant>,
        until: Option<Instant>,
    ) -> PyResult<bool> {
        let change = Change::ChangeMeteredUsage {
            of: of.into(),
            rate: rate.map(|rate| rate.0),
            from: self.at(py, start)?,
            until: self.at(py, until)?,
        };
        self.post(py, account, id, change)
    }

    /// Take the grant or the usage of an id back, as if it had never been posted.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.retract("ada", "correction-1", "job-17")
    /// ...     store.account("ada").used
    /// True
    /// True
    /// 0
    fn retract(&self, py: Python<'_>, account: &str, id: &str, of: &str) -> PyResult<bool> {
        self.post(py, account, id, Change::RetractRecord { of: of.into() })
    }

    /// Give the usage of an id another amount.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.change_usage("ada", "correction-1", "job-17", 6)
    /// ...     store.account("ada").used
    /// True
    /// True
    /// 6
    fn change_usage(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        amount: Amount,
    ) -> PyResult<bool> {
        let (of, amount) = (of.into(), amount.0);
        self.post(py, account, id, Change::ChangeUsage { of, amount })
    }

    /// Revoke the grant of an id from an instant on.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.revoke_grant("ada", "dispute-1", "invoice-1", 10)
    /// ...     store.get_balance("ada", 9), store.get_balance("ada", 10)
    /// True
    /// True
    /// (100, None)
    fn revoke_grant(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        timestamp: Instant,
    ) -> PyResult<bool> {
        let timestamp = self.at(py, timestamp)?;
        let (of, from) = (of.into(), timestamp);
        self.post(py, account, id, Change::Revoke { of, from })
    }

    /// Give the window of the grant of an id another end; with None it never ends.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.change_expiration("ada", "longer", "invoice-1", 50)
    /// ...     store.get_balance("ada", 50)
    /// True
    /// True
    /// 100
    fn change_expiration(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        expiration: Option<Length>,
    ) -> PyResult<bool> {
        let expiration = self.at(py, expiration)?;
        let of = of.into();
        self.post(py, account, id, Change::ChangeExpiration { of, expiration })
    }

    /// Give the grant of an id another priority, in its place in posting order.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0)
    /// ...     store.change_priority("ada", "last", "invoice-1", priority=5)
    /// ...     store.account("ada").grant(0).priority
    /// True
    /// True
    /// 5
    #[pyo3(signature = (account, id, of, *, priority))]
    fn change_priority(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        priority: Priority,
    ) -> PyResult<bool> {
        let (of, priority) = (of.into(), priority.0);
        self.post(py, account, id, Change::ChangePriority { of, priority })
    }

    /// Close the books: records and questions before an instant are refused from now on.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.close_books("ada", "march is over", 100)
    /// True
    fn close_books(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        until: Instant,
    ) -> PyResult<bool> {
        let until = self.at(py, until)?;
        self.post(py, account, id, Change::CloseBooks { until })
    }

    /// Delete an account, with all its entries.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.delete_account("ada", "ticket-5")
    /// ...     store.accounts()
    /// True
    /// []
    fn delete_account(&self, py: Python<'_>, account: String, id: String) -> PyResult<bool> {
        Ok(self
            .ask(py, move |store| store.delete_account(&account, id))?
            .is_new())
    }
}
