//! `CreditBook`: many accounts by name, loaded from tables.

use gpu_credit::{BookError, CreditBook, GpuCredit, GrantId, Overdraft, Record, UsageRecord};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::{PyKeyError, PyLookupError, PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::across::OneOrEach;
use crate::array::{Masked, push};
use crate::events::{self, EventKind, Reading};
use crate::instant::{Instant, Length, Time, Unit, UnitName};
use crate::integer::{Amount, Priority};
use crate::policy::Policy;
use crate::progress::Progress;
use crate::records::grant_record;
use crate::shared::Shared;
use crate::table::Table;
use crate::{error, records, words};

/// So many questions are answered between two looks at whether anybody still waits for them.
pub(crate) const QUESTIONS_AT_A_TIME: usize = 256 * 1024;

/// Fewer questions than this do not settle accounts that nobody asked about.
const QUESTIONS_FEW: usize = 1024;

/// Many accounts by name, each with its own policy: small ones in less than a kilobyte each.
///
/// unit is that of GPUCredit, for all accounts. What GPUCredit answers for one account, series, draws, lapsing
/// and others answer for all or some, on all cores: a Table that begins with the column account.
///
/// It is like a dictionary of GPUCredit: book[name] is the account itself, to ask it anything, to post
/// to it and to correct it, and stays so until the account is deleted: it is then a KeyError.
/// book[name] = account puts a copy of an account under a new name. A book may be shared between
/// threads: nothing that two of them post is lost.
///
/// >>> from gpu_credit import CreditBook
/// >>> import pyarrow
/// >>> book = CreditBook()
/// >>> book.ingest(pyarrow.table({
/// ...     "kind": ["grant", "usage", "grant"],
/// ...     "account": ["ada", "ada", "bob"],
/// ...     "credit_id": ["march", None, "trial"],
/// ...     "amount": [100, 40, 50],
/// ...     "timestamp": [0, 10, 0],
/// ...     "expiration": [30, None, 30],
/// ... }), policy="carry")
/// >>> book.get_balance("ada", 10), len(book), "eve" in book
/// (60, 2, False)
/// >>> book["ada"].subtract(10, 20)
/// >>> book.get_balance("ada", 20)
/// 50
/// >>> book.total_at(10)
/// Total(balance=110, deficit=0, available=2)
#[pyclass(name = "CreditBook", module = "gpu_credit", frozen, weakref)]
pub(crate) struct Book {
    pub(crate) accounts: Shared<CreditBook>,
    pub(crate) unit: Unit,
}

impl Book {
    /// A time as a number in the unit of the book.
    #[inline]
    pub(crate) fn at<T: Time>(&self, time: T) -> PyResult<T::Number> {
        time.at(|| Ok(self.unit.get()))
    }
}

#[pymethods]
impl Book {
    #[new]
    #[pyo3(signature = (*, unit = None))]
    fn new(unit: Option<UnitName>) -> Self {
        Book {
            accounts: Shared::new(CreditBook::new()),
            unit: Unit::new(unit.map(|unit| unit.0)),
        }
    }

    /// The unit of all timestamps, "s", "ms", "us" or "ns" since 1970 in UTC; None if nobody has said it.
    #[getter]
    fn unit(&self) -> Option<&'static str> {
        self.unit.get().map(TimeUnit::as_str)
    }

    /// Open an account, without records. Raises ValueError if one of this name is open.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada", policy="forfeit")
    /// >>> book["ada"].policy
    /// <Policy.FORFEIT: 'forfeit'>
    #[pyo3(signature = (name, policy = Policy::CARRY), text_signature = "($self, name, policy='carry')")]
    fn open(&self, py: Python<'_>, name: &str, policy: Policy) -> PyResult<()> {
        (self.accounts.with(py, |book| book.open(name, policy.0))?).map_err(refused)
    }

    /// Post a grant to an account, live in [timestamp, timestamp + expiration], both ends included, or in
    /// [timestamp, until), or without either forever, and return its number, as GPUCredit.post_grant. Of lower
    /// priority it is drawn first. Raises KeyError if there is no account of this name.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// 0
    #[pyo3(signature = (name, credit_id, *, amount, timestamp, expiration = None, until = None, priority = Priority::DEFAULT),
           text_signature = "($self, name, credit_id, *, amount, timestamp, expiration=None, until=None, priority=0)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn add_credit(
        &self,
        py: Python<'_>,
        name: &str,
        credit_id: String,
        amount: Amount,
        timestamp: Instant,
        expiration: Option<Length>,
        until: Option<Instant>,
        priority: Priority,
    ) -> PyResult<u32> {
        let timestamp = self.at(timestamp)?;
        let expiration = records::expiration(timestamp, self.at(expiration)?, self.at(until)?)?;
        let grant = grant_record(credit_id, amount, timestamp, expiration, priority);
        let post = |book: &mut CreditBook| Some(book.get_mut(name)?.post_grant(grant));
        let posted = self
            .accounts
            .with(py, post)?
            .ok_or_else(|| no_such_account(name))?;
        posted.map(GrantId::index).map_err(error::refused)
    }

    /// Post usage to an account, and return its UsageId, as GPUCredit.post_usage. Raises KeyError
    /// if there is no account of this name.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> job = book.subtract("ada", amount=40, timestamp=10)
    /// >>> book["ada"].change_usage(job, 4)
    /// >>> book["ada"].used
    /// 4
    #[pyo3(signature = (name, *, amount, timestamp))]
    fn subtract<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        amount: Amount,
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let amount = amount.0;
        let usage = UsageRecord { amount, timestamp };
        let post = |book: &mut CreditBook| Some(book.get_mut(name)?.post_usage(usage));
        let posted = self
            .accounts
            .with(py, post)?
            .ok_or_else(|| no_such_account(name))?;
        words::usage_id(py, posted.map_err(error::refused)?)
    }

    /// Post the records of a table, those of one account in the order of the rows, all or nothing.
    ///
    /// The table is of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__. Its columns are
    /// account, amount, timestamp, and kind, "grant" or "usage", unless kind says it of all rows. A grant has
    /// an expiration, or an until, the first instant after its window. If there are, credit_id is kept, and
    /// priority is that of grants, 0 if null; until makes usage metered, if it is not null: amount at each
    /// tick from timestamp on and before until. Integers may be of any width; with the unit of the book, instants may
    /// be datetimes or dates and an expiration a duration. Text may be categorical, and names may be integers.
    /// Accounts that are not open are opened with the policy, if one is given.
    ///
    /// progress is called now and then with how many rows are read, and None; at the end with how
    /// many there were, twice.
    ///
    /// Raises KeyError for a column that is missing, TypeError for one of another type, ValueError
    /// for a null, a negative amount, another kind or a time that is no whole number of units, LookupError for
    /// an account that is not open, OverflowError for what does not fit. After an error the book is as before.
    ///
    /// >>> import pyarrow
    /// >>> book = CreditBook()
    /// >>> usage = pyarrow.table({"account": ["ada", "bob"], "amount": [8, 1], "timestamp": [5, 6]})
    /// >>> book.ingest(usage, kind="usage", policy="carry")
    /// >>> book.balance_at("ada", 5).deficit
    /// 8
    #[pyo3(signature = (events, *, kind = None, policy = None, progress = None))]
    fn ingest<'py>(
        &self,
        py: Python<'py>,
        events: Table,
        kind: Option<EventKind>,
        policy: Option<Policy>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let progress = Progress::new(progress);
        let reading = Reading {
            kind,
            unit: self.unit.get(),
            has_ids: false,
        };
        let mut records = Vec::new();
        events::read(py, events, reading, &progress, |event| {
            push(&mut records, (event.account.to_owned(), event.record))
        })?;
        self.accounts
            .work_in_parallel(py, |book| ingest(book, &records, policy))??;
        progress.report(py, records.len(), Some(records.len()))
    }

    /// The balance of an account at an instant, as GPUCredit.get_balance. Raises KeyError if
    /// there is no account of this name.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.get_balance("ada", 30)
    /// 100
    fn get_balance(&self, py: Python<'_>, name: &str, timestamp: Instant) -> PyResult<Option<u64>> {
        let timestamp = self.at(timestamp)?;
        let answer = self
            .accounts
            .with(py, |book| book.balance_at(name, timestamp))?;
        answer
            .map(|answer| answer.balance)
            .ok_or_else(|| no_such_account(name))
    }

    /// The balance of an account at an instant, and why: an Answer. Raises KeyError if there is
    /// no account of this name.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.balance_at("ada", 30)
    /// Answer(balance=None, status=<Status.INACTIVE: 'inactive'>, deficit=0)
    fn balance_at<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let answer = self
            .accounts
            .with(py, |book| book.balance_at(name, timestamp))?;
        words::answer(py, &answer.ok_or_else(|| no_such_account(name))?)
    }

    /// The balance of each account at the instant beside it, or at one instant: a numpy.ma.MaskedArray of
    /// int64, masked if there is no balance, or no such account.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.get_balances(["ada", "ada", "eve"], [30, 31, 30]).tolist()
    /// [100, None, None]
    fn get_balances<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
        timestamps: OneOrEach<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (names, timestamps) = self.beside_each_other(names, &timestamps)?;
        let timestamps = timestamps.iter().copied();
        let questions = names.into_iter().zip(timestamps);
        let balances = self.accounts.work_interruptibly(py, |book, interrupt| {
            let questions: Vec<(String, i64)> = questions.collect();
            settle_for_many(book, questions.len());
            let mut balances = Masked::with_capacity(questions.len())?;
            for some in interrupt.until(questions.chunks(QUESTIONS_AT_A_TIME)) {
                for answer in book.balances_at(some) {
                    balances.push(answer.and_then(|answer| answer.balance))?;
                }
            }
            Ok::<_, PyErr>(balances)
        })?;
        balances?.into_array(py)
    }

    /// What all accounts add up to at an instant: Total(balance, deficit, available).
    ///
    /// >>> book = CreditBook()
    /// >>> for name in ("ada", "bob"):
    /// ...     book.open(name)
    /// ...     number = book.add_credit(name, "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.total_at(30)
    /// Total(balance=200, deficit=0, available=2)
    fn total_at<'py>(&self, py: Python<'py>, timestamp: Instant) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let total = self
            .accounts
            .work_in_parallel(py, |book| book.total_at(timestamp))?;
        words::total(py, total)
    }

    /// Bytes that the accounts and their names take.
    #[getter]
    fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.accounts.work(py, |book| book.memory_used())
    }
}

