//! Reads an events file.

use std::io::{self, Read};

use super::columns::Columns;
use super::error::Problem;
use super::read_ahead::ReadAhead;
use super::rows::Rows;
use super::text::Text;
use super::{Event, EventError, row};

/// Reads the rows of an events file, plain or gzip (known by its first bytes, several members one
/// after the other too).
///
/// It buffers by itself and holds one row at a time. After an error it has ended, unless it is told to
/// [go on](Self::go_on).
///
/// ```
/// use gpu_credit_workload::{Action, Event, EventReader};
///
/// let file = "kind,account,credit_id,amount,timestamp,expiration\nusage,acme,,4,30,\n";
/// let mut events = EventReader::new(file.as_bytes())?;
/// while let Some(event) = events.read() {
///     let action = Action::Usage { amount: 4, timestamp: 30 };
///     assert_eq!(event?, Event { account: "acme", id: None, action });
///     assert_eq!(events.line(), 2);
/// }
/// # Ok::<(), gpu_credit_workload::EventError>(())
/// ```
pub struct EventReader<'r> {
    rows: Rows<'r>,
    ended: bool,
    /// Whether it has ended because of a row, so that it can go on after that.
    ended_by_row: bool,
}

impl<'r> EventReader<'r> {
    /// Starts reading, and reads the header.
    ///
    /// # Errors
    ///
    /// The input cannot be read, is empty, or has another header.
    pub fn new(input: impl Read + 'r) -> Result<Self, EventError> {
        Self::of_text(Text::new(input))
    }

    /// The same, with reading and decompressing on a thread of their own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); also if no thread can be started.
    pub fn read_ahead(input: impl Read + Send + 'static) -> Result<Self, EventError> {
        Self::of_text(Text::new(input).and_then(ReadAhead::new))
    }

    fn of_text(text: io::Result<impl Read + 'r>) -> Result<Self, EventError> {
        let text = text.map_err(|error| Problem::from(error).at(1))?;
        let mut rows = Rows::new(text);
        match rows.advance() {
            Ok(true) => Columns::of_header(rows.present()).map(|columns| rows.set_columns(columns)),
            Ok(false) => Err(Problem::Empty),
            Err(problem) => Err(problem),
        }
        .map_err(|problem: Problem| problem.at(rows.line()))?;
        Ok(Self {
            rows,
            ended: false,
            ended_by_row: false,
        })
    }

    /// The next row; `None` at the end, and after an error.
    ///
    /// # Errors
    ///
    /// The row is not one of those an events file may have, or the input cannot be read.
    #[inline]
    pub fn read(&mut self) -> Option<Result<Event<'_>, EventError>> {
        if self.ended {
            return None;
        }
        // Until the row has proved good.
        self.ended = true;
        let event = match self.rows.advance() {
            Ok(false) => return None,
            Ok(true) => self.rows.fields().and_then(row::parse),
            Err(problem) => Err(problem),
        };
        self.ended = event.is_err();
        self.ended_by_row = event.as_ref().is_err_and(Problem::is_of_row);
        Some(event.map_err(|problem| problem.at(self.rows.line())))
    }

    /// Leaves out the row that was in error, and goes on with the next. If the error is not
    /// [of a row](EventError::is_of_row) alone, the reader has ended all the same.
    ///
    /// ```
    /// use gpu_credit_workload::EventReader;
    ///
    /// let header = "kind,account,credit_id,amount,timestamp,expiration";
    /// let file = format!("{header}\nusage,acme,,1.5,30,\nusage,acme,,4,30,\n");
    /// let mut events = EventReader::new(file.as_bytes())?;
    /// assert!(events.read().is_some_and(|event| event.is_err_and(|error| error.is_of_row())));
    /// events.go_on();
    /// assert!(events.read().is_some_and(|event| event.is_ok()));
    /// # Ok::<(), gpu_credit_workload::EventError>(())
    /// ```
    pub fn go_on(&mut self) {
        self.ended &= !self.ended_by_row;
    }

    /// The line on which the last row began, counted from 1.
    pub fn line(&self) -> u64 {
        self.rows.line()
    }
}
