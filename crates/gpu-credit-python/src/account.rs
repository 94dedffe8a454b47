//! `GPUCredit`: the classic class, and all that the Rust account has beside it.

use gpu_credit::{GpuCredit, GrantId, UsageRecord};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::array::Integers;
use crate::error::{refused, refused_record};
use crate::instant::{Instant, Instants, Last, Length, Lengths, Time, UnitName};
use crate::integer::{Amount, Priority};
use crate::place::Place;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::records::GrantColumns;
use crate::shared::Interrupt;
use crate::tables;
use crate::{batch, records, words};

/// Fewer questions than this are answered before a second thread would have begun.
const QUESTIONS_FEW: usize = 1024;

/// One account of credit that expires: exact balances at any instant, whatever the order of calls.
///
/// Timestamps are integers in your unit (seconds, milliseconds ...) and may be negative; amounts
/// are non-negative integers of the smallest unit. Both are 64 bits wide, and so are the sum of all
/// grants and the sum of all usage: what would not fit is an OverflowError, and changes nothing.
/// Whatever has __index__ is an integer, bool and NumPy's among them; a float is a TypeError.
///
/// policy says what becomes of usage beyond the credit: under "carry" it is a deficit, which the
/// grants that start later pay; under "carry:C" the deficit grows to the credit line C at most, and the rest
/// is dropped; under "forfeit" it forfeits what is live, and is dropped.
///
/// unit says what timestamps count, "s", "ms", "us" or "ns" since 1970 in UTC: datetimes, dates and lengths of
/// time of Python, NumPy, pandas and Polars are then taken too. One that is not a whole number of units is
/// a ValueError; one without a time zone is in UTC. A date is the first instant of its day, and for the last
/// of a range its last. Answers are integers; Table.datetimes and datetime have them as datetimes.
///
/// An account may be shared between threads, copied and pickled.
///
/// >>> from gpu_credit import GPUCredit
/// >>> account = GPUCredit()
/// >>> account.subtract(4, 30)                # reaches the account first, takes effect second
/// >>> account.add_credit("march", 10, 20, 30)  # live in [20, 50], both ends included
/// >>> [account.get_balance(t) for t in (19, 20, 30, 50, 51)]
/// [None, 10, 6, 6, None]
///
/// An account of a book, book[name], is of this class: what is posted to it is posted to the book.
#[pyclass(name = "GPUCredit", module = "gpu_credit", frozen, subclass, weakref)]
pub(crate) struct Account(pub(crate) Place);

impl From<GpuCredit> for Account {
    fn from(account: GpuCredit) -> Self {
        Account(account.into())
    }
}

impl Account {
    /// A time as a number in the unit of the account.
    #[inline]
    pub(crate) fn at<T: Time>(&self, time: T) -> PyResult<T::Number> {
        time.at(|| Ok(self.0.unit()))
    }
}

#[pymethods]
impl Account {
    /// Takes whatever a subclass is called with: `__init__` looks at it.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(policy='carry', *, unit=None)")]
    fn new(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Policy::CARRY.account().into()
    }

    #[pyo3(signature = (policy = Policy::CARRY, *, unit = None))]
    fn __init__(&self, py: Python<'_>, policy: Policy, unit: Option<UnitName>) -> PyResult<()> {
        let unit = unit.map(|unit| unit.0);
        self.0.replace(py, policy.account(), unit)
    }

