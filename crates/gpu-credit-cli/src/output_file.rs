//! Where a command writes: standard output, or a file that appears whole or not at all.
//!
//! Nothing replaces a store, and nothing replaces any file unless told so. Until all of it is written,
//! a file has another name beside its place. Who is ended before that leaves this name behind at
//! worst; the next one to write into that folder removes it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tempfile::NamedTempFile;

use crate::escape::{Escapes, onto};
use crate::interrupt;

#[derive(Args)]
pub(crate) struct OutputArguments {
    /// The file to write; standard output if not given, or -
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that exists already; a store is never replaced
    #[arg(long, requires = "output")]
    force: bool,
}

impl OutputArguments {
    /// The name of the file, if it is not standard output.
    pub(crate) fn file(&self) -> Option<&Path> {
        let path = self.output.as_deref();
        path.filter(|path| *path != Path::new("-"))
    }

    /// Writes to standard output, or the file whole or not at all. What a terminal shows is escaped.
    pub(crate) fn write(
        &self,
        escapes: Escapes,
        write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self.file() {
            Some(path) if !is_standard_output(path) => {
                let named = || format!("{}: cannot be written", path.display());
                write_to(path, self.force, escapes, write).with_context(named)
            }
            _ => finish(onto(io::stdout().lock(), escapes), write),
        }
    }
}

/// Refuses to write to a store to which standard output leads, as with `>> gpu-credit.redb`.
pub(crate) fn refuse_store_on_standard_output() -> anyhow::Result<()> {
    let path = Path::new(STANDARD_OUTPUT);
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let leads_to_store = is_file && is_store(path).unwrap_or(false);
    ensure!(!leads_to_store, "standard output: {STORE}");
    Ok(())
}

/// By whatever name: `/dev/stdout`, or that of the file to which it leads.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    let found = identity(path);
    found.is_some() && found == identity(Path::new(STANDARD_OUTPUT))
}

/// What tells a file from others, by whatever name, if the system tells.
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

const STANDARD_OUTPUT: &str = "/dev/stdout";
const STORE: &str = "it is a store, which nothing replaces";

fn write_to(
    path: &Path,
    force: bool,
    escapes: Escapes,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return finish(onto(open_stream(path)?, escapes), write);
    }
    let place = place(path)?;
    let permissions = replaced(&place, force)?;
    let mut unfinished = Unfinished::beside(&place, permissions)?;
    finish(unfinished.0.as_file_mut(), write)?;
    unfinished.publish(&place, force)
}

fn finish(
    mut output: impl Write,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    write(&mut output)?;
    Ok(output.flush()?)
}

/// A pipe, or a device such as a terminal: it is written to, not replaced.
fn open_stream(path: &Path) -> anyhow::Result<File> {
    let file_type = fs::metadata(path)?.file_type();
    ensure!(!file_type.is_dir(), "it is a directory: name a file in it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let is_stream = file_type.is_fifo() || file_type.is_char_device();
        ensure!(is_stream, "it is neither a file nor a pipe");
    }
    Ok(OpenOptions::new().write(true).open(path)?)
}

/// Where a link leads, or the path itself if there is nothing yet.
fn place(path: &Path) -> anyhow::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let is_link = fs::symlink_metadata(path).is_ok();
            ensure!(!is_link, "it is a link to a file that is not there");
            Ok(path.to_owned())
        }
        place => Ok(place?),
    }
}

/// The permissions of the file that is to be replaced, if there is one and it may be.
fn replaced(place: &Path, force: bool) -> anyhow::Result<Option<Permissions>> {
    let Ok(metadata) = fs::metadata(place) else {
        return Ok(None);
    };
    let is_store = is_store(place).context("it may be a store, and cannot be looked into")?;
    ensure!(!is_store, "{STORE}: name another file");
    ensure!(force, "{EXISTS}");
    Ok(Some(metadata.permissions()))
}

const EXISTS: &str = "the file exists already: name another, or replace it with --force";

/// Whether a file begins as stores do, and the files of other programs that use redb.
fn is_store(path: &Path) -> io::Result<bool> {
    const MAGIC: [u8; 9] = *b"redb\x1a\x0a\xa9\x0d\x0a";
    let mut start = Vec::new();
    let length = MAGIC.len() as u64;
    File::open(path)?.take(length).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}

/// A file that has not got its name yet; it is removed unless it gets it. It is locked for as long as
/// somebody works on it.
struct Unfinished(NamedTempFile);

const PREFIX: &str = ".gpu-credit-";
const SUFFIX: &str = ".unfinished";

impl Unfinished {
    /// With the permissions of the file it is to replace, or those of any new file.
    fn beside(place: &Path, permissions: Option<Permissions>) -> anyhow::Result<Self> {
        let folder = folder(place);
        remove_stale(folder);
        let unfinished = Self::new_in(folder)?;
        interrupt::remove_when_interrupted(unfinished.0.path())?;
        if let Some(permissions) = permissions {
            unfinished.0.as_file().set_permissions(permissions)?;
        }
        Ok(unfinished)
    }

    fn new_in(folder: &Path) -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        loop {
            let file = match builder.tempfile_in(folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    bail!("there is no such folder")
                }
                file => file?,
            };
            // If files cannot be locked here, nobody takes it for stale either.
            let _ = file.as_file().lock();
            // Another process may have taken it for stale before it was locked.
            if file.path().try_exists()? {
                return Ok(Self(file));
            }
        }
    }

    /// Gives the file its name, durably.
    fn publish(self, place: &Path, force: bool) -> anyhow::Result<()> {
        self.0.as_file().sync_all()?;
        // It may have appeared meanwhile.
        replaced(place, force)?;
        let published = match force {
            true => self.0.persist(place),
            false => self.0.persist_noclobber(place),
        };
        match published.map_err(io::Error::from) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("{EXISTS}"),
            published => published?,
        };
        if cfg!(unix) {
            File::open(folder(place))?.sync_all()?;
        }
        Ok(())
    }
}

fn folder(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Removes what processes left that were killed: what nobody has locked. What cannot be removed stays.
fn remove_stale(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        // Not of what a link leads to.
        if is_ours && entry.file_type().is_ok_and(|file| file.is_file()) {
            let file = OpenOptions::new().read(true).open(entry.path());
            if file.is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
