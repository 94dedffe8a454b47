//! `gpu-credit generate`: writes an events file of a named shape.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::shapes::Events;
use gpu_credit_workload::{Action, Event, EventWriter};

use crate::arguments::GenerateArguments;
use crate::output_file::write_whole;

pub(crate) fn run(arguments: &GenerateArguments) -> anyhow::Result<()> {
    let events = arguments.workload().generate();
    let ids = arguments.ids;
    match arguments.output.as_deref() {
        None => write_plain(&events, ids, io::stdout().lock())?,
        Some(path) if path == Path::new("-") => write_plain(&events, ids, io::stdout().lock())?,
        Some(path) => write_whole(path, |file| Ok(write_as_named(&events, ids, path, file)?))
            .with_context(|| format!("{}: cannot be written", path.display()))?,
    }
    Ok(())
}

/// As gzip if the name says so.
fn write_as_named(events: &Events, ids: bool, name: &Path, output: impl Write) -> io::Result<()> {
    if name.extension().is_some_and(|extension| extension == "gz") {
        let mut gzip = GzEncoder::new(output, Compression::default());
        write_plain(events, ids, &mut gzip)?;
        gzip.finish()?.flush()
    } else {
        write_plain(events, ids, output)
    }
}

fn write_plain(events: &Events, ids: bool, output: impl Write) -> io::Result<()> {
    if !ids {
        let mut rows = EventWriter::new(output)?;
        for event in events.iter() {
            rows.write(&event)?;
        }
        return rows.finish()?.flush();
    }
    let mut rows = EventWriter::with_ids(output)?;
    for (number, event) in (1..).zip(events.iter()) {
        let id = format!("row-{number}");
        let is_record = !matches!(event.action, Action::Balance { .. });
        rows.write(&Event {
            id: is_record.then_some(id.as_str()),
            ..event
        })?;
    }
    rows.finish()?.flush()
}