    /// Post a grant that is live in [timestamp, timestamp + expiration], both ends included.
    ///
    /// credit_id is metadata: two grants with one id are two grants.
    ///
    /// Raises ValueError for a negative amount or expiration, TypeError for what is no integer, and
    /// OverflowError if the window would end after the last timestamp, 2**63 - 1, or the grants
    /// of the account would add up to more than that. After an error the account is as before.
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
        timestamp: Instant,
        expiration: Length,
    ) -> PyResult<()> {
        let timestamp = self.at(timestamp)?;
        let expiration = self.at(expiration)?;
        let amount = amount.0;
        let posted = (self.0).add_credit(py, credit_id, amount, timestamp, expiration)?;
        posted.map_err(refused)
    }

    /// Post usage at an instant. It draws from the grants live then, soonest expiry first, and is
    /// never refused for lack of credit: see the policy.
    ///
    /// Raises ValueError for a negative amount, TypeError for what is no integer, and OverflowError
    /// if the usage of the account would add up to more than 2**63 - 1. After an error the account is
    /// as before.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 10, 0, 30)
    /// >>> account.subtract(14, timestamp=5)
    /// >>> account.balance_at(5).deficit
    /// 4
    fn subtract(&self, py: Python<'_>, amount: Amount, timestamp: Instant) -> PyResult<()> {
        let timestamp = self.at(timestamp)?;
        (self.0.subtract(py, amount.0, timestamp)?).map_err(refused)
    }

    /// The balance at an instant: live remainders minus deficit, with every record at or before it
    /// applied in event time. None if no window contains the instant, if the result is negative,
    /// or if it is zero under "forfeit".
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 10, 0, 30)
    /// >>> account.get_balance(30), account.get_balance(31)
    /// (10, None)
    fn get_balance(&self, py: Python<'_>, timestamp: Instant) -> PyResult<Option<u64>> {
        let timestamp = self.at(timestamp)?;
        (self.0).ask_at(py, timestamp, |account| account.get_balance(timestamp))
    }

    /// The balance at each instant, in any order: a numpy.ma.MaskedArray of int64, masked if
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
        timestamps: Instants<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamps = &*timestamps.at(self.0.unit())?;
        if timestamps.len() <= QUESTIONS_FEW {
            let answer = |account: &_| batch::balances(account, timestamps, &Interrupt::default());
            return self.0.ask(py, answer)??.into_array(py);
        }
        let last = timestamps.iter().max().copied().unwrap_or(i64::MIN);
        let answer = |account: &_, interrupt: &_| batch::balances(account, timestamps, interrupt);
        self.0.ask_up_to(py, last, answer)??.into_array(py)
    }

    /// The balance at an instant, and why it is what it is: an Answer of balance, status, deficit.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.subtract(4, 5)
    /// >>> account.add_credit("late", 3, 10, 10)
    /// >>> account.balance_at(10)
    /// Answer(balance=None, status=<Status.OVERDRAWN: 'overdrawn'>, deficit=1)
    fn balance_at<'py>(&self, py: Python<'py>, timestamp: Instant) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let answer = (self.0).ask_at(py, timestamp, |account| account.balance_at(timestamp))?;
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
        timestamp: Instant,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let timestamp = self.at(timestamp)?;
        let remainders =
            (self.0).ask_at(py, timestamp, |account| account.remainders_at(timestamp))?;
        remainders
            .iter()
            .map(|remainder| words::remainder(py, remainder))
            .collect()
    }

    /// The balance from one instant to another, both included, in steps: stretches over which it, and the
    /// deficit, are constant, or linear because usage is metered. A Table of first, last, balance, status,
    /// deficit and rate.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 100)
    /// >>> account.subtract(4, 50)
    /// >>> job = account.post_metered(rate=2, start=60, until=63)
    /// >>> steps = account.steps(first=-10, last=1_000)
    /// >>> steps["first"].tolist(), steps["balance"].tolist(), steps["rate"].tolist()
    /// ([-10, 0, 50, 60, 63, 101], [None, 10, 6, 4, 0, None], [0, 0, 0, 2, 0, 0])
    #[pyo3(signature = (*, first, last))]
    fn steps<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = self.at(first)?..=self.at(last)?;
        self.table(py, tables::STEPS, |account, rows, interrupt| {
            tables::steps(account, range, rows, interrupt)
        })
    }

    /// Post a grant as add_credit does, and return its number: its place in posting order, from 0
    /// on. Its window is [timestamp, timestamp + expiration], or [timestamp, until), which is one month if until
    /// is the first of the next. With neither the grant never ends. Of lower priority it is drawn first, and
    /// of one priority the grant that ends soonest.
    ///
    /// Raises ValueError if both are given, or if until is not later than timestamp.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.post_grant("gift", amount=10, timestamp=0, priority=1)
    /// 0
    /// >>> account.get_balance(2**63 - 1)
    /// 10
    #[pyo3(signature = (credit_id, *, amount, timestamp, expiration = None, until = None, priority = Priority::DEFAULT),
           text_signature = "($self, credit_id, *, amount, timestamp, expiration=None, until=None, priority=0)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn post_grant(
        &self,
        py: Python<'_>,
        credit_id: String,
        amount: Amount,
        timestamp: Instant,
        expiration: Option<Length>,
        until: Option<Instant>,
        priority: Priority,
    ) -> PyResult<u32> {
        let timestamp = self.at(timestamp)?;
        let expiration = records::expiration(timestamp, self.at(expiration)?, self.at(until)?)?;
        let grant = records::grant_record(credit_id, amount, timestamp, expiration, priority);
        let posted = self.0.post_grant(py, grant)?;
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
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let amount = amount.0;
        let usage = UsageRecord { amount, timestamp };
        let posted = (self.0).change(py, |account| account.post_usage(usage))?;
        words::usage_id(py, posted.map_err(refused)?)
    }

    /// Post many grants from four columns, or five, in their order, all or nothing. A single string is the
    /// credit id of them all. Without priorities, they are 0.
    ///
    /// progress is called now and then with how many are read and how many there are.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credits(["a", "b"], amounts=[10, 20], timestamps=[0, 5], expirations=[9, 9])
    /// >>> account.get_balance(5)
    /// 30
    #[pyo3(signature = (credit_ids, *, amounts, timestamps, expirations, priorities = None, progress = None))]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn add_credits<'py>(
        &self,
        py: Python<'py>,
        credit_ids: &Bound<'py, PyAny>,
        amounts: Integers<'py>,
        timestamps: Instants<'py>,
        expirations: Lengths<'py>,
        priorities: Option<Integers<'py>>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let progress = Progress::new(progress);
        let unit = self.0.unit();
        let columns = GrantColumns {
            amounts: amounts.as_slice()?,
            timestamps: &timestamps.at(unit)?,
            expirations: &expirations.at(unit)?,
            priorities: priorities.as_ref().map(Integers::as_slice).transpose()?,
        };
        let grants = records::of_grant_columns(credit_ids, columns, &progress)?;
        self.0.extend(py, grants)?.map_err(refused_record)
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
        timestamps: Instants<'py>,
    ) -> PyResult<()> {
        let timestamps = timestamps.at(self.0.unit())?;
        let usage = records::of_usage_columns(py, &amounts, &timestamps)?;
        let posted = (self.0).change_at_length(py, |account| account.subtract_many(&usage))?;
        posted.map_err(refused_record)
    }

    /// Post many records, in their order, all or nothing: a grant is a tuple
    /// (credit_id, amount, timestamp, expiration), or a GrantRecord, which may have a priority; usage is a
    /// tuple (amount, timestamp), or a UsageRecord; metered usage is a MeteredUsage.
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
        let records = records::of_tuples(records, self.0.unit(), &Progress::new(progress))?;
        self.0.extend(py, records)?.map_err(refused_record)
    }
}
