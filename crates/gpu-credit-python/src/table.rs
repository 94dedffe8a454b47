//! Tables in Arrow's format, from whatever has `__arrow_c_stream__`: pandas, Polars, PyArrow.

use std::borrow::Cow;
use std::str;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, GenericStringArray, LargeStringArray, OffsetSizeTrait, RecordBatch,
    StringArray, StringViewArray, make_array,
};
use arrow_pyarrow::FromPyArrow;
use arrow_schema::DataType;
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::{PyKeyError, PyOverflowError, PyStopIteration, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answers::unit_of;
use crate::array::with_capacity;
use crate::columns::not_arrow;
use crate::instant::converted;

/// A table that is read batch by batch.
pub(crate) enum Table {
    Stream(RecordBatchStreamReader),
    /// A reader of PyArrow, which may run a generator of Python: an exception of that stays what it
    /// is, as it does not in a stream.
    Reader(Py<PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Table {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if !object.hasattr(intern!(py, "__arrow_c_stream__"))? {
            let found = object.get_type().name()?;
            let remedy = match object.hasattr(intern!(py, "collect"))? {
                true => "collect() makes one of it",
                false => "pandas.DataFrame or polars.DataFrame makes one of lists and dictionaries",
            };
            return Err(PyTypeError::new_err(format!(
                "a table that has __arrow_c_stream__ is expected, of pandas, Polars or PyArrow, not {found}: {remedy}"
            )));
        }
        if object.hasattr(intern!(py, "read_next_batch"))? {
            return Ok(Table::Reader(object.to_owned().unbind()));
        }
        let typed = with_types(&object)?;
        RecordBatchStreamReader::from_pyarrow_bound(&typed).map(Table::Stream)
    }
}

/// Polars hands a column without a type over in a way that Arrow for Rust does not take: it gets
/// some type first.
fn with_types<'py>(table: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = table.py();
    let module = table.get_type().module()?;
    if !module.to_cow()?.starts_with("polars.") {
        return Ok(table.clone());
    }
    let polars = py.import(intern!(py, "polars"))?;
    let types = PyDict::new(py);
    types.set_item(polars.getattr("Null")?, polars.getattr("Int64")?)?;
    table.call_method1(intern!(py, "cast"), (types,))
}

impl Table {
    pub(crate) fn batches(self) -> impl Iterator<Item = PyResult<RecordBatch>> {
        let (mut stream, reader) = match self {
            Table::Stream(stream) => (Some(stream), None),
            Table::Reader(reader) => (None, Some(reader)),
        };
        std::iter::from_fn(move || match (&mut stream, &reader) {
            (Some(stream), _) => {
                let batch = stream.next()?;
                Some(batch.map_err(|error| PyValueError::new_err(error.to_string())))
            }
            (None, Some(reader)) => Python::attach(|py| next_batch(reader.bind(py)).transpose()),
            (None, None) => None,
        })
    }
}

fn next_batch(reader: &Bound<'_, PyAny>) -> PyResult<Option<RecordBatch>> {
    match reader.call_method0(intern!(reader.py(), "read_next_batch")) {
        Ok(batch) => RecordBatch::from_pyarrow_bound(&batch).map(Some),
        Err(error) if error.is_instance_of::<PyStopIteration>(reader.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A column of integers of any width; a row may be null.
pub(crate) struct IntegerColumn<'a> {
    numbers: Cow<'a, [i64]>,
    array: &'a ArrayRef,
}

impl<'a> IntegerColumn<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> PyResult<Self> {
        Self::of_array(column(batch, name)?, name)
    }

    fn of_array(array: &'a ArrayRef, name: &str) -> PyResult<Self> {
        let numbers = match array.data_type() {
            _ if is_all_null(array) => Cow::Owned(Vec::new()),
            DataType::Int64 => Cow::Borrowed(&**array.as_primitive::<Int64Type>().values()),
            DataType::Int32 => widened::<Int32Type>(array, name)?,
            DataType::Int16 => widened::<Int16Type>(array, name)?,
            DataType::Int8 => widened::<Int8Type>(array, name)?,
            DataType::UInt64 => widened::<UInt64Type>(array, name)?,
            DataType::UInt32 => widened::<UInt32Type>(array, name)?,
            DataType::UInt16 => widened::<UInt16Type>(array, name)?,
            DataType::UInt8 => widened::<UInt8Type>(array, name)?,
            other => return Err(wrong_type(name, "integers", other)),
        };
        Ok(IntegerColumn { numbers, array })
    }

    /// A column of instants: integers, or timestamps and dates, which count in the unit then.
    pub(crate) fn of_instants(
        batch: &'a RecordBatch,
        name: &str,
        unit: Option<TimeUnit>,
        before: usize,
    ) -> PyResult<Self> {
        let array = column(batch, name)?;
        match array.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                Self::of_times(array, name, unit, before)
            }
            DataType::Duration(_) => Err(wrong_type(name, "instants", array.data_type())),
            _ => Self::of(batch, name),
        }
    }

    /// A column of lengths of time: integers, or durations, which count in the unit then.
    pub(crate) fn of_lengths(
        batch: &'a RecordBatch,
        name: &str,
        unit: Option<TimeUnit>,
        before: usize,
    ) -> PyResult<Self> {
        let array = column(batch, name)?;
        match array.data_type() {
            DataType::Duration(_) => Self::of_times(array, name, unit, before),
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                Err(wrong_type(name, "lengths of time", array.data_type()))
            }
            _ => Self::of(batch, name),
        }
    }

    /// Of times, exactly. An error names the row, of which so many came before those of the batch.
    fn of_times(
        array: &'a ArrayRef,
        name: &str,
        unit: Option<TimeUnit>,
        before: usize,
    ) -> PyResult<Self> {
        const SECONDS_OF_A_DAY: i64 = 86_400;
        let (times, from): (Cow<'_, [i64]>, _) = match array.data_type() {
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().values().iter();
                let seconds = days.map(|day| i64::from(*day) * SECONDS_OF_A_DAY);
                (seconds.collect(), TimeUnit::Seconds)
            }
            DataType::Date64 => {
                let times = &**array.as_primitive::<Date64Type>().values();
                (Cow::Borrowed(times), TimeUnit::Milliseconds)
            }
            DataType::Timestamp(unit, _) | DataType::Duration(unit) => {
                let data = array.to_data().into_builder().data_type(DataType::Int64);
                let numbers = make_array(data.build().map_err(not_arrow)?);
                let numbers = numbers.as_primitive::<Int64Type>().values().to_vec();
                (Cow::Owned(numbers), unit_of(*unit))
            }
            other => return Err(wrong_type(name, "times", other)),
        };
        let mut numbers = with_capacity(array.len())?;
        for (row, time) in times.iter().enumerate() {
            let place = || format!("row {} of column {name:?}", before + row);
            numbers.push(match array.is_null(row) {
                true => 0,
                false => converted(*time, from, unit, place)?,
            });
        }
        let numbers = Cow::Owned(numbers);
        Ok(IntegerColumn { numbers, array })
    }

    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let number = self.numbers.get(row)?;
        (!self.array.is_null(row)).then_some(*number)
    }
}

