//! What a pickled account is: its records, in columns.

use std::collections::HashMap;

use gpu_credit::{GpuCredit, Record};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::{Integers, integers, signed};
use crate::error::refused;
use crate::integer::{Number, Timestamp, grant_id};
use crate::policy::Policy;
use crate::records::of_usage_columns;

/// An account's records, grants in posting order, usage in event order.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct State<'py> {
    policy: Policy,
    numbers: Integers<'py>,
    credit_ids: Vec<String>,
    amounts: Integers<'py>,
    starts: Integers<'py>,
    ends: Integers<'py>,
    /// Grants that are revoked, by number, and from when.
    revoked: Vec<(Number, Timestamp)>,
    usage_amounts: Integers<'py>,
    usage_timestamps: Integers<'py>,
}

impl State<'_> {
    /// The account of these records. A grant that had been retracted has left its number: one is
    /// posted and retracted again. One that was revoked is posted with the shortest window that
    /// can be revoked from there on: what it was before is forgotten.
    pub(crate) fn restore(&self) -> PyResult<GpuCredit> {
        let mut records = Vec::new();
        let mut retracted = Vec::new();
        let revoked = self.revoked.iter().map(|(number, from)| (number.0, from.0));
        let revoked: HashMap<usize, i64> = revoked.collect();
        let grants = (self.numbers.as_slice()?.iter())
            .zip(&self.credit_ids)
            .zip(self.amounts.as_slice()?)
            .zip(self.starts.as_slice()?.iter().zip(self.ends.as_slice()?));
        for (((number, credit_id), amount), (start, end)) in grants {
            while signed(records.len() as u64) < *number {
                retracted.push(records.len());
                records.push(Record::grant("", 0, 0, 0));
            }
            let end = revoked
                .get(&records.len())
                .map_or(*end, |from| *end.max(from));
            let (amount, length) = (amount.unsigned_abs(), start.abs_diff(end));
            records.push(Record::grant(credit_id, amount, *start, length));
        }
        let mut account = GpuCredit::with_options(self.policy.options());
        account.extend(records).map_err(refused)?;
        for number in retracted {
            account
                .retract_grant(grant_id(Number(number))?)
                .map_err(refused)?;
        }
        for (number, from) in &self.revoked {
            account
                .revoke_grant(grant_id(*number)?, from.0)
                .map_err(refused)?;
        }
        let usage = of_usage_columns(&self.usage_amounts, &self.usage_timestamps)?;
        account.subtract_many(&usage).map_err(refused)?;
        Ok(account)
    }
}

/// The state of an account, as [`State`] reads it.
pub(crate) fn of<'py>(py: Python<'py>, account: &GpuCredit) -> PyResult<Bound<'py, PyDict>> {
    let grants = || account.grants().map(|(_, grant)| grant);
    let numbers = account.grants().map(|(id, _)| signed(id.index() as u64));
    let (usage_amounts, usage_timestamps) = usage(account);
    let state = PyDict::new(py);
    state.set_item("policy", Policy(account.overdraft()).name())?;
    state.set_item("numbers", integers(py, numbers.collect()))?;
    state.set_item(
        "credit_ids",
        grants().map(|grant| grant.credit_id).collect::<Vec<_>>(),
    )?;
    state.set_item(
        "amounts",
        integers(py, grants().map(|grant| signed(grant.amount)).collect()),
    )?;
    state.set_item(
        "starts",
        integers(py, grants().map(|grant| grant.start).collect()),
    )?;
    state.set_item(
        "ends",
        integers(py, grants().map(|grant| grant.end).collect()),
    )?;
    let revoked = account
        .grants()
        .filter_map(|(id, grant)| Some((id.index(), grant.revoked_from?)));
    state.set_item("revoked", revoked.collect::<Vec<_>>())?;
    state.set_item("usage_amounts", integers(py, usage_amounts))?;
    state.set_item("usage_timestamps", integers(py, usage_timestamps))?;
    Ok(state)
}

/// All usage as columns of amounts and timestamps, in event order.
pub(crate) fn usage(account: &GpuCredit) -> (Vec<i64>, Vec<i64>) {
    let usage = account.usage();
    usage
        .map(|(timestamp, amount)| (signed(amount), timestamp))
        .unzip()
}
