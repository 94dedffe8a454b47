//! What is wrong with an events file, in one line.

use std::borrow::Cow;
use std::fmt;
use std::io;

use super::columns::Columns;
use super::{HEADER, OPTIONAL_COLUMNS};

/// What is wrong with an events file: the line, the column, the value, and what was expected.
///
/// Its text is always one line of moderate length, whatever the file holds. It does not name the
/// file, which the reader does not know.
///
/// ```
/// use gpu_credit_workload::EventReader;
///
/// let file = "kind,account,credit_id,amount,timestamp,expiration\nusage,acme,,1.5,30,\n";
/// let mut events = EventReader::new(file.as_bytes())?;
/// let error = events.read().unwrap().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"line 2, column amount: found "1.5", expected an integer from 0 to 9223372036854775807"#,
/// );
/// # Ok::<(), gpu_credit_workload::EventError>(())
/// ```
#[derive(Debug)]
pub struct EventError {
    line: u64,
    problem: Problem,
}

/// What is wrong with a row, or with the bytes under it.
#[derive(Debug)]
pub(super) enum Problem {
    /// There is no header because there is nothing.
    Empty,
    /// The column has no value because the row ends before it.
    Missing {
        column: &'static str,
        found: usize,
        columns: Columns,
    },
    /// The row goes on after the last column.
    Extra { value: String, columns: Columns },
    /// The header goes on with a column that no file has.
    UnknownColumn { value: String, columns: Columns },
    /// The header names a column twice.
    Twice { column: usize, value: String },
    /// The row is longer than the reader is ready to hold.
    TooLong { limit: usize },
    /// A value is not what it should be.
    Value {
        column: &'static str,
        value: String,
        expected: Cow<'static, str>,
    },
    /// The bytes cannot be read, or not be decompressed.
    Read(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Read(error)
    }
}

impl Problem {
    pub(super) fn value(
        column: &'static str,
        value: &[u8],
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Problem::Value {
            column,
            value: quote(value),
            expected: expected.into(),
        }
    }

    pub(super) fn extra(value: &[u8], columns: Columns) -> Self {
        Problem::Extra {
            value: quote(value),
            columns,
        }
    }

    pub(super) fn unknown_column(value: &[u8], columns: Columns) -> Self {
        Problem::UnknownColumn {
            value: quote(value),
            columns,
        }
    }

    pub(super) fn twice(column: usize, value: &[u8]) -> Self {
        Problem::Twice {
            column,
            value: quote(value),
        }
    }

    pub(super) fn at(self, line: u64) -> EventError {
        EventError {
            line,
            problem: self,
        }
    }
}

impl Problem {
    /// Whether the rows after this one can be read all the same.
    pub(super) fn is_of_row(&self) -> bool {
        match self {
            Problem::Missing { .. } | Problem::Extra { .. } | Problem::Value { .. } => true,
            Problem::Empty
            | Problem::UnknownColumn { .. }
            | Problem::Twice { .. }
            | Problem::TooLong { .. }
            | Problem::Read(_) => false,
        }
    }
}

impl EventError {
    /// Whether it is one row that is wrong, so that the reader can [go on](super::EventReader::go_on) after it.
    pub fn is_of_row(&self) -> bool {
        self.problem.is_of_row()
    }

    /// The line, counted from 1. For damaged bytes, the last line that could be read.
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}", self.line)?;
        match &self.problem {
            Problem::Empty => write!(
                formatter,
                ": the file is empty, expected the header {HEADER}"
            ),
            Problem::Missing {
                column,
                found,
                columns,
            } => write!(
                formatter,
                ", column {column}: missing, found {found} of the {} columns {columns}",
                columns.len(),
            ),
            Problem::Extra { value, columns } => write!(
                formatter,
                ", column {}: found {value}, expected no more than the {} columns {columns}",
                columns.len() + 1,
                columns.len(),
            ),
            Problem::UnknownColumn { value, columns } => write!(
                formatter,
                ", column {}: found {value}, expected no more than the {} columns {columns}, or \
                 one of the optional columns {}",
                columns.len() + 1,
                columns.len(),
                OPTIONAL_COLUMNS.join(", "),
            ),
            Problem::Twice { column, value } => write!(
                formatter,
                ", column {}: found {value}, expected each column once",
                column + 1,
            ),
            Problem::TooLong { limit } => write!(
                formatter,
                ": the row goes on, expected at most {limit} bytes (is a quote left open?)"
            ),
            Problem::Value {
                column,
                value,
                expected,
            } => write!(
                formatter,
                ", column {column}: found {value}, expected {expected}"
            ),
            Problem::Read(error) => write!(formatter, ": cannot be read: {error}"),
        }
    }
}

impl std::error::Error for EventError {}

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 40;

/// The value in quotes, on one line: control characters and bytes that are not UTF-8 escaped, the
/// rest of a long value replaced by an ellipsis.
fn quote(value: &[u8]) -> String {
    let mut quoted = String::from('"');
    let mut shown = 0;
    for chunk in value.utf8_chunks() {
        let valid = chunk.valid().chars().map(|c| c.escape_debug().to_string());
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(invalid) {
            if shown == SHOWN_MAX {
                quoted.push_str("\"...");
                return quoted;
            }
            quoted.push_str(&piece);
            shown += 1;
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn values_stay_on_one_line() {
        assert_eq!(quote(b"plain"), r#""plain""#);
        assert_eq!(quote(b"a\r\n\"b\"\xff\x00"), r#""a\r\n\"b\"\xff\0""#);
        assert_eq!(quote("\u{2028}é".as_bytes()), r#""\u{2028}é""#);
        assert_eq!(quote(&[b'x'; 40]), format!("\"{}\"", "x".repeat(40)));
        assert_eq!(quote(&[b'x'; 41]), format!("\"{}\"...", "x".repeat(40)));
    }
}
