//! The package's named tuples, made here and defined in Python, where they are pleasant to read.

use gpu_credit::{
    Answer, AnyUsageId, Draw, Grant, GrantId, GrantStatement, MeteredId, MeteredUsage, Remainder,
    SettlementStatistics, Statement, Total, UsageId, UsageRecord, UsageStatement,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

macro_rules! word {
    ($function:ident, $name:literal) => {
        pub(crate) fn $function(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static WORD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            WORD.import(py, "gpu_credit.words", $name)
        }
    };
}

word!(policy_class, "Policy");
word!(credit_line_class, "CreditLine");
word!(answer_class, "Answer");
word!(status_class, "Status");
word!(usage_id_class, "UsageId");
word!(usage_record_class, "UsageRecord");
word!(metered_id_class, "MeteredId");
word!(metered_usage_class, "MeteredUsage");
word!(grant_class, "Grant");
word!(remainder_class, "Remainder");
word!(draw_class, "Draw");
word!(statement_class, "Statement");
word!(grant_statement_class, "GrantStatement");
word!(usage_statement_class, "UsageStatement");
word!(total_class, "Total");
word!(imported_class, "Imported");
word!(ingested_class, "Ingested");
word!(sacct_imported_class, "SacctImported");
word!(authorised_class, "Authorised");
word!(hold_class, "Hold");
word!(funds_class, "Funds");
word!(settlement_class, "SettlementStatistics");

pub(crate) fn answer<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let status = status_class(py)?.call1((answer.status.as_str(),))?;
    answer_class(py)?.call1((answer.balance, status, answer.deficit))
}

pub(crate) fn usage_id(py: Python<'_>, usage: UsageId) -> PyResult<Bound<'_, PyAny>> {
    usage_id_class(py)?.call1((usage.timestamp, usage.nth))
}

pub(crate) fn usage_record(py: Python<'_>, usage: UsageRecord) -> PyResult<Bound<'_, PyAny>> {
    usage_record_class(py)?.call1((usage.amount, usage.timestamp))
}

pub(crate) fn metered_id(py: Python<'_>, usage: MeteredId) -> PyResult<Bound<'_, PyAny>> {
    metered_id_class(py)?.call1((usage.index(),))
}

pub(crate) fn metered_usage(py: Python<'_>, usage: MeteredUsage) -> PyResult<Bound<'_, PyAny>> {
    metered_usage_class(py)?.call1((usage.rate, usage.from, usage.until))
}

/// A posted grant, to be made into a `Grant` later.
pub(crate) struct Posted {
    number: u32,
    credit_id: String,
    amount: u64,
    start: i64,
    end: i64,
    revoked_from: Option<i64>,
    priority: i16,
}

impl Posted {
    pub(crate) fn of(id: GrantId, grant: Grant<'_>) -> Self {
        Posted {
            number: id.index(),
            credit_id: grant.credit_id.to_owned(),
            amount: grant.amount,
            start: grant.start,
            end: grant.end,
            revoked_from: grant.revoked_from,
            priority: grant.priority,
        }
    }
}

pub(crate) fn grant(py: Python<'_>, grant: Posted) -> PyResult<Bound<'_, PyAny>> {
    let Posted {
        number,
        credit_id,
        amount,
        start,
        end,
        revoked_from,
        priority,
    } = grant;
    grant_class(py)?.call1((
        number,
        credit_id,
        amount,
        start,
        end,
        revoked_from,
        priority,
    ))
}

pub(crate) fn remainder<'py>(
    py: Python<'py>,
    remainder: &Remainder,
) -> PyResult<Bound<'py, PyAny>> {
    remainder_class(py)?.call1((remainder.grant.index(), remainder.amount))
}

pub(crate) fn settlement(
    py: Python<'_>,
    statistics: SettlementStatistics,
) -> PyResult<Bound<'_, PyAny>> {
    settlement_class(py)?.call1((
        statistics.boundaries_replayed,
        statistics.checkpoints_written,
        statistics.repairs,
        statistics.early_stops,
        statistics.jumps,
        statistics.skips,
    ))
}

pub(crate) fn statement<'py>(
    py: Python<'py>,
    statement: &Statement,
) -> PyResult<Bound<'py, PyAny>> {
    let grants = statement.grants.iter();
    let grants: Vec<_> = grants
        .map(|grant| grant_statement(py, grant))
        .collect::<PyResult<_>>()?;
    let Statement {
        used,
        drawn,
        deficit,
        dropped,
        ..
    } = *statement;
    statement_class(py)?.call1((grants, used, drawn, deficit, dropped))
}

pub(crate) fn grant_statement<'py>(
    py: Python<'py>,
    statement: &GrantStatement,
) -> PyResult<Bound<'py, PyAny>> {
    grant_statement_class(py)?.call1((
        statement.grant.index(),
        statement.amount,
        statement.drawn,
        statement.lapsed,
        statement.forfeited,
        statement.revoked,
        statement.remaining,
    ))
}

pub(crate) fn usage_statement<'py>(
    py: Python<'py>,
    statement: &UsageStatement,
) -> PyResult<Bound<'py, PyAny>> {
    let draws = statement.draws.iter();
    let draws: Vec<_> = draws.map(|each| draw(py, each)).collect::<PyResult<_>>()?;
    let UsageStatement {
        amount,
        deficit,
        dropped,
        ..
    } = *statement;
    usage_statement_class(py)?.call1((amount, draws, deficit, dropped))
}

fn draw<'py>(py: Python<'py>, draw: &Draw) -> PyResult<Bound<'py, PyAny>> {
    let usage = match draw.usage {
        AnyUsageId::Instant(usage) => usage_id(py, usage)?,
        AnyUsageId::Metered(usage) => metered_id(py, usage)?,
    };
    let (grant, amount) = (draw.grant.index(), draw.amount);
    draw_class(py)?.call1((usage, grant, amount, draw.first, draw.last, draw.drawn_at))
}

pub(crate) fn total(py: Python<'_>, total: Total) -> PyResult<Bound<'_, PyAny>> {
    total_class(py)?.call1((total.balance, total.deficit, total.available))
}
