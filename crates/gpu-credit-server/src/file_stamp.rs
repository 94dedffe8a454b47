//! Whether a file has changed since it was looked at.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file that was changed so short a time ago may be changed again without a trace in its times.
const RECENT: Duration = Duration::from_millis(100);

/// How a file looked. Missing is a look, too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileStamp {
    look: Option<Look>,
    /// It was looked at that shortly after it was changed.
    is_recent: bool,
}

/// What changes with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    file: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

impl FileStamp {
    /// How the file looks now. Take it before the file is read: what changes meanwhile is then a change.
    pub(crate) fn of(path: &Path) -> Self {
        let look = Look::of(path);
        let modified = look.and_then(|look| look.modified);
        let age = modified.and_then(|modified| modified.elapsed().ok());
        FileStamp {
            look,
            is_recent: modified.is_some() && age.is_none_or(|age| age < RECENT),
        }
    }

    /// Whether the file may be another by now. It takes about a microsecond.
    pub(crate) fn may_have_changed(&self, path: &Path) -> bool {
        self.is_recent || self.look != Look::of(path)
    }

    /// Whether it looked the same.
    pub(crate) fn is_like(&self, other: &FileStamp) -> bool {
        self.look == other.look
    }
}

impl Look {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let (file, changed) = of_system(&metadata);
        Some(Look {
            file,
            length: metadata.len(),
            modified: metadata.modified().ok(),
            changed,
        })
    }
}

/// Which file it is, and when anything about it was changed, as far as the system tells.
#[cfg(unix)]
fn of_system(metadata: &Metadata) -> ((u64, u64), (i64, i64)) {
    use std::os::unix::fs::MetadataExt;
    (
        (metadata.dev(), metadata.ino()),
        (metadata.ctime(), metadata.ctime_nsec()),
    )
}

#[cfg(not(unix))]
fn of_system(_: &Metadata) -> ((u64, u64), (i64, i64)) {
    ((0, 0), (0, 0))
}
