//! What is wrong with the output of `sacct`, in one line.

use std::borrow::Cow;
use std::fmt;

/// What is wrong: the line, the column, the value, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SacctError {
    line: u64,
    column: Option<&'static str>,
    problem: String,
}

impl SacctError {
    /// Of a whole line.
    pub(super) fn of_line(line: u64, problem: String) -> Self {
        SacctError {
            line,
            column: None,
            problem,
        }
    }

    /// Of a value.
    pub(super) fn of_value(
        line: u64,
        column: &'static str,
        value: &str,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        let problem = format!("found {}, expected {}", quote(value), expected.into());
        SacctError {
            line,
            column: Some(column),
            problem,
        }
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl fmt::Display for SacctError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(formatter, ", column {column}")?;
        }
        write!(formatter, ": {}", self.problem)
    }
}

impl std::error::Error for SacctError {}

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 60;

/// The value in quotes on one line, the rest of a long one left out.
pub(super) fn quote(value: &str) -> String {
    match value.char_indices().nth(SHOWN_MAX) {
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}...", &value[..end]),
    }
}
