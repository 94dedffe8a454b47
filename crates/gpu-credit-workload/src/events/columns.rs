//! Which columns a file has, as its header says.

use std::fmt;

use super::error::Problem;
use super::{COLUMNS, OPTIONAL_COLUMNS};

/// Columns of a row, at most.
pub(super) const COLUMNS_MAX: usize = COLUMNS.len() + OPTIONAL_COLUMNS.len();

/// The columns of a file: the six, then the optional ones that it has, in the order of its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// For each optional column, its place in a row.
    places: [Option<usize>; OPTIONAL_COLUMNS.len()],
    optional: usize,
}

impl Columns {
    /// The six, and after them these, in the order of their names.
    pub(super) fn with(present: [bool; OPTIONAL_COLUMNS.len()]) -> Self {
        let mut columns = Columns::default();
        for (place, _) in columns
            .places
            .iter_mut()
            .zip(present)
            .filter(|(_, is_there)| *is_there)
        {
            *place = Some(COLUMNS.len() + columns.optional);
            columns.optional += 1;
        }
        columns
    }

    /// Reads the fields of a header.
    pub(super) fn of_header<'a>(
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Columns, Problem> {
        let (mut columns, mut count) = (Columns::default(), 0);
        for found in fields {
            match COLUMNS.get(count) {
                Some(expected) if found != expected.as_bytes() => {
                    let header = format!("the header {columns}");
                    return Err(Problem::value(expected, found, header));
                }
                Some(_) => {}
                None => columns.add(found)?,
            }
            count += 1;
        }
        match COLUMNS.get(count) {
            Some(column) => Err(Problem::Missing {
                column,
                found: count,
                columns,
            }),
            None => Ok(columns),
        }
    }

    /// Takes an optional column in.
    fn add(&mut self, found: &[u8]) -> Result<(), Problem> {
        let optional = OPTIONAL_COLUMNS
            .iter()
            .position(|name| name.as_bytes() == found);
        let place = self.len();
        match optional.map(|optional| &mut self.places[optional]) {
            Some(free @ None) => *free = Some(place),
            Some(Some(_)) => return Err(Problem::twice(place, found)),
            None => return Err(Problem::unknown_column(found, *self)),
        }
        self.optional += 1;
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        COLUMNS.len() + self.optional
    }

    /// Where an optional column stands, if the file has it.
    #[inline]
    pub(super) fn place(&self, optional: usize) -> Option<usize> {
        self.places[optional]
    }

    /// The name of the column at a place.
    pub(super) fn name(&self, place: usize) -> &'static str {
        let is_there = |optional: &usize| self.places[*optional] == Some(place);
        let optional = (0..OPTIONAL_COLUMNS.len()).find(is_there);
        match (COLUMNS.get(place), optional) {
            (Some(name), _) => name,
            (None, Some(optional)) => OPTIONAL_COLUMNS[optional],
            (None, None) => "",
        }
    }
}

impl fmt::Display for Columns {
    /// The header.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in 0..self.len() {
            let comma = if place > 0 { "," } else { "" };
            write!(formatter, "{comma}{}", self.name(place))?;
        }
        Ok(())
    }
}
