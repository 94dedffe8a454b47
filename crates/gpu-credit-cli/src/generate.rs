//! `gpu-credit generate`: writes an events file of a named shape.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::EventWriter;
use gpu_credit_workload::shapes::Events;

use crate::arguments::GenerateArguments;

pub(crate) fn run(arguments: &GenerateArguments) -> anyhow::Result<()> {
    let events = arguments.workload().generate();
    match arguments.output.as_deref() {
        None => write_plain(&events, io::stdout().lock())?,
        Some(path) if path == Path::new("-") => write_plain(&events, io::stdout().lock())?,
        Some(path) => write_file(&events, path)
            .with_context(|| format!("{}: cannot be written", path.display()))?,
    }
    Ok(())
}

/// The file appears whole or not at all: it is written beside its place and then moved there.
fn write_file(events: &Events, path: &Path) -> io::Result<()> {
    // Where a link leads, or the path itself where there is nothing yet.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a device is written to, not replaced.
        return write_as_named(events, path, File::options().write(true).open(&target)?);
    }
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let file = new_file_in(folder)?;
    write_as_named(events, path, file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}

fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gpu-credit-");
    // With the permissions of any new file, not those of a secret one.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// As gzip where the name says so.
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
