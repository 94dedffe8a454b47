//! `CreditBook`: many accounts by name, loaded from tables.

use gpu_credit::{
    BookError, CreditBook, GpuCredit, GrantId, GrantRecord, Overdraft, Record, UsageRecord,
};
use pyo3::exceptions::{PyKeyError, PyLookupError, PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::account::Account;
use crate::array::{Integers, Masked, push};
use crate::integer::{Amount, Expiration, Priority, Timestamp, negative, priority_too_large};
use crate::place::Place;
use crate::policy::Policy;
use crate::progress::{Progress, RECORDS_PER_REPORT, take_turns};
use crate::records::grant_record;
use crate::shared::Shared;
use crate::table::{IntegerColumn, Table, TextColumn};
use crate::{error, records, words};

/// So many questions are answered between two looks at whether anybody still waits for them.
const QUESTIONS_AT_A_TIME: usize = 256 * 1024;

/// Many accounts by name, each with its own policy: small ones in less than a kilobyte each.
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
pub(crate) struct Book(pub(crate) Shared<CreditBook>);

#[pymethods]
impl Book {
    #[new]
    fn new() -> Self {
        Book(Shared::new(CreditBook::new()))
    }

    /// Open an account, without records. Raises ValueError if one of this name is open.
    #[pyo3(signature = (name, policy = Policy::CARRY), text_signature = "($self, name, policy='carry')")]
    fn open(&self, py: Python<'_>, name: &str, policy: Policy) -> PyResult<()> {
        (self.0.with(py, |book| book.open(name, policy.0))?).map_err(refused)
    }

    /// Post a grant to an account, live in [timestamp, timestamp + expiration], both ends included,
    /// or without an expiration forever, and return its number, as GPUCredit.post_grant. Of lower priority
    /// it is drawn first. Raises KeyError if there is no account of this name.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// 0
    #[pyo3(signature = (name, credit_id, *, amount, timestamp, expiration = None, priority = Priority::DEFAULT),
           text_signature = "($self, name, credit_id, *, amount, timestamp, expiration=None, priority=0)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn add_credit(
        &self,
        py: Python<'_>,
        name: &str,
        credit_id: String,
        amount: Amount,
        timestamp: Timestamp,
        expiration: Option<Expiration>,
        priority: Priority,
    ) -> PyResult<u32> {
        let grant = grant_record(credit_id, amount, timestamp, expiration, priority);
        let post = |book: &mut CreditBook| Some(book.get_mut(name)?.post_grant(grant));
        let posted = self
            .0
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
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (amount, timestamp) = (amount.0, timestamp.0);
        let usage = UsageRecord { amount, timestamp };
        let post = |book: &mut CreditBook| Some(book.get_mut(name)?.post_usage(usage));
        let posted = self
            .0
            .with(py, post)?
            .ok_or_else(|| no_such_account(name))?;
        words::usage_id(py, posted.map_err(error::refused)?)
    }

    /// Post the records of a table, those of one account in the order of the rows, all or nothing.
    ///
    /// The table is of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__. Its columns
    /// are kind, "grant" or "usage", account, amount, timestamp, and for grants expiration. If there are,
    /// credit_id is kept, priority is that of grants, 0 if null, and until makes usage metered, if it is not
    /// null: amount at each tick from timestamp on and before until. Text may be categorical. Integers may be
    /// of any width. Accounts that are not open are opened with the policy, if one is given.
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
        let answer = self.0.with(py, |book| book.balance_at(name, timestamp.0))?;
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
        let answer = self.0.with(py, |book| book.balance_at(name, timestamp.0))?;
        words::answer(py, &answer.ok_or_else(|| no_such_account(name))?)
    }

    /// The balance of each account at the instant beside it: a numpy.ma.MaskedArray of int64,
    /// masked if there is no balance, or no such account.
    fn get_balances<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
        timestamps: Integers<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let names = records::texts(names, timestamps.len(), &Progress::none())?;
        let timestamps = timestamps.as_slice()?.iter().copied();
        let questions = names.into_iter().zip(timestamps);
        let balances = self.0.work_interruptibly(py, |book, interrupt| {
            let questions: Vec<(String, i64)> = questions.collect();
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
        self.0.with(py, |book| book.len())
    }

    fn __contains__(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        self.0.with(py, |book| book.contains(name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(py)?.into_pyobject(py)?;
        Ok(names.try_iter()?.into_any())
    }

    fn __getitem__(slf: &Bound<'_, Self>, name: String) -> PyResult<Account> {
        if !slf.get().__contains__(slf.py(), &name)? {
            return Err(no_such_account(&name));
        }
        Ok(Account(Place::in_book(slf.clone().unbind(), name)))
    }

    /// Raises ValueError if the name is taken: what stands there is not dropped unseen.
    fn __setitem__(
        &self,
        py: Python<'_>,
        name: &str,
        account: &Bound<'_, Account>,
    ) -> PyResult<()> {
        let account =
            (account.get().0).work_in_parallel(py, |mut held| held.copy(GpuCredit::clone))?;
        (self.0.work(py, |book| insert(book, name, account))?).map_err(refused)
    }

    fn __delitem__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let removed = self.0.work(py, |book| book.remove(name).map(drop))?;
        removed.ok_or_else(|| no_such_account(name))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<CreditBook: {} accounts>", self.__len__(py)?))
    }
}

/// Reads a table of events.
fn records_of(
    py: Python<'_>,
    events: Table,
    progress: &Progress<'_>,
) -> PyResult<Vec<(String, Record)>> {
    let mut records = Vec::new();
    for batch in events.batches() {
        let batch = batch?;
        let has = |name| batch.schema().column_with_name(name).is_some();
        let (kinds, names) = (
            TextColumn::of(&batch, "kind")?,
            TextColumn::of(&batch, "account")?,
        );
        let integers = |name| IntegerColumn::of(&batch, name);
        let (amounts, timestamps) = (integers("amount")?, integers("timestamp")?);
        let optional = |name| has(name).then(|| integers(name)).transpose();
        let (expirations, priorities) = (optional("expiration")?, optional("priority")?);
        let untils = optional("until")?;
        let credit_ids = has("credit_id")
            .then(|| TextColumn::of(&batch, "credit_id"))
            .transpose()?;
        for row in 0..batch.num_rows() {
            let place = records.len();
            let missing = |what| PyValueError::new_err(format!("row {place} has no {what}"));
            let natural = |what, column: Option<&IntegerColumn<'_>>| -> PyResult<u64> {
                let number = column.and_then(|column| column.get(row));
                let number = number.ok_or_else(|| missing(what))?;
                u64::try_from(number).map_err(|_| {
                    negative(&format!("the {what} of row {place}"), &number.to_string())
                })
            };
            let name = names.get(row)?.ok_or_else(|| missing("account"))?;
            let timestamp = timestamps.get(row).ok_or_else(|| missing("timestamp"))?;
            let amount = natural("amount", Some(&amounts))?;
            let of_row = |column: &Option<IntegerColumn<'_>>| column.as_ref()?.get(row);
            let (priority, until) = (of_row(&priorities), of_row(&untils));
            let record = match kinds.get(row)? {
                Some("grant") => {
                    let credit_id = credit_ids.as_ref().map(|column| column.get(row));
                    let credit_id = credit_id.transpose()?.flatten();
                    let expiration = natural("expiration", expirations.as_ref())?;
                    let credit_id = credit_id.unwrap_or_default();
                    let grant = GrantRecord::new(credit_id, amount, timestamp, expiration);
                    if until.is_some() {
                        return Err(out_of_place(place, "grant", "until"));
                    }
                    let priority = priority.unwrap_or(0);
                    let priority = i16::try_from(priority).map_err(|_| {
                        let what = format!("the priority of row {place}");
                        priority_too_large(&what, &priority.to_string())
                    })?;
                    grant.priority(priority).into()
                }
                Some("usage") if priority.is_some() => {
                    return Err(out_of_place(place, "usage", "priority"));
                }
                Some("usage") => match until {
                    Some(until) => Record::metered(amount, timestamp..until),
                    None => Record::usage(amount, timestamp),
                },
                None => return Err(missing("kind")),
                Some(other) => {
                    let message =
                        format!("row {place} is of kind {other:?}: it is \"grant\" or \"usage\"");
                    return Err(PyValueError::new_err(message));
                }
            };
            push(&mut records, (name.to_owned(), record))?;
            take_turns(py, records.len())?;
            if records.len() % RECORDS_PER_REPORT == 0 {
                progress.report(py, records.len(), None)?;
            }
        }
    }
    Ok(records)
}

#[cold]
fn out_of_place(row: usize, kind: &str, column: &str) -> PyErr {
    PyValueError::new_err(format!(
        "row {row} is of kind {kind:?}, which has no {column}"
    ))
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
fn refused(error: BookError) -> PyErr {
    let message = error.to_string();
    match error {
        BookError::AlreadyOpen { .. } => PyValueError::new_err(message),
        BookError::NoSuchAccount { .. } => {
            PyLookupError::new_err(format!("{message}: with a policy, ingest opens accounts"))
        }
        _ => PyOverflowError::new_err(message),
    }
}

#[cold]
pub(crate) fn no_such_account(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_owned())
}
