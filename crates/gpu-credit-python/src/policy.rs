//! The policy of an account, by its name.

use gpu_credit::{Options, Overdraft};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// `"carry"` or `"forfeit"`; a member of the package's `Policy` is such a string.
#[derive(Clone, Copy)]
pub(crate) struct Policy(pub(crate) Overdraft);

impl Policy {
    pub(crate) const CARRY: Policy = Policy(Overdraft::Carry);

    pub(crate) fn options(self) -> Options {
        Options {
            overdraft: self.0,
            ..Options::default()
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Overdraft::Carry => "carry",
            Overdraft::Forfeit => "forfeit",
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Policy {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<&str>()? {
            "carry" => Ok(Policy(Overdraft::Carry)),
            "forfeit" => Ok(Policy(Overdraft::Forfeit)),
            other => Err(PyValueError::new_err(format!(
                "a policy is 'carry' or 'forfeit', not {other:?}"
            ))),
        }
    }
}
