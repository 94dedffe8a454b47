//! Failures of the storage, with what to do about them.

use anyhow::anyhow;
use gpu_credit_store::{Error, StorageProblem};

use crate::os_error::words;

/// Whether storage failed by a problem.
pub(super) fn is(error: &Error, problem: impl Fn(&StorageProblem) -> bool) -> bool {
    matches!(error, Error::Journal(error) if problem(error.problem()))
}

/// That a file cannot be made, since there is no folder for it.
pub(super) fn cannot_create(error: &Error) -> Option<anyhow::Error> {
    let Error::Journal(failure) = error else {
        return None;
    };
    let has_no_folder = matches!(failure.problem(), StorageProblem::NoFolder);
    has_no_folder.then(|| {
        anyhow!(
            "{}: there is no folder for it: make that first",
            failure.place()
        )
    })
}

/// A failure of the storage, which names its place itself, with what to do about it.
pub(super) fn advised(error: Error) -> anyhow::Error {
    let Error::Journal(failure) = &error else {
        return error.into();
    };
    let advice = match failure.problem() {
        StorageProblem::NotFound | StorageProblem::NoTables => {
            "; `gpu-credit account create` and `gpu-credit import` make one, and --db names another"
        }
        StorageProblem::Denied(_) => "; ask who owns it, or go on with a copy of your own",
        StorageProblem::Exists => "; name another",
        StorageProblem::InUse => {
            "; `fuser` or `lsof` names the process: try again once that has ended, or ask a copy"
        }
        StorageProblem::NotAStore => "; --db names another",
        StorageProblem::Newer { .. } => "; use a newer gpu-credit",
        StorageProblem::Damaged(_) => {
            "; keep it, and go on with the last file that `gpu-credit copy` made"
        }
        StorageProblem::Full => {
            "; make room and repeat the command: what has an id already is not posted twice"
        }
        _ => "",
    };
    let problem = match failure.problem() {
        StorageProblem::Io(error) => words(error),
        StorageProblem::Denied(error) => {
            format!("it may not be opened: {}", words(error))
        }
        problem => problem.to_string(),
    };
    anyhow!("{}: {problem}{advice}", failure.place())
}
