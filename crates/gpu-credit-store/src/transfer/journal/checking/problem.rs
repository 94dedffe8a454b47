//! Why nothing is written of a journal.

use crate::{Error, Head, ImportError, JournalError};

/// Why there is nothing to be written.
pub(in super::super) enum Problem {
    /// This account was posted to meanwhile.
    Overtaken(Head),
    /// One of the lines that were drafted together is refused.
    Refused(usize, Error),
    Failed(Error),
}

impl From<Problem> for Error {
    /// If nobody can have posted to it, an account that is not as its head says is damaged.
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Overtaken(head) => Error::NotApplicable {
                account: head.account.name.to_string(),
                revision: head.revision,
                problem: "the journal says that the account ends with it".to_owned(),
            },
            Problem::Refused(_, error) | Problem::Failed(error) => error,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Failed(error)
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        Problem::Failed(error.into())
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        Problem::Failed(error.into())
    }
}
