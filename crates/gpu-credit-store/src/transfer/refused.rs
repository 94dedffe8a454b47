//! Rows that are refused: each ends an import, or is left out of it.

use crate::{Error, ImportError};

/// Bytes of a row that is left out, at most, but for its texts.
pub(super) const REFUSED_BYTES: usize = 1_000;

/// Rows that are left out, with their places among those of the file.
#[derive(Default)]
pub(super) struct RefusedRows {
    /// Otherwise the first that is refused ends the import.
    are_left_out: bool,
    rows: Vec<(u64, Error)>,
}

impl RefusedRows {
    pub(super) fn new(are_left_out: bool) -> Self {
        RefusedRows {
            are_left_out,
            rows: Vec::new(),
        }
    }

    /// Leaves a row out, or ends the import with it. What is no refusal of a row ends it in any case.
    pub(super) fn add(&mut self, place: u64, error: Error) -> Result<(), Error> {
        match self.are_left_out && is_of_row(&error) {
            true => self.rows.push((place, error)),
            false => return Err(error),
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.len() * REFUSED_BYTES
    }

    /// Goes on from `place`, before which `earlier` ones stand.
    pub(super) fn follow(&mut self, mut earlier: RefusedRows, place: u64) {
        earlier.rows.retain(|(other, _)| *other < place);
        earlier.rows.append(&mut self.rows);
        self.rows = earlier.rows;
    }

    /// The errors of these and others, in the order of the file.
    pub(super) fn into_errors(self, others: RefusedRows) -> Vec<Error> {
        let mut rows = self.rows;
        rows.extend(others.rows);
        rows.sort_by_key(|(place, _)| *place);
        rows.into_iter().map(|(_, error)| error).collect()
    }
}

/// Whether one row alone is refused, so that it can be left out.
pub(super) fn is_of_row(error: &Error) -> bool {
    let Error::Import(error) = error else {
        return false;
    };
    match &**error {
        ImportError::Events(error) => error.is_of_row(),
        ImportError::Sacct(_)
        | ImportError::Line { .. }
        | ImportError::NotInUnit { .. }
        | ImportError::Refused { .. }
        | ImportError::Changed(_)
        | ImportError::ChangedJob(_) => true,
        _ => false,
    }
}
