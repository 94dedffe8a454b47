//! Which column of the output is where, as its header says.

use super::error::{SacctError, quote};

/// The columns that are read. All but `Timelimit` must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    JobIdRaw,
    Cluster,
    Account,
    User,
    Submit,
    Start,
    End,
    Timelimit,
    AllocTres,
    State,
}

const COLUMNS: [Column; 10] = [
    Column::JobIdRaw,
    Column::Cluster,
    Column::Account,
    Column::User,
    Column::Submit,
    Column::Start,
    Column::End,
    Column::Timelimit,
    Column::AllocTres,
    Column::State,
];

impl Column {
    /// As `sacct` spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Column::JobIdRaw => "JobIDRaw",
            Column::Cluster => "Cluster",
            Column::Account => "Account",
            Column::User => "User",
            Column::Submit => "Submit",
            Column::Start => "Start",
            Column::End => "End",
            Column::Timelimit => "Timelimit",
            Column::AllocTres => "AllocTRES",
            Column::State => "State",
        }
    }
}

/// What separates the fields of a row. No field is quoted.
const SEPARATOR: char = '|';

/// Where the columns are.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// By the order of [`COLUMNS`].
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Columns {
    /// Reads the header.
    pub(super) fn of_header(line: u64, header: &str) -> Result<Self, SacctError> {
        let mut places = [None; COLUMNS.len()];
        let mut count = 0;
        for (place, name) in header.split(SEPARATOR).enumerate() {
            count += 1;
            let Some(known) = COLUMNS.iter().position(|column| column.name() == name) else {
                continue;
            };
            if places[known].replace(place).is_some() {
                let problem = format!("the column {name} is there twice");
                return Err(SacctError::of_line(line, problem));
            }
        }
        let is_missing = |(column, place): &(Column, Option<usize>)| {
            *column != Column::Timelimit && place.is_none()
        };
        if let Some((missing, _)) = COLUMNS.into_iter().zip(places).find(is_missing) {
            let names = COLUMNS.map(Column::name).join(",");
            let problem = format!(
                "the column {} is missing, found {}, expected the header of sacct --parsable2 \
                 --format={names}, in any order",
                missing.name(),
                quote(header),
            );
            return Err(SacctError::of_line(line, problem));
        }
        Ok(Columns { places, count })
    }

    /// Splits a row.
    pub(super) fn row<'a>(&self, line: u64, row: &'a str) -> Result<Fields<'a>, SacctError> {
        let found = row.split(SEPARATOR).count();
        if found != self.count {
            let problem = format!(
                "found {found} fields, expected {} as in the header (a value with {SEPARATOR} in it \
                 cannot be told from two)",
                self.count,
            );
            return Err(SacctError::of_line(line, problem));
        }
        let mut fields = Fields {
            line,
            values: [""; COLUMNS.len()],
        };
        for (place, field) in row.split(SEPARATOR).enumerate() {
            if let Some(known) = self.places.iter().position(|at| *at == Some(place)) {
                fields.values[known] = field;
            }
        }
        Ok(fields)
    }
}

/// The fields of a row that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub(super) line: u64,
    values: [&'a str; COLUMNS.len()],
}

impl<'a> Fields<'a> {
    /// The value of a column; of `Timelimit`, nothing if the column is not there.
    pub(super) fn get(&self, column: Column) -> &'a str {
        self.values[column as usize]
    }

    /// The value of a column that may not be empty.
    pub(super) fn name(&self, column: Column) -> Result<&'a str, SacctError> {
        match self.get(column) {
            "" => Err(self.wrong(column, "a name")),
            name => Ok(name),
        }
    }

    pub(super) fn wrong(
        &self,
        column: Column,
        expected: impl Into<std::borrow::Cow<'static, str>>,
    ) -> SacctError {
        SacctError::of_value(self.line, column.name(), self.get(column), expected)
    }
}
