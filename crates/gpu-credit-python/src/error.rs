//! The engine's refusals as Python's exceptions.

use gpu_credit::{ChangeError, Error, RecordError};
use pyo3::PyErr;
use pyo3::exceptions::{PyLookupError, PyOverflowError, PyValueError};

/// What does not fit is an `OverflowError`, what is not there a `LookupError`, what cannot be done to
/// what is there a `ValueError`.
#[cold]
pub(crate) fn refused(error: Error) -> PyErr {
    exception(error, error.to_string())
}

/// The same for one of many records: the message says which.
#[cold]
pub(crate) fn refused_record(refused: RecordError) -> PyErr {
    exception(refused.error, refused.to_string())
}

/// The same for one of the changes of a plan.
#[cold]
pub(crate) fn refused_change(refused: ChangeError) -> PyErr {
    exception(refused.error, refused.to_string())
}

fn exception(error: Error, message: String) -> PyErr {
    match error {
        Error::NoSuchGrant(_) | Error::NoSuchUsage { .. } | Error::NoSuchMeteredUsage(_) => {
            PyLookupError::new_err(message)
        }
        Error::AlreadyRevoked { .. }
        | Error::RevokedAfterEnd { .. }
        | Error::ZeroStep
        | Error::NoTicks { .. } => PyValueError::new_err(message),
        _ => PyOverflowError::new_err(message),
    }
}
