//! Corrections: records that turn out to have been wrong.

use pyo3::prelude::*;

use crate::account::Account;
use crate::error::refused;
use crate::integer::{Amount, Expiration, Number, Timestamp, grant_id};

#[pymethods]
impl Account {
    /// Take a grant back, by its number, as if it had never been posted. Raises LookupError where
    /// it never was, or is taken back already.
    ///
    /// >>> account = GPUCredit()
    /// >>> mistaken = account.post_grant("twice", 10, 0, 100)
    /// >>> account.add_credit("twice", 10, 0, 100)
    /// >>> account.retract_grant(mistaken)
    /// >>> account.get_balance(0)
    /// 10
    fn retract_grant(&self, py: Python<'_>, number: Number) -> PyResult<()> {
        let id = grant_id(number)?;
        self.ask(py, |account| account.retract_grant(id))?
            .map_err(refused)
    }

    /// Take one usage of this amount at this instant back, the one posted last, as if it had never
    /// been posted. Raises LookupError where there is none.
    fn retract_usage(&self, py: Python<'_>, amount: Amount, timestamp: Timestamp) -> PyResult<()> {
        let retracted = self.ask(py, |account| account.retract_usage(amount.0, timestamp.0))?;
        retracted.map_err(refused)
    }

    /// Change the amount of one usage, the one posted last of this amount at this instant. Raises
    /// LookupError where there is none, and OverflowError where usage would add up to too much.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(40, 10)
    /// >>> account.change_usage(10, 40, 4)
    /// >>> account.get_balance(10)
    /// 96
    fn change_usage(
        &self,
        py: Python<'_>,
        timestamp: Timestamp,
        amount: Amount,
        new_amount: Amount,
    ) -> PyResult<()> {
        let changed = self.ask(py, |account| {
            account.change_usage(timestamp.0, amount.0, new_amount.0)
        })?;
        changed.map_err(refused)
    }

    /// Revoke a grant from an instant on: its window then ends the instant before, and what is left
    /// of it there is revoked and does not lapse. From its start on, or earlier, it was never live.
    /// Raises LookupError where the grant is not posted or is taken back, and ValueError where its
    /// window ends before that instant or it is revoked already.
    ///
    /// >>> account = GPUCredit()
    /// >>> trial = account.post_grant("trial", 100, 0, 30)
    /// >>> account.revoke_grant(trial, 10)
    /// >>> account.get_balance(9), account.get_balance(10)
    /// (100, None)
    fn revoke_grant(&self, py: Python<'_>, number: Number, timestamp: Timestamp) -> PyResult<()> {
        let id = grant_id(number)?;
        self.ask(py, |account| account.revoke_grant(id, timestamp.0))?
            .map_err(refused)
    }

    /// Extend or shorten the window of a grant: it is live in [start, start + expiration], and
    /// always was; with None it never ends. Raises LookupError where the grant is not posted or is
    /// taken back, ValueError where it is revoked, and OverflowError where the window does not fit.
    ///
    /// >>> account = GPUCredit()
    /// >>> march = account.post_grant("march", 100, 0, 30)
    /// >>> account.change_expiration(march, 50)
    /// >>> account.get_balance(40)
    /// 100
    fn change_expiration(
        &self,
        py: Python<'_>,
        number: Number,
        expiration: Option<Expiration>,
    ) -> PyResult<()> {
        let id = grant_id(number)?;
        let changed = self.ask(py, |account| match expiration {
            Some(expiration) => account.change_expiration(id, expiration.0),
            None => account.change_expiration_without_end(id),
        })?;
        changed.map_err(refused)
    }
}
