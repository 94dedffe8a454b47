//! Columns of answers: written row by row, kept as Arrow has them, so that nothing is copied on the way
//! to pandas, Polars or PyArrow.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int8Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, Schema, SchemaRef};
use gpu_credit::{Answer, Status};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use crate::array::{out_of_memory, push, signed};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An instant, in the unit of the account.
    Instant,
    /// Any other integer.
    Number,
    /// A name or an id.
    Text,
    /// Why a balance is what it is.
    Status,
}

/// A column by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    is_nullable: bool,
}

pub(crate) const fn instant(name: &'static str) -> Field {
    field(name, Kind::Instant)
}

pub(crate) const fn number(name: &'static str) -> Field {
    field(name, Kind::Number)
}

pub(crate) const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

pub(crate) const fn status(name: &'static str) -> Field {
    field(name, Kind::Status)
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        is_nullable: false,
    }
}

impl Field {
    /// A row may be null.
    pub(crate) const fn or_null(self) -> Field {
        Field {
            is_nullable: true,
            ..self
        }
    }

    fn to_arrow(self) -> ArrowField {
        let data_type = match self.kind {
            Kind::Instant | Kind::Number => DataType::Int64,
            Kind::Text => DataType::LargeUtf8,
            Kind::Status => DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        };
        ArrowField::new(self.name, data_type, self.is_nullable)
    }
}

/// The column that tables of many accounts begin with.
pub(crate) const ACCOUNT: Field = text("account");

/// What is written into one row of one column.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Number(i64),
    Text(&'a str),
    Status(Status),
    Null,
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

/// An amount, which is never above `i64::MAX`.
impl From<u64> for Cell<'_> {
    fn from(amount: u64) -> Self {
        Cell::Number(signed(amount))
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Cell::Number(number.into())
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text)
    }
}

impl From<Status> for Cell<'_> {
    fn from(status: Status) -> Self {
        Cell::Status(status)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Cell::Null, T::into)
    }
}

/// The cells of an answer: balance, status and deficit.
pub(crate) fn answer_cells<'a>(answer: &Answer) -> [Cell<'a>; 3] {
    [
        answer.balance.into(),
        answer.status.into(),
        answer.deficit.into(),
    ]
}

/// Rows that are being written.
pub(crate) struct Rows<'a> {
    /// The account that the rows are of.
    account: &'a str,
    /// If the table has many.
    accounts: Option<Column>,
    fields: &'static [Field],
    columns: Vec<Column>,
}

impl<'a> Rows<'a> {
    /// Rows of one account, which is not named.
    pub(crate) fn new(fields: &'static [Field]) -> Self {
        Rows {
            account: "",
            accounts: None,
            fields,
            columns: fields.iter().copied().map(Column::of).collect(),
        }
    }

    /// Rows of many accounts: the first column says which.
    pub(crate) fn of_accounts(fields: &'static [Field]) -> Self {
        Rows {
            accounts: Some(Column::of(ACCOUNT)),
            ..Rows::new(fields)
        }
    }

    /// What is pushed from here on is of this account.
    pub(crate) fn enter(&mut self, account: &'a str) {
        self.account = account;
    }

    /// Room for so many rows more, or MemoryError.
    pub(crate) fn reserve(&mut self, count: usize) -> PyResult<()> {
        for (field, column) in self.fields.iter().zip(&mut self.columns) {
            column.reserve(*field, count)?;
        }
        Ok(())
    }

