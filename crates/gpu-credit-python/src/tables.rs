//! The tables that answer for an account, or for many: which columns they have, and how their rows are made.

use std::ops::RangeInclusive;

use gpu_credit::{AnyUsageId, Error, GpuCredit, GrantId};
use pyo3::PyResult;

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

pub(crate) const SPENDABLE: &[Field] = &[number("amount")];

pub(crate) const SPENDABLE_RATE: &[Field] = &[number("rate")];

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
pub(crate) fn credit_id(account: &GpuCredit, grant: GrantId) -> &str {
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
