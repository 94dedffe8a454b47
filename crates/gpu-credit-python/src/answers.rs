//! Tables of answers, handed out by the Arrow PyCapsule interface: what `gpu_credit.Table` wraps.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchIterator, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, Field as ArrowField, SchemaRef};
use gpu_credit_store::TimeUnit;
use jiff::tz::TimeZone;
use pyo3::exceptions::{PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyList};

use crate::array::{Masked, integers, with_capacity};
use crate::columns::{ACCOUNT, Field, Kind, not_arrow, schema, schema_of};
use crate::store::time_unit;

/// The columns of a table. It never changes, and is shared with whoever has read it.
#[pyclass(name = "Columns", module = "gpu_credit._native", frozen)]
pub(crate) struct Columns {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    kinds: Vec<Kind>,
    /// That of the instants, if it is known.
    unit: Option<TimeUnit>,
}

impl Columns {
    /// A `gpu_credit.Table` of these batches.
    pub(crate) fn table<'py>(
        py: Python<'py>,
        fields: &'static [Field],
        has_accounts: bool,
        batches: Vec<RecordBatch>,
        unit: Option<TimeUnit>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static TABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = TABLE.import(py, "gpu_credit.table", "Table")?;
        let account = has_accounts.then_some(ACCOUNT.kind);
        let kinds = fields.iter().map(|field| field.kind);
        class.call1((Columns {
            schema: schema(fields, has_accounts),
            batches,
            kinds: account.into_iter().chain(kinds).collect(),
            unit,
        },))
    }

    fn parts(&self, at: usize) -> impl Iterator<Item = &ArrayRef> {
        self.batches.iter().map(move |batch| batch.column(at))
    }

    fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// A column of integers in one piece, and which rows are null if any may be.
    fn numbers(&self, at: usize) -> PyResult<(Vec<i64>, Option<Vec<bool>>)> {
        let mut numbers = with_capacity(self.len())?;
        let mut is_missing = with_capacity(self.len())?;
        for part in self.parts(at) {
            let part = as_integers(part)?;
            let part = part.as_primitive::<Int64Type>();
            numbers.extend_from_slice(part.values());
            is_missing.extend((0..part.len()).map(|row| part.is_null(row)));
        }
        let is_nullable = self.schema.field(at).is_nullable();
        Ok((numbers, is_nullable.then_some(is_missing)))
    }

    fn texts(&self, at: usize) -> Vec<Option<&str>> {
        let mut texts = Vec::new();
        for part in self.parts(at) {
            if self.kinds[at] == Kind::Status {
                let statuses = part.as_dictionary::<Int8Type>();
                let statuses = statuses.downcast_dict::<arrow_array::StringArray>();
                texts.extend(statuses.into_iter().flatten());
            } else {
                texts.extend(part.as_string::<i64>());
            }
        }
        texts
    }
}

