//! `CreditBook`: many accounts by name, loaded from tables.

use gpu_credit::{BookError, CreditBook, Overdraft, Record};
use pyo3::exceptions::{PyKeyError, PyLookupError, PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::account::Account;
use crate::array::{Integers, Masked};
use crate::integer::{Timestamp, negative};
use crate::policy::Policy;
use crate::progress::{Progress, RECORDS_PER_REPORT};
use crate::shared::Shared;
use crate::table::{IntegerColumn, Table, TextColumn};
use crate::words;

/// Many accounts by name, each with its own policy: a million small ones in a few hundred bytes each.
///
/// It is like a dictionary of GPUCredit: book[name] is a copy, to ask it anything or to correct it,
/// and book[name] = account puts one in its place. A book may be shared between threads.
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
/// >>> book.total_at(10)
/// Total(balance=110, deficit=0, available=2)
#[pyclass(name = "CreditBook", module = "gpu_credit", frozen, weakref)]
pub(crate) struct Book(Shared<CreditBook>);

#[pymethods]
impl Book {
    #[new]
    fn new() -> Self {
        Book(Shared::new(CreditBook::new()))
    }

    /// Open an account, without records. Raises ValueError if one of this name is open.
    #[pyo3(signature = (name, policy = Policy::CARRY), text_signature = "($self, name, policy='carry')")]
    fn open(&self, py: Python<'_>, name: &str, policy: Policy) -> PyResult<()> {
        self.0.lock(py)?.open(name, policy.0).map_err(refused)
    }

    /// Post the records of a table, those of one account in the order of the rows, all or nothing.
    ///
    /// The table is of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__. Its columns
    /// are kind, "grant" or "usage", account, amount, timestamp, and for grants expiration; if there
    /// is a credit_id, it is kept. Integers may be of any width. Accounts that are not open are
    /// opened with the policy, if one is given.
    ///
    /// progress is called now and then with how many rows are read, and None; at the end with how
    /// many there were, twice.
    ///
    /// Raises KeyError for a column that is missing, TypeError for one of another type, ValueError
    /// for a null, a negative amount or another kind, LookupError for an account that is not open,
    /// OverflowError for what does not fit. The book is then as before.
    #[pyo3(signature = (events, *, policy = None, progress = None))]
    fn ingest<'py>(
        &self,
        py: Python<'py>,
        events: Table,
        policy: Option<Policy>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let progress = Progress::new(progress);
        let records = records_of(py, events, &progress)?;
        self.0
            .work_in_parallel(py, |book| ingest(book, &records, policy))??;
        progress.report(py, records.len(), Some(records.len()))
    }

    /// The balance of an account at an instant, as GPUCredit.get_balance. Raises KeyError if
    /// there is no account of this name.
    fn get_balance(
        &self,
        py: Python<'_>,
        name: &str,
        timestamp: Timestamp,
    ) -> PyResult<Option<u64>> {
        let answer = self.0.lock(py)?.balance_at(name, timestamp.0);
        answer
            .map(|answer| answer.balance)
            .ok_or_else(|| no_such_account(name))
    }

    /// The balance of an account at an instant, and why: an Answer. Raises KeyError if there is
    /// no account of this name.
    fn balance_at<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answer = self.0.lock(py)?.balance_at(name, timestamp.0);
        words::answer(py, &answer.ok_or_else(|| no_such_account(name))?)
    }

    /// The balance of each account at the instant beside it: a numpy.ma.MaskedArray of int64,
    /// masked if there is no balance, or no such account.
    fn get_balances<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
        timestamps: Integers<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if names.len() != timestamps.len() {
            let lengths = [names.len(), timestamps.len()];
            let message = format!("columns of different lengths: {lengths:?}");
            return Err(PyValueError::new_err(message));
        }
        let timestamps = timestamps.as_slice()?.iter().copied();
        let questions: Vec<(String, i64)> = names.into_iter().zip(timestamps).collect();
        let balances = self.0.work_in_parallel(py, |book| {
            let mut balances = Masked::default();
            for answer in book.balances_at(&questions) {
                balances.push(answer.and_then(|answer| answer.balance));
            }
            balances
        })?;
        balances.into_array(py)
    }

    /// What all accounts add up to at an instant: Total(balance, deficit, available).
    fn total_at<'py>(&self, py: Python<'py>, timestamp: Timestamp) -> PyResult<Bound<'py, PyAny>> {
        let total = self
            .0
            .work_in_parallel(py, |book| book.total_at(timestamp.0))?;
        words::total(py, total)
    }

    /// The names of all accounts, in the order of their bytes.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.0
            .work(py, |book| book.names().map(str::to_owned).collect())
    }

    /// Bytes that the accounts and their names take.
    #[getter]
    fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.0.work(py, |book| book.memory_used())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.0.lock(py)?.len())
    }

    fn __contains__(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        Ok(self.0.lock(py)?.contains(name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(py)?.into_pyobject(py)?;
        Ok(names.try_iter()?.into_any())
    }

    fn __getitem__(&self, py: Python<'_>, name: &str) -> PyResult<Account> {
        let account = self.0.work(py, |book| Some(book.get(name)?.into_owned()))?;
        account
            .map(Account::from)
            .ok_or_else(|| no_such_account(name))
    }

    fn __setitem__(
        &self,
        py: Python<'_>,
        name: &str,
        account: &Bound<'_, Account>,
    ) -> PyResult<()> {
        let account = account.get().ask_at_length(py, |account| account.clone())?;
        self.0.work(py, |book| {
            book.remove(name);
            book.open(name, account.overdraft()).map_err(refused)?;
            if let Some(place) = book.get_mut(name) {
                *place = account;
            }
            Ok(())
        })?
    }

    fn __delitem__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let removed = self.0.lock(py)?.remove(name);
        removed.map(drop).ok_or_else(|| no_such_account(name))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<CreditBook: {} accounts>", self.0.lock(py)?.len()))
    }

    /// For pickle and copy: each account by name.
    fn __getstate__<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, Account>)>> {
        let names = self.names(py)?.into_iter();
        let accounts = names.map(|name| {
            let account = Bound::new(py, self.__getitem__(py, &name)?)?;
            Ok((name, account))
        });
        accounts.collect()
    }

    fn __setstate__(
        &self,
        py: Python<'_>,
        state: Vec<(String, Bound<'_, Account>)>,
    ) -> PyResult<()> {
        for (name, account) in state {
            self.__setitem__(py, &name, &account)?;
        }
        self.0.work_in_parallel(py, CreditBook::pack)
    }
}

