//! What the server's errors mean.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use gpu_credit_store::StorageProblem;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

pub(crate) fn code(error: &Error) -> Option<&SqlState> {
    error.code()
}

/// As a problem of the storage.
pub(crate) fn problem(error: &Error) -> StorageProblem {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text = format!("{text}: {source}");
        }
        return other(text);
    };
    let code = said.code();
    match () {
        () if *code == SqlState::DISK_FULL => StorageProblem::Full,
        () if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            StorageProblem::Denied(Arc::new(io::Error::other(told(said))))
        }
        () if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StorageProblem::ReadOnly,
        () => other(told(said)),
    }
}

pub(crate) fn other(text: impl Into<String>) -> StorageProblem {
    StorageProblem::Io(Arc::new(io::Error::other(text.into())))
}

fn told(said: &DbError) -> String {
    format!("{} ({})", said.message(), said.code().code())
}

/// What an append that failed has done.
pub(crate) enum Failed {
    /// It met what others have written: nothing.
    Conflict,
    /// Nothing, as the server says.
    Refused(StorageProblem),
    /// Nobody knows.
    Unknown,
}

impl Failed {
    pub(crate) fn of(error: &Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // The connection is gone, or what it said was not understood.
            return Failed::Unknown;
        };
        let ends_session = !matches!(said.parsed_severity(), Some(Severity::Error));
        let code = said.code().code();
        match code {
            "40003" => Failed::Unknown,
            // An unexpected end may come after the commit is durable here.
            _ if ends_session || code.starts_with("08") || code.starts_with("57P") => {
                Failed::Unknown
            }
            "23505" | "40001" | "40P01" => Failed::Conflict,
            _ => Failed::Refused(problem(error)),
        }
    }
}
