//! How storage can fail.

use std::fmt;
use std::io;
use std::sync::Arc;

/// How the storage of a store failed, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JournalError {
    place: Arc<str>,
    problem: StorageProblem,
}

impl JournalError {
    /// A problem with the storage at a place: a file's path, a server's address.
    pub fn new(place: impl Into<Arc<str>>, problem: StorageProblem) -> Self {
        JournalError {
            place: place.into(),
            problem,
        }
    }

    /// Where.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What.
    pub fn problem(&self) -> &StorageProblem {
        &self.problem
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for JournalError {}

/// How storage can fail.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageProblem {
    /// Nothing is there.
    #[error("there is no such file")]
    NotFound,
    /// The database has no tables of a store.
    #[error("there is no store in this database")]
    NoTables,
    /// The folder of a new file is not there.
    #[error("there is no such folder")]
    NoFolder,
    /// Something is there that would have to be overwritten.
    #[error("the file exists already")]
    Exists,
    /// Another process has it open, or this one has already: a clone of the store is still there.
    #[error("it is open in another process, or a second time in this one")]
    InUse,
    /// The file is of another program.
    #[error("it is not a store of gpu-credit")]
    NotAStore,
    /// The file is of a later version.
    #[error("it has format {found}, and this version knows formats up to {known}")]
    Newer {
        /// The format of the file.
        found: u64,
        /// The newest one that is known.
        known: u64,
    },
    /// The file is of an earlier version, and is open for reading only.
    #[error("it has format {found}: it must be opened for writing once, which makes it {known}")]
    Older {
        /// The format of the file.
        found: u64,
        /// The one that is known.
        known: u64,
    },
    /// The file was not closed, and is open for reading only.
    #[error("it was not closed: it must be opened for writing once, which verifies all of it")]
    NotClosed,
    /// The file is open for reading only.
    #[error("it is open for reading only")]
    ReadOnly,
    /// The file is not as it was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// There is no room left.
    #[error("there is no room left on the device")]
    Full,
    /// It may not be written, or not be read: an [`io::Error`] says why.
    #[error("it may not be opened for reading and writing: {0}")]
    Denied(Arc<io::Error>),
    /// This process was forked from the one that opened the journal; of a store see
    /// [`Error::OtherProcess`](crate::Error::OtherProcess).
    #[error("it was opened by another process, from which this one was forked: open it anew")]
    Forked,
    /// An earlier failure left unknown what is durable, or what is whole. Drop every clone of the store,
    /// and open it again.
    #[error("an earlier operation failed: open it again to go on")]
    FailedBefore,
    /// Others wrote to the same accounts each time that it was tried.
    #[error("others wrote to the same accounts each time it was tried")]
    Overtaken,
    /// The connection was lost before the answer came, and no new one was to be had: nobody knows whether it
    /// was written.
    #[error("the connection was lost, and it is not known whether it was written: {0}")]
    Unknown(Arc<io::Error>),
    /// Anything else: an [`io::Error`] says what.
    #[error("{0}")]
    Io(Arc<io::Error>),
}
