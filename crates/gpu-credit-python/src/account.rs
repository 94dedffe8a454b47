//! `GPUCredit`: the classic class, and all that the Rust account has beside it.

use gpu_credit::{GpuCredit, GrantId, GrantRecord, UsageId, UsageRecord};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::array::{Integers, Masked, integers};
use crate::error::{refused, refused_record};
use crate::integer::{Amount, Expiration, Number, Timestamp, Usage, grant_id};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::shared::Shared;
use crate::state::State;
use crate::{batch, records, state, words};

/// Fewer questions than this are answered before a second thread would have begun.
const FEW_QUESTIONS: usize = 8 * 1024;

/// One account of credit that expires: exact balances at any instant, whatever the order of calls.
///
/// Timestamps are integers in your unit (seconds, milliseconds ...) and may be negative; amounts
/// are non-negative integers of the smallest unit. Both are 64 bits wide, and so are the sum of all
/// grants and the sum of all usage: what would not fit is an OverflowError, and changes nothing.
/// Whatever has __index__ is an integer, bool and NumPy's among them; a float is a TypeError.
///
/// policy says what becomes of usage beyond the credit: under "carry" it is a deficit, which the
/// grants that start later pay; under "forfeit" it forfeits what is live, and is dropped.
///
/// An account may be shared between threads, copied and pickled.
///
/// >>> from gpu_credit import GPUCredit
/// >>> account = GPUCredit()
/// >>> account.subtract(4, 30)                # reaches the account first, takes effect second
/// >>> account.add_credit("march", 10, 20, 30)  # live in [20, 50], both ends included
/// >>> [account.get_balance(t) for t in (19, 20, 30, 50, 51)]
/// [None, 10, 6, 6, None]
#[pyclass(name = "GPUCredit", module = "gpu_credit", frozen, subclass, weakref)]
pub(crate) struct Account(Shared<Ledger>);

/// More waiting records than this are posted while other Python threads run.
const FEW_WAITING: usize = 4 * 1024;

impl From<GpuCredit> for Account {
    fn from(account: GpuCredit) -> Self {
        Account(Shared::new(account.into()))
    }
}

impl Account {
    /// Asks the account, after everything has been posted to it.
    #[inline]
    pub(crate) fn ask<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        let mut ledger = self.0.lock(py)?;
        if ledger.waiting() <= FEW_WAITING {
            return Ok(question(ledger.account()));
        }
        drop(ledger);
        self.ask_at_length(py, question)
    }

    /// As [`ask`](Self::ask), while other Python threads run.
    pub(crate) fn ask_at_length<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.0
            .work_in_parallel(py, |ledger| question(ledger.account()))
    }
}

#[pymethods]
impl Account {
    /// Takes whatever a subclass is called with: `__init__` looks at it.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(policy='carry')")]
    fn new(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Account(Shared::new(Policy::CARRY.account().into()))
    }

    #[pyo3(signature = (policy = Policy::CARRY))]
    fn __init__(&self, py: Python<'_>, policy: Policy) -> PyResult<()> {
        *self.0.lock(py)? = policy.account().into();
        Ok(())
    }

    /// Post a grant that is live in [timestamp, timestamp + expiration], both ends included.
    ///
    /// credit_id is metadata: two grants with one id are two grants.
    ///
    /// Raises ValueError for a negative amount or expiration, TypeError for what is no integer, and
    /// OverflowError if the window would end after the last timestamp, 2**63 - 1, or the grants
    /// of the account would add up to more than that. The account is then as before.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 10, timestamp=0, expiration=5)
    /// >>> account.get_balance(5), account.get_balance(6)
    /// (10, None)
    fn add_credit(
        &self,
        py: Python<'_>,
        credit_id: &str,
        amount: Amount,
        timestamp: Timestamp,
        expiration: Expiration,
    ) -> PyResult<()> {
        let mut ledger = self.0.lock(py)?;
        let posted = ledger.add_credit(credit_id, amount.0, timestamp.0, expiration.0);
        posted.map_err(refused)
    }

    /// Post usage at an instant. It draws from the grants live then, soonest expiry first, and is
    /// never refused for lack of credit: see the policy.
    ///
    /// Raises ValueError for a negative amount, TypeError for what is no integer, and OverflowError
    /// if the usage of the account would add up to more than 2**63 - 1. The account is then as
    /// before.
    fn subtract(&self, py: Python<'_>, amount: Amount, timestamp: Timestamp) -> PyResult<()> {
        let mut ledger = self.0.lock(py)?;
        ledger.subtract(amount.0, timestamp.0).map_err(refused)
    }

