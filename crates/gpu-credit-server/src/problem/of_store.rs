//! What the store refuses, as problems: one kind for each variant.

use std::collections::BTreeSet;

use gpu_credit_store::{
    BeforeClose, Change, Error, JournalError, RecordId, Refusal, Revision, StorageProblem,
};

use super::{Kind, Problem, kinds};

impl Problem {
    /// What came of a posting that is refused, or of which nobody knows whether it was written.
    pub(crate) fn of_posting(error: Error) -> Self {
        match error {
            Error::Interrupted => {
                Problem::new(&kinds::OUTCOME_UNKNOWN, error.to_string()).retry_after(1)
            }
            Error::Journal(error) => of_unwritten(&error),
            error => Problem::of_question(error),
        }
    }

    /// Why a question is not answered.
    pub(crate) fn of_question(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoSuchAccount(account) => {
                Problem::new(&kinds::NO_SUCH_ACCOUNT, detail).with("account", account)
            }
            Error::AccountExists(account) => {
                Problem::new(&kinds::ACCOUNT_EXISTS, detail).with("account", account)
            }
            Error::NoSuchRevision { account, last, .. } => {
                let problem = Problem::new(&kinds::NO_SUCH_REVISION, detail);
                problem.with("account", account).with("last", last.get())
            }
            Error::OtherRevision { account, found, .. } => {
                let problem = Problem::new(&kinds::REVISION_CHANGED, detail);
                problem
                    .with("account", account)
                    .with("revision", found.get())
            }
            Error::DifferentContent {
                account,
                id,
                revision,
                posted,
                refused,
            } => {
                let detail = different(&account, &id, revision, *posted, *refused);
                Problem::new(&kinds::DIFFERENT_CONTENT, detail)
                    .with("account", account)
                    .with("id", id.as_str())
                    .with("revision", revision.get())
            }
            Error::Refused {
                account,
                id,
                refusal,
            } => {
                let problem = of_refusal(&refusal, detail);
                problem.with("account", account).with("id", id.as_str())
            }
            Error::NoSuchUsage { account, id } => Problem::new(&kinds::NO_SUCH_USAGE, detail)
                .with("account", account)
                .with("id", id.as_str()),
            Error::Closed(closed) => Problem::from(closed),
            Error::Question(_) => Problem::new(&kinds::QUESTION_REFUSED, detail),
            Error::Journal(error) => failed(&kinds::STORAGE_FAILED, &error),
            // The rest is of files, forks and questions within questions: none of it is the caller's.
            _ => Problem::new(&kinds::INTERNAL, detail),
        }
    }
}

/// What is different. The accounts of holds are not named: the caller may be one who sees one of them and no other.
fn different(
    account: &str,
    id: &RecordId,
    revision: Revision,
    mut posted: Change,
    mut refused: Change,
) -> String {
    let accounts = |change: &mut Change| {
        change
            .hold_mut()
            .map(|hold| BTreeSet::from_iter(std::mem::take(&mut hold.accounts)))
    };
    let of_both = accounts(&mut posted).zip(accounts(&mut refused));
    let others = match of_both {
        Some((posted, refused)) if posted != refused => ", on other accounts",
        _ => "",
    };
    let error = Error::DifferentContent {
        account: account.to_owned(),
        id: id.clone(),
        revision,
        posted: Box::new(posted),
        refused: Box::new(refused),
    };
    format!("{error}{others}")
}

impl From<BeforeClose> for Problem {
    fn from(closed: BeforeClose) -> Self {
        Problem::new(&kinds::BOOKS_CLOSED, closed.to_string()).with("until", closed.until)
    }
}

/// A failure of the storage, without the place: that is nobody's business.
fn failed(kind: &'static Kind, error: &JournalError) -> Problem {
    Problem::new(kind, error.problem().to_string()).retry_after(1)
}

fn of_unwritten(error: &JournalError) -> Problem {
    let kind = match error.problem() {
        StorageProblem::Overtaken => &kinds::OVERTAKEN,
        StorageProblem::ReadOnly | StorageProblem::Forked => &kinds::STORAGE_FAILED,
        _ => &kinds::OUTCOME_UNKNOWN,
    };
    failed(kind, error)
}

fn of_refusal(refusal: &Refusal, detail: String) -> Problem {
    let kind = match refusal {
        Refusal::Limit(_) => &kinds::LIMIT,
        Refusal::TextLength(_) => &kinds::TEXT_LENGTH,
        Refusal::CreditLine(_) => &kinds::CREDIT_LINE,
        Refusal::CreditIdLength(_) => &kinds::CREDIT_ID_LENGTH,
        Refusal::NoSuchRecord(_) => &kinds::NO_SUCH_RECORD,
        Refusal::NotARecord(_) => &kinds::NOT_A_RECORD,
        Refusal::NotAGrant(_) => &kinds::NOT_A_GRANT,
        Refusal::NotUsage(_) => &kinds::NOT_USAGE,
        Refusal::NotMetered(_) => &kinds::NOT_METERED,
        Refusal::NothingToChange(_) => &kinds::NOTHING_TO_CHANGE,
        Refusal::Retracted(_) => &kinds::RETRACTED,
        Refusal::Revoked { .. } => &kinds::REVOKED,
        Refusal::PastEnd { .. } => &kinds::PAST_END,
        Refusal::BooksClosed { .. } => &kinds::BOOKS_CLOSED,
        Refusal::ClosedLater { .. } => &kinds::CLOSED_LATER,
        Refusal::JournalFull => &kinds::JOURNAL_FULL,
        Refusal::DeletedBefore => &kinds::DELETED_BEFORE,
        Refusal::TextNotKept => &kinds::TEXT_NOT_KEPT,
        Refusal::IsAHold(_) => &kinds::IS_A_HOLD,
        Refusal::NoSuchHold(_) => &kinds::NO_SUCH_HOLD,
        Refusal::NotAHold(_) => &kinds::NOT_A_HOLD,
        Refusal::HoldRefused(_) => &kinds::HOLD_REFUSED,
        Refusal::HoldClosed { .. } => &kinds::HOLD_CLOSED,
        Refusal::HoldTooShort { .. } => &kinds::HOLD_TOO_SHORT,
        Refusal::HoldAccounts(_) => &kinds::HOLD_ACCOUNTS,
        Refusal::HoldOpen { .. } => &kinds::HOLD_OPEN,
        Refusal::HoldOnOthers { .. } => &kinds::HOLD_ON_OTHERS,
        Refusal::OfHold => &kinds::OF_HOLD,
        Refusal::DeletionInBatch => &kinds::DELETION_IN_BATCH,
        _ => &kinds::REFUSED,
    };
    let problem = Problem::new(kind, detail);
    match refusal {
        Refusal::BooksClosed { until } | Refusal::ClosedLater { until } => {
            problem.with("until", *until)
        }
        Refusal::HoldClosed { by, .. } => problem.with("by", by.get()),
        Refusal::HoldOpen { hold, .. } | Refusal::HoldOnOthers { hold } => {
            problem.with("hold", hold.as_str())
        }
        _ => problem,
    }
}