/// Settles all accounts if the questions are many: else each of them would replay what is not settled.
pub(crate) fn settle_for_many(book: &mut CreditBook, questions: usize) {
    if questions > QUESTIONS_FEW {
        book.pack();
    }
}

/// Opens accounts if there is a policy, and posts: all or nothing.
fn ingest(
    book: &mut CreditBook,
    records: &[(String, Record)],
    policy: Option<Policy>,
) -> PyResult<()> {
    let mut opened = Vec::new();
    if let Some(Policy(overdraft)) = policy {
        for (name, _) in records {
            if open_if_new(book, name, overdraft) {
                opened.push(name);
            }
        }
    }
    book.ingest(records).map_err(|error| {
        for name in opened {
            book.remove(name);
        }
        refused(error)
    })
}

fn open_if_new(book: &mut CreditBook, name: &str, overdraft: Overdraft) -> bool {
    !book.contains(name) && book.open(name, overdraft).is_ok()
}

/// Puts an account into the book, under a name that is new there.
pub(crate) fn insert(
    book: &mut CreditBook,
    name: &str,
    account: GpuCredit,
) -> Result<(), BookError> {
    book.open(name, account.overdraft())?;
    if let Some(place) = book.get_mut(name) {
        *place = account;
    }
    Ok(())
}

#[cold]
pub(crate) fn refused(error: BookError) -> PyErr {
    let message = error.to_string();
    match error {
        BookError::AlreadyOpen { .. } => PyValueError::new_err(message),
        BookError::NoSuchAccount { .. } => PyLookupError::new_err(format!(
            "{message}: with a policy, as in ingest(table, policy=\"carry\"), accounts are opened"
        )),
        _ => PyOverflowError::new_err(message),
    }
}

#[cold]
pub(crate) fn no_such_account(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_owned())
}
