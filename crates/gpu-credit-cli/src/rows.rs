//! Rows for people and for programs.

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use serde::Serialize;
use serde_json::Value;

use crate::escape::{EscapeArguments, Escapes, OUTPUT_HEADING, cell, onto, printable};
use crate::time::TimeArguments;

#[derive(Args)]
pub(crate) struct RowArguments {
    /// What the answer is written as: table, csv or json
    #[arg(
        long,
        value_enum,
        default_value_t = RowFormat::Table,
        help_heading = OUTPUT_HEADING,
        hide_possible_values = true
    )]
    pub(crate) format: RowFormat,
    #[command(flatten)]
    pub(crate) escape: EscapeArguments,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// For people
    Table,
    /// A header and rows; times as the store holds them
    Csv,
    /// An object on a line for each row; times as the store holds them
    Json,
}

/// A row: its serialised fields are the columns, in the order of the header.
pub(crate) trait Row: Serialize {
    const HEADER: &'static [&'static str];

    /// The columns for people.
    fn cells(&self, times: &TimeArguments) -> Vec<String>;
}

impl RowArguments {
    /// Writes rows to standard output.
    pub(crate) fn write<R: Row>(&self, rows: impl IntoIterator<Item = R>) -> anyhow::Result<()> {
        let mut output = self.output();
        match self.format {
            RowFormat::Table => write_table(&mut output, &self.times, rows)?,
            RowFormat::Csv => self.write_csv(&mut output, rows)?,
            RowFormat::Json => write_json(&mut output, rows)?,
        }
        Ok(output.flush()?)
    }

    /// Standard output, as this format is written to it.
    pub(crate) fn output(&self) -> BufWriter<Box<dyn Write>> {
        let stdout = io::stdout().lock();
        BufWriter::new(match self.format {
            RowFormat::Json => onto(stdout, Escapes::Json),
            // Cells are escaped one by one.
            RowFormat::Table | RowFormat::Csv => Box::new(stdout),
        })
    }

    pub(crate) fn write_csv<R: Row>(
        &self,
        output: &mut impl Write,
        rows: impl IntoIterator<Item = R>,
    ) -> io::Result<()> {
        // The header is written here, to be there without rows too.
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(output);
        writer.write_record(R::HEADER).map_err(into_io)?;
        let escapes = self.escape.is_on();
        for row in rows {
            match escapes {
                true => writer.write_record(&escaped(&row)?),
                false => writer.serialize(row),
            }
            .map_err(into_io)?;
        }
        writer.flush()
    }
}

/// The cells of a row: texts are escaped, numbers stay what they are.
fn escaped<R: Row>(row: &R) -> io::Result<Vec<String>> {
    let row = serde_json::to_value(row)?;
    let cells = R::HEADER.iter().map(|column| match &row[column] {
        Value::Null => String::new(),
        Value::String(text) => cell(text).into_owned(),
        other => other.to_string(),
    });
    Ok(cells.collect())
}

/// Rows that are held to be laid out together. A longer table is laid out in several parts: a column
/// is never narrower than before, and may grow.
const ROWS_AT_ONCE: usize = 1_024;

pub(crate) fn write_table<R: Row>(
    output: &mut impl Write,
    times: &TimeArguments,
    rows: impl IntoIterator<Item = R>,
) -> io::Result<()> {
    let mut rows = rows.into_iter().peekable();
    let mut widths = vec![0; R::HEADER.len()];
    let mut are_numbers = vec![true; R::HEADER.len()];
    let mut skipped = 0;
    loop {
        let mut table = Table::new();
        table.load_preset(ASCII_MARKDOWN).set_header(R::HEADER);
        for row in rows.by_ref().take(ROWS_AT_ONCE) {
            let cells = row
                .cells(times)
                .into_iter()
                .map(|cell| printable(&cell).into_owned());
            let cells: Vec<String> = cells.collect();
            for (are_numbers, cell) in are_numbers.iter_mut().zip(&cells) {
                *are_numbers &= cell.is_empty() || cell == NONE || cell.parse::<i128>().is_ok();
            }
            table.add_row(cells);
        }
        let content = table.column_max_content_widths();
        for (index, column) in table.column_iter_mut().enumerate() {
            widths[index] = content[index].max(widths[index]);
            let padded = widths[index] + column.padding_width();
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(padded)));
            if are_numbers[index] {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines().skip(skipped) {
            writeln!(output, "{line}")?;
        }
        if rows.peek().is_none() {
            return Ok(());
        }
        // The header is there.
        skipped = 2;
    }
}

fn write_json<R: Row>(
    output: &mut impl Write,
    rows: impl IntoIterator<Item = R>,
) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *output, &row)?;
        output.write_all(b"\n")?;
    }
    Ok(())
}

/// The cell of what is not there.
const NONE: &str = "none";

/// A cell of what may not be there.
pub(crate) fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// A cell that stays empty if there is nothing.
pub(crate) fn or_empty(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The error of the output itself, so that a closed pipe can be told from others.
pub(crate) fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
