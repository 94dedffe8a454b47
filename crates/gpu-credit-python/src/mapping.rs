//! A book as a mapping of names to accounts.

use gpu_credit::GpuCredit;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::account::Account;
use crate::book::{Book, insert, no_such_account, refused};
use crate::place::Place;

#[pymethods]
impl Book {
    /// The names of all accounts, in the order of their bytes.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("bob"), book.open("ada")
    /// (None, None)
    /// >>> book.keys()
    /// ['ada', 'bob']
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.accounts
            .work(py, |book| book.names().map(str::to_owned).collect())
    }

    /// All accounts, in the order of their names.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.values() == [book["ada"]]
    /// True
    fn values(slf: &Bound<'_, Self>) -> PyResult<Vec<Account>> {
        let names = slf.get().keys(slf.py())?.into_iter();
        Ok(names.map(|name| account_of(slf, name)).collect())
    }

    /// All names, each with its account, in the order of the names.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> for name, account in book.items():
    /// ...     account.subtract(4, 30)
    /// >>> book["ada"].used
    /// 4
    fn items(slf: &Bound<'_, Self>) -> PyResult<Vec<(String, Account)>> {
        let names = slf.get().keys(slf.py())?.into_iter();
        Ok(names
            .map(|name| (name.clone(), account_of(slf, name)))
            .collect())
    }

    /// The account of a name, or default if there is none.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.get("ada") == book["ada"], book.get("eve")
    /// (True, None)
    #[pyo3(signature = (name, default = None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        name: String,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match slf.get().__contains__(py, &name)? {
            true => Ok(Bound::new(py, account_of(slf, name))?.into_any()),
            false => Ok(default.unwrap_or_else(|| py.None().into_bound(py))),
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.accounts.with(py, |book| book.len())
    }

    fn __contains__(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        self.accounts.with(py, |book| book.contains(name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.keys(py)?.into_pyobject(py)?;
        Ok(names.try_iter()?.into_any())
    }

    fn __getitem__(slf: &Bound<'_, Self>, name: String) -> PyResult<Account> {
        if !slf.get().__contains__(slf.py(), &name)? {
            return Err(no_such_account(&name));
        }
        Ok(account_of(slf, name))
    }

    /// Raises ValueError if the name is taken: what stands there is not dropped unseen.
    fn __setitem__(
        &self,
        py: Python<'_>,
        name: &str,
        account: &Bound<'_, Account>,
    ) -> PyResult<()> {
        let (from, to) = (account.get().0.unit(), self.unit.get());
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            return Err(PyValueError::new_err(format!(
                "the account counts {from}, and the book {to}"
            )));
        }
        let account =
            (account.get().0).work_in_parallel(py, |mut held| held.copy(GpuCredit::clone))?;
        (self.accounts.work(py, |book| insert(book, name, account))?).map_err(refused)
    }

    fn __delitem__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let removed = self.accounts.work(py, |book| book.remove(name).map(drop))?;
        removed.ok_or_else(|| no_such_account(name))
    }
}

fn account_of(book: &Bound<'_, Book>, name: String) -> Account {
    Account(Place::in_book(book.clone().unbind(), name))
}
