//! Tables of events: grants and usage of many accounts, read row by row.

use arrow_array::RecordBatch;
use gpu_credit::{GrantRecord, Record};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::integer::{negative, priority_too_large};
use crate::progress::{Progress, RECORDS_PER_REPORT, take_turns};
use crate::records::expiration_until;
use crate::table::{IntegerColumn, Table, TextColumn};

/// What the rows of a table are.
#[derive(Clone, Copy)]
pub(crate) enum EventKind {
    Grant,
    Usage,
}

impl EventKind {
    fn of(found: &str, place: impl FnOnce() -> String) -> PyResult<Self> {
        match found {
            "grant" => Ok(EventKind::Grant),
            "usage" => Ok(EventKind::Usage),
            _ => Err(PyValueError::new_err(format!(
                "{} is of kind {found:?}: it is \"grant\" or \"usage\"; kind=\"usage\" says so of all rows",
                place()
            ))),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for EventKind {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        EventKind::of(object.extract()?, || "the table".to_owned())
    }
}

/// How a table is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// Of all rows, whatever the table says.
    pub(crate) kind: Option<EventKind>,
    /// In which the instants of the ledger count.
    pub(crate) unit: Option<TimeUnit>,
    /// Whether each row has an id.
    pub(crate) has_ids: bool,
}

/// One row.
pub(crate) struct Event<'a> {
    pub(crate) account: &'a str,
    /// Empty if rows have none.
    pub(crate) id: &'a str,
    pub(crate) record: Record,
}

/// Reads a table, and hands each row on.
pub(crate) fn read(
    py: Python<'_>,
    events: Table,
    reading: Reading,
    progress: &Progress<'_>,
    mut each: impl FnMut(Event<'_>) -> PyResult<()>,
) -> PyResult<usize> {
    let mut count = 0;
    for batch in events.batches() {
        let batch = batch?;
        let columns = Columns::of(&batch, reading, count)?;
        for row in 0..batch.num_rows() {
            each(columns.event(row)?)?;
            count += 1;
            take_turns(py, count)?;
            if count % RECORDS_PER_REPORT == 0 {
                progress.report(py, count, None)?;
            }
        }
    }
    Ok(count)
}

struct Columns<'a> {
    /// How many rows came before.
    before: usize,
    kind: Option<EventKind>,
    kinds: Option<TextColumn<'a>>,
    accounts: TextColumn<'a>,
    ids: Option<TextColumn<'a>>,
    credit_ids: Option<TextColumn<'a>>,
    amounts: IntegerColumn<'a>,
    timestamps: IntegerColumn<'a>,
    expirations: Option<IntegerColumn<'a>>,
    untils: Option<IntegerColumn<'a>>,
    priorities: Option<IntegerColumn<'a>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch, reading: Reading, before: usize) -> PyResult<Self> {
        let Reading {
            kind,
            unit,
            has_ids,
        } = reading;
        let has = |name: &str| batch.column_by_name(name).is_some();
        let names = |name| TextColumn::of_names(batch, name);
        let instants = |name| IntegerColumn::of_instants(batch, name, unit, before);
        Ok(Columns {
            before,
            kind,
            kinds: kind
                .is_none()
                .then(|| TextColumn::of(batch, "kind"))
                .transpose()?,
            accounts: names("account")?,
            ids: has_ids.then(|| names("id")).transpose()?,
            credit_ids: has("credit_id").then(|| names("credit_id")).transpose()?,
            amounts: IntegerColumn::of(batch, "amount")?,
            timestamps: instants("timestamp")?,
            expirations: has("expiration")
                .then(|| IntegerColumn::of_lengths(batch, "expiration", unit, before))
                .transpose()?,
            untils: has("until").then(|| instants("until")).transpose()?,
            priorities: has("priority")
                .then(|| IntegerColumn::of(batch, "priority"))
                .transpose()?,
        })
    }

    fn event(&self, row: usize) -> PyResult<Event<'_>> {
        let place = || format!("row {}", self.before + row);
        let missing = |what| PyValueError::new_err(format!("{} has no {what}", place()));
        let kind = match (self.kind, &self.kinds) {
            (Some(kind), _) => kind,
            (None, None) => return Err(missing("kind")),
            (None, Some(kinds)) => {
                let kind = kinds.get(row)?.ok_or_else(|| missing("kind"))?;
                EventKind::of(kind, place)?
            }
        };
        let id = match &self.ids {
            None => "",
            Some(ids) => ids.get(row)?.ok_or_else(|| missing("id"))?,
        };
        Ok(Event {
            account: (self.accounts.get(row)?).ok_or_else(|| missing("account"))?,
            id,
            record: match kind {
                EventKind::Grant => self.grant(row, &place)?.into(),
                EventKind::Usage => self.usage(row, &place)?,
            },
        })
    }

    fn grant(&self, row: usize, place: &dyn Fn() -> String) -> PyResult<GrantRecord> {
        let (amount, timestamp) = self.amount_and_timestamp(row, place)?;
        let credit_id = self.credit_ids.as_ref().map(|column| column.get(row));
        let credit_id = credit_id.transpose()?.flatten().unwrap_or_default();
        let expiration = optional(&self.expirations, row);
        let expiration = match (expiration, optional(&self.untils, row)) {
            (Some(expiration), None) => natural("expiration", expiration, place)?,
            (None, Some(until)) => expiration_until(timestamp, until)
                .map_err(|error| crate::instant::with_place(&error, &place()))?,
            (None, None) => {
                let message = format!("{} has no expiration, and no until either", place());
                return Err(PyValueError::new_err(message));
            }
            (Some(_), Some(_)) => {
                let message = format!(
                    "{} has an expiration and an until: a grant has one",
                    place()
                );
                return Err(PyValueError::new_err(message));
            }
        };
        let priority = optional(&self.priorities, row).unwrap_or(0);
        let priority = i16::try_from(priority).map_err(|_| {
            priority_too_large(
                &format!("the priority of {}", place()),
                &priority.to_string(),
            )
        })?;
        let grant = GrantRecord::new(credit_id, amount, timestamp, expiration);
        Ok(grant.priority(priority))
    }

    fn usage(&self, row: usize, place: &dyn Fn() -> String) -> PyResult<Record> {
        let (amount, timestamp) = self.amount_and_timestamp(row, place)?;
        if optional(&self.priorities, row).is_some() {
            let message = format!("{} is of kind \"usage\", which has no priority", place());
            return Err(PyValueError::new_err(message));
        }
        Ok(match optional(&self.untils, row) {
            Some(until) => Record::metered(amount, timestamp..until),
            None => Record::usage(amount, timestamp),
        })
    }

    fn amount_and_timestamp(&self, row: usize, place: &dyn Fn() -> String) -> PyResult<(u64, i64)> {
        let missing = |what| PyValueError::new_err(format!("{} has no {what}", place()));
        let amount = self.amounts.get(row).ok_or_else(|| missing("amount"))?;
        let timestamp = self.timestamps.get(row);
        let timestamp = timestamp.ok_or_else(|| missing("timestamp"))?;
        Ok((natural("amount", amount, place)?, timestamp))
    }
}

fn optional(column: &Option<IntegerColumn<'_>>, row: usize) -> Option<i64> {
    column.as_ref()?.get(row)
}

fn natural(what: &str, number: i64, place: &dyn Fn() -> String) -> PyResult<u64> {
    let what = || format!("the {what} of {}", place());
    u64::try_from(number).map_err(|_| negative(&what(), &number.to_string()))
}
