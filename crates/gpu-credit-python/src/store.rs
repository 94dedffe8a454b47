//! `CreditStore`: many accounts in one durable file.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{
    Change, Entry, Error, Posting, Refusal, Sequence, Stopped, Store, TimeUnit, UnknownTimeUnit,
};
use pyo3::exceptions::{PyKeyError, PyLookupError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::{mem, process};

use crate::account::Account;
use crate::error;
use crate::instant::{Instant, Length, UnitName};
use crate::integer::{Amount, Number, Priority};
use crate::place::Place;
use crate::policy::Policy;
use crate::shared::{Interrupt, Shared, interruptibly};
use crate::{records, words};

/// CreditStore(path, *, unit=None): many accounts in one file, without a server, nothing lost.
///
/// Opens the file, or creates it. What a call has posted when it returns survives a power cut. Each
/// record has an id of your choosing, unique within its account: the same id with the same content is
/// posted once, however often it is sent, with other content it is a ValueError. A call that posts
/// returns whether it was posted only now. Threads that post at the same time share one write.
///
/// unit says what timestamps count, for good: "s", "ms", "us" or "ns" since 1970 in UTC. Datetimes are then
/// taken as by GPUCredit.
///
/// A store belongs to the process that opened it: in a forked child, as of multiprocessing, every
/// call is a RuntimeError. One process at a time has the file open: let the others ask that one.
///
/// Raises KeyError if there is no account of a name, LookupError if there is no record of an id,
/// ValueError and OverflowError as GPUCredit does, and OSError if the file fails.
///
/// >>> from gpu_credit import CreditStore
/// >>> with CreditStore(path) as store:
/// ...     store.open_account("acme")
/// ...     store.add_credit("acme", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
/// ...     store.subtract("acme", "job-17", amount=20, timestamp=12)
/// ...     store.subtract("acme", "job-17", amount=20, timestamp=12)   # a retry
/// True
/// True
/// True
/// False
/// >>> with CreditStore(path) as store:
/// ...     store.get_balance("acme", 12)
/// 80
#[pyclass(name = "CreditStore", module = "gpu_credit", frozen, weakref)]
pub(crate) struct DurableStore {
    store: Shared<Option<Store>>,
    path: PathBuf,
    /// The process that has opened it.
    process: u32,
}

impl DurableStore {
    /// A store belongs to the process that opened it: a forked child has the file open, but does
    /// not know what its parent writes to it.
    fn check_process(&self) -> PyResult<()> {
        if self.process == process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(format!(
            "this CreditStore belongs to process {}, which opened it, and not to its forked child {}",
            self.process,
            process::id()
        )))
    }

    /// Asks the store, while other Python threads run, also those that ask it or post to it.
    pub(crate) fn ask<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Store) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let store = self.open(py)?;
        py.detach(|| question(&store)).map_err(refused)
    }

    /// As [`ask`](Self::ask), for what a signal may end.
    pub(crate) fn ask_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Store, &Interrupt) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let store = self.open(py)?;
        interruptibly(py, |interrupt| question(&store, interrupt))?.map_err(refused)
    }

    fn open(&self, py: Python<'_>) -> PyResult<Store> {
        self.check_process()?;
        let store = self.store.with(py, |store| store.clone())?;
        store.ok_or_else(|| PyValueError::new_err("the store is closed"))
    }

    /// The unit of its timestamps, if somebody has said it.
    pub(crate) fn unit(&self, py: Python<'_>) -> PyResult<Option<TimeUnit>> {
        self.ask(py, Store::time_unit)
    }

    fn post(&self, py: Python<'_>, account: &str, id: &str, change: Change) -> PyResult<bool> {
        let posting = Posting::new(account, id, change);
        Ok(self.ask(py, |store| store.post(posting))?.is_new())
    }
}

#[pymethods]
impl DurableStore {
    #[new]
    #[pyo3(signature = (path, *, unit = None))]
    fn new(py: Python<'_>, path: PathBuf, unit: Option<UnitName>) -> PyResult<Self> {
        let open = || {
            let store = Store::open_or_create(&path)?;
            if let Some(UnitName(unit)) = unit {
                store.set_time_unit(unit)?;
            }
            Ok(store)
        };
        let store = py.detach(open).map_err(refused)?;
        Ok(DurableStore {
            store: Shared::new(Some(store)),
            path,
            process: process::id(),
        })
    }