/// Whether there is no row that is not null: whatever the type is, it says nothing.
fn is_all_null(array: &ArrayRef) -> bool {
    array.logical_null_count() == array.len()
}

fn widened<T: ArrowPrimitiveType>(array: &ArrayRef, name: &str) -> PyResult<Cow<'static, [i64]>>
where
    i64: TryFrom<T::Native>,
{
    let widened = |number: T::Native| {
        i64::try_from(number).map_err(|_| {
            PyOverflowError::new_err(format!(
                "column {name:?} has {number:?}, which does not fit: it is at most {}",
                i64::MAX
            ))
        })
    };
    let numbers = array.as_primitive::<T>().iter();
    let numbers = numbers.map(|number| number.map_or(Ok(0), widened));
    numbers.collect::<PyResult<_>>().map(Cow::Owned)
}

/// A column of strings; a row may be null.
pub(crate) struct TextColumn<'a> {
    texts: Texts<'a>,
    array: &'a ArrayRef,
    name: &'a str,
}

enum Texts<'a> {
    AllNull,
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    /// Integers, as they are written.
    Numbers(Vec<String>),
    /// The place of each row among a column of different strings.
    Dictionary(Vec<usize>, Box<TextColumn<'a>>),
}

impl<'a> TextColumn<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &'a str) -> PyResult<Self> {
        Self::of_array(column(batch, name)?, name, false)
    }

    /// A column of names or ids, which may be integers: they are taken as they are written.
    pub(crate) fn of_names(batch: &'a RecordBatch, name: &'a str) -> PyResult<Self> {
        Self::of_array(column(batch, name)?, name, true)
    }

    fn of_array(array: &'a ArrayRef, name: &'a str, may_be_integers: bool) -> PyResult<Self> {
        let texts = match array.data_type() {
            _ if is_all_null(array) => Texts::AllNull,
            integers if may_be_integers && integers.is_integer() => {
                let numbers = IntegerColumn::of_array(array, name)?;
                Texts::Numbers(numbers.numbers.iter().map(i64::to_string).collect())
            }
            DataType::Utf8 => Texts::Small(array.as_string()),
            DataType::LargeUtf8 => Texts::Large(array.as_string()),
            DataType::Utf8View => {
                let valid = array.to_data().validate_full();
                valid.map_err(|error| {
                    PyValueError::new_err(format!("column {name:?} is damaged: {error}"))
                })?;
                Texts::View(array.as_string_view())
            }
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let values = Self::of_array(dictionary.values(), name, may_be_integers)?;
                Texts::Dictionary(dictionary.normalized_keys(), Box::new(values))
            }
            other => return Err(wrong_type(name, "strings", other)),
        };
        Ok(TextColumn { texts, array, name })
    }

    pub(crate) fn get(&self, row: usize) -> PyResult<Option<&str>> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        let text = match &self.texts {
            Texts::AllNull => return Ok(None),
            Texts::Small(array) => text_at(array, row),
            Texts::Large(array) => text_at(array, row),
            Texts::View(array) => Some(array.value(row)),
            Texts::Numbers(numbers) => numbers.get(row).map(String::as_str),
            Texts::Dictionary(places, texts) => return texts.get(places[row]),
        };
        match text {
            Some(text) => Ok(Some(text)),
            None => Err(PyValueError::new_err(format!(
                "column {:?} is damaged: row {row} of a batch is no text in UTF-8",
                self.name
            ))),
        }
    }
}

