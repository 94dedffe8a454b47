//! Records from Python's side: tuples of a loop, columns of a table.
//!
//! While they are read, Python code runs: that of an iterator, or of `progress`. It may lie about a
//! length, and change what was read before. So nothing is believed that was seen earlier.

use gpu_credit::{GrantRecord, Record, UsageRecord};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

use crate::array::{Integers, push, with_capacity};
use crate::instant::{Instant, Length, Time};
use crate::integer::{Amount, Priority, negative, priority_too_large};
use crate::progress::{Progress, RECORDS_PER_REPORT, take_turns};

/// A grant is a tuple `(credit_id, amount, timestamp, expiration)`, usage `(amount, timestamp)`; if
/// the tuple has names, they say what is what. Metered usage and priorities have to have names.
pub(crate) fn of_tuples<'py>(
    records: &Bound<'py, PyAny>,
    unit: Option<TimeUnit>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let len = records.len().ok();
    let mut posted = Vec::new();
    for record in records.try_iter()? {
        push(&mut posted, of_tuple(&record?, unit)?)?;
        take_turns(records.py(), posted.len())?;
        if posted.len() % RECORDS_PER_REPORT == 0 {
            progress.report(records.py(), posted.len(), len)?;
        }
    }
    progress.report(records.py(), posted.len(), Some(posted.len()))?;
    Ok(posted)
}

/// One record of those.
pub(crate) fn of_tuple(record: &Bound<'_, PyAny>, unit: Option<TimeUnit>) -> PyResult<Record> {
    let Ok(tuple) = record.cast::<PyTuple>() else {
        return Err(no_record(record)?);
    };
    if !tuple.is_exact_instance_of::<PyTuple>() {
        return of_named_tuple(tuple, unit);
    }
    let unit = || Ok(unit);
    match tuple.len() {
        4 => {
            let (credit_id, amount, timestamp, expiration): (_, _, Instant, Length) =
                tuple.extract()?;
            let (timestamp, expiration) = (timestamp.at(unit)?, Some(expiration.at(unit)?));
            let priority = Priority::DEFAULT;
            Ok(grant_record(credit_id, amount, timestamp, expiration, priority).into())
        }
        2 => {
            let (Amount(amount), timestamp): (_, Instant) = tuple.extract()?;
            Ok(Record::usage(amount, timestamp.at(unit)?))
        }
        _ => Err(no_record(record)?),
    }
}

/// A tuple whose elements have names, such as a row of a table, in whatever order.
fn of_named_tuple(tuple: &Bound<'_, PyTuple>, unit: Option<TimeUnit>) -> PyResult<Record> {
    let unit = || Ok(unit);
    let instant = |name| tuple.getattr(name)?.extract::<Instant>()?.at(unit);
    let fields = tuple.getattr_opt("_fields")?;
    let fields = fields.and_then(|fields| fields.extract::<Vec<String>>().ok());
    let mut fields = fields.unwrap_or_default();
    fields.sort_unstable();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    match fields[..] {
        ["amount", "credit_id", "expiration", "timestamp"]
        | ["amount", "credit_id", "expiration", "priority", "timestamp"] => Ok(grant_record(
            tuple.getattr("credit_id")?.extract()?,
            tuple.getattr("amount")?.extract()?,
            instant("timestamp")?,
            Some(tuple.getattr("expiration")?.extract::<Length>()?.at(unit)?),
            match fields.len() {
                5 => tuple.getattr("priority")?.extract()?,
                _ => Priority::DEFAULT,
            },
        )
        .into()),
        ["rate", "start", "until"] => {
            let Amount(rate) = tuple.getattr("rate")?.extract()?;
            Ok(Record::metered(rate, instant("start")?..instant("until")?))
        }
        ["amount", "timestamp"] => {
            let Amount(amount) = tuple.getattr("amount")?.extract()?;
            Ok(Record::usage(amount, instant("timestamp")?))
        }
        _ => Err(no_record(tuple)?),
    }
}

#[cold]
fn no_record(found: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyTypeError::new_err(format!(
        "a record is a grant (credit_id, amount, timestamp, expiration) or usage (amount, timestamp), \
         as a tuple or as a named tuple of just these names, or a GrantRecord, which has a priority too, \
         or a MeteredUsage, not {}",
        found.repr()?
    )))
}

/// A grant of these fields; without an expiration it never ends.
pub(crate) fn grant_record(
    credit_id: String,
    amount: Amount,
    timestamp: i64,
    expiration: Option<u64>,
    Priority(priority): Priority,
) -> GrantRecord {
    let grant = match expiration {
        Some(end) => GrantRecord::new(credit_id, amount.0, timestamp, end),
        None => GrantRecord::new(credit_id, amount.0, timestamp, 0).without_end(),
    };
    grant.priority(priority)
}

