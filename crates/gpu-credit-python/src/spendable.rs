//! What may be spent, and when an account runs dry.

use pyo3::prelude::*;

use crate::account::Account;
use crate::error::refused;
use crate::instant::{Instant, Last};
use crate::integer::Amount;
use crate::store::DurableStore;

#[pymethods]
impl Account {
    /// The largest amount that may be used at an instant without taking from anything that is posted,
    /// planned usage included: posted last, usage of that amount fits the limits, is drawn whole, and
    /// leaves the deficit and what is dropped as they are, at every instant. 0 if no grant is live.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(60, 20)                 # planned
    /// >>> account.get_balance(10), account.spendable(10)
    /// (100, 40)
    fn spendable(&self, py: Python<'_>, timestamp: Instant) -> PyResult<u64> {
        let timestamp = self.at(timestamp)?;
        (self.0).ask_at_length(py, |account, _| account.spendable(timestamp))
    }

    /// The largest rate of a job at each tick of [start, until), posted last, in the sense of spendable:
    /// does a job of 40 hours fit, and of how many GPUs? Raises ValueError if there are no ticks.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 100, 0, 9)
    /// >>> account.add_credit("march", 30, 0, 99)
    /// >>> account.spendable_rate(start=0, until=10), account.spendable_rate(start=0, until=20)
    /// (13, 3)
    #[pyo3(signature = (*, start, until))]
    fn spendable_rate(&self, py: Python<'_>, start: Instant, until: Instant) -> PyResult<u64> {
        let start = self.at(start)?;
        let until = self.at(until)?;
        let rate = (self.0).ask_at_length(py, |account, _| account.spendable_rate(start..until))?;
        rate.map_err(refused)
    }

    /// The first tick that a job of this rate could not pay for, in the sense of spendable: until then it
    /// fits, one tick longer it does not. None if there is no such tick, and for a rate of 0.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 100, 0, 9)
    /// >>> account.add_credit("march", 30, 0, 99)
    /// >>> account.runs_dry(rate=4, start=0)
    /// 17
    #[pyo3(signature = (*, rate, start))]
    fn runs_dry(&self, py: Python<'_>, rate: Amount, start: Instant) -> PyResult<Option<i64>> {
        let start = self.at(start)?;
        (self.0).ask_at_length(py, |account, _| account.runs_dry(rate.0, start))
    }

    /// The first tick, from one to another, both included, or of all, at which usage that is posted is not
    /// drawn whole as it falls: when the account runs dry. None if there is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 70, 0, 30)
    /// >>> job = account.post_metered(rate=4, start=0, until=20)
    /// >>> account.first_uncovered()
    /// 17
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn first_uncovered(&self, py: Python<'_>, first: Instant, last: Last) -> PyResult<Option<i64>> {
        let first = self.at(first)?;
        let last = self.at(last)?;
        (self.0).ask_at(py, last, |account| account.first_uncovered(first..=last))
    }
}

#[pymethods]
impl DurableStore {
    /// The largest amount that may be used at an instant without taking from anything that is posted, as
    /// GPUCredit.spendable.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> with CreditStore(path) as store:
    /// ...     store.open_account("heron", "carry:5")
    /// ...     store.add_credit("heron", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.run("heron", "job-17", rate=8, start=5, until=15)
    /// ...     store.spendable("heron", 5), store.runs_dry("heron", rate=1, start=5), store.first_uncovered("heron")
    /// True
    /// True
    /// True
    /// (20, 25, None)
    fn spendable(&self, py: Python<'_>, account: String, timestamp: Instant) -> PyResult<u64> {
        let timestamp = self.at(py, timestamp)?;
        self.ask(py, move |store| {
            Ok(store.with_account(&account, |account| account.spendable(timestamp))??)
        })
    }

    /// The largest rate of a job at each tick of [start, until), as GPUCredit.spendable_rate.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.spendable_rate("ada", start=0, until=20)
    /// True
    /// 5
    #[pyo3(signature = (account, *, start, until))]
    fn spendable_rate(
        &self,
        py: Python<'_>,
        account: String,
        start: Instant,
        until: Instant,
    ) -> PyResult<u64> {
        let start = self.at(py, start)?;
        let until = self.at(py, until)?;
        self.ask(py, move |store| {
            store.with_account(&account, |account| account.spendable_rate(start..until))?
        })
    }

    /// The first tick that a job of this rate could not pay for, as GPUCredit.runs_dry.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.runs_dry("ada", rate=8, start=0)
    /// True
    /// 12
    #[pyo3(signature = (account, *, rate, start))]
    fn runs_dry(
        &self,
        py: Python<'_>,
        account: String,
        rate: Amount,
        start: Instant,
    ) -> PyResult<Option<i64>> {
        let start = self.at(py, start)?;
        self.ask(py, move |store| {
            Ok(store.with_account(&account, |account| account.runs_dry(rate.0, start))??)
        })
    }

    /// The first tick, from one on, at which usage that is posted is not drawn whole as it falls, as
    /// GPUCredit.first_uncovered. Without a tick, from where the books are open.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.first_uncovered("ada")
    /// True
    /// 5
    #[pyo3(signature = (account, *, first = None))]
    fn first_uncovered(
        &self,
        py: Python<'_>,
        account: String,
        first: Option<Instant>,
    ) -> PyResult<Option<i64>> {
        let first = self.at(py, first)?;
        self.ask(py, move |store| {
            let uncovered = store.with_account(&account, |account| {
                let open = account.closed_until().unwrap_or(i64::MIN);
                account.first_uncovered(first.unwrap_or(open))
            });
            Ok(uncovered??)
        })
    }
}
