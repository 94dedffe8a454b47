//! Files that have not got their names yet.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use tempfile::TempPath;

use super::error::Failure;
use crate::StorageProblem;

/// A file beside its place, under a name of its own. Who made it removes it, unless it gets its name;
/// what a process leaves that is killed, a later one removes that makes a file in the same folder.
pub(super) struct Unfinished(TempPath);

const PREFIX: &str = ".gpu-credit-";
const SUFFIX: &str = ".new";
/// Nobody has written to a file for so long that somebody is still making.
const STALE_AFTER: Duration = Duration::from_secs(600);

impl Unfinished {
    pub(super) fn beside(path: &Path) -> Result<(Self, File), Failure> {
        let folder = folder(path);
        remove_stale(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        // With the permissions of any new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let made = builder
            .tempfile_in(folder)
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => Failure(StorageProblem::NoFolder),
                _ => error.into(),
            })?;
        let (file, path) = made.into_parts();
        Ok((Unfinished(path), file))
    }

    /// Gives the file its name, durably, unless another has it.
    pub(super) fn publish(self, path: &Path) -> Result<(), Failure> {
        match self.0.persist_noclobber(path) {
            // Not every file system can do that in one step; some of these say so in their own way.
            Err(refused)
                if refused.error.kind() != ErrorKind::AlreadyExists && !path.try_exists()? =>
            {
                refused.path.persist(path).map_err(io::Error::from)?;
            }
            published => published.map_err(io::Error::from)?,
        }
        sync_directory(path)
    }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Removes what nobody is making any more. What cannot be removed stays.
fn remove_stale(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && is_stale(&entry).unwrap_or(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_stale(entry: &DirEntry) -> io::Result<bool> {
    let metadata = entry.metadata()?;
    let age = metadata.modified()?.elapsed().unwrap_or_default();
    // Whoever is making it has it locked, while it is open there.
    Ok(metadata.is_file() && age >= STALE_AFTER && File::open(entry.path())?.try_lock().is_ok())
}

/// Makes a file's name durable.
fn sync_directory(path: &Path) -> Result<(), Failure> {
    if cfg!(unix) {
        File::open(folder(path))?.sync_all()?;
    }
    Ok(())
}