/// The expiration of a grant whose end is said by an expiration, by the first instant that is no longer in
/// its window, or not at all: then it never ends.
pub(crate) fn expiration(
    start: i64,
    expiration: Option<u64>,
    until: Option<i64>,
) -> PyResult<Option<u64>> {
    match (expiration, until) {
        (None, None) => Ok(None),
        (Some(expiration), None) => Ok(Some(expiration)),
        (None, Some(until)) => expiration_until(start, until).map(Some),
        (Some(_), Some(_)) => Err(PyValueError::new_err(
            "a grant has an expiration or an until, not both",
        )),
    }
}

/// The expiration of a window `[start, until)`.
pub(crate) fn expiration_until(start: i64, until: i64) -> PyResult<u64> {
    if until <= start {
        return Err(PyValueError::new_err(format!(
            "the window of a grant from {start} until {until} contains no instant: until is the first one after it"
        )));
    }
    Ok(until.abs_diff(start) - 1)
}

/// What is said of many grants, beside their ids.
pub(crate) struct GrantColumns<'a> {
    pub(crate) amounts: &'a [i64],
    pub(crate) timestamps: &'a [i64],
    pub(crate) expirations: &'a [i64],
    pub(crate) priorities: Option<&'a [i64]>,
}

/// Grants by columns; a single string is the id of them all.
pub(crate) fn of_grant_columns<'py>(
    credit_ids: &Bound<'py, PyAny>,
    columns: GrantColumns<'_>,
    progress: &Progress<'py>,
) -> PyResult<Vec<Record>> {
    let GrantColumns {
        amounts,
        timestamps,
        expirations,
        priorities,
    } = columns;
    let (py, count) = (credit_ids.py(), amounts.len());
    same_length(&[count, timestamps.len(), expirations.len()])?;
    same_length(&[count, priorities.map_or(count, <[i64]>::len)])?;
    let credit_ids = texts(credit_ids, count, progress)?;
    let columns = amounts.iter().zip(timestamps).zip(expirations);
    let rows = credit_ids.into_iter().zip(columns);
    py.detach(|| {
        let mut grants = with_capacity(count)?;
        for (credit_id, ((amount, timestamp), expiration)) in rows {
            let record = grants.len();
            let amount = natural(*amount, "amount", record)?;
            let expiration = natural(*expiration, "expiration", record)?;
            let priority = priorities.map_or(0, |column| column[record]);
            let priority = i16::try_from(priority).map_err(|_| {
                let what = format!("the priority of record {record}, counted from 0,");
                priority_too_large(&what, &priority.to_string())
            })?;
            let grant = GrantRecord::new(credit_id, amount, *timestamp, expiration);
            grants.push(grant.priority(priority).into());
        }
        Ok(grants)
    })
}

/// Metered usage by columns.
pub(crate) fn of_metered_columns(
    py: Python<'_>,
    rates: &Integers<'_>,
    starts: &[i64],
    untils: &[i64],
) -> PyResult<Vec<Record>> {
    same_length(&[rates.len(), starts.len(), untils.len()])?;
    let ticks = starts.iter().zip(untils);
    let rows = rates.as_slice()?.iter().zip(ticks);
    py.detach(|| {
        let mut usage = with_capacity(rows.len())?;
        for (rate, (&start, &until)) in rows {
            let rate = natural(*rate, "rate", usage.len())?;
            usage.push(Record::metered(rate, start..until));
        }
        Ok(usage)
    })
}

/// All strings of a sequence; a single one stands for itself.
pub(crate) fn all_texts(texts: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if texts.is_instance_of::<PyString>() {
        return Ok(vec![text_of(texts)?]);
    }
    let mut read = Vec::new();
    for text in texts.try_iter()? {
        push(&mut read, text_of(&text?)?)?;
    }
    Ok(read)
}

/// A name or an id; one that is an integer is taken as it is written.
fn text_of(text: &Bound<'_, PyAny>) -> PyResult<String> {
    match text.extract() {
        Ok(text) => Ok(text),
        Err(error) => match text.extract::<i64>() {
            Ok(number) if !text.is_instance_of::<PyBool>() => Ok(number.to_string()),
            _ => Err(error),
        },
    }
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
        push(&mut read, text_of(&text)?)?;
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
    timestamps: &[i64],
) -> PyResult<Vec<UsageRecord>> {
    same_length(&[amounts.len(), timestamps.len()])?;
    let rows = amounts.as_slice()?.iter().zip(timestamps);
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
