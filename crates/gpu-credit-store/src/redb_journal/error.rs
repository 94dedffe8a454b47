//! What redb reports, as problems of the storage.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use redb::{
    CommitError, CompactionError, CursorError, DatabaseError, StorageError, TableError,
    TransactionError,
};

use super::pages::DamagedPage;
use crate::StorageProblem;

/// A problem on its way to the place that knows the file's name.
pub(super) struct Failure(pub(super) StorageProblem);

impl Failure {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Failure(StorageProblem::Damaged(what.into()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if let Some(page) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<DamagedPage>())
        {
            return Failure::damaged(page.to_string());
        }
        Failure(match error.kind() {
            ErrorKind::NotFound => StorageProblem::NotFound,
            ErrorKind::AlreadyExists => StorageProblem::Exists,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StorageProblem::Full
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StorageProblem::Denied(Arc::new(error))
            }
            ErrorKind::ResourceBusy => StorageProblem::InUse,
            ErrorKind::UnexpectedEof => StorageProblem::Damaged("it ends early".to_owned()),
            // Of redb itself: the file does not begin like one of its files.
            ErrorKind::InvalidData => StorageProblem::NotAStore,
            _ => StorageProblem::Io(Arc::new(error)),
        })
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Failure(match error {
            StorageError::Io(error) => return error.into(),
            StorageError::Corrupted(what) => StorageProblem::Damaged(of_redb(&what)),
            StorageError::PreviousIo | StorageError::DatabaseClosed => StorageProblem::FailedBefore,
            other => StorageProblem::Io(Arc::new(io::Error::other(other))),
        })
    }
}

/// What redb says of a damaged file, for those who do not know redb.
fn of_redb(what: &str) -> String {
    match what.starts_with("File truncated") {
        true => "it ends early".to_owned(),
        false => format!("{DOES_NOT_HOLD} (redb: {what})"),
    }
}

/// Of a file in which redb does not find its way.
pub(super) const DOES_NOT_HOLD: &str = "its structure does not hold";

impl From<CursorError> for Failure {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Storage(error) => error.into(),
            other => Failure(StorageProblem::Io(Arc::new(io::Error::other(other)))),
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Failure(match error {
            DatabaseError::Storage(error) => return error.into(),
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                StorageProblem::InUse
            }
            DatabaseError::RepairAborted => StorageProblem::NotClosed,
            other => StorageProblem::Io(Arc::new(io::Error::other(other))),
        })
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            // The tables are made when the file is.
            other => Failure::damaged(other.to_string()),
        }
    }
}

impl From<TransactionError> for Failure {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            other => Failure(StorageProblem::Io(Arc::new(io::Error::other(other)))),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            other => Failure(StorageProblem::Io(Arc::new(io::Error::other(other)))),
        }
    }
}

impl From<CompactionError> for Failure {
    fn from(error: CompactionError) -> Self {
        match error {
            CompactionError::Storage(error) => error.into(),
            other => Failure(StorageProblem::Io(Arc::new(io::Error::other(other)))),
        }
    }
}

impl From<postcard::Error> for Failure {
    fn from(error: postcard::Error) -> Self {
        Failure(StorageProblem::Io(Arc::new(io::Error::other(error))))
    }
}
