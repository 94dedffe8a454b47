//! The package's named tuples, made here and defined in Python, where they are pleasant to read.

use gpu_credit::{Answer, Grant, GrantId, Remainder, SettlementStatistics};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::array::signed;

macro_rules! word {
    ($function:ident, $name:literal) => {
        fn $function(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static WORD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            WORD.import(py, "gpu_credit.words", $name)
        }
    };
}

word!(answer_class, "Answer");
word!(status_class, "Status");
word!(grant_class, "Grant");
word!(remainder_class, "Remainder");
word!(settlement_class, "SettlementStatistics");

pub(crate) fn answer<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let status = status_class(py)?.call1((answer.status.as_str(),))?;
    answer_class(py)?.call1((answer.balance, status, answer.deficit))
}

pub(crate) fn grant<'py>(
    py: Python<'py>,
    (id, grant): (GrantId, Grant<'_>),
) -> PyResult<Bound<'py, PyAny>> {
    let Grant {
        credit_id,
        amount,
        start,
        end,
    } = grant;
    grant_class(py)?.call1((id.index(), credit_id, signed(amount), start, end))
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
    ))
}
