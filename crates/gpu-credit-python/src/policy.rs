//! The policy of an account, by its name.

use gpu_credit::{GpuCredit, Overdraft, OverdraftError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::words;

/// `"carry"`, `"carry:C"` with a credit line or `"forfeit"`; a member of the package's `Policy` is such a string.
#[derive(Clone, Copy)]
pub(crate) struct Policy(pub(crate) Overdraft);

impl Policy {
    pub(crate) const CARRY: Policy = Policy(Overdraft::Carry);

    /// A `Policy` of the package, or a `CreditLine`.
    pub(crate) fn into_word(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self.0 {
            Overdraft::CarryUpTo(line) => words::credit_line_class(py)?.call1((line,)),
            overdraft => words::policy_class(py)?.call1((overdraft.to_string(),)),
        }
    }

    /// An account without records.
    pub(crate) fn account(self) -> GpuCredit {
        GpuCredit::with_overdraft(self.0)
    }
}

impl<'py> FromPyObject<'_, 'py> for Policy {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let policy = object.extract::<&str>()?.parse();
        policy
            .map(Policy)
            .map_err(|error: OverdraftError| PyValueError::new_err(error.to_string()))
    }
}
