//! Python integers as the ledger takes them. Whatever has `__index__` is an integer: `bool` and
//! NumPy's integers are, `float` is not.

use gpu_credit::{GrantId, MeteredId, UsageId};
use pyo3::exceptions::{PyLookupError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::words;

/// An instant, in the caller's unit.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp(pub(crate) i64);

/// A non-negative number of the smallest unit.
#[derive(Clone, Copy)]
pub(crate) struct Amount(pub(crate) u64);

/// The last instant of a window, counted from its first.
#[derive(Clone, Copy)]
pub(crate) struct Expiration(pub(crate) u64);

/// The order in which grants are drawn, before their ends are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Priority(pub(crate) i16);

impl Priority {
    pub(crate) const DEFAULT: Priority = Priority(0);
}

/// The identity of usage at an instant: a `UsageId` of the package, and no other tuple.
#[derive(Clone, Copy)]
pub(crate) struct Usage(pub(crate) UsageId);

/// The identity of metered usage: a `MeteredId` of the package, and no other tuple.
#[derive(Clone, Copy)]
pub(crate) struct Job(pub(crate) MeteredId);

/// A place in an order, from 0 on.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) usize);

impl<'py> FromPyObject<'_, 'py> for Timestamp {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<i64>() {
            Ok(time) => Ok(Timestamp(time)),
            Err(error) => Err(too_wide(object, "a timestamp", error)),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Amount {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        natural(object, "an amount", i64::MAX.unsigned_abs()).map(Amount)
    }
}

impl<'py> FromPyObject<'_, 'py> for Expiration {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        natural(object, "an expiration", u64::MAX).map(Expiration)
    }
}

impl<'py> FromPyObject<'_, 'py> for Priority {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<i64>() {
            Ok(number) => i16::try_from(number)
                .map(Priority)
                .map_err(|_| priority_too_large("a priority", &number.to_string())),
            Err(error) if error.is_instance_of::<PyOverflowError>(object.py()) => {
                Err(priority_too_large("a priority", &shown(&object)?))
            }
            Err(error) => Err(error),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Usage {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if !object.is_instance(words::usage_id_class(object.py())?)? {
            return Err(PyTypeError::new_err(format!(
                "usage at an instant is named by a UsageId, not by {}",
                object.repr()?
            )));
        }
        let (Timestamp(timestamp), Number(number)) = object.extract()?;
        let nth = u32::try_from(number).map_err(|_| {
            let message = format!("usage {number} at {timestamp} was never posted");
            PyLookupError::new_err(message)
        })?;
        Ok(Usage(UsageId { timestamp, nth }))
    }
}

impl<'py> FromPyObject<'_, 'py> for Job {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if !object.is_instance(words::metered_id_class(object.py())?)? {
            return Err(PyTypeError::new_err(format!(
                "metered usage is named by a MeteredId, not by {}",
                object.repr()?
            )));
        }
        let (Number(number),) = object.extract()?;
        let index = u32::try_from(number).map_err(|_| {
            PyLookupError::new_err(format!("metered usage {number} was never posted"))
        })?;
        Ok(Job(MeteredId::from_index(index)))
    }
}

impl<'py> FromPyObject<'_, 'py> for Number {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let number = natural(object, "a number", u64::MAX)?;
        let number =
            usize::try_from(number).map_err(|error| PyOverflowError::new_err(error.to_string()));
        number.map(Number)
    }
}

#[inline]
fn natural(object: Borrowed<'_, '_, PyAny>, what: &str, max: u64) -> PyResult<u64> {
    match object.extract::<i64>() {
        Ok(number) if number >= 0 => Ok(number.unsigned_abs()),
        Ok(number) => Err(negative(what, &number.to_string())),
        Err(error) => large_natural(object, what, max, error),
    }
}

/// What is no `i64`: perhaps a larger number, or no number at all.
#[cold]
fn large_natural(
    object: Borrowed<'_, '_, PyAny>,
    what: &str,
    max: u64,
    error: PyErr,
) -> PyResult<u64> {
    if !error.is_instance_of::<PyOverflowError>(object.py()) {
        return Err(error);
    }
    if let Ok(number) = object.extract::<u64>()
        && number <= max
    {
        return Ok(number);
    }
    let number = shown(&object)?;
    if object.lt(0)? {
        return Err(negative(what, &number));
    }
    Err(PyOverflowError::new_err(format!(
        "{what} of {number} does not fit: it is at most {max}"
    )))
}

#[cold]
pub(crate) fn priority_too_large(what: &str, number: &str) -> PyErr {
    PyOverflowError::new_err(format!(
        "{what} of {number} does not fit: it is from {} to {}",
        i16::MIN,
        i16::MAX
    ))
}

#[cold]
pub(crate) fn too_wide(object: Borrowed<'_, '_, PyAny>, what: &str, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyOverflowError>(object.py()) {
        return error;
    }
    let number = match shown(&object) {
        Ok(number) => number,
        Err(error) => return error,
    };
    PyOverflowError::new_err(format!(
        "{what} of {number} does not fit: it is from {} to {}",
        i64::MIN,
        i64::MAX
    ))
}

/// An integer in a message: Python refuses to write very large ones out, and nobody would read them.
fn shown(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let number = object.call_method0(intern!(object.py(), "__index__"))?;
    let bits: u64 = (number.call_method0(intern!(object.py(), "bit_length"))?).extract()?;
    if bits <= 128 {
        return Ok(number.str()?.to_string());
    }
    let sign = if number.lt(0)? { "-" } else { "" };
    Ok(format!("{sign}2**{} or more", bits - 1))
}

#[cold]
pub(crate) fn negative(what: &str, number: &str) -> PyErr {
    PyValueError::new_err(format!("{what} must not be negative: {number}"))
}

/// For what is no integer at all.
#[cold]
pub(crate) fn not_integers(found: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "an array of integers is expected, not of {found}: convert it first, so that nothing is rounded unseen"
    ))
}

/// The grant of a number, whether or not there is one.
pub(crate) fn grant_id(Number(number): Number) -> PyResult<GrantId> {
    let index = u32::try_from(number).map_err(|_| no_such_grant(number))?;
    Ok(GrantId::from_index(index))
}

#[cold]
fn no_such_grant(number: usize) -> PyErr {
    PyLookupError::new_err(format!(
        "grant {number} was never posted, or is retracted already"
    ))
}