/// Reads a table of events.
fn records_of(
    py: Python<'_>,
    events: Table,
    progress: &Progress<'_>,
) -> PyResult<Vec<(String, Record)>> {
    let has_credit_ids = events.has("credit_id");
    let mut records = Vec::new();
    for batch in events.batches() {
        let batch = batch?;
        let (kinds, names) = (
            TextColumn::of(&batch, "kind")?,
            TextColumn::of(&batch, "account")?,
        );
        let integers = |name| IntegerColumn::of(&batch, name);
        let (amounts, timestamps) = (integers("amount")?, integers("timestamp")?);
        let expirations = integers("expiration")?;
        let credit_ids = has_credit_ids
            .then(|| TextColumn::of(&batch, "credit_id"))
            .transpose()?;
        for row in 0..batch.num_rows() {
            let place = records.len();
            let missing = |what| PyValueError::new_err(format!("row {place} has no {what}"));
            let natural = |what, column: &IntegerColumn<'_>| -> PyResult<u64> {
                let number = column.get(row).ok_or_else(|| missing(what))?;
                u64::try_from(number).map_err(|_| {
                    negative(&format!("the {what} of row {place}"), &number.to_string())
                })
            };
            let name = names.get(row).ok_or_else(|| missing("account"))?;
            let timestamp = timestamps.get(row).ok_or_else(|| missing("timestamp"))?;
            let amount = natural("amount", &amounts)?;
            let record = match kinds.get(row) {
                Some("grant") => {
                    let credit_id = credit_ids.as_ref().and_then(|column| column.get(row));
                    let expiration = natural("expiration", &expirations)?;
                    Record::grant(credit_id.unwrap_or_default(), amount, timestamp, expiration)
                }
                Some("usage") => Record::usage(amount, timestamp),
                _ => return Err(missing("kind: it is neither 'grant' nor 'usage'")),
            };
            records.push((name.to_owned(), record));
            if records.len() % RECORDS_PER_REPORT == 0 {
                progress.report(py, records.len(), None)?;
            }
        }
    }
    Ok(records)
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

#[cold]
fn refused(error: BookError) -> PyErr {
    let message = error.to_string();
    match error {
        BookError::AlreadyOpen { .. } => PyValueError::new_err(message),
        BookError::NoSuchAccount { .. } => PyLookupError::new_err(message),
        _ => PyOverflowError::new_err(message),
    }
}

#[cold]
fn no_such_account(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_owned())
}
