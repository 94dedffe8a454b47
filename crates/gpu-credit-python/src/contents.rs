//! What an account holds, what it takes, and how far it is settled.

use gpu_credit::{UsageId, UsageRecord};
use gpu_credit_store::TimeUnit;
use pyo3::prelude::*;

use crate::account::Account;
use crate::instant::{Instant, Last};
use crate::integer::{Amount, Number, Usage, grant_id};
use crate::policy::Policy;
use crate::tables;
use crate::words::{self, Posted};

#[pymethods]
impl Account {
    /// Bring the account up to date after late records, so that no question has to. It changes
    /// cost, never an answer.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.extend([("march", 10, start, 30) for start in range(1_000)])
    /// >>> account.settle()
    /// >>> account.is_settled
    /// True
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        self.0.settle_to(py, i64::MAX)
    }

    /// As settle, but only so far that questions up to an instant have nothing left to do.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 10, 0, 30)
    /// >>> account.settle_to(15)
    /// >>> account.get_balance(15)
    /// 10
    fn settle_to(&self, py: Python<'_>, timestamp: Instant) -> PyResult<()> {
        let timestamp = self.at(timestamp)?;
        self.0.settle_to(py, timestamp)
    }

    /// Whether settle would have nothing to do.
    #[getter]
    fn is_settled(&self, py: Python<'_>) -> PyResult<bool> {
        (self.0).ask(py, gpu_credit::GpuCredit::is_settled)
    }

    /// What settling has done since the account was opened: SettlementStatistics.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.settlement().repairs
    /// 0
    fn settlement<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let statistics = (self.0).ask(py, gpu_credit::GpuCredit::settlement)?;
        words::settlement(py, statistics)
    }

    /// A grant by its number: a Grant; None if it was never posted, or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> number = account.post_grant("march", amount=100, timestamp=0, expiration=30)
    /// >>> account.grant(number).end
    /// 30
    fn grant<'py>(&self, py: Python<'py>, number: Number) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(id) = grant_id(number) else {
            return Ok(None);
        };
        let grant = (self.0).ask(py, |account| {
            account.grant(id).map(|grant| Posted::of(id, grant))
        })?;
        grant.map(|grant| words::grant(py, grant)).transpose()
    }

    /// All grants that are not taken back, in posting order: a Table of number, credit_id, amount, start, end,
    /// revoked_from, null if it is not revoked, and priority.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.grants()[0]
    /// Row(number=0, credit_id='march', amount=100, start=0, end=30, revoked_from=None, priority=0)
    fn grants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.table(py, tables::GRANTS, tables::grants)
    }

    /// The usage from one instant to another, both included, or all of it, in event order: a Table of
    /// timestamp, nth and amount. A timestamp and its nth make a UsageId.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 30)
    /// >>> account.subtract(1, 10)
    /// >>> usage = account.usage()
    /// >>> usage["amount"].tolist(), usage["timestamp"].tolist(), usage["nth"].tolist()
    /// ([1, 4], [10, 30], [0, 0])
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn usage<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = self.at(first)?..=self.at(last)?;
        self.table(py, tables::USAGE, |account, rows, interrupt| {
            tables::usage(account, range, rows, interrupt)
        })
    }

    /// A usage record by its identity: a UsageRecord(amount, timestamp); None if it was never
    /// posted, or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.usage_record(account.post_usage(amount=4, timestamp=30))
    /// UsageRecord(amount=4, timestamp=30)
    fn usage_record<'py>(
        &self,
        py: Python<'py>,
        usage: Usage,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let record = (self.0).ask(py, |account| account.usage_record(usage.0))?;
        record
            .map(|record| words::usage_record(py, record))
            .transpose()
    }

    /// The identity of usage that is known by what was posted: of equal records, the one posted
    /// last. None if there is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 30)
    /// >>> account.find_usage(amount=4, timestamp=30)
    /// UsageId(timestamp=30, nth=0)
    #[pyo3(signature = (*, amount, timestamp))]
    fn find_usage<'py>(
        &self,
        py: Python<'py>,
        amount: Amount,
        timestamp: Instant,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timestamp = self.at(timestamp)?;
        let amount = amount.0;
        let usage = UsageRecord { amount, timestamp };
        let found = (self.0).ask(py, |account| account.find_usage(usage))?;
        found.map(|usage| words::usage_id(py, usage)).transpose()
    }

    /// The identity that the next usage posted at an instant will have: a UsageId.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 30)
    /// >>> account.next_usage_id(30)
    /// UsageId(timestamp=30, nth=1)
    fn next_usage_id<'py>(
        &self,
        py: Python<'py>,
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let usage: UsageId = (self.0).ask(py, |account| account.next_usage_id(timestamp))?;
        words::usage_id(py, usage)
    }

    /// The policy with which the account was opened: a Policy, or a CreditLine. Each is a string.
    #[getter]
    fn policy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let overdraft = (self.0).ask(py, gpu_credit::GpuCredit::overdraft)?;
        Policy(overdraft).into_word(py)
    }

    /// The unit of timestamps, "s", "ms", "us" or "ns" since 1970 in UTC; None if nobody has said it.
    #[getter]
    fn unit(&self) -> Option<&'static str> {
        self.0.unit().map(TimeUnit::as_str)
    }

    /// The number of grants that are not taken back.
    #[getter]
    fn grant_count(&self, py: Python<'_>) -> PyResult<usize> {
        (self.0).ask(py, gpu_credit::GpuCredit::grant_count)
    }

    /// The sum of their amounts.
    #[getter]
    fn granted(&self, py: Python<'_>) -> PyResult<u64> {
        (self.0).ask(py, gpu_credit::GpuCredit::granted)
    }

    /// The number of usage records at instants.
    #[getter]
    fn usage_count(&self, py: Python<'_>) -> PyResult<usize> {
        (self.0).ask(py, gpu_credit::GpuCredit::usage_count)
    }

    /// The sum of the amounts of all usage, paid or not.
    #[getter]
    fn used(&self, py: Python<'_>) -> PyResult<u64> {
        (self.0).ask(py, gpu_credit::GpuCredit::used)
    }

    /// The sum of all usage at or before an instant, paid or not.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract_many(amounts=[4, 1], timestamps=[30, 10])
    /// >>> account.used_at(29), account.used_at(30)
    /// (1, 5)
    fn used_at(&self, py: Python<'_>, timestamp: Instant) -> PyResult<u64> {
        let timestamp = self.at(timestamp)?;
        (self.0).ask(py, |account| account.used_at(timestamp))
    }

    /// The first instant by which more than an amount has been used, paid or not; None if there
    /// is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract_many(amounts=[4, 1], timestamps=[30, 10])
    /// >>> account.first_used_above(1), account.first_used_above(5)
    /// (30, None)
    fn first_used_above(&self, py: Python<'_>, amount: Amount) -> PyResult<Option<i64>> {
        (self.0).ask(py, |account| account.first_used_above(amount.0))
    }

    /// Bytes that the records and their indexes take.
    #[getter]
    fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.0.memory_used(py)
    }

    /// The number of checkpoints kept.
    #[getter]
    fn checkpoint_count(&self, py: Python<'_>) -> PyResult<usize> {
        (self.0).ask(py, gpu_credit::GpuCredit::checkpoint_count)
    }
}
