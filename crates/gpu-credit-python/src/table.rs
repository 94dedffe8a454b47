//! Tables in Arrow's format, from whatever has `__arrow_c_stream__`: pandas, Polars, PyArrow.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_pyarrow::FromPyArrow;
use arrow_schema::DataType;
use pyo3::exceptions::{PyKeyError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// A table that is read batch by batch.
pub(crate) struct Table(RecordBatchStreamReader);

impl<'py> FromPyObject<'_, 'py> for Table {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if !object.hasattr("__arrow_c_stream__")? {
            return Err(PyTypeError::new_err(format!(
                "a table that has __arrow_c_stream__ is expected, of pandas, Polars or PyArrow, not {}",
                object.get_type().name()?
            )));
        }
        RecordBatchStreamReader::from_pyarrow_bound(&object).map(Table)
    }
}

impl Table {
    /// Whether there is a column of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.schema().column_with_name(name).is_some()
    }

    pub(crate) fn batches(self) -> impl Iterator<Item = PyResult<RecordBatch>> {
        self.0
            .map(|batch| batch.map_err(|error| PyValueError::new_err(error.to_string())))
    }
}

/// A column of integers of any width; a row may be null.
pub(crate) struct IntegerColumn<'a> {
    numbers: Cow<'a, [i64]>,
    array: &'a ArrayRef,
}

impl<'a> IntegerColumn<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> PyResult<Self> {
        let array = column(batch, name)?;
        let numbers = match array.data_type() {
            DataType::Int64 => Cow::Borrowed(&**array.as_primitive::<Int64Type>().values()),
            DataType::Int32 => widened::<Int32Type>(array, name)?,
            DataType::Int16 => widened::<Int16Type>(array, name)?,
            DataType::Int8 => widened::<Int8Type>(array, name)?,
            DataType::UInt64 => widened::<UInt64Type>(array, name)?,
            DataType::UInt32 => widened::<UInt32Type>(array, name)?,
            DataType::UInt16 => widened::<UInt16Type>(array, name)?,
            DataType::UInt8 => widened::<UInt8Type>(array, name)?,
            // A column of nothing but nulls may be of no type at all.
            DataType::Null => Cow::Owned(vec![0; array.len()]),
            other => return Err(wrong_type(name, "integers", other)),
        };
        Ok(IntegerColumn { numbers, array })
    }

    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        (!self.array.is_null(row) && *self.array.data_type() != DataType::Null)
            .then(|| self.numbers[row])
    }
}

fn widened<T: ArrowPrimitiveType>(array: &ArrayRef, name: &str) -> PyResult<Cow<'static, [i64]>>
where
    i64: TryFrom<T::Native>,
{
    let numbers = array.as_primitive::<T>().iter();
    let widened = numbers.map(|number| number.map_or(Ok(0), i64::try_from));
    let widened = widened.collect::<Result<_, _>>();
    widened.map(Cow::Owned).map_err(|_| {
        PyOverflowError::new_err(format!(
            "column {name:?} has an integer that does not fit: it is at most {}",
            i64::MAX
        ))
    })
}

/// A column of strings; a row may be null.
pub(crate) struct TextColumn<'a>(&'a ArrayRef);

impl<'a> TextColumn<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> PyResult<Self> {
        let array = column(batch, name)?;
        match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(TextColumn(array)),
            other => Err(wrong_type(name, "strings", other)),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        if self.0.is_null(row) {
            return None;
        }
        Some(match self.0.data_type() {
            DataType::Utf8 => self.0.as_string::<i32>().value(row),
            DataType::LargeUtf8 => self.0.as_string::<i64>().value(row),
            _ => self.0.as_string_view().value(row),
        })
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> PyResult<&'a ArrayRef> {
    let column = batch.column_by_name(name);
    column.ok_or_else(|| PyKeyError::new_err(format!("the table has no column {name:?}")))
}

fn wrong_type(name: &str, expected: &str, found: &DataType) -> PyErr {
    PyTypeError::new_err(format!(
        "column {name:?} is of {found}: {expected} are expected"
    ))
}
