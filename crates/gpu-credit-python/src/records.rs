//! Records from Python's side: tuples of a loop, columns of a table.

use gpu_credit::{Record, UsageRecord};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::array::Integers;
use crate::integer::{Amount, Expiration, Timestamp, negative};
use crate::progress::{Progress, RECORDS_PER_REPORT};

/// A grant is a tuple `(credit_id, amount, timestamp, expiration)`, usage `(amount, timestamp)`.
pub(crate) fn of_tuples<'py>(
    records: &Bound<'py, PyAny>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let len = records.len().ok();
    let mut posted = Vec::with_capacity(len.unwrap_or(0));
    for record in records.try_iter()? {
        posted.push(of_tuple(&record?)?);
        if posted.len() % RECORDS_PER_REPORT == 0 {
            progress.report(records.py(), posted.len(), len)?;
        }
    }
    progress.report(records.py(), posted.len(), Some(posted.len()))?;
    Ok(posted)
}

/// One record of those.
pub(crate) fn of_tuple(record: &Bound<'_, PyAny>) -> PyResult<Record> {
    if let Ok(tuple) = record.cast::<PyTuple>() {
        if tuple.len() == 4 {
            let (credit_id, Amount(amount), Timestamp(timestamp), Expiration(expiration)) =
                tuple.extract::<(String, _, _, _)>()?;
            return Ok(Record::grant(credit_id, amount, timestamp, expiration));
        }
        if tuple.len() == 2 {
            let (Amount(amount), Timestamp(timestamp)) = tuple.extract()?;
            return Ok(Record::usage(amount, timestamp));
        }
    }
    Err(PyTypeError::new_err(format!(
        "a record is a grant (credit_id, amount, timestamp, expiration) or usage (amount, timestamp), not {}",
        record.repr()?
    )))
}

/// Grants by columns; a single string is the id of them all.
pub(crate) fn of_grant_columns<'py>(
    credit_ids: &Bound<'py, PyAny>,
    amounts: &Integers<'py>,
    timestamps: &Integers<'py>,
    expirations: &Integers<'py>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let py = credit_ids.py();
    let count = amounts.len();
    same_length(&[count, timestamps.len(), expirations.len()])?;
    let amounts = naturals(amounts.as_slice()?, "an amount")?;
    let expirations = naturals(expirations.as_slice()?, "an expiration")?;
    let mut rows = amounts.zip(timestamps.as_slice()?).zip(expirations);
    let mut grants = Vec::with_capacity(count);
    let mut post = |credit_id: &Bound<'py, PyAny>| -> PyResult<bool> {
        let Some(((amount, timestamp), expiration)) = rows.next() else {
            return Ok(false);
        };
        let credit_id: String = credit_id.extract()?;
        grants.push(Record::grant(credit_id, amount, *timestamp, expiration));
        if grants.len() % RECORDS_PER_REPORT == 0 {
            progress.report(py, grants.len(), Some(count))?;
        }
        Ok(true)
    };
    if credit_ids.is_instance_of::<PyString>() {
        while post(credit_ids)? {}
    } else {
        same_length(&[count, credit_ids.len()?])?;
        for credit_id in credit_ids.try_iter()? {
            post(&credit_id?)?;
        }
    }
    progress.report(py, count, Some(count))?;
    Ok(grants)
}

/// Usage by columns.
pub(crate) fn of_usage_columns(
    amounts: &Integers<'_>,
    timestamps: &Integers<'_>,
) -> PyResult<Vec<UsageRecord>> {
    same_length(&[amounts.len(), timestamps.len()])?;
    let amounts = naturals(amounts.as_slice()?, "an amount")?;
    let rows = amounts.zip(timestamps.as_slice()?);
    let usage = rows.map(|(amount, &timestamp)| UsageRecord { amount, timestamp });
    Ok(usage.collect())
}

fn same_length(lengths: &[usize]) -> PyResult<()> {
    if lengths.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "columns of different lengths: {lengths:?}"
    )))
}

fn naturals<'a>(numbers: &'a [i64], what: &str) -> PyResult<impl Iterator<Item = u64> + use<'a>> {
    if let Some(number) = numbers.iter().find(|number| **number < 0) {
        return Err(negative(what, &number.to_string()));
    }
    Ok(numbers.iter().map(|number| number.unsigned_abs()))
}
