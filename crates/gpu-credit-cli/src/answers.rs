//! Writes answers, as CSV or as lines of JSON.

use std::io::{self, BufWriter, StdoutLock, Write};

use clap::ValueEnum;

use crate::engine::Answer;
use crate::escape::{EscapeArguments, Escapes, cell, onto};
use crate::rows::into_io;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A header, and a row for each query
    Csv,
    /// An object on a line for each query
    Json,
}

/// Answers on their way out. They are buffered.
pub(crate) enum Answers {
    Csv {
        // Boxed because it is large.
        rows: Box<csv::Writer<StdoutLock<'static>>>,
        /// Whether names are escaped.
        escapes: bool,
    },
    Json(BufWriter<Box<dyn Write>>),
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

impl Answers {
    /// Answers on their way to standard output.
    pub(crate) fn new(format: Format, escape: &EscapeArguments) -> io::Result<Self> {
        let stdout = io::stdout().lock();
        match format {
            Format::Csv => {
                // The header is written here, to be there without answers too.
                let mut rows = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(stdout);
                rows.write_record(HEADER).map_err(into_io)?;
                Ok(Answers::Csv {
                    rows: Box::new(rows),
                    escapes: escape.is_on(),
                })
            }
            Format::Json => Ok(Answers::Json(BufWriter::new(onto(stdout, Escapes::Json)))),
        }
    }

    pub(crate) fn write(
        &mut self,
        account: &str,
        timestamp: i64,
        answer: &Answer,
    ) -> io::Result<()> {
        let row = |account| Row {
            account,
            timestamp,
            balance: answer.balance,
            status: answer.status,
            deficit: answer.deficit,
        };
        match self {
            Answers::Csv {
                rows,
                escapes: false,
            } => rows.serialize(row(account)).map_err(into_io),
            Answers::Csv { rows, .. } => rows.serialize(row(&cell(account))).map_err(into_io),
            Answers::Json(lines) => {
                serde_json::to_writer(&mut *lines, &row(account))?;
                lines.write_all(b"\n")
            }
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Answers::Csv { rows, .. } => rows.flush(),
            Answers::Json(lines) => lines.flush(),
        }
    }
}
