//! Writes an events file.

use std::io::{self, Write};

use super::columns::Columns;
use super::{Action, Event, ID, ID_COLUMN};

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
    has_ids: bool,
}

/// A row as it stands in the file: what a kind does not use is empty.
#[derive(serde::Serialize)]
struct Row<'a> {
    kind: &'static str,
    account: &'a str,
    credit_id: &'a str,
    amount: Option<u64>,
    timestamp: i64,
    expiration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl<W: Write> EventWriter<W> {
    /// Starts a file without ids.
    ///
    /// # Errors
    ///
    /// `output` cannot be written.
    pub fn new(output: W) -> io::Result<Self> {
        Self::with_columns(output, Columns::default())
    }

    /// Starts a file with the column of ids.
    ///
    /// # Errors
    ///
    /// `output` cannot be written.
    pub fn with_ids(output: W) -> io::Result<Self> {
        Self::with_columns(output, Columns::with(&[ID]))
    }

    fn with_columns(output: W, columns: Columns) -> io::Result<Self> {
        let mut rows = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(output);
        let names = (0..columns.len()).map(|place| columns.name(place));
        rows.write_record(names).map_err(into_io)?;
        Ok(Self {
            rows,
            has_ids: columns.place(ID_COLUMN).is_some(),
        })
    }

    /// Appends a row. In a file without ids the id of an event is left out.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event {
            account,
            id,
            action,
        } = *event;
        let unused = Row {
            kind: action.kind(),
            account,
            credit_id: "",
            amount: None,
            timestamp: action.timestamp(),
            expiration: None,
            id: self.has_ids.then(|| id.unwrap_or("")),
        };
        let row = match action {
            Action::Grant {
                credit_id,
                amount,
                expiration,
                ..
            } => Row {
                credit_id,
                amount: Some(amount),
                expiration: Some(expiration),
                ..unused
            },
            Action::Usage { amount, .. } => Row {
                amount: Some(amount),
                ..unused
            },
            Action::Balance { .. } => unused,
        };
        self.rows.serialize(row).map_err(into_io)
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
