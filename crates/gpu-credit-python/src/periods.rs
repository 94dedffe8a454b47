//! The tables of what became of credit in a period: a row for each grant, or one for the account.

use gpu_credit::{GpuCredit, GrantId, GrantStatement, Statement};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use crate::columns::{Cell, Field, Rows, number, text};
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

    /// The statements as of the instant before it, and as of its end.
    fn statements(self, account: &GpuCredit) -> (Statement, Statement) {
        let before = self.first.checked_sub(1);
        let before = before.map(|before| account.statement(before));
        (before.unwrap_or_default(), account.statement(self.last))
    }
}

/// What became of a grant in a period: `remaining_before + granted` is the sum of what follows it.
#[derive(Clone, Copy, Default)]
struct Went {
    remaining_before: u64,
    granted: u64,
    drawn: u64,
    lapsed: u64,
    forfeited: u64,
    revoked: u64,
    remaining: u64,
}

impl Went {
    fn between(before: Option<&GrantStatement>, after: &GrantStatement) -> Self {
        let Some(before) = before else {
            return Went {
                remaining_before: 0,
                granted: after.amount,
                drawn: after.drawn,
                lapsed: after.lapsed,
                forfeited: after.forfeited,
                revoked: after.revoked,
                remaining: after.remaining,
            };
        };
        Went {
            remaining_before: before.remaining,
            granted: 0,
            drawn: after.drawn - before.drawn,
            lapsed: after.lapsed - before.lapsed,
            forfeited: after.forfeited - before.forfeited,
            revoked: after.revoked - before.revoked,
            remaining: after.remaining,
        }
    }

    fn cells<'a>(self) -> [Cell<'a>; 7] {
        [
            self.remaining_before,
            self.granted,
            self.drawn,
            self.lapsed,
            self.forfeited,
            self.revoked,
            self.remaining,
        ]
        .map(Cell::from)
    }

    fn add(&mut self, other: Went) {
        self.remaining_before += other.remaining_before;
        self.granted += other.granted;
        self.drawn += other.drawn;
        self.lapsed += other.lapsed;
        self.forfeited += other.forfeited;
        self.revoked += other.revoked;
        self.remaining += other.remaining;
    }
}

/// What became of each grant between two statements, both in posting order. The later one has all of the earlier.
fn movements<'a>(
    before: &'a Statement,
    after: &'a Statement,
) -> impl Iterator<Item = (GrantId, Went)> {
    let mut earlier = before.grants.iter().peekable();
    after.grants.iter().map(move |after| {
        let before = earlier.next_if(|before| before.grant == after.grant);
        (after.grant, Went::between(before, after))
    })
}

/// A row for each grant that was live in the period, or was to be.
pub(crate) fn grant_statements(
    account: &GpuCredit,
    period: Period,
    rows: &mut Rows<'_>,
) -> PyResult<()> {
    let (before, after) = period.statements(account);
    for (id, went) in movements(&before, &after) {
        let has_ended = account
            .grant(id)
            .is_none_or(|grant| grant.end < period.first);
        let is_over = has_ended && went.lapsed == 0 && went.revoked == 0;
        if is_over && went.granted == 0 {
            continue;
        }
        let [
            remaining_before,
            granted,
            drawn,
            lapsed,
            forfeited,
            revoked,
            remaining,
        ] = went.cells();
        rows.push([
            id.index().into(),
            credit_id(account, id).into(),
            remaining_before,
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
    let (before, after) = period.statements(account);
    let mut all = Went::default();
    for (_, went) in movements(&before, &after) {
        all.add(went);
    }
    let [
        remaining_before,
        granted,
        drawn,
        lapsed,
        forfeited,
        revoked,
        remaining,
    ] = all.cells();
    rows.push([
        remaining_before,
        before.deficit.into(),
        granted,
        (after.used - before.used).into(),
        drawn,
        lapsed,
        forfeited,
        revoked,
        (after.dropped - before.dropped).into(),
        remaining,
        after.deficit.into(),
    ])
}
