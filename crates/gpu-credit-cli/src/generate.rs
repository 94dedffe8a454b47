//! `gpu-credit generate`: writes an events file of a named shape.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::Path;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::shapes::Events;
use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns, Shape, Workload};

use crate::escape::Escapes;
use crate::integer::integer;
use crate::output_file::OutputArguments;

pub(crate) const HELP: &str = "\
The same arguments make the same file, always. A file whose name ends in .gz is
gzip.

Example:
  gpu-credit generate --shape late --seed 7 --accounts 20 --usage 20000 \\
    --grants 300 --queries 500 --output events.csv.gz";

/// Rows of one kind, at most: they are all held in memory.
const ROWS_MAX: u32 = 100_000_000;
const ACCOUNTS_MAX: NonZeroU32 = NonZeroU32::new(ROWS_MAX).expect("above 0");

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// What the records are like
    #[arg(long, value_parser = shape_parser())]
    shape: Shape,
    /// Another seed makes another file of the same shape
    #[arg(long, default_value = "1", value_parser = integer(0, u64::MAX), allow_negative_numbers = true)]
    seed: u64,
    /// How many accounts there are
    #[arg(long, default_value = "1", value_parser = integer(NonZeroU32::MIN, ACCOUNTS_MAX), allow_negative_numbers = true)]
    accounts: NonZeroU32,
    /// Usage records in the whole file
    #[arg(long, value_parser = integer(0, ROWS_MAX), allow_negative_numbers = true)]
    usage: u32,
    /// Grants in the whole file
    #[arg(long, value_parser = integer(0, ROWS_MAX), allow_negative_numbers = true)]
    grants: u32,
    /// Queries (balance rows) in the whole file
    #[arg(long, value_parser = integer(0, ROWS_MAX), allow_negative_numbers = true)]
    queries: u32,
    /// Write a column of record ids
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    output: OutputArguments,
}

impl GenerateArguments {
    fn workload(&self) -> Workload {
        Workload {
            shape: self.shape,
            seed: self.seed,
            accounts: self.accounts,
            usage: self.usage,
            grants: self.grants,
            queries: self.queries,
        }
    }
}

fn shape_parser() -> impl TypedValueParser<Value = Shape> {
    let named = |shape: Shape| PossibleValue::new(shape.as_str()).help(about(shape));
    PossibleValuesParser::new(Shape::ALL.map(named)).try_map(|name| name.parse::<Shape>())
}

/// What is to be found in a file of a shape.
fn about(shape: Shape) -> &'static str {
    match shape {
        Shape::Steady => "Monthly grants, and usage that is recorded as it happens",
        Shape::Bursty => "The same, with usage in bursts within a minute",
        Shape::Late => "The same, with half of the usage recorded late, by up to 24 days",
        Shape::TinyGrants => "Many small grants of a minute to an hour",
        Shape::OneAccount => "One account that has nearly all rows, in random order",
        Shape::Overload => "Twice as much usage as credit",
        Shape::Ties => "Everything at one of sixteen instants, in random order",
        Shape::Extremes => "The least and the greatest times and amounts there are",
        Shape::Jobs => "late, with jobs and priorities",
        Shape::JobTies => "ties, with jobs",
        Shape::JobExtremes => "extremes, with jobs",
    }
}

pub(crate) fn run(arguments: &GenerateArguments) -> anyhow::Result<()> {
    let events = arguments.workload().generate();
    let ids = arguments.ids;
    let is_gzip = arguments.output.file().is_some_and(is_named_gzip);
    let write = |output: &mut dyn Write| match is_gzip {
        true => Ok(write_gzip(&events, ids, output)?),
        false => Ok(write_plain(&events, ids, output)?),
    };
    arguments.output.write(Escapes::Text, write)
}

fn is_named_gzip(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "gz")
}

fn write_gzip(events: &Events, ids: bool, output: impl Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(output, Compression::default());
    write_plain(events, ids, &mut gzip)?;
    gzip.finish()?.flush()
}

fn write_plain(events: &Events, ids: bool, output: impl Write) -> io::Result<()> {
    let columns = OptionalColumns {
        id: ids,
        ..OptionalColumns::default()
    };
    let columns = (events.iter()).fold(columns, |columns, event| columns.and_of(&event));
    let mut rows = EventWriter::with_columns(output, columns)?;
    for (number, event) in (1..).zip(events.iter()) {
        let is_named = ids && !matches!(event.action, Action::Balance { .. });
        let id = is_named.then(|| format!("row-{number}"));
        rows.write(&Event {
            id: id.as_deref(),
            ..event
        })?;
    }
    rows.finish()?.flush()
}
