//! NumPy arrays in and out: read where they stand, and made of what was computed.

use std::collections::TryReserveError;

use numpy::{
    PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyRange, PyTuple};

use crate::integer::{not_integers, too_wide};

/// One row of integers. A contiguous, aligned NumPy array of `int64` is read where it stands; whatever else
/// NumPy takes for integers is converted once.
pub(crate) struct Integers<'py>(PyReadonlyArray1<'py, i64>);

impl<'py> Integers<'py> {
    pub(crate) fn as_slice(&self) -> PyResult<&[i64]> {
        Ok(self.0.as_slice()?)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'py> FromPyObject<'_, 'py> for Integers<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = object.cast::<PyArray1<i64>>()
            && array.is_exact_instance_of::<PyArray1<i64>>()
            && array.is_c_contiguous()
            && array.data().is_aligned()
        {
            return Ok(Integers(array.try_readonly()?));
        }
        converted(&object).map(Integers)
    }
}

/// The slow path: lists, other integer types, strides, odd addresses, masks of which nothing is
/// masked.
fn converted<'py>(object: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray1<'py, i64>> {
    let py = object.py();
    if object.is_instance_of::<PyList>()
        || object.is_instance_of::<PyTuple>()
        || object.is_instance_of::<PyRange>()
    {
        let mut numbers = Vec::new();
        for number in object.try_iter()? {
            let number = number?;
            let read = number.extract::<i64>();
            let read = read.map_err(|error| too_wide(number.as_borrowed(), "an integer", error));
            push(&mut numbers, read?)?;
        }
        return Ok(integers(py, numbers).try_readonly()?);
    }
    let numpy = py.import(intern!(py, "numpy"))?;
    if is_masked(object)? {
        return Err(PyValueError::new_err(
            "a masked array with masked values: fill or drop them",
        ));
    }
    let array = numpy.call_method1(intern!(py, "asarray"), (object,))?;
    let untyped = array.cast::<PyUntypedArray>()?;
    if untyped.ndim() != 1 {
        let message = match untyped.ndim() {
            0 => {
                "a column of integers is expected, not one integer: nothing is broadcast".to_owned()
            }
            many => format!("a column of integers is expected, not {many} dimensions"),
        };
        return Err(PyValueError::new_err(message));
    }
    let kind = untyped.dtype().kind();
    let array = match kind {
        b'i' => array,
        b'u' => fitting(array)?,
        _ => return Err(not_integers(&untyped.dtype().to_string())),
    };
    // Contiguous and aligned.
    let arguments = (array, "int64", ["C", "A"]);
    let array = numpy.call_method1(intern!(py, "require"), arguments)?;
    Ok(array.cast_into::<PyArray1<i64>>()?.try_readonly()?)
}

/// Fetches what is needed of NumPy once and for all: later, Ctrl-C might come in between.
pub(crate) fn fetch_numpy(py: Python<'_>) -> PyResult<()> {
    integers(py, vec![0]).try_readonly()?;
    Masked::zeroed(0)?.into_array(py)?;
    Ok(())
}

fn is_masked(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    let masked = py.import(intern!(py, "numpy.ma"))?;
    masked
        .call_method1(intern!(py, "is_masked"), (object,))?
        .extract()
}

/// Unsigned integers, which may be too large.
fn fitting(array: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let options = PyDict::new(array.py());
    options.set_item("initial", 0)?;
    let max = array.call_method("max", (), Some(&options))?;
    if max.extract::<i64>().is_err() {
        return Err(PyOverflowError::new_err(format!(
            "an integer of {max} does not fit: it is at most {}",
            i64::MAX
        )));
    }
    Ok(array)
}

/// An `int64` array that takes the numbers as they are, without a copy.
pub(crate) fn integers(py: Python<'_>, numbers: Vec<i64>) -> Bound<'_, PyArray1<i64>> {
    PyArray1::from_vec(py, numbers)
}

/// Appends, or raises MemoryError: a list that is too long for the machine does not end the process.
#[inline]
pub(crate) fn push<T>(column: &mut Vec<T>, item: T) -> PyResult<()> {
    if column.len() == column.capacity() {
        column.try_reserve(1).map_err(out_of_memory)?;
    }
    column.push(item);
    Ok(())
}

/// A column with room for so many, or MemoryError.
pub(crate) fn with_capacity<T>(count: usize) -> PyResult<Vec<T>> {
    let mut column = Vec::new();
    column.try_reserve_exact(count).map_err(out_of_memory)?;
    Ok(column)
}

#[cold]
pub(crate) fn out_of_memory(error: TryReserveError) -> PyErr {
    PyMemoryError::new_err(error.to_string())
}

/// Natural numbers, balances as a rule, and whether there is none.
#[derive(Default)]
pub(crate) struct Masked {
    pub(crate) numbers: Vec<i64>,
    pub(crate) is_missing: Vec<bool>,
}

impl Masked {
    pub(crate) fn with_capacity(count: usize) -> PyResult<Self> {
        Ok(Masked {
            numbers: with_capacity(count)?,
            is_missing: with_capacity(count)?,
        })
    }

    pub(crate) fn zeroed(count: usize) -> PyResult<Self> {
        let mut masked = Masked::with_capacity(count)?;
        masked.numbers.resize(count, 0);
        masked.is_missing.resize(count, false);
        Ok(masked)
    }

    pub(crate) fn push(&mut self, number: Option<u64>) -> PyResult<()> {
        push(&mut self.numbers, signed(number.unwrap_or(0)))?;
        push(&mut self.is_missing, number.is_none())
    }

    /// A `numpy.ma.MaskedArray` of `int64`: what there is none of is masked.
    pub(crate) fn into_array(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        static MASKED_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = MASKED_ARRAY.import(py, "numpy.ma", "MaskedArray")?;
        let data = integers(py, self.numbers);
        let mask = PyArray1::from_vec(py, self.is_missing);
        class.call1((data, mask))
    }
}

/// An amount of the ledger as a signed number: no amount is above `i64::MAX`.
#[inline]
pub(crate) fn signed(amount: u64) -> i64 {
    amount.cast_signed()
}