/// The text of a row; `None` if it is none. Whoever made the column may not have looked.
fn text_at<O: OffsetSizeTrait>(array: &GenericStringArray<O>, row: usize) -> Option<&str> {
    let offsets = array.value_offsets();
    let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
    str::from_utf8(array.value_data().get(start..end)?).ok()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> PyResult<&'a ArrayRef> {
    let column = batch.column_by_name(name);
    column.ok_or_else(|| {
        let remedy = match name {
            "kind" => "; kind=\"grant\" or kind=\"usage\" says it of all rows",
            _ => "",
        };
        let schema = batch.schema();
        let columns = schema.fields().iter().map(|field| field.name().as_str());
        let columns = columns.collect::<Vec<_>>().join(", ");
        PyKeyError::new_err(format!(
            "the table has no column {name:?}{remedy}: it has {columns}"
        ))
    })
}

fn wrong_type(name: &str, expected: &str, found: &DataType) -> PyErr {
    let remedy = match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            " (text is not read: pandas.to_datetime and pandas.to_numeric do, or .str.to_datetime() and \
             .str.to_integer() of Polars)"
        }
        _ if found.is_floating() || found.is_decimal() => {
            " (.astype(\"Int64\") of pandas has nulls, and so has .cast(polars.Int64))"
        }
        _ => "",
    };
    PyTypeError::new_err(format!(
        "column {name:?} is of {found}: {expected} are expected{remedy}"
    ))
}
