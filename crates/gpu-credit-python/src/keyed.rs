//! `KeyedGPUCredit`: the classic keyed exercise.

use std::collections::HashMap;

use gpu_credit::Overdraft;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::refused;
use crate::held::WAITING_FEW;
use crate::integer::{Amount, Expiration, Timestamp};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::shared::Shared;

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
pub(crate) struct KeyedAccounts(pub(crate) Shared<HashMap<String, Ledger>>);

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
        self.0.with(py, HashMap::clear)
    }

    /// Post a grant of a credit id, live in [timestamp, timestamp + expiration], both ends
    /// included. Errors as GPUCredit.add_credit.
    ///
    /// >>> credits = KeyedGPUCredit()
    /// >>> credits.addCredit("otter", 10, timestamp=0, expiration=20)
    /// >>> credits.getBalance("otter", 20)
    /// 10
    #[pyo3(name = "addCredit")]
    fn add_credit(
        &self,
        py: Python<'_>,
        creditId: &str,
        amount: Amount,
        timestamp: Timestamp,
        expiration: Expiration,
    ) -> PyResult<()> {
        let posted = self.0.with(py, |accounts| {
            let account = account_of(accounts, creditId);
            account.add_credit(creditId, amount.0, timestamp.0, expiration.0)
        })?;
        posted.map_err(refused)
    }

    /// The balance of a credit id at an instant; None if there is none: no window contains the
    /// instant, or nothing is left.
    ///
    /// >>> credits = KeyedGPUCredit()
    /// >>> credits.addCredit("otter", 10, 0, 20)
    /// >>> credits.getBalance("otter", 21) is None
    /// True
    #[pyo3(name = "getBalance")]
    fn get_balance(
        &self,
        py: Python<'_>,
        creditId: &str,
        timestamp: Timestamp,
    ) -> PyResult<Option<u64>> {
        let ask = |ledger: &mut Ledger| {
            let account = ledger.account();
            account.settle_to(timestamp.0);
            account.get_balance(timestamp.0)
        };
        let quick = self.0.with(py, |accounts| {
            let Some(ledger) = accounts.get_mut(creditId) else {
                return Some(None);
            };
            let is_quick = ledger.waiting() <= WAITING_FEW;
            is_quick.then(|| ask(ledger))
        })?;
        match quick {
            Some(balance) => Ok(balance),
            None => (self.0).work(py, |accounts| accounts.get_mut(creditId).and_then(ask)),
        }
    }

    /// Post usage of a credit id. Beyond what is available it forfeits that, and is dropped.
    /// Errors as GPUCredit.subtract.
    ///
    /// >>> credits = KeyedGPUCredit()
    /// >>> credits.addCredit("otter", 10, 0, 20)
    /// >>> credits.useCredit("otter", timestamp=5, amount=11)
    /// >>> credits.getBalance("otter", 5) is None
    /// True
    #[pyo3(name = "useCredit")]
    fn use_credit(
        &self,
        py: Python<'_>,
        creditId: &str,
        timestamp: Timestamp,
        amount: Amount,
    ) -> PyResult<()> {
        let posted = self.0.with(py, |accounts| {
            account_of(accounts, creditId).subtract(amount.0, timestamp.0)
        })?;
        posted.map_err(refused)
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
