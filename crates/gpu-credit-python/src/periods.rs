//! The tables of what became of credit in a period: a row for each grant, or one for the account.

use std::ops::RangeInclusive;

use gpu_credit::{GpuCredit, GrantPeriod};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use crate::columns::{Field, Rows, number, text};
use crate::tables::credit_id;

pub(crate) const GRANT_STATEMENTS: &[Field] = &[
    number("grant"),
    text("credit_id"),
    number("remaining_before"),
    number("granted"),
    number("drawn"),
    number("lapsed"),
    number("forfeited"),
    number("revoked"),
    number("remaining"),
];

pub(crate) const STATEMENTS: &[Field] = &[
    number("remaining_before"),
    number("deficit_before"),
    number("granted"),
    number("used"),
    number("drawn"),
    number("lapsed"),
    number("forfeited"),
    number("revoked"),
    number("dropped"),
    number("remaining"),
    number("deficit"),
];

/// From one instant to another, both included.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    first: i64,
    last: i64,
}

impl Period {
    pub(crate) fn new(first: i64, last: i64) -> PyResult<Self> {
        if first > last {
            return Err(PyValueError::new_err(format!(
                "a period from {first} to {last} contains no instant: both ends are included"
            )));
        }
        Ok(Period { first, last })
    }

    fn range(self) -> RangeInclusive<i64> {
        self.first..=self.last
    }
}

/// A row for each grant that was active in the period, or was to be.
pub(crate) fn grant_statements(
    account: &GpuCredit,
    period: Period,
    rows: &mut Rows<'_>,
) -> PyResult<()> {
    for row in account.period_statement(period.range()).grants {
        let [
            before,
            granted,
            drawn,
            lapsed,
            forfeited,
            revoked,
            remaining,
        ] = PARTS.map(|part| part(&row).into());
        rows.push([
            row.grant.index().into(),
            credit_id(account, row.grant).into(),
            before,
            granted,
            drawn,
            lapsed,
            forfeited,
            revoked,
            remaining,
        ])?;
    }
    Ok(())
}

/// One row: `remaining_before + granted = drawn + lapsed + forfeited + revoked + remaining`, and
/// `deficit_before + used = drawn + dropped + deficit`.
pub(crate) fn statements(account: &GpuCredit, period: Period, rows: &mut Rows<'_>) -> PyResult<()> {
    let statement = account.period_statement(period.range());
    let sum = |part: Part| statement.grants.iter().map(part).sum::<u64>().into();
    let [
        before,
        granted,
        drawn,
        lapsed,
        forfeited,
        revoked,
        remaining,
    ] = PARTS.map(sum);
    rows.push([
        before,
        statement.deficit_before.into(),
        granted,
        statement.used.into(),
        drawn,
        lapsed,
        forfeited,
        revoked,
        statement.dropped.into(),
        remaining,
        statement.deficit.into(),
    ])
}

/// A part of what became of a grant.
type Part = fn(&GrantPeriod) -> u64;

/// In the order of the columns.
const PARTS: [Part; 7] = [
    |row| row.remaining_before,
    |row| row.granted,
    |row| row.drawn,
    |row| row.lapsed,
    |row| row.forfeited,
    |row| row.revoked,
    |row| row.remaining,
];
