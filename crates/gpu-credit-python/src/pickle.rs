//! For pickle and copy: the bytes of an account, and what a subclass has beside them.

use gpu_credit::{CreditBook, GpuCredit};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use rayon::prelude::*;

use crate::account::Account;
use crate::book::{Book, insert};
use crate::bundle;
use crate::keyed::KeyedAccounts;
use crate::ledger::Ledger;
use crate::pool;
use crate::store::time_unit;

/// How to make an object again: an empty one, and its state.
type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyAny>,), Bound<'py, PyAny>);

/// The bytes, and what Python would keep of any object: its `__dict__` and its `__slots__`.
type State<'py> = (Bound<'py, PyBytes>, Bound<'py, PyAny>);

/// The same, and the unit of time.
type AccountState<'py> = (Bound<'py, PyBytes>, Bound<'py, PyAny>, Option<String>);

/// The bytes, and the unit of time.
type BookState<'py> = (Bound<'py, PyBytes>, Option<String>);

fn symbol(unit: Option<TimeUnit>) -> Option<String> {
    unit.map(|unit| unit.as_str().to_owned())
}

fn unit_of(symbol: Option<String>) -> PyResult<Option<TimeUnit>> {
    symbol.map(|symbol| time_unit(&symbol)).transpose()
}

#[pymethods]
impl Account {
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduced(slf.as_any())
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<AccountState<'py>> {
        let py = slf.py();
        let bytes =
            (slf.get().0).work_in_parallel(py, |mut held| held.copy(GpuCredit::to_bytes))?;
        let unit = symbol(slf.get().0.unit());
        Ok((PyBytes::new(py, &bytes), attributes(slf.as_any())?, unit))
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: AccountState<'py>) -> PyResult<()> {
        let (py, (bytes, attributes, unit)) = (slf.py(), state);
        let bytes = bytes.as_bytes();
        let account = pool::work(py, || GpuCredit::from_bytes(bytes));
        (slf.get().0).replace(py, account.map_err(damaged)?, unit_of(unit)?)?;
        set_attributes(slf.as_any(), &attributes)
    }
}

#[pymethods]
impl KeyedAccounts {
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduced(slf.as_any())
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<State<'py>> {
        let py = slf.py();
        let bytes = slf.get().0.work_in_parallel(py, |accounts| {
            let mut accounts: Vec<_> = accounts.iter_mut().collect();
            accounts.sort_unstable_by_key(|(id, _)| *id);
            let bytes = |(_, ledger): &mut (&_, &mut Ledger)| ledger.account().to_bytes();
            let bytes: Vec<_> = accounts.par_iter_mut().map(bytes).collect();
            let ids = accounts.iter().map(|(id, _)| id.as_str());
            bundle::to_bytes(ids.zip(bytes))
        })?;
        Ok((PyBytes::new(py, &bytes), attributes(slf.as_any())?))
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: State<'py>) -> PyResult<()> {
        let (py, (bytes, attributes)) = (slf.py(), state);
        let bytes = bytes.as_bytes();
        let read = pool::work(py, || bundle::from_bytes(bytes));
        let accounts = read.map_err(damaged)?.into_iter();
        let accounts = accounts.map(|(id, account)| (id.to_owned(), account.into()));
        let accounts = accounts.collect();
        slf.get().0.with(py, |place| *place = accounts)?;
        set_attributes(slf.as_any(), &attributes)
    }
}

#[pymethods]
impl Book {
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduced(slf.as_any())
    }

    fn __getstate__<'py>(&self, py: Python<'py>) -> PyResult<BookState<'py>> {
        let bytes = self.accounts.work_in_parallel(py, |book| {
            let names: Vec<_> = book.names().collect();
            let bytes = |name: &&str| book.get(name).map(|account| account.to_bytes());
            let accounts: Vec<_> = names.par_iter().filter_map(bytes).collect();
            bundle::to_bytes(names.into_iter().zip(accounts))
        })?;
        Ok((PyBytes::new(py, &bytes), symbol(self.unit.get())))
    }

    fn __setstate__<'py>(&self, py: Python<'py>, state: BookState<'py>) -> PyResult<()> {
        let (bytes, unit) = state;
        let (bytes, unit) = (bytes.as_bytes(), unit_of(unit)?);
        let read = pool::work(py, || {
            let mut book = CreditBook::new();
            for (name, account) in bundle::from_bytes(bytes)? {
                insert(&mut book, name, account).map_err(|error| error.to_string())?;
            }
            book.pack();
            Ok::<_, String>(book)
        });
        let read = read.map_err(damaged)?;
        self.accounts.with(py, |book| *book = read)?;
        self.unit.set(unit);
        Ok(())
    }
}

/// The same in all protocols, 0 and 1 among them.
fn reduced<'py>(object: &Bound<'py, PyAny>) -> PyResult<Reduced<'py>> {
    let make = object.py().import("copyreg")?.getattr("__newobj__")?;
    let state = object.call_method0("__getstate__")?;
    Ok((make, (object.get_type().into_any(),), state))
}

fn attributes<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let any = object.py().get_type::<PyAny>();
    any.call_method1("__getstate__", (object,))
}

/// Sets what [`attributes`] has found: nothing, a dictionary, or one and that of the slots.
fn set_attributes(object: &Bound<'_, PyAny>, state: &Bound<'_, PyAny>) -> PyResult<()> {
    if state.is_none() {
        return Ok(());
    }
    let Ok(both) = state.cast::<PyTuple>() else {
        let attributes = object.getattr("__dict__")?.cast_into::<PyDict>()?;
        return attributes.update(state.cast::<PyDict>()?.as_mapping());
    };
    let (attributes, slots): (Bound<'_, PyAny>, Bound<'_, PyDict>) = both.extract()?;
    for (name, value) in slots {
        object.setattr(name.extract::<&str>()?, value)?;
    }
    set_attributes(object, &attributes)
}

#[cold]
fn damaged(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("this is no pickled account: {error}"))
}
