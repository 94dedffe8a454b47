//! What can be refused, always before anything has changed; with imports and storage in files of their own.

mod import;
mod storage;

use std::io;
use std::sync::Arc;

use crate::{
    CREDIT_ID_BYTES_MAX, Change, HOLD_ACCOUNTS_MAX, RecordId, Revision, TEXT_BYTES_MAX, TimeUnit,
};

pub use import::ImportError;
pub use storage::{JournalError, StorageProblem};

/// Why a posting or a question was refused. A refused posting, and all of a batch with it, has left no
/// trace; only of [`Error::Journal`] and [`Error::Interrupted`] the outcome can be unknown, and then
/// posting the same again under the same id settles it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No account of this name is open.
    #[error("there is no account {0:?}")]
    NoSuchAccount(String),
    /// An account of this name was opened under another id.
    #[error("account {0:?} exists already, opened under another id")]
    AccountExists(String),
    /// The account has not so many revisions.
    #[error("account {account:?} has {}", past_end(*last, *revision))]
    NoSuchRevision {
        /// The account.
        account: String,
        /// The revision that is asked for.
        revision: Revision,
        /// The last one of the account.
        last: Revision,
    },
    /// The account has gone on from the revision that its caller knows.
    #[error("account {account:?} has revision {found}, not {expected}")]
    OtherRevision {
        /// The account.
        account: String,
        /// The revision that it was to have.
        expected: Revision,
        /// The one that it has.
        found: Revision,
    },
    /// The id stands for something else already.
    #[error(
        "account {account:?}, id \"{id}\": revision {revision} has this id and other content: it is \
         {posted}, and not {refused}"
    )]
    DifferentContent {
        /// The account.
        account: String,
        /// The id.
        id: RecordId,
        /// The entry that has it.
        revision: Revision,
        /// What that entry does.
        posted: Box<Change>,
        /// What was to be posted.
        refused: Box<Change>,
    },
    /// The posting breaks a rule or a limit.
    #[error("account {account:?}, id \"{id}\": {refusal}")]
    Refused {
        /// The account.
        account: String,
        /// The id of the posting.
        id: RecordId,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// The id is not that of usage that stands, or not of the kind that is asked for.
    #[error("account {account:?} has no usage \"{id}\"")]
    NoSuchUsage {
        /// The account.
        account: String,
        /// The id.
        id: RecordId,
    },
    /// The store has another unit of time.
    #[error("the store's unit of time is {kept}, not {said}")]
    OtherTimeUnit {
        /// The unit of the store.
        kept: TimeUnit,
        /// The unit that the caller gave.
        said: TimeUnit,
    },
    /// The store has a unit of time of a later version.
    #[error("the store's unit of time, number {0}, is not known to this version")]
    UnknownTimeUnit(u64),
    /// The question is about a time before the close of the books.
    #[error("{0}")]
    Closed(#[from] BeforeClose),
    /// The engine cannot answer the question: a [`gpu_credit::Error`] says why.
    #[error("{0}")]
    Question(#[from] gpu_credit::Error),
    /// A file to import cannot be read, or does not hold what it should: an [`ImportError`] says which line.
    #[error("{0}")]
    Import(Arc<ImportError>),
    /// An account was deleted while its entries were read: an export is to begin anew.
    #[error("account {0:?} was deleted while it was exported: export again")]
    DeletedMeanwhile(String),
    /// A file to export to cannot be written: an [`io::Error`] says why.
    #[error("cannot write the export: {0}")]
    Export(Arc<io::Error>),
    /// An entry of the journal does not follow from those before it: the journal was not written by
    /// this program, or by a newer one.
    #[error("account {account:?}: revision {revision} cannot be applied: {problem}")]
    NotApplicable {
        /// The account.
        account: String,
        /// The entry.
        revision: Revision,
        /// Why.
        problem: String,
    },
    /// Another thread panicked while it committed for this one too: threads that post at the same time share
    /// a commit. The store can be used as before. Post the same again, under the same id: what was written
    /// is not written twice.
    #[error("the commit was interrupted; post again to learn whether it had happened")]
    Interrupted,
    /// This process was forked from the one that opened the store. Every method of [`Store`](crate::Store)
    /// answers with this. [`StorageProblem::Forked`] is the same of a [`Journal`](crate::Journal) that is
    /// used by itself.
    #[error(
        "the store was opened by process {opened_by} and is used in process {used_by}: a store \
         belongs to the process that opened it"
    )]
    OtherProcess {
        /// The process that opened it.
        opened_by: u32,
        /// This process.
        used_by: u32,
    },
    /// The store is used within a question to one of its accounts, which would wait for itself. Use it
    /// once the question has returned.
    #[error(
        "the store is used within a question to one of its accounts: use it once the question has \
         returned"
    )]
    WithinQuestion,
    /// A store is copied only into one that holds nothing.
    #[error("the store to copy to is not empty")]
    NotEmpty,
    /// The storage failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Which rule or limit a posting breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A limit of the ledger.
    #[error("{0}")]
    Limit(#[from] gpu_credit::Error),
    /// The id or the name of the account is empty or too long.
    #[error("names of accounts and ids have 1 to {TEXT_BYTES_MAX} bytes, not {0}")]
    TextLength(usize),
    /// The credit line is more than any sum can be.
    #[error("a credit line is from 0 to 9223372036854775807, not {0}")]
    CreditLine(u64),
    /// The credit id is too long.
    #[error("a credit id has at most {CREDIT_ID_BYTES_MAX} bytes, not {0}")]
    CreditIdLength(usize),
    /// The record to correct is not there.
    #[error("there is no record \"{0}\" to correct")]
    NoSuchRecord(RecordId),
    /// What is to be corrected is itself a correction, or the opening.
    #[error("\"{0}\" is neither a grant nor usage")]
    NotARecord(RecordId),
    /// Usage was to be corrected like a grant.
    #[error("\"{0}\" is not a grant")]
    NotAGrant(RecordId),
    /// A grant, or metered usage, was to be corrected like usage at an instant.
    #[error("\"{0}\" is not usage at an instant")]
    NotUsage(RecordId),
    /// A grant, or usage at an instant, was to be corrected like metered usage.
    #[error("\"{0}\" is not metered usage")]
    NotMetered(RecordId),
    /// A change of metered usage that says neither rate nor beginning nor end.
    #[error("the change of \"{0}\" says neither a rate nor a beginning nor an end")]
    NothingToChange(RecordId),
    /// The record is retracted.
    #[error("\"{0}\" is retracted already")]
    Retracted(RecordId),
    /// The grant is revoked as early already; or it is revoked, and its window was to be changed.
    #[error("\"{of}\" is revoked from {from} on already")]
    Revoked {
        /// The grant.
        of: RecordId,
        /// From where on.
        from: i64,
    },
    /// The grant was to be revoked after its end.
    #[error("\"{of}\" ends at {end}, before {from}")]
    PastEnd {
        /// The grant.
        of: RecordId,
        /// The last instant of its window.
        end: i64,
        /// From where on it was to be revoked.
        from: i64,
    },
    /// It would change what was before the close of the books.
    #[error("the books are closed up to {until}, and this takes effect before")]
    BooksClosed {
        /// The first instant that is open.
        until: i64,
    },
    /// The books are closed up to a later instant.
    #[error("the books are closed up to {until} already")]
    ClosedLater {
        /// The first instant that is open.
        until: i64,
    },
    /// Every place of the journal is taken.
    #[error("the journal has no place for another entry")]
    JournalFull,
    /// The id deleted an earlier account of this name, and another one is open. It is no retry, or it
    /// comes too late: to delete the one that is open takes another id.
    #[error("this id deleted an earlier account of this name: another is open, and stays as it is")]
    DeletedBefore,
    /// A name, an id or a credit id has a character that the storage cannot keep.
    #[error("the storage keeps no names, ids or credit ids with a NUL character")]
    TextNotKept,
    /// A hold was to be corrected like a record.
    #[error("\"{0}\" is a hold: it is settled or released")]
    IsAHold(RecordId),
    /// What was to be settled or released is not there.
    #[error("there is no hold \"{0}\"")]
    NoSuchHold(RecordId),
    /// What was to be settled or released is no hold.
    #[error("\"{0}\" is not a hold")]
    NotAHold(RecordId),
    /// What was to be settled or released was never given.
    #[error("the hold \"{0}\" was refused")]
    HoldRefused(RecordId),
    /// The hold is closed already: a hold is closed once, but that one that was released can be settled.
    #[error("the hold \"{hold}\" {} already, by revision {by}", closed(*was_settled))]
    HoldClosed {
        /// The hold.
        hold: RecordId,
        /// The entry that closed it.
        by: Revision,
        /// Whether that settled it, and did not release it.
        was_settled: bool,
    },
    /// The hold is never open, or ends before the usage that it stands for.
    #[error("a hold from {at} is open until {first} at least, not until {until}")]
    HoldTooShort {
        /// Its start.
        at: i64,
        /// The first end that it can have.
        first: i64,
        /// Its end.
        until: i64,
    },
    /// The hold is on no account, or on too many.
    #[error("a hold is on 1 to {HOLD_ACCOUNTS_MAX} accounts, not {0}")]
    HoldAccounts(usize),
    /// The books cannot be closed while a hold is open across the instant.
    #[error("the hold \"{hold}\" from {at} until {until} is open: settle or release it first")]
    HoldOpen {
        /// The hold.
        hold: RecordId,
        /// Its start.
        at: i64,
        /// Its end.
        until: i64,
    },
    /// The account has a hold that is on other accounts, too, and neither settled nor released.
    #[error("the hold \"{hold}\" is on other accounts, too: settle or release it first")]
    HoldOnOthers {
        /// The hold.
        hold: RecordId,
    },
    /// Holds are given, settled and released by [`Store::authorise`](crate::Store::authorise),
    /// [`settle`](crate::Store::settle) and [`release`](crate::Store::release), on all their accounts.
    #[error("holds are given by authorise, and closed by settle or release, on all their accounts")]
    OfHold,
    /// A deletion together with other postings.
    #[error("the deletion of an account is posted by itself, not in a batch")]
    DeletionInBatch,
}

/// A question about a time before the close of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the books are closed up to {until}: {timestamp} can be asked about at an earlier revision"
)]
pub struct BeforeClose {
    /// The first instant that is open.
    pub until: i64,
    /// The instant asked about.
    pub timestamp: i64,
}

fn closed(was_settled: bool) -> &'static str {
    match was_settled {
        true => "is settled",
        false => "is released",
    }
}

fn past_end(last: Revision, revision: Revision) -> String {
    let revisions = match last.get() {
        1 => "1 revision".to_owned(),
        count => format!("{count} revisions"),
    };
    match revision > last {
        true => format!("{revisions}; {revision} is past its end"),
        false => format!("{revisions}, counted from 1; there is no {revision}"),
    }
}
