//! `CreditStore`: many accounts in one durable file, or on PostgreSQL.

use gpu_credit_store::{Error, Refusal, Revision, TimeUnit, UnknownTimeUnit};
use pyo3::exceptions::{PyKeyError, PyLookupError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::{mem, process};

use crate::account::Account;
use crate::error;
use crate::instant::{Instant, Time, UnitName};
use crate::integer::Number;
use crate::opened::{Opened, Store};
use crate::place::Place;
use crate::shared::{Interrupt, Shared, abandonably, interruptibly};
use crate::words;

/// CreditStore(path, *, unit=None): many accounts in one file, without a server, nothing lost; or, with
/// "postgres://USER@HOST/DATABASE" for the path, on PostgreSQL, shared with other processes.
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
/// call is a RuntimeError, and the child opens its own. One process at a time has a file open: let the others
/// ask that one. On PostgreSQL, 15 or later, any number of processes on any number of machines serve the same
/// accounts: each call sees what earlier calls have posted. The database is to be the store's own; a
/// password comes from PGPASSWORD. Ctrl-C ends the wait for a server that does not answer: whether that call
/// has posted is settled by posting it again.
///
/// Raises KeyError if there is no account of a name, LookupError if there is no record of an id,
/// ValueError and OverflowError as GPUCredit does, and OSError if the file or the server fails.
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
    pub(crate) store: Shared<Option<Opened>>,
    /// The path of the file, or which server and database, without a password.
    pub(crate) name: String,
    pub(crate) is_file: bool,
    /// The process that has opened it.
    pub(crate) process: u32,
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

    /// Asks the store, while other Python threads run, also those that ask it or post to it. A signal ends the
    /// wait for a server.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Store) -> Result<R, Error> + Send + 'static,
    ) -> PyResult<R> {
        let Opened { store, file } = self.open(py)?;
        let asked = match file {
            Some(_) => py.detach(|| question(&store)),
            None => abandonably(py, move || question(&store))?,
        };
        asked.map_err(refused)
    }

    /// As [`ask`](Self::ask), for what a signal may end.
    pub(crate) fn ask_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Store, &Interrupt) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let Opened { store, .. } = self.open(py)?;
        interruptibly(py, |interrupt| question(&store, interrupt))?.map_err(refused)
    }

    fn open(&self, py: Python<'_>) -> PyResult<Opened> {
        self.check_process()?;
        let store = self.store.with(py, |store| store.clone())?;
        store.ok_or_else(|| PyValueError::new_err("the store is closed"))
    }

    /// A time as a number in the unit of the store.
    pub(crate) fn at<T: Time>(&self, py: Python<'_>, time: T) -> PyResult<T::Number> {
        time.at(|| self.unit(py))
    }

    /// The unit of its timestamps, if somebody has said it.
    pub(crate) fn unit(&self, py: Python<'_>) -> PyResult<Option<TimeUnit>> {
        self.ask(py, Store::time_unit)
    }
}

#[pymethods]
impl DurableStore {
    #[new]
    #[pyo3(signature = (path, *, unit = None))]
    fn new(py: Python<'_>, path: PathBuf, unit: Option<UnitName>) -> PyResult<Self> {
        let (opened, name) = abandonably(py, move || {
            let (opened, name) = Opened::open(path)?;
            if let Some(UnitName(unit)) = unit {
                opened.store.set_time_unit(unit)?;
            }
            Ok((opened, name))
        })?
        .map_err(refused)?;
        Ok(DurableStore {
            is_file: opened.file.is_some(),
            store: Shared::new(Some(opened)),
            name,
            process: process::id(),
        })
    }

    /// The balance of an account at an instant, as GPUCredit.get_balance.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.get_balance("ada", 30), store.get_balance("ada", 31)
    /// True
    /// (100, None)
    fn get_balance(
        &self,
        py: Python<'_>,
        account: String,
        timestamp: Instant,
    ) -> PyResult<Option<u64>> {
        let timestamp = self.at(py, timestamp)?;
        self.ask(py, move |store| store.get_balance(&account, timestamp))
    }