    /// Open an account, with its policy for good.
    #[pyo3(signature = (name, policy = Policy::CARRY), text_signature = "($self, name, policy='carry')")]
    fn open_account(&self, py: Python<'_>, name: &str, policy: Policy) -> PyResult<bool> {
        Ok(self
            .ask(py, |store| store.open_account(name, policy.0))?
            .is_new())
    }

    /// Post a grant, live in [timestamp, timestamp + expiration] or in [timestamp, until); without either it
    /// never ends. Of lower priority it is drawn first.
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
        let unit = || self.unit(py);
        let timestamp = timestamp.at(unit)?;
        let expiration = records::expiration(timestamp, expiration, until, unit)?;
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
    #[pyo3(signature = (account, id, *, amount, timestamp))]
    fn subtract(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        amount: Amount,
        timestamp: Instant,
    ) -> PyResult<bool> {
        let unit = || self.unit(py);
        let timestamp = timestamp.at(unit)?;
        let amount = amount.0;
        self.post(py, account, id, Change::Usage { amount, timestamp })
    }

    /// Post metered usage, a job: rate units at each tick of [start, until). A job that still runs is
    /// posted with the end that is planned; stop and change_metered say when it ended.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> with CreditStore(path) as store:
    /// ...     store.open_account("ada")
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.run("ada", "job-17", rate=8, start=5, until=45)
    /// ...     store.stop("ada", "job-17", at=9)
    /// ...     store.stop("ada", "job-17", at=11)   # a retry
    /// ...     store.get_balance("ada", 30), store.usage_statement("ada", "job-17").amount
    /// True
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
        let unit = || self.unit(py);
        let start = start.at(unit)?;
        let until = until.at(unit)?;
        let usage = MeteredUsage {
            rate: rate.0,
            from: start,
            until,
        };
        self.post(py, account, id, usage.into())
    }

    /// Stop the job of an id: its ticks from an instant on are not used. If it has ended by then, or was
    /// stopped before, it stays as it is: a retry never charges more. Returns whether it stopped only now.
    #[pyo3(signature = (account, of, *, at))]
    fn stop(&self, py: Python<'_>, account: &str, of: &str, at: Instant) -> PyResult<bool> {
        let unit = || self.unit(py);
        let at = at.at(unit)?;
        let stopped = self.ask(py, |store| store.stop(account, &of.into(), at))?;
        Ok(matches!(stopped, Stopped::Now(_)))
    }

    /// Give the job of an id another rate, first tick or end; what is not given stays.
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
        let unit = || self.unit(py);
        let change = Change::ChangeMeteredUsage {
            of: of.into(),
            rate: rate.map(|rate| rate.0),
            from: start.map(|start| start.at(unit)).transpose()?,
            until: until.map(|until| until.at(unit)).transpose()?,
        };
        self.post(py, account, id, change)
    }

    /// Take the grant or the usage of an id back, as if it had never been posted.
    fn retract(&self, py: Python<'_>, account: &str, id: &str, of: &str) -> PyResult<bool> {
        self.post(py, account, id, Change::RetractRecord { of: of.into() })
    }

    /// Give the usage of an id another amount.
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
    fn revoke_grant(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        timestamp: Instant,
    ) -> PyResult<bool> {
        let unit = || self.unit(py);
        let timestamp = timestamp.at(unit)?;
        let (of, from) = (of.into(), timestamp);
        self.post(py, account, id, Change::Revoke { of, from })
    }

    /// Give the window of the grant of an id another end; with None it never ends.
    fn change_expiration(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        of: &str,
        expiration: Option<Length>,
    ) -> PyResult<bool> {
        let unit = || self.unit(py);
        let expiration = expiration
            .map(|expiration| expiration.at(unit))
            .transpose()?;
        let of = of.into();
        self.post(py, account, id, Change::ChangeExpiration { of, expiration })
    }

    /// Give the grant of an id another priority, in its place in posting order.
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
    fn close_books(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        until: Instant,
    ) -> PyResult<bool> {
        let unit = || self.unit(py);
        let until = until.at(unit)?;
        self.post(py, account, id, Change::CloseBooks { until })
    }

    /// Delete an account, with all its entries.
    fn delete_account(&self, py: Python<'_>, account: &str, id: &str) -> PyResult<bool> {
        Ok(self
            .ask(py, |store| store.delete_account(account, id))?
            .is_new())
    }

    /// The balance of an account at an instant, as GPUCredit.get_balance.
    fn get_balance(
        &self,
        py: Python<'_>,
        account: &str,
        timestamp: Instant,
    ) -> PyResult<Option<u64>> {
        let unit = || self.unit(py);
        let timestamp = timestamp.at(unit)?;
        self.ask(py, |store| store.get_balance(account, timestamp))
    }

    /// The balance of an account at an instant, and why: an Answer.
    fn balance_at<'py>(
        &self,
        py: Python<'py>,
        account: &str,
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let unit = || self.unit(py);
        let timestamp = timestamp.at(unit)?;
        let answer = self.ask(py, |store| store.balance_at(account, timestamp))?;
        words::answer(py, &answer)
    }

    /// A copy of an account, to ask it anything: a GPUCredit. Its grants are numbered in their own
    /// order; what is posted to it is not stored. With a sequence number, the account as it stood
    /// after that entry.
    #[pyo3(signature = (name, sequence = None))]
    fn account(&self, py: Python<'_>, name: &str, sequence: Option<Number>) -> PyResult<Account> {
        let ledger = match sequence {
            None => self.ask(py, |store| {
                store.with_account(name, |account| account.ledger().clone())
            }),
            Some(Number(number)) => self.ask(py, |store| {
                let recorded = store.as_recorded(name, Sequence::new(number as u64))?;
                Ok(recorded.ledger().clone())
            }),
        };
        let place = Place::from(ledger?).with_unit(self.unit(py)?);
        Ok(Account(place))
    }

    /// What the usage of an id, metered or not, has cost and which grants paid for it, now or later: a
    /// UsageStatement. Grants are numbered as in account(name).
    fn usage_statement<'py>(
        &self,
        py: Python<'py>,
        account: &str,
        id: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let statement = self.ask(py, |store| {
            store.usage_statement(account, &id.into(), store.last_sequence())
        })?;
        words::usage_statement(py, &statement)
    }

    /// The names of all accounts, in the order in which they were opened.
    fn accounts(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let accounts = self.ask(py, Store::accounts)?;
        Ok(accounts
            .into_iter()
            .map(|account| account.name.to_string())
            .collect())
    }

    /// How an account came about: its entries, each a dictionary with sequence, recorded_at (in
    /// milliseconds since 1970), id, kind, and what belongs to the kind.
    fn history<'py>(&self, py: Python<'py>, account: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let entries = self.ask(py, |store| store.history(account))?;
        entries.iter().map(|entry| entry_of(py, entry)).collect()
    }

    /// The number of the last entry. They are counted over all accounts, from 1 on.
    #[getter]
    fn last_sequence(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |store| Ok(store.last_sequence().get()))
    }

    /// The unit of all timestamps: "s", "ms", "us" or "ns", counted from the beginning of 1970, UTC; None
    /// if nobody has said it yet. The gpu-credit program reads and writes times by it.
    #[getter]
    fn time_unit(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.unit(py)?.map(TimeUnit::as_str))
    }

    /// Say the unit of all timestamps, for good: ValueError if the store has another one. Timestamps that
    /// are there stay as they are.
    fn set_time_unit(&self, py: Python<'_>, unit: &str) -> PyResult<()> {
        let unit = time_unit(unit)?;
        self.ask(py, |store| store.set_time_unit(unit))
    }

    /// What is wrong with the store, a line each; nothing if the list is empty. At so many
    /// instants of each account the engine is compared with a replay.
    #[pyo3(signature = (instants = 10))]
    fn check(&self, py: Python<'_>, instants: usize) -> PyResult<Vec<String>> {
        Ok(self
            .ask(py, |store| store.check(instants, |_| ()))?
            .problems)
    }

    /// Copy the store to another file, as it stands, while it is in use.
    fn copy_to(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.ask(py, |store| store.copy_to(path))
    }

    /// Let go of the file, as soon as no other thread is in the middle of a call.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process()?;
        let store = self.store.with(py, Option::take)?;
        py.detach(|| drop(store));
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().check_process()?;
        Ok(slf)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let is_open = self.store.with(py, |store| store.is_some())?;
        let path = self.path.display();
        Ok(if is_open {
            format!("<CreditStore {path}>")
        } else {
            format!("<CreditStore {path}, closed>")
        })
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.close(py)
    }
}

