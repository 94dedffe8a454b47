//! `KeyedGPUCredit`: the classic keyed exercise.

use std::collections::HashMap;

use gpu_credit::Overdraft;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::refused;
use crate::integer::{Amount, Expiration, Timestamp};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::shared::Shared;
use crate::state::{self, State};

/// The classic keyed exercise: an account for each credit id, under the policy "forfeit".
///
/// It answers as the classic does for calls in the order of time, and by event time whatever the
/// order of the calls. Units, limits and errors are those of GPUCredit.
///
/// >>> from gpu_credit import KeyedGPUCredit
/// >>> credits = KeyedGPUCredit()
/// >>> credits.addCredit("otter", 10, 0, 100)
/// >>> credits.useCredit("otter", 20, 4)
/// >>> credits.getBalance("otter", 20), credits.getBalance("heron", 20)
/// (6, None)
#[pyclass(
    name = "KeyedGPUCredit",
    module = "gpu_credit",
    frozen,
    subclass,
    weakref
)]
pub(crate) struct KeyedAccounts(Shared<HashMap<String, Ledger>>);

#[pymethods]
#[allow(non_snake_case)] // The names of the arguments are the classic's.
impl KeyedAccounts {
    /// Takes whatever a subclass is called with: `__init__` looks at it.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn new(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        KeyedAccounts(Shared::default())
    }

    fn __init__(&self, py: Python<'_>) -> PyResult<()> {
        self.0.lock(py)?.clear();
        Ok(())
    }

    /// Post a grant of a credit id, live in [timestamp, timestamp + expiration], both ends
    /// included. Errors as GPUCredit.add_credit.
    #[pyo3(name = "addCredit")]
    fn add_credit(
        &self,
        py: Python<'_>,
        creditID: &str,
        amount: Amount,
        timestamp: Timestamp,
        expiration: Expiration,
    ) -> PyResult<()> {
        let mut accounts = self.0.lock(py)?;
        let account = account_of(&mut accounts, creditID);
        let posted = account.add_credit(creditID, amount.0, timestamp.0, expiration.0);
        posted.map_err(refused)
    }

    /// The balance of a credit id at an instant; None where there is none: no window contains the
    /// instant, or nothing is left.
    #[pyo3(name = "getBalance")]
    fn get_balance(
        &self,
        py: Python<'_>,
        creditId: &str,
        timestamp: Timestamp,
    ) -> PyResult<Option<u64>> {
        let mut accounts = self.0.lock(py)?;
        Ok(accounts.get_mut(creditId).and_then(|ledger| {
            let account = ledger.account();
            account.settle_to(timestamp.0);
            account.get_balance(timestamp.0)
        }))
    }

    /// Post usage of a credit id. Beyond what is available it forfeits that, and is dropped.
    /// Errors as GPUCredit.subtract.
    #[pyo3(name = "useCredit")]
    fn use_credit(
        &self,
        py: Python<'_>,
        creditId: &str,
        timestamp: Timestamp,
        amount: Amount,
    ) -> PyResult<()> {
        let mut accounts = self.0.lock(py)?;
        let account = account_of(&mut accounts, creditId);
        account.subtract(amount.0, timestamp.0).map_err(refused)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let count = slf.get().0.lock(slf.py())?.len();
        Ok(format!(
            "<{}: {count} credit ids>",
            slf.get_type().qualname()?
        ))
    }

    /// For pickle and copy: the records by id, and what a subclass has in its `__dict__`.
    fn __getstate__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Bound<'py, PyAny>>)> {
        let py = slf.py();
        let states = PyDict::new(py);
        for (id, ledger) in &mut *slf.get().0.lock(py)? {
            states.set_item(id, state::of(py, ledger.account())?)?;
        }
        Ok((states, slf.getattr_opt("__dict__")?))
    }

    fn __setstate__<'py>(
        slf: &Bound<'py, Self>,
        state: (HashMap<String, State<'py>>, Option<Bound<'py, PyDict>>),
    ) -> PyResult<()> {
        let (states, attributes) = state;
        let accounts = states
            .into_iter()
            .map(|(id, state)| Ok((id, state.restore()?.into())));
        *slf.get().0.lock(slf.py())? = accounts.collect::<PyResult<_>>()?;
        match attributes {
            Some(attributes) => slf
                .getattr("__dict__")?
                .cast::<PyDict>()?
                .update(attributes.as_mapping()),
            None => Ok(()),
        }
    }
}

/// The account of a credit id, opened if need be.
fn account_of<'a>(accounts: &'a mut HashMap<String, Ledger>, id: &str) -> &'a mut Ledger {
    if !accounts.contains_key(id) {
        let account = Policy(Overdraft::Forfeit).account();
        accounts.insert(id.to_owned(), account.into());
    }
    accounts
        .get_mut(id)
        .unwrap_or_else(|| unreachable!("it has been put there"))
}