#[pymethods]
impl Columns {
    #[getter]
    fn names(&self) -> Vec<&str> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().as_str()).collect()
    }

    #[getter]
    fn unit(&self) -> Option<&'static str> {
        self.unit.map(TimeUnit::as_str)
    }

    fn __len__(&self) -> usize {
        self.len()
    }

    /// A column: int64 or datetime64, masked if a row may be null; or a list of str.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let at = self.schema.index_of(name).map_err(|_| {
            let names = self.names().join(", ");
            PyKeyError::new_err(format!("there is no column {name:?}: there are {names}"))
        })?;
        if matches!(self.kinds[at], Kind::Text | Kind::Status) {
            return Ok(PyList::new(py, self.texts(at))?.into_any());
        }
        let (numbers, is_missing) = self.numbers(at)?;
        let column = match is_missing {
            None => integers(py, numbers).into_any(),
            Some(is_missing) => Masked {
                numbers,
                is_missing,
            }
            .into_array(py)?,
        };
        match self.schema.field(at).data_type() {
            DataType::Timestamp(unit, _) => {
                column.call_method1("view", (format!("datetime64[{}]", symbol(unit)),))
            }
            _ => Ok(column),
        }
    }

    /// Some of the rows, as a table of their own.
    #[pyo3(signature = (*, first, count))]
    fn slice(&self, first: usize, count: usize) -> PyResult<Columns> {
        if first.checked_add(count).is_none_or(|end| end > self.len()) {
            return Err(PyIndexError::new_err("there is no such row"));
        }
        let (mut skipped, mut wanted, mut batches) = (first, count, Vec::new());
        for batch in &self.batches {
            let from = skipped.min(batch.num_rows());
            let taken = wanted.min(batch.num_rows() - from);
            if taken > 0 {
                batches.push(batch.slice(from, taken));
            }
            skipped -= from;
            wanted -= taken;
        }
        Ok(self.of(Arc::clone(&self.schema), batches, self.unit))
    }

    /// The same with timestamps of Arrow for instants; one at the end of all time is null.
    #[pyo3(signature = (unit, timezone))]
    fn datetimes(&self, unit: Option<&str>, timezone: Option<&str>) -> PyResult<Columns> {
        let unit = match (unit.map(time_unit).transpose()?, self.unit) {
            (Some(said), Some(known)) if said != known => {
                return Err(PyValueError::new_err(format!(
                    "the instants of this table count {known}, not {said}"
                )));
            }
            (said, known) => said.or(known).ok_or_else(|| {
                PyValueError::new_err(
                    "nobody has said in which unit the instants of this table count: \
                     give unit=\"s\", or open the account, book or store with one",
                )
            })?,
        };
        if let Some(name) = timezone {
            let known = TimeZone::get(name);
            known.map_err(|error| {
                PyValueError::new_err(format!("there is no time zone {name:?}: {error}"))
            })?;
        }
        let timezone: Option<Arc<str>> = timezone.map(Arc::from);
        let is_instant = |at: usize| self.kinds[at] == Kind::Instant;
        let fields = self.schema.fields().iter().enumerate();
        let fields = fields.map(|(at, field)| {
            if !is_instant(at) {
                return field.as_ref().clone();
            }
            let data_type = DataType::Timestamp(arrow_unit(unit), timezone.clone());
            ArrowField::new(field.name(), data_type, true)
        });
        let schema = schema_of(fields.collect());
        let batches = self.batches.iter().map(|batch| {
            let columns = batch.columns().iter().enumerate();
            let columns = columns.map(|(at, column)| match is_instant(at) {
                true => Ok(as_datetimes(&as_integers(column)?, unit, timezone.clone())),
                false => Ok(Arc::clone(column)),
            });
            let columns = columns.collect::<PyResult<_>>()?;
            RecordBatch::try_new(Arc::clone(&schema), columns).map_err(not_arrow)
        });
        let batches = batches.collect::<PyResult<_>>()?;
        Ok(self.of(schema, batches, Some(unit)))
    }

    /// Whether the other has the same columns and rows.
    fn equals(&self, other: &Columns) -> PyResult<bool> {
        if self.schema.fields() != other.schema.fields() || self.len() != other.len() {
            return Ok(false);
        }
        for at in 0..self.kinds.len() {
            let is_equal = match self.kinds[at] {
                Kind::Text | Kind::Status => self.texts(at) == other.texts(at),
                _ => self.numbers(at)? == other.numbers(at)?,
            };
            if !is_equal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.schema).map_err(not_arrow)?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // It is a wish, which the interface lets nobody rely on.
        let _ = requested_schema;
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

impl Columns {
    fn of(&self, schema: SchemaRef, batches: Vec<RecordBatch>, unit: Option<TimeUnit>) -> Columns {
        Columns {
            schema,
            batches,
            kinds: self.kinds.clone(),
            unit,
        }
    }
}

/// The numbers of a column of integers, or of timestamps.
fn as_integers(column: &ArrayRef) -> PyResult<ArrayRef> {
    match column.data_type() {
        DataType::Timestamp(..) => {
            let data = column.to_data().into_builder().data_type(DataType::Int64);
            Ok(arrow_array::make_array(data.build().map_err(not_arrow)?))
        }
        _ => Ok(Arc::clone(column)),
    }
}

fn as_datetimes(column: &ArrayRef, unit: TimeUnit, timezone: Option<Arc<str>>) -> ArrayRef {
    let column = column.as_primitive::<Int64Type>();
    let (times, nulls) = (column.values().clone(), column.nulls());
    let is_valid = BooleanBuffer::collect_bool(times.len(), |row| times[row] != i64::MAX);
    let nulls = NullBuffer::union(nulls, Some(&NullBuffer::new(is_valid)));
    match unit {
        TimeUnit::Seconds => {
            Arc::new(TimestampSecondArray::new(times, nulls).with_timezone_opt(timezone))
        }
        TimeUnit::Milliseconds => {
            Arc::new(TimestampMillisecondArray::new(times, nulls).with_timezone_opt(timezone))
        }
        TimeUnit::Microseconds => {
            Arc::new(TimestampMicrosecondArray::new(times, nulls).with_timezone_opt(timezone))
        }
        TimeUnit::Nanoseconds => {
            Arc::new(TimestampNanosecondArray::new(times, nulls).with_timezone_opt(timezone))
        }
    }
}

fn arrow_unit(unit: TimeUnit) -> arrow_schema::TimeUnit {
    match unit {
        TimeUnit::Seconds => arrow_schema::TimeUnit::Second,
        TimeUnit::Milliseconds => arrow_schema::TimeUnit::Millisecond,
        TimeUnit::Microseconds => arrow_schema::TimeUnit::Microsecond,
        TimeUnit::Nanoseconds => arrow_schema::TimeUnit::Nanosecond,
    }
}

/// The unit of a timestamp of Arrow.
pub(crate) fn unit_of(unit: arrow_schema::TimeUnit) -> TimeUnit {
    match unit {
        arrow_schema::TimeUnit::Second => TimeUnit::Seconds,
        arrow_schema::TimeUnit::Millisecond => TimeUnit::Milliseconds,
        arrow_schema::TimeUnit::Microsecond => TimeUnit::Microseconds,
        arrow_schema::TimeUnit::Nanosecond => TimeUnit::Nanoseconds,
    }
}

fn symbol(unit: &arrow_schema::TimeUnit) -> &'static str {
    unit_of(*unit).as_str()
}