/// In a forked child nothing is written, and the file stays locked: both are the parent's to do.
impl Drop for DurableStore {
    fn drop(&mut self) {
        if self.process != process::id() {
            mem::forget(mem::take(&mut self.store));
        }
    }
}

/// A unit of time by its symbol.
pub(crate) fn time_unit(unit: &str) -> PyResult<TimeUnit> {
    let unknown =
        |error: UnknownTimeUnit| PyValueError::new_err(format!("found {unit:?}, {error}"));
    unit.parse().map_err(unknown)
}

fn entry_of<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("sequence", entry.sequence.get())?;
    shown.set_item("recorded_at", entry.recorded_at)?;
    shown.set_item("id", entry.id.as_str())?;
    let kind = |kind| shown.set_item("kind", kind);
    match &entry.change {
        Change::OpenAccount { policy } => {
            kind("open_account")?;
            shown.set_item("policy", policy.to_string())?;
        }
        Change::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => {
            kind("grant")?;
            shown.set_item("priority", priority)?;
            shown.set_item("credit_id", credit_id)?;
            shown.set_item("amount", amount)?;
            shown.set_item("timestamp", timestamp)?;
            shown.set_item("expiration", expiration)?;
        }
        Change::Usage { amount, timestamp } => {
            kind("usage")?;
            shown.set_item("amount", amount)?;
            shown.set_item("timestamp", timestamp)?;
        }
        Change::MeteredUsage { rate, from, until } => {
            kind("metered_usage")?;
            shown.set_item("rate", rate)?;
            shown.set_item("start", from)?;
            shown.set_item("until", until)?;
        }
        Change::RetractRecord { .. } => kind("retract")?,
        Change::ChangeUsage { amount, .. } => {
            kind("change_usage")?;
            shown.set_item("amount", amount)?;
        }
        Change::ChangeMeteredUsage {
            rate, from, until, ..
        } => {
            kind("change_metered_usage")?;
            shown.set_item("rate", rate)?;
            shown.set_item("start", from)?;
            shown.set_item("until", until)?;
        }
        Change::Revoke { from, .. } => {
            kind("revoke_grant")?;
            shown.set_item("timestamp", from)?;
        }
        Change::ChangeExpiration { expiration, .. } => {
            kind("change_expiration")?;
            shown.set_item("expiration", expiration)?;
        }
        Change::ChangePriority { priority, .. } => {
            kind("change_priority")?;
            shown.set_item("priority", priority)?;
        }
        Change::CloseBooks { until } => {
            kind("close_books")?;
            shown.set_item("until", until)?;
        }
        Change::DeleteAccount => kind("delete_account")?,
    }
    if let Some(of) = entry.change.corrects() {
        shown.set_item("of", of.as_str())?;
    }
    Ok(shown)
}

#[cold]
fn refused(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::NoSuchAccount(name) => PyKeyError::new_err(name),
        Error::NoSuchUsage { .. } => PyLookupError::new_err(message),
        Error::Refused { refusal, .. } => match refusal {
            Refusal::Limit(limit) => error::refused(limit),
            Refusal::NoSuchRecord(_) => PyLookupError::new_err(message),
            _ => PyValueError::new_err(message),
        },
        Error::Journal(_) | Error::Export(_) => PyOSError::new_err(message),
        Error::NotApplicable { .. } | Error::Interrupted | Error::OtherProcess { .. } => {
            PyRuntimeError::new_err(message)
        }
        _ => PyValueError::new_err(message),
    }
}
