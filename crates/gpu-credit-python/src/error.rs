//! The engine's refusals as Python's exceptions.

use gpu_credit::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyLookupError, PyOverflowError, PyValueError};

/// What does not fit is an `OverflowError`, what is not there a `LookupError`, what cannot be done to
/// what is there a `ValueError`.
#[cold]
pub(crate) fn refused(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::NoSuchGrant(_) | Error::NoSuchUsage { .. } => PyLookupError::new_err(message),
        Error::AlreadyRevoked { .. } | Error::RevokedAfterEnd { .. } => {
            PyValueError::new_err(message)
        }
        _ => PyOverflowError::new_err(message),
    }
}
