//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Writes a file beside its place and then moves it there.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Where a link leads, or the path itself if there is nothing yet.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a device is written to, not replaced.
        return write(&File::options().write(true).open(&target)?);
    }
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let file = new_file_in(folder)?;
    write(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(io::Error::from)?;
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
