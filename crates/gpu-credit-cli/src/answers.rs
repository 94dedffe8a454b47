//! Writes answers, as CSV or as lines of JSON.

use std::io::{self, BufWriter, Write};

use crate::arguments::Format;
use crate::engine::Answer;
use crate::rows::into_io;

/// Answers on their way out. They are buffered.
pub(crate) enum Answers<W: Write> {
    // Boxed because it is large.
    Csv(Box<csv::Writer<W>>),
    Json(BufWriter<W>),
}

/// An answer as it is written: the names are the header, or the keys.
#[derive(serde::Serialize)]
struct Row<'a> {
    account: &'a str,
    timestamp: i64,
    balance: Option<u64>,
    status: &'static str,
    deficit: u64,
}

const HEADER: [&str; 5] = ["account", "timestamp", "balance", "status", "deficit"];

impl<W: Write> Answers<W> {
    pub(crate) fn new(format: Format, output: W) -> io::Result<Self> {
        match format {
            Format::Csv => {
                // The header is written here, to be there without answers too.
                let mut rows = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(output);
                rows.write_record(HEADER).map_err(into_io)?;
                Ok(Answers::Csv(Box::new(rows)))
            }
            Format::Json => Ok(Answers::Json(BufWriter::new(output))),
        }
    }

    pub(crate) fn write(
        &mut self,
        account: &str,
        timestamp: i64,
        answer: &Answer,
    ) -> io::Result<()> {
        let row = Row {
            account,
            timestamp,
            balance: answer.balance,
            status: answer.status,
            deficit: answer.deficit,
        };
        match self {
            Answers::Csv(rows) => rows.serialize(row).map_err(into_io),
            Answers::Json(lines) => {
                serde_json::to_writer(&mut *lines, &row)?;
                lines.write_all(b"\n")
            }
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Answers::Csv(rows) => rows.flush(),
            Answers::Json(lines) => lines.flush(),
        }
    }
}