    /// The balance of an account at an instant, and why: an Answer.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.balance_at("ada", 5).deficit
    /// True
    /// 8
    fn balance_at<'py>(
        &self,
        py: Python<'py>,
        account: String,
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(py, timestamp)?;
        let answer = self.ask(py, move |store| store.balance_at(&account, timestamp))?;
        words::answer(py, &answer)
    }

    /// A copy of an account, to ask it anything: a GPUCredit. Its grants are numbered in their own
    /// order; what is posted to it is not stored. With as_recorded, the account as it stood at that
    /// revision.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.account("ada").used, store.account("ada", as_recorded=1).used
    /// True
    /// (8, 0)
    #[pyo3(signature = (name, as_recorded = None))]
    fn account(
        &self,
        py: Python<'_>,
        name: String,
        as_recorded: Option<Number>,
    ) -> PyResult<Account> {
        let ledger = match as_recorded {
            None => self.ask(py, move |store| {
                store.with_account(&name, |account| account.ledger().clone())
            }),
            Some(Number(number)) => self.ask(py, move |store| {
                let recorded = store.as_recorded(&name, Revision::new(number as u64))?;
                Ok(recorded.ledger().clone())
            }),
        };
        let place = Place::from(ledger?).with_unit(self.unit(py)?);
        Ok(Account(place))
    }

    /// What the usage of an id, metered or not, has cost and which grants paid for it, now or later: a
    /// UsageStatement. Grants are numbered as in account(name). With as_recorded, as the account stood
    /// at that revision.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.usage_statement("ada", "job-17")
    /// True
    /// UsageStatement(amount=8, draws=[], deficit=8, dropped=0)
    #[pyo3(signature = (account, id, as_recorded = None))]
    fn usage_statement<'py>(
        &self,
        py: Python<'py>,
        account: String,
        id: String,
        as_recorded: Option<Number>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let statement = self.ask(py, move |store| {
            let revision = match as_recorded {
                None => store.head(&account)?.revision,
                Some(Number(number)) => Revision::new(number as u64),
            };
            store.usage_statement(&account, &id.into(), revision)
        })?;
        words::usage_statement(py, &statement)
    }

    /// The names of all accounts, in their order.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.accounts()
    /// ['ada']
    fn accounts(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let accounts = self.ask(py, Store::accounts)?;
        Ok(accounts
            .into_iter()
            .map(|account| account.name.to_string())
            .collect())
    }

    /// The revision that an account is at: how many entries it has. What posts takes the next one.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.revision("ada")
    /// True
    /// 2
    fn revision(&self, py: Python<'_>, account: String) -> PyResult<u64> {
        self.ask(py, move |store| Ok(store.head(&account)?.revision.get()))
    }

    /// The unit of all timestamps: "s", "ms", "us" or "ns", counted from the beginning of 1970, UTC; None
    /// if nobody has said it yet. The gpu-credit program reads and writes times by it.
    #[getter]
    fn time_unit(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.unit(py)?.map(TimeUnit::as_str))
    }

    /// Say the unit of all timestamps, for good: ValueError if the store has another one. Timestamps that
    /// are there stay as they are.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.set_time_unit("s")
    /// ...     store.time_unit
    /// 's'
    fn set_time_unit(&self, py: Python<'_>, unit: &str) -> PyResult<()> {
        let unit = time_unit(unit)?;
        self.ask(py, move |store| store.set_time_unit(unit))
    }

    /// What is wrong with the store, a line each; nothing if the list is empty. At so many
    /// instants of each account the engine is compared with a replay.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.check()
    /// []
    #[pyo3(signature = (instants = 10))]
    fn check(&self, py: Python<'_>, instants: usize) -> PyResult<Vec<String>> {
        Ok(self
            .ask(py, move |store| store.check(instants, |_| ()))?
            .problems)
    }

    /// Copy the store to another file, as it stands, while it is in use. From a file to an empty database, or from
    /// a database, accounts go with all entries, revisions and ids, and the copy is read and compared: post nothing
    /// meanwhile.
    ///
    /// >>> copy = path.with_name("another.redb")
    /// >>> with CreditStore(path) as store:
    /// ...     store.copy_to(copy)
    /// >>> with CreditStore(copy) as store:
    /// ...     store.accounts()
    /// ['ada']
    fn copy_to(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let opened = self.open(py)?;
        abandonably(py, move || opened.copy_to(path))?.map_err(refused)
    }

    /// Let go of the file or the connections, as soon as no other thread is in the middle of a call.
    ///
    /// >>> store = CreditStore(path)
    /// >>> store.close()
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

#[cold]
fn refused(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::NoSuchAccount(name) => PyKeyError::new_err(name),
        Error::NoSuchUsage { .. } | Error::NoSuchRevision { .. } => PyLookupError::new_err(message),
        Error::Refused { refusal, .. } => match refusal {
            Refusal::Limit(limit) => error::refused(limit),
            Refusal::NoSuchRecord(_) | Refusal::NoSuchHold(_) => PyLookupError::new_err(message),
            _ => PyValueError::new_err(message),
        },
        Error::Journal(_) | Error::Export(_) => PyOSError::new_err(message),
        Error::NotApplicable { .. } | Error::Interrupted | Error::OtherProcess { .. } => {
            PyRuntimeError::new_err(message)
        }
        _ => PyValueError::new_err(message),
    }
}
