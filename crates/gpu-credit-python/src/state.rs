//! What a pickled account is: its records, in columns.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use gpu_credit::{GpuCredit, Record, UsageId, UsageRecord};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::{Integers, integers, signed};
use crate::error::{refused, refused_record};
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
    usage_nths: Integers<'py>,
}

impl State<'_> {
    /// The account of these records. A grant that had been retracted has left its number, and usage
    /// its identity: one is posted and retracted again. A grant that was revoked is posted with the
    /// shortest window that can be revoked from there on: what it was before is forgotten.
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
        let mut account = self.policy.account();
        account.extend(records).map_err(refused_record)?;
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
        self.restore_usage(&mut account)?;
        Ok(account)
    }

    fn restore_usage(&self, account: &mut GpuCredit) -> PyResult<()> {
        let standing = of_usage_columns(&self.usage_amounts, &self.usage_timestamps)?;
        let (mut records, mut retracted) = (Vec::new(), Vec::new());
        let mut next = UsageId {
            timestamp: i64::MIN,
            nth: 0,
        };
        for (record, nth) in standing.into_iter().zip(self.usage_nths.as_slice()?) {
            let timestamp = record.timestamp;
            if timestamp != next.timestamp {
                next = UsageId { timestamp, nth: 0 };
            }
            while i64::from(next.nth) < *nth {
                let amount = 0;
                records.push(UsageRecord { amount, timestamp });
                retracted.push(next);
                next.nth += 1;
            }
            records.push(record);
            next.nth += 1;
        }
        account.subtract_many(&records).map_err(refused_record)?;
        for usage in retracted {
            account.retract_usage(usage).map_err(refused)?;
        }
        Ok(())
    }
}

/// The state of an account, as [`State`] reads it.
pub(crate) fn of<'py>(py: Python<'py>, account: &GpuCredit) -> PyResult<Bound<'py, PyDict>> {
    let grants = || account.grants().map(|(_, grant)| grant);
    let numbers = account.grants().map(|(id, _)| signed(id.index() as u64));
    let [usage_amounts, usage_timestamps, usage_nths] = usage(account, i64::MIN..=i64::MAX);
    let state = PyDict::new(py);
    state.set_item("policy", account.overdraft().as_str())?;
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
    state.set_item("usage_nths", integers(py, usage_nths))?;
    Ok(state)
}

/// The usage of a range of time as columns of amounts, timestamps and nths, in event order.
pub(crate) fn usage(account: &GpuCredit, range: RangeInclusive<i64>) -> [Vec<i64>; 3] {
    let mut columns = [const { Vec::new() }; 3];
    let [amounts, timestamps, nths] = &mut columns;
    for (id, usage) in account.usage(range) {
        amounts.push(signed(usage.amount));
        timestamps.push(usage.timestamp);
        nths.push(id.nth.into());
    }
    columns
}
