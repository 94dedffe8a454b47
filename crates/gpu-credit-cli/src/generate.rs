//! `gpu-credit generate`: writes an events file of a named shape.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::shapes::Events;
use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns};

use crate::arguments::GenerateArguments;
use crate::escape::Escapes;

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