    /// Appends a row: a cell for each column.
    pub(crate) fn push<const N: usize>(&mut self, cells: [Cell<'_>; N]) -> PyResult<()> {
        assert_eq!(N, self.columns.len(), "a cell for each column");
        if let Some(accounts) = &mut self.accounts {
            accounts.push(ACCOUNT, self.account.into())?;
        }
        for ((field, column), cell) in self.fields.iter().zip(&mut self.columns).zip(cells) {
            column.push(*field, cell)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> PyResult<RecordBatch> {
        let schema = schema(self.fields, self.accounts.is_some());
        let mut arrays = Vec::new();
        if let Some(accounts) = self.accounts {
            arrays.push(accounts.finish(ACCOUNT)?);
        }
        for (field, column) in self.fields.iter().zip(self.columns) {
            arrays.push(column.finish(*field)?);
        }
        RecordBatch::try_new(schema, arrays).map_err(not_arrow)
    }
}

/// The columns of a table, that of the accounts first if it has many.
pub(crate) fn schema(fields: &'static [Field], has_accounts: bool) -> SchemaRef {
    let account = has_accounts.then_some(ACCOUNT);
    let fields = account.into_iter().chain(fields.iter().copied());
    schema_of(fields.map(Field::to_arrow).collect())
}

/// A schema that tells pandas which integers may be null: it would make floats of them, and round what is beyond 2**53.
pub(crate) fn schema_of(fields: Vec<ArrowField>) -> SchemaRef {
    let is_rounded =
        |field: &&ArrowField| field.is_nullable() && *field.data_type() == DataType::Int64;
    let columns = fields.iter().filter(is_rounded).map(|field| {
        let name = field.name();
        format!(
            r#"{{"name":"{name}","field_name":"{name}","pandas_type":"int64","numpy_type":"Int64","metadata":null}}"#
        )
    });
    let columns = columns.collect::<Vec<_>>().join(",");
    let pandas = format!(r#"{{"columns":[{columns}],"index_columns":[],"column_indexes":[]}}"#);
    let metadata = HashMap::from([("pandas".to_owned(), pandas)]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// One column that grows. Room is asked for: a table that does not fit is a MemoryError.
#[derive(Default)]
struct Column {
    /// The numbers; of texts, where the first begins and where each ends.
    numbers: Vec<i64>,
    /// The places of statuses among [`STATUSES`].
    statuses: Vec<i8>,
    text: String,
    /// Of a column that may have nulls.
    is_null: Vec<bool>,
}

impl Column {
    fn of(field: Field) -> Self {
        let mut column = Column::default();
        if field.kind == Kind::Text {
            column.numbers.push(0);
        }
        column
    }

    fn reserve(&mut self, field: Field, count: usize) -> PyResult<()> {
        let reserved = match field.kind {
            Kind::Status => self.statuses.try_reserve_exact(count),
            _ => self.numbers.try_reserve_exact(count),
        };
        reserved.map_err(out_of_memory)?;
        if field.is_nullable {
            self.is_null
                .try_reserve_exact(count)
                .map_err(out_of_memory)?;
        }
        Ok(())
    }

    fn push(&mut self, field: Field, cell: Cell<'_>) -> PyResult<()> {
        let is_null = matches!(cell, Cell::Null);
        assert!(field.is_nullable || !is_null, "{} has no null", field.name);
        match (field.kind, cell) {
            (Kind::Instant | Kind::Number, Cell::Number(number)) => {
                push(&mut self.numbers, number)?;
            }
            (Kind::Instant | Kind::Number, Cell::Null) => push(&mut self.numbers, 0)?,
            (Kind::Text, Cell::Text(text)) => {
                self.text.try_reserve(text.len()).map_err(out_of_memory)?;
                self.text.push_str(text);
                self.push_text_end()?;
            }
            (Kind::Text, Cell::Null) => self.push_text_end()?,
            (Kind::Status, Cell::Status(status)) => push(&mut self.statuses, place_of(status))?,
            (Kind::Status, Cell::Null) => push(&mut self.statuses, 0)?,
            _ => unreachable!("column {} is of another kind", field.name),
        }
        if field.is_nullable {
            push(&mut self.is_null, is_null)?;
        }
        Ok(())
    }

    fn push_text_end(&mut self) -> PyResult<()> {
        // No string is longer than `isize::MAX` bytes.
        push(&mut self.numbers, signed(self.text.len() as u64))
    }

    fn finish(self, field: Field) -> PyResult<ArrayRef> {
        let nulls = field.is_nullable.then(|| {
            let is_valid = BooleanBuffer::collect_bool(self.is_null.len(), |at| !self.is_null[at]);
            NullBuffer::new(is_valid)
        });
        Ok(match field.kind {
            Kind::Instant | Kind::Number => {
                Arc::new(Int64Array::new(ScalarBuffer::from(self.numbers), nulls))
            }
            Kind::Text => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(self.numbers));
                let text = Buffer::from_vec(self.text.into_bytes());
                Arc::new(LargeStringArray::try_new(ends, text, nulls).map_err(not_arrow)?)
            }
            Kind::Status => {
                let keys = Int8Array::new(ScalarBuffer::from(self.statuses), nulls);
                let names = StringArray::from(STATUSES.map(Status::as_str).to_vec());
                let statuses = DictionaryArray::<Int8Type>::try_new(keys, Arc::new(names));
                Arc::new(statuses.map_err(not_arrow)?)
            }
        })
    }
}

const STATUSES: [Status; 4] = [
    Status::Inactive,
    Status::Overdrawn,
    Status::Spent,
    Status::Available,
];

fn place_of(status: Status) -> i8 {
    let mut places = STATUSES.iter().zip(0..);
    let place = places.find(|(known, _)| **known == status);
    place.expect("a status is one of four").1
}

#[cold]
pub(crate) fn not_arrow(error: ArrowError) -> pyo3::PyErr {
    PyValueError::new_err(error.to_string())
}
