//! How an account of the store came about, entry by entry.

use gpu_credit_store::{Change, Entry, HeldUsage, Hold};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::store::DurableStore;

#[pymethods]
impl DurableStore {
    /// How an account came about: its entries, each a dictionary with revision, recorded_at (in
    /// milliseconds since 1970), id, kind, and what belongs to the kind.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     [(entry["kind"], entry["id"]) for entry in store.history("ada")]
    /// True
    /// [('open_account', 'open'), ('usage', 'job-17')]
    fn history<'py>(&self, py: Python<'py>, account: String) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let entries = self.ask(py, move |store| store.history(&account))?;
        entries.iter().map(|entry| entry_of(py, entry)).collect()
    }
}

fn entry_of<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("revision", entry.revision.get())?;
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
        Change::Hold(hold) => {
            kind("hold")?;
            show_hold(&shown, hold)?;
        }
        Change::RefuseHold(refused) => {
            kind("refuse_hold")?;
            show_hold(&shown, &refused.asked)?;
            shown.set_item("balance", refused.funds.balance)?;
            shown.set_item("held", refused.funds.held)?;
            shown.set_item("available", refused.funds.available)?;
            shown.set_item("spendable", refused.funds.spendable)?;
        }
        Change::Settle {
            amount, timestamp, ..
        } => {
            kind("settle")?;
            shown.set_item("amount", amount)?;
            shown.set_item("timestamp", timestamp)?;
        }
        Change::SettleMetered {
            rate, from, until, ..
        } => {
            kind("settle_metered")?;
            shown.set_item("rate", rate)?;
            shown.set_item("start", from)?;
            shown.set_item("until", until)?;
        }
        Change::Release { .. } => kind("release")?,
    }
    if let Some(of) = entry.change.corrects() {
        shown.set_item("of", of.as_str())?;
    }
    Ok(shown)
}

/// What a hold is, or was to be.
fn show_hold(shown: &Bound<'_, PyDict>, hold: &Hold) -> PyResult<()> {
    shown.set_item("accounts", &hold.accounts)?;
    match hold.usage {
        HeldUsage::Amount(amount) => shown.set_item("amount", amount)?,
        HeldUsage::Metered { rate, end } => {
            shown.set_item("rate", rate)?;
            shown.set_item("end", end)?;
        }
    }
    shown.set_item("start", hold.at)?;
    shown.set_item("until", hold.until)
}
