//! Writes an events file.

use std::io::{self, ErrorKind, Write};

use super::columns::Columns;
use super::{Action, Event, PRIORITY, UNTIL};

/// Writes an events file, the header first. It buffers by itself.
///
/// What an [`EventReader`](super::EventReader) reads, it writes back the same.
///
/// ```
/// use gpu_credit_workload::{Action, Event, EventWriter};
///
/// let mut file = Vec::new();
/// let mut events = EventWriter::new(&mut file)?;
/// let action = Action::Usage { amount: 4, timestamp: 30 };
/// events.write(&Event { account: "acme", id: None, action })?;
/// events.finish()?;
/// assert_eq!(file, b"kind,account,credit_id,amount,timestamp,expiration\nusage,acme,,4,30,\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct EventWriter<W: Write> {
    rows: csv::Writer<W>,
    columns: OptionalColumns,
}

/// Which of the optional columns a file has.
///
/// ```
/// use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns};
///
/// let action = Action::Metered { rate: 8, from: 5, until: 12 };
/// let event = Event { account: "acme", id: None, action };
/// let columns = OptionalColumns::default().and_of(&event);
/// let mut file = Vec::new();
/// let mut events = EventWriter::with_columns(&mut file, columns)?;
/// events.write(&event)?;
/// events.finish()?;
/// assert!(file.ends_with(b",until\nusage,acme,,8,5,,12\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalColumns {
    /// What names each record.
    pub id: bool,
    /// Until when usage is metered.
    pub until: bool,
    /// The priorities of grants.
    pub priority: bool,
}

impl OptionalColumns {
    /// These, and those that the row of an event needs.
    #[must_use]
    pub fn and_of(self, event: &Event<'_>) -> Self {
        let (is_metered, has_priority) = match event.action {
            Action::Metered { .. } => (true, false),
            Action::Grant { priority, .. } => (false, priority != 0),
            _ => (false, false),
        };
        OptionalColumns {
            id: self.id || event.id.is_some(),
            until: self.until || is_metered,
            priority: self.priority || has_priority,
        }
    }
}

/// A row as it stands in the file: what a kind does not use is empty. Of an optional column, the outer
/// `None` says that the file does not have it.
#[derive(serde::Serialize)]
struct Row<'a> {
    kind: &'static str,
    account: &'a str,
    credit_id: &'a str,
    amount: Option<u64>,
    timestamp: i64,
    expiration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Option<i16>>,
}

impl<W: Write> EventWriter<W> {
    /// Starts a file without optional columns.
    ///
    /// # Errors
    ///
    /// `output` cannot be written.
    pub fn new(output: W) -> io::Result<Self> {
        Self::with_columns(output, OptionalColumns::default())
    }

    /// Starts a file with these optional columns, in the order of
    /// [`OPTIONAL_COLUMNS`](super::OPTIONAL_COLUMNS).
    ///
    /// # Errors
    ///
    /// `output` cannot be written.
    pub fn with_columns(output: W, columns: OptionalColumns) -> io::Result<Self> {
        let mut rows = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(output);
        let OptionalColumns {
            id,
            until,
            priority,
        } = columns;
        let header = Columns::with([id, until, priority]);
        let names = (0..header.len()).map(|place| header.name(place));
        rows.write_record(names).map_err(into_io)?;
        Ok(Self { rows, columns })
    }

    /// Appends a row. In a file without ids the id of an event is left out.
    ///
    /// # Errors
    ///
    /// The output cannot be written; or the file has no column for what the event says: `until` for
    /// metered usage, `priority` for a grant whose priority is not 0.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        let needed = OptionalColumns::default().and_of(event);
        for (is_needed, is_there, column) in [
            (needed.until, self.columns.until, UNTIL),
            (needed.priority, self.columns.priority, PRIORITY),
        ] {
            if is_needed && !is_there {
                let message =
                    format!("{event:?} needs the column {column}, which the file has not");
                return Err(io::Error::new(ErrorKind::InvalidInput, message));
            }
        }
        self.rows.serialize(self.row(event)).map_err(into_io)
    }

    fn row<'a>(&self, event: &Event<'a>) -> Row<'a> {
        let Event {
            account,
            id,
            action,
        } = *event;
        let OptionalColumns {
            id: has_ids,
            until: has_until,
            priority: has_priority,
        } = self.columns;
        let unused = Row {
            kind: action.kind(),
            account,
            credit_id: "",
            amount: None,
            timestamp: action.timestamp(),
            expiration: None,
            id: has_ids.then_some(id),
            until: has_until.then_some(None),
            priority: has_priority.then_some(None),
        };
        match action {
            Action::Grant {
                credit_id,
                amount,
                expiration,
                priority,
                ..
            } => Row {
                credit_id,
                amount: Some(amount),
                expiration: Some(expiration),
                priority: has_priority.then_some((priority != 0).then_some(priority)),
                ..unused
            },
            Action::Usage { amount, .. } => Row {
                amount: Some(amount),
                ..unused
            },
            Action::Metered { rate, until, .. } => Row {
                amount: Some(rate),
                until: Some(Some(until)),
                ..unused
            },
            Action::Balance { .. } => unused,
        }
    }

    /// Writes what is still buffered and gives the output back.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.rows
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}

/// The error of the output itself, so that a closed pipe can be told from others.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
