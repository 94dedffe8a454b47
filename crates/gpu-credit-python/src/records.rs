//! Records from Python's side: tuples of a loop, columns of a table.
//!
//! While they are read, Python code runs: that of an iterator, or of `progress`. It may lie about a
//! length, and change what was read before. So nothing is believed that was seen earlier.

use gpu_credit::{GrantRecord, Record, UsageRecord};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::array::{Integers, push, with_capacity};
use crate::integer::{Amount, Expiration, Timestamp, negative};
use crate::progress::{Progress, RECORDS_PER_REPORT, take_turns};

/// A grant is a tuple `(credit_id, amount, timestamp, expiration)`, usage `(amount, timestamp)`; if
/// the tuple has names, they say what is what.
pub(crate) fn of_tuples<'py>(
    records: &Bound<'py, PyAny>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let len = records.len().ok();
    let mut posted = Vec::new();
    for record in records.try_iter()? {
        push(&mut posted, of_tuple(&record?)?)?;
        take_turns(records.py(), posted.len())?;
        if posted.len() % RECORDS_PER_REPORT == 0 {
            progress.report(records.py(), posted.len(), len)?;
        }
    }
    progress.report(records.py(), posted.len(), Some(posted.len()))?;
    Ok(posted)
}

/// One record of those.
pub(crate) fn of_tuple(record: &Bound<'_, PyAny>) -> PyResult<Record> {
    let Ok(tuple) = record.cast::<PyTuple>() else {
        return Err(no_record(record)?);
    };
    if !tuple.is_exact_instance_of::<PyTuple>() {
        return of_named_tuple(tuple);
    }
    match tuple.len() {
        4 => {
            let (credit_id, amount, timestamp, expiration) = tuple.extract()?;
            let expiration = Some(expiration);
            Ok(grant_record(credit_id, amount, timestamp, expiration).into())
        }
        2 => {
            let (Amount(amount), Timestamp(timestamp)) = tuple.extract()?;
            Ok(Record::usage(amount, timestamp))
        }
        _ => Err(no_record(record)?),
    }
}

/// A tuple whose elements have names, such as a row of a table, in whatever order.
fn of_named_tuple(tuple: &Bound<'_, PyTuple>) -> PyResult<Record> {
    let fields = tuple.getattr_opt("_fields")?;
    let fields = fields.and_then(|fields| fields.extract::<Vec<String>>().ok());
    let mut fields = fields.unwrap_or_default();
    fields.sort_unstable();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    match fields[..] {
        ["amount", "credit_id", "expiration", "timestamp"] => Ok(grant_record(
            tuple.getattr("credit_id")?.extract()?,
            tuple.getattr("amount")?.extract()?,
            tuple.getattr("timestamp")?.extract()?,
            Some(tuple.getattr("expiration")?.extract()?),
        )
        .into()),
        ["amount", "timestamp"] => {
            let Amount(amount) = tuple.getattr("amount")?.extract()?;
            let Timestamp(timestamp) = tuple.getattr("timestamp")?.extract()?;
            Ok(Record::usage(amount, timestamp))
        }
        _ => Err(no_record(tuple)?),
    }
}

#[cold]
fn no_record(found: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyTypeError::new_err(format!(
        "a record is a grant (credit_id, amount, timestamp, expiration) or usage (amount, timestamp), \
         as a tuple or as a named tuple of just these names, not {}",
        found.repr()?
    )))
}

/// A grant of these fields; without an expiration it never ends.
pub(crate) fn grant_record(
    credit_id: String,
    amount: Amount,
    timestamp: Timestamp,
    expiration: Option<Expiration>,
) -> GrantRecord {
    match expiration {
        Some(end) => GrantRecord::new(credit_id, amount.0, timestamp.0, end.0),
        None => GrantRecord::new(credit_id, amount.0, timestamp.0, 0).without_end(),
    }
}

/// Grants by columns; a single string is the id of them all.
pub(crate) fn of_grant_columns<'py>(
    credit_ids: &Bound<'py, PyAny>,
    amounts: &Integers<'py>,
    timestamps: &Integers<'py>,
    expirations: &Integers<'py>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let (py, count) = (credit_ids.py(), amounts.len());
    same_length(&[count, timestamps.len(), expirations.len()])?;
    let credit_ids = texts(credit_ids, count, progress)?;
    let (amounts, expirations) = (amounts.as_slice()?, expirations.as_slice()?);
    let columns = amounts.iter().zip(timestamps.as_slice()?).zip(expirations);
    let rows = credit_ids.into_iter().zip(columns);
    py.detach(|| {
        let mut grants = with_capacity(count)?;
        for (credit_id, ((amount, timestamp), expiration)) in rows {
            let record = grants.len();
            let amount = natural(*amount, "amount", record)?;
            let expiration = natural(*expiration, "expiration", record)?;
            grants.push(Record::grant(credit_id, amount, *timestamp, expiration));
        }
        Ok(grants)
    })
}

/// So many strings; a single one stands for them all.
pub(crate) fn texts<'py>(
    texts: &Bound<'py, PyAny>,
    count: usize,
    progress: &Progress<'py>,
) -> PyResult<Vec<String>> {
    let mut read = Vec::new();
    let is_for_all = texts.is_instance_of::<PyString>();
    let mut items = texts.try_iter()?;
    loop {
        let text = if is_for_all {
            (read.len() < count).then(|| texts.clone())
        } else {
            items.next().transpose()?
        };
        let Some(text) = text.filter(|_| read.len() <= count) else {
            break;
        };
        push(&mut read, text.extract::<String>()?)?;
        take_turns(texts.py(), read.len())?;
        if read.len() % RECORDS_PER_REPORT == 0 {
            progress.report(texts.py(), read.len(), Some(count))?;
        }
    }
    same_length(&[count, read.len()])?;
    progress.report(texts.py(), count, Some(count))?;
    Ok(read)
}

/// Usage by columns.
pub(crate) fn of_usage_columns(
    py: Python<'_>,
    amounts: &Integers<'_>,
    timestamps: &Integers<'_>,
) -> PyResult<Vec<UsageRecord>> {
    same_length(&[amounts.len(), timestamps.len()])?;
    let rows = amounts.as_slice()?.iter().zip(timestamps.as_slice()?);
    py.detach(|| {
        let mut usage = with_capacity(rows.len())?;
        for (amount, &timestamp) in rows {
            let amount = natural(*amount, "amount", usage.len())?;
            usage.push(UsageRecord { amount, timestamp });
        }
        Ok(usage)
    })
}

fn same_length(lengths: &[usize]) -> PyResult<()> {
    if lengths.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "columns of different lengths: {lengths:?}"
    )))
}

fn natural(number: i64, what: &str, record: usize) -> PyResult<u64> {
    u64::try_from(number).map_err(|_| {
        let what = format!("the {what} of record {record}, counted from 0,");
        negative(&what, &number.to_string())
    })
}