    /// The balance at an instant: live remainders minus deficit, with every record at or before it
    /// applied in event time. None if no window contains the instant, if the result is negative,
    /// or if it is zero under "forfeit".
    ///
    /// The first question after late records settles the account as far as it needs.
    fn get_balance(&self, py: Python<'_>, timestamp: Timestamp) -> PyResult<Option<u64>> {
        self.ask(py, |account| {
            account.settle_to(timestamp.0);
            account.get_balance(timestamp.0)
        })
    }

    /// The balance at each instant, in any order: a numpy.ma.MaskedArray of int64, masked where
    /// get_balance would answer None.
    ///
    /// A contiguous int64 array is read where it stands; other integers are converted once. Large
    /// batches use all cores, while other Python threads run. Do not write into the array meanwhile.
    ///
    /// >>> import numpy
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 100)
    /// >>> account.subtract(4, 50)
    /// >>> account.get_balances(numpy.array([60, 0, 101])).tolist()
    /// [6, 10, None]
    fn get_balances<'py>(
        &self,
        py: Python<'py>,
        timestamps: Integers<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamps = timestamps.as_slice()?;
        let answer = |ledger: &mut Ledger| batch::balances(ledger.account(), timestamps);
        let balances = if timestamps.len() <= FEW_QUESTIONS {
            self.0.work(py, answer)?
        } else {
            self.0.work_in_parallel(py, answer)?
        };
        balances.into_array(py)
    }

    /// The balance at an instant, and why it is what it is: an Answer of balance, status, deficit.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 5)
    /// >>> account.add_credit("late", 3, 10, 10)
    /// >>> account.balance_at(10)
    /// Answer(balance=None, status=<Status.OVERDRAWN: 'overdrawn'>, deficit=1)
    fn balance_at<'py>(
        &self,
        py: Python<'py>,
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answer = self.ask(py, |account| {
            account.settle_to(timestamp.0);
            account.balance_at(timestamp.0)
        })?;
        words::answer(py, &answer)
    }

    /// The remainder of each live grant at an instant, in the order in which usage draws: a list of
    /// Remainder(grant, amount). Grants without a remainder are left out.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("long", 10, 0, 100)
    /// >>> account.add_credit("short", 5, 0, 50)
    /// >>> account.subtract(7, 20)  # the short one ends sooner, and is spent
    /// >>> account.remainders_at(20)
    /// [Remainder(grant=0, amount=8)]
    fn remainders_at<'py>(
        &self,
        py: Python<'py>,
        timestamp: Timestamp,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let remainders = self.ask(py, |account| {
            account.settle_to(timestamp.0);
            account.remainders_at(timestamp.0)
        })?;
        remainders
            .iter()
            .map(|remainder| words::remainder(py, remainder))
            .collect()
    }

    /// The balance from one instant to another, both included: at the first, and then wherever it
    /// changes. Two columns: timestamps, an int64 array, and balances, masked if there is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 100)
    /// >>> account.subtract(4, 50)
    /// >>> timestamps, balances = account.steps(first=-10, last=1_000)
    /// >>> timestamps.tolist(), balances.tolist()
    /// ([-10, 0, 50, 101], [None, 10, 6, None])
    #[pyo3(signature = (*, first, last))]
    fn steps<'py>(
        &self,
        py: Python<'py>,
        first: Timestamp,
        last: Timestamp,
    ) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyAny>)> {
        let (timestamps, balances) = self.ask_at_length(py, |account| {
            account.settle_to(first.0);
            let (mut timestamps, mut balances) = (Vec::new(), Masked::default());
            for (timestamp, balance) in account.steps(first.0..=last.0) {
                timestamps.push(timestamp);
                balances.push(balance);
            }
            (timestamps, balances)
        })?;
        Ok((integers(py, timestamps), balances.into_array(py)?))
    }

    /// Post a grant as add_credit does, and return its number: its place in posting order, from 0
    /// on. Without an expiration, or with None, the grant never ends.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.post_grant("gift", amount=10, timestamp=0)
    /// 0
    /// >>> account.get_balance(2**63 - 1)
    /// 10
    #[pyo3(signature = (credit_id, *, amount, timestamp, expiration = None))]
    fn post_grant(
        &self,
        py: Python<'_>,
        credit_id: String,
        amount: Amount,
        timestamp: Timestamp,
        expiration: Option<Expiration>,
    ) -> PyResult<u32> {
        let grant = match expiration {
            Some(end) => GrantRecord::new(credit_id, amount.0, timestamp.0, end.0),
            None => GrantRecord::new(credit_id, amount.0, timestamp.0, 0).without_end(),
        };
        let posted = self.0.lock(py)?.post_grant(grant);
        posted.map(GrantId::index).map_err(refused)
    }

    /// Post usage as subtract does, and return its identity: a UsageId(timestamp, nth). It never
    /// changes: taking other usage back does not move it.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.post_usage(amount=4, timestamp=10)
    /// UsageId(timestamp=10, nth=0)
    #[pyo3(signature = (*, amount, timestamp))]
    fn post_usage<'py>(
        &self,
        py: Python<'py>,
        amount: Amount,
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (amount, timestamp) = (amount.0, timestamp.0);
        let usage = UsageRecord { amount, timestamp };
        let posted = self.ask(py, |account| account.post_usage(usage))?;
        words::usage_id(py, posted.map_err(refused)?)
    }

    /// Post many grants from four columns, in their order, all or nothing. A single string is the
    /// credit id of them all.
    ///
    /// progress is called now and then with how many are read and how many there are.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credits(["a", "b"], amounts=[10, 20], timestamps=[0, 5], expirations=[9, 9])
    /// >>> account.get_balance(5)
    /// 30
    #[pyo3(signature = (credit_ids, *, amounts, timestamps, expirations, progress = None))]
    fn add_credits<'py>(
        &self,
        py: Python<'py>,
        credit_ids: &Bound<'py, PyAny>,
        amounts: Integers<'py>,
        timestamps: Integers<'py>,
        expirations: Integers<'py>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let progress = Progress::new(progress);
        let grants =
            records::of_grant_columns(credit_ids, &amounts, &timestamps, &expirations, &progress)?;
        let posted = self
            .0
            .work_in_parallel(py, |ledger| ledger.extend(grants))?;
        posted.map_err(refused_record)
    }

    /// Post many usage records from two columns, in their order, all or nothing.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 100)
    /// >>> account.subtract_many(amounts=[4, 1], timestamps=[50, 20])
    /// >>> account.get_balance(20), account.get_balance(50)
    /// (9, 5)
    #[pyo3(signature = (*, amounts, timestamps))]
    fn subtract_many<'py>(
        &self,
        py: Python<'py>,
        amounts: Integers<'py>,
        timestamps: Integers<'py>,
    ) -> PyResult<()> {
        let usage = records::of_usage_columns(&amounts, &timestamps)?;
        let posted = self
            .0
            .work_in_parallel(py, |ledger| ledger.account().subtract_many(&usage))?;
        posted.map_err(refused_record)
    }

    /// Post many records, in their order, all or nothing: a grant is a tuple
    /// (credit_id, amount, timestamp, expiration), usage is a tuple (amount, timestamp).
    ///
    /// progress is called now and then with how many are read and how many there are, or None.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.extend([(4, 30), ("a", 4, 20, 30)])
    /// >>> account.get_balance(20), account.get_balance(30)
    /// (4, 0)
    #[pyo3(signature = (records, *, progress = None))]
    fn extend<'py>(
        &self,
        py: Python<'py>,
        records: &Bound<'py, PyAny>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let records = records::of_tuples(records, &Progress::new(progress))?;
        let posted = self
            .0
            .work_in_parallel(py, |ledger| ledger.extend(records))?;
        posted.map_err(refused_record)
    }

    /// Bring the account up to date after late records, so that no question has to. It changes
    /// cost, never an answer.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        self.0
            .work_in_parallel(py, |ledger| ledger.account().settle())
    }

    /// As settle, but only so far that questions up to an instant have nothing left to do.
    fn settle_to(&self, py: Python<'_>, timestamp: Timestamp) -> PyResult<()> {
        self.ask_at_length(py, |account| account.settle_to(timestamp.0))
    }

    /// Whether settle would have nothing to do.
    #[getter]
    fn is_settled(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |account| account.is_settled())
    }

    /// What settling has done since the account was opened: SettlementStatistics.
    fn settlement<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let statistics = self.ask(py, |account| account.settlement())?;
        words::settlement(py, statistics)
    }

    /// A grant by its number: a Grant; None if it was never posted, or is taken back.
    fn grant<'py>(&self, py: Python<'py>, number: Number) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(id) = grant_id(number) else {
            return Ok(None);
        };
        let mut ledger = self.0.lock(py)?;
        let grant = ledger.account().grant(id);
        grant.map(|grant| words::grant(py, (id, grant))).transpose()
    }

    /// All grants that are not taken back, in posting order: a list of Grant.
    fn grants<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut ledger = self.0.lock(py)?;
        ledger
            .account()
            .grants()
            .map(|grant| words::grant(py, grant))
            .collect()
    }

    /// The usage from one instant to another, both included, or all of it, in event order:
    /// UsageColumns of amounts, timestamps and nths, int64 arrays. A timestamp and its nth make a
    /// UsageId.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 30)
    /// >>> account.subtract(1, 10)
    /// >>> usage = account.usage()
    /// >>> usage.amounts.tolist(), usage.timestamps.tolist(), usage.nths.tolist()
    /// ([1, 4], [10, 30], [0, 0])
    #[pyo3(signature = (*, first = Timestamp(i64::MIN), last = Timestamp(i64::MAX)), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn usage<'py>(
        &self,
        py: Python<'py>,
        first: Timestamp,
        last: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = first.0..=last.0;
        let usage = self.ask_at_length(py, |account| state::usage(account, range))?;
        words::usage_columns(py, usage.map(|column| integers(py, column)))
    }

    /// A usage record by its identity: a UsageRecord(amount, timestamp); None if it was never
    /// posted, or is taken back.
    fn usage_record<'py>(
        &self,
        py: Python<'py>,
        usage: Usage,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let record = self.ask(py, |account| account.usage_record(usage.0))?;
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
        timestamp: Timestamp,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (amount, timestamp) = (amount.0, timestamp.0);
        let usage = UsageRecord { amount, timestamp };
        let found = self.ask(py, |account| account.find_usage(usage))?;
        found.map(|usage| words::usage_id(py, usage)).transpose()
    }

    /// The identity that the next usage posted at an instant will have: a UsageId.
    fn next_usage_id<'py>(
        &self,
        py: Python<'py>,
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let usage: UsageId = self.ask(py, |account| account.next_usage_id(timestamp.0))?;
        words::usage_id(py, usage)
    }

    /// The policy with which the account was opened: "carry" or "forfeit".
    #[getter]
    fn policy(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.0.lock(py)?.account().overdraft().as_str())
    }

    /// The number of grants that are not taken back.
    #[getter]
    fn grant_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, |account| account.grant_count())
    }

    /// The sum of their amounts.
    #[getter]
    fn granted(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |account| account.granted())
    }

    /// The number of usage records.
    #[getter]
    fn usage_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, |account| account.usage_count())
    }

    /// The sum of the amounts of all usage, paid or not.
    #[getter]
    fn used(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |account| account.used())
    }

    /// The sum of all usage at or before an instant, paid or not.
    fn used_at(&self, py: Python<'_>, timestamp: Timestamp) -> PyResult<u64> {
        self.ask(py, |account| account.used_at(timestamp.0))
    }

    /// The first instant by which more than an amount has been used, paid or not; None if there
    /// is none.
    fn first_used_above(&self, py: Python<'_>, amount: Amount) -> PyResult<Option<i64>> {
        self.ask(py, |account| account.first_used_above(amount.0))
    }

    /// Bytes that the records and their indexes take.
    #[getter]
    fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.0.lock(py)?.memory_used())
    }

    /// The number of checkpoints kept.
    #[getter]
    fn checkpoint_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, |account| account.checkpoint_count())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut ledger = slf.get().0.lock(slf.py())?;
        let account = ledger.account();
        Ok(format!(
            "<{} policy='{}': {} granted in {} grants, {} used in {} records>",
            slf.get_type().qualname()?,
            account.overdraft(),
            account.granted(),
            account.grant_count(),
            account.used(),
            account.usage_count(),
        ))
    }

    /// For pickle and copy: the records, and what a subclass has in its `__dict__`.
    fn __getstate__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Bound<'py, PyAny>>)> {
        let state = state::of(slf.py(), slf.get().0.lock(slf.py())?.account())?;
        Ok((state, slf.getattr_opt("__dict__")?))
    }

    fn __setstate__<'py>(
        slf: &Bound<'py, Self>,
        state: (State<'py>, Option<Bound<'py, PyDict>>),
    ) -> PyResult<()> {
        let (records, attributes) = state;
        *slf.get().0.lock(slf.py())? = records.restore()?.into();
        match attributes {
            Some(attributes) => slf
                .getattr("__dict__")?
                .cast::<PyDict>()?
                .update(attributes.as_mapping()),
            None => Ok(()),
        }
    }
}
