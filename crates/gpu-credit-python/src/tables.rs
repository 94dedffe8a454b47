//! The tables that answer for an account, or for many: which columns they have, and how their rows are made.

use std::ops::RangeInclusive;

use gpu_credit::{AnyUsageId, Error, GpuCredit, GrantId, GrantStatement, Statement};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use crate::columns::{Cell, Field, Rows, answer_cells, instant, number, status, text};
use crate::error::refused;
use crate::shared::Interrupt;

pub(crate) const BALANCES: &[Field] = &[
    instant("timestamp"),
    number("balance").or_null(),
    status("status"),
    number("deficit"),
];

/// Of accounts that may not be there.
pub(crate) const BALANCES_IF_OPEN: &[Field] = &[
    instant("timestamp"),
    number("balance").or_null(),
    status("status").or_null(),
    number("deficit").or_null(),
];

pub(crate) const LOWEST: &[Field] = &[
    instant("timestamp").or_null(),
    number("balance").or_null(),
    status("status").or_null(),
    number("deficit").or_null(),
];

pub(crate) const FIRST: &[Field] = &[instant("timestamp").or_null()];

pub(crate) const STEPS: &[Field] = &[
    instant("first"),
    instant("last"),
    number("balance").or_null(),
    status("status"),
    number("deficit"),
    number("rate"),
];

pub(crate) const USAGE: &[Field] = &[instant("timestamp"), number("nth"), number("amount")];

pub(crate) const METERED: &[Field] = &[
    number("number"),
    number("rate"),
    instant("start"),
    instant("until"),
];

pub(crate) const GRANTS: &[Field] = &[
    number("number"),
    text("credit_id"),
    number("amount"),
    instant("start"),
    instant("end"),
    instant("revoked_from").or_null(),
    number("priority"),
];

pub(crate) const DRAWS: &[Field] = &[
    instant("first"),
    instant("last"),
    number("nth").or_null(),
    number("job").or_null(),
    number("grant"),
    text("credit_id"),
    number("amount"),
    instant("drawn_at"),
];

pub(crate) const LAPSES: &[Field] = &[
    number("grant"),
    text("credit_id"),
    number("amount"),
    instant("timestamp"),
];

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

/// The answer at each instant.
pub(crate) fn balances(
    account: &GpuCredit,
    timestamps: impl IntoIterator<Item = i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for timestamp in interrupt.until(timestamps) {
        let [balance, status, deficit] = answer_cells(&account.balance_at(timestamp));
        rows.push([timestamp.into(), balance, status, deficit])?;
    }
    Ok(())
}

/// The instants from one to another, both included, each a step after the one before.
#[derive(Clone, Copy)]
pub(crate) struct Every {
    first: i64,
    pub(crate) last: i64,
    step: u64,
}

impl Every {
    pub(crate) fn new(first: i64, last: i64, step: u64) -> PyResult<Self> {
        if step == 0 {
            return Err(refused(Error::ZeroStep));
        }
        Ok(Every { first, last, step })
    }

    /// How many there are, or more than any machine could keep.
    fn count(self) -> usize {
        if self.first > self.last {
            return 0;
        }
        let steps = self.last.abs_diff(self.first) / self.step;
        usize::try_from(steps).map_or(usize::MAX, |steps| steps.saturating_add(1))
    }

    fn instants(self) -> impl Iterator<Item = i64> {
        let first = (self.first <= self.last).then_some(self.first);
        std::iter::successors(first, move |time| {
            let next = time.checked_add_unsigned(self.step);
            next.filter(|next| *next <= self.last)
        })
    }
}

pub(crate) fn series(
    account: &GpuCredit,
    every: Every,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    rows.reserve(every.count())?;
    balances(account, every.instants(), rows, interrupt)
}

pub(crate) fn steps(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for step in interrupt.until(account.steps(range)) {
        let [balance, status, deficit] = answer_cells(&step.answer);
        let (first, last, rate) = (step.first.into(), step.last.into(), step.rate.into());
        rows.push([first, last, balance, status, deficit, rate])?;
    }
    Ok(())
}

pub(crate) fn usage(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for (id, usage) in interrupt.until(account.usage(range)) {
        rows.push([id.timestamp.into(), id.nth.into(), usage.amount.into()])?;
    }
    Ok(())
}

pub(crate) fn metered(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for (id, usage) in interrupt.until(account.metered(range)) {
        let (start, until) = (usage.from.into(), usage.until.into());
        rows.push([id.index().into(), usage.rate.into(), start, until])?;
    }
    Ok(())
}

pub(crate) fn grants(
    account: &GpuCredit,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for (id, grant) in interrupt.until(account.grants()) {
        rows.push([
            id.index().into(),
            grant.credit_id.into(),
            grant.amount.into(),
            grant.start.into(),
            grant.end.into(),
            grant.revoked_from.into(),
            Cell::Number(grant.priority.into()),
        ])?;
    }
    Ok(())
}

pub(crate) fn draws(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for draw in interrupt.until(account.draws(range)) {
        let (nth, job) = match draw.usage {
            AnyUsageId::Instant(usage) => (usage.nth.into(), Cell::Null),
            AnyUsageId::Metered(usage) => (Cell::Null, usage.index().into()),
        };
        rows.push([
            draw.first.into(),
            draw.last.into(),
            nth,
            job,
            draw.grant.index().into(),
            credit_id(account, draw.grant).into(),
            draw.amount.into(),
            draw.drawn_at.into(),
        ])?;
    }
    Ok(())
}

/// The id of a grant of which an answer has told.
fn credit_id(account: &GpuCredit, grant: GrantId) -> &str {
    let grant = account.grant(grant);
    grant
        .expect("a grant that an answer names is posted")
        .credit_id
}

pub(crate) fn lapsing(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
    interrupt: &Interrupt,
) -> PyResult<()> {
    for lapse in interrupt.until(account.lapsing(range)) {
        let id = credit_id(account, lapse.grant);
        let (grant, timestamp) = (lapse.grant.index().into(), lapse.timestamp.into());
        rows.push([grant, id.into(), lapse.amount.into(), timestamp])?;
    }
    Ok(())
}

pub(crate) fn lowest(
    account: &GpuCredit,
    range: RangeInclusive<i64>,
    rows: &mut Rows<'_>,
) -> PyResult<()> {
    match account.lowest_balance(range) {
        None => rows.push([Cell::Null; 4]),
        Some((timestamp, answer)) => {
            let [balance, status, deficit] = answer_cells(&answer);
            rows.push([timestamp.into(), balance, status, deficit])
        }
    }
}

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
