//! `gpu-credit generate`: writes an events file of a named shape.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::EventWriter;
use gpu_credit_workload::shapes::Events;

use crate::arguments::GenerateArguments;
use crate::output_file::write_whole;

pub(crate) fn run(arguments: &GenerateArguments) -> anyhow::Result<()> {
    let events = arguments.workload().generate();
    match arguments.output.as_deref() {
        None => write_plain(&events, io::stdout().lock())?,
        Some(path) if path == Path::new("-") => write_plain(&events, io::stdout().lock())?,
        Some(path) => write_whole(path, |file| Ok(write_as_named(&events, path, file)?))
            .with_context(|| format!("{}: cannot be written", path.display()))?,
    }
    Ok(())
}

/// As gzip if the name says so.
fn write_as_named(events: &Events, name: &Path, output: impl Write) -> io::Result<()> {
    if name.extension().is_some_and(|extension| extension == "gz") {
        let mut gzip = GzEncoder::new(output, Compression::default());
        write_plain(events, &mut gzip)?;
        gzip.finish()?.flush()
    } else {
        write_plain(events, output)
    }
}

fn write_plain(events: &Events, output: impl Write) -> io::Result<()> {
    let mut rows = EventWriter::new(output)?;
    for event in events.iter() {
        rows.write(&event)?;
    }
    rows.finish()?.flush()
}
