//! Corrections: records that turn out to have been wrong.

use pyo3::prelude::*;

use crate::account::Account;
use crate::error::refused;
use crate::instant::{Instant, Length};
use crate::integer::{Amount, Number, Priority, Usage, grant_id};
use crate::words;

#[pymethods]
impl Account {
    /// Take a grant back, by its number, as if it had never been posted. Raises LookupError if
    /// it never was, or is taken back already.
    ///
    /// >>> account = GPUCredit()
    /// >>> mistaken = account.post_grant("twice", amount=10, timestamp=0, expiration=100)
    /// >>> account.add_credit("twice", 10, 0, 100)
    /// >>> account.retract_grant(mistaken)
    /// >>> account.get_balance(0)
    /// 10
    fn retract_grant(&self, py: Python<'_>, number: Number) -> PyResult<()> {
        let id = grant_id(number)?;
        (self.0)
            .change(py, |account| account.retract_grant(id))?
            .map_err(refused)
    }

    /// Take usage back, by its UsageId, as if it had never been posted, and return the UsageRecord.
    /// Raises LookupError if it never was, or is taken back already.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> job = account.post_usage(amount=40, timestamp=10)
    /// >>> account.retract_usage(job)
    /// UsageRecord(amount=40, timestamp=10)
    /// >>> account.get_balance(10)
    /// 100
    fn retract_usage<'py>(&self, py: Python<'py>, usage: Usage) -> PyResult<Bound<'py, PyAny>> {
        let retracted = (self.0).change(py, |account| account.retract_usage(usage.0))?;
        words::usage_record(py, retracted.map_err(refused)?)
    }

    /// Change the amount of usage, by its UsageId; it keeps its place in posting order. Raises
    /// LookupError if it was never posted or is taken back, and OverflowError if usage would add up
    /// to too much.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(40, 10)
    /// >>> account.change_usage(account.find_usage(amount=40, timestamp=10), 4)
    /// >>> account.get_balance(10)
    /// 96
    fn change_usage(&self, py: Python<'_>, usage: Usage, amount: Amount) -> PyResult<()> {
        let changed = (self.0).change(py, |account| account.change_usage(usage.0, amount.0))?;
        changed.map_err(refused)
    }

    /// Revoke a grant from an instant on: its window then ends the instant before, and its remainder
    /// there is revoked and does not lapse. From its start on, or earlier, it was never live. Raises
    /// LookupError if the grant is not posted or is taken back, and ValueError if its window ends
    /// before that instant or it is revoked already.
    ///
    /// >>> account = GPUCredit()
    /// >>> trial = account.post_grant("trial", amount=100, timestamp=0, expiration=30)
    /// >>> account.revoke_grant(trial, timestamp=10)
    /// >>> account.get_balance(9), account.get_balance(10)
    /// (100, None)
    #[pyo3(signature = (number, *, timestamp))]
    fn revoke_grant(&self, py: Python<'_>, number: Number, timestamp: Instant) -> PyResult<()> {
        let timestamp = self.at(timestamp)?;
        let id = grant_id(number)?;
        (self.0)
            .change(py, |account| account.revoke_grant(id, timestamp))?
            .map_err(refused)
    }

    /// Extend or shorten the window of a grant: it is live in [start, start + expiration], and
    /// always was; with None it never ends. Raises LookupError if the grant is not posted or is
    /// taken back, ValueError if it is revoked, and OverflowError if the window does not fit.
    ///
    /// >>> account = GPUCredit()
    /// >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
    /// >>> account.change_expiration(march, expiration=50)
    /// >>> account.get_balance(40)
    /// 100
    #[pyo3(signature = (number, *, expiration))]
    fn change_expiration(
        &self,
        py: Python<'_>,
        number: Number,
        expiration: Option<Length>,
    ) -> PyResult<()> {
        let expiration = self.at(expiration)?;
        let id = grant_id(number)?;
        let changed = (self.0).change(py, |account| match expiration {
            Some(expiration) => account.change_expiration(id, expiration),
            None => account.change_expiration_without_end(id),
        })?;
        changed.map_err(refused)
    }

    /// Give a grant another priority; it keeps its place in posting order. Raises LookupError if the grant
    /// is not posted or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> bought = account.post_grant("bought", amount=100, timestamp=0, expiration=9)
    /// >>> plan = account.post_grant("plan", amount=100, timestamp=0, expiration=30)
    /// >>> account.subtract(40, 5)                        # from what was bought, which ends first
    /// >>> account.change_priority(bought, priority=1)    # now from the plan
    /// >>> account.get_balance(10)
    /// 60
    #[pyo3(signature = (number, *, priority))]
    fn change_priority(&self, py: Python<'_>, number: Number, priority: Priority) -> PyResult<()> {
        let id = grant_id(number)?;
        let changed = (self.0).change(py, |account| account.change_priority(id, priority.0))?;
        changed.map_err(refused)
    }
}
