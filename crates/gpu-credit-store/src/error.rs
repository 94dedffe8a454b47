//! What can be refused, always before anything has changed, and how storage can fail.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use crate::{
    CREDIT_ID_BYTES_MAX, Change, ChangedJob, ChangedRow, EqualRow, OtherZone, PostedBy, RecordId,
    Revision, TEXT_BYTES_MAX, TimeUnit,
};

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

/// What is wrong with a file to import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A row of an events file.
    #[error("{0}")]
    Events(#[from] gpu_credit_workload::EventError),
    /// A line of the output of `sacct`.
    #[error("{0}")]
    Sacct(#[from] crate::sacct::SacctError),
    /// A line of an exported journal.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its caller has given it up, and nothing is posted.
    #[error("the import was given up")]
    GivenUp,
    /// The input cannot be read.
    #[error("line {line}: cannot be read: {source}")]
    Read {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// What a line says is refused.
    #[error("line {line}: {error}")]
    Refused {
        /// Counted from 1.
        line: u64,
        /// Why.
        error: Error,
    },
    /// The policy of the accounts that it would open has a credit line beyond the limit.
    #[error("{0}")]
    Policy(Refusal),
    /// A row has an id under which something else was posted.
    #[error("{0}")]
    Changed(Box<ChangedRow>),
    /// A job is posted with another rate, start or final end.
    #[error("{0}")]
    ChangedJob(Box<ChangedJob>),
    /// A job is posted with its times in another time zone.
    #[error("{0}")]
    OtherZone(Box<OtherZone>),
    /// No job uses what is to be counted.
    #[error(
        "no job uses {resource}, expected a resource that AllocTRES lists, such as gpu, cpu or billing"
    )]
    NotUsed {
        /// What is to be counted.
        resource: crate::sacct::Resource,
    },
    /// Rows without id equal rows that were imported before, and the file does not continue one that was.
    #[error("{}", equal(*count, shown))]
    Equal {
        /// How many.
        count: u64,
        /// The first ones.
        shown: Vec<EqualRow>,
    },
    /// A time is no whole number of the store's unit, or out of range in it.
    #[error(
        "line {line}, column {column}: found {value} {from}, expected a whole number of {to}, the \
         store's unit of time, in the range of 64 bits"
    )]
    NotInUnit {
        /// Counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The time.
        value: i64,
        /// Its unit.
        from: TimeUnit,
        /// The unit of the store.
        to: TimeUnit,
    },
    /// A time is none that is likely in its unit, and one in another.
    #[error(
        "line {line}, column {column}: found {value}, which is no likely time in {unit}, and one in {likely}"
    )]
    OtherUnit {
        /// Counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The time.
        value: i64,
        /// The unit in which it is read.
        unit: TimeUnit,
        /// The unit in which it may be.
        likely: TimeUnit,
    },
    /// The import takes more memory than it may.
    #[error(
        "line {line}: after {rows} records the import needs {needed} bytes of memory, and may take \
         {limit}"
    )]
    Memory {
        /// Counted from 1.
        line: u64,
        /// Records so far.
        rows: u64,
        /// Bytes.
        needed: usize,
        /// Bytes, at most.
        limit: usize,
    },
    /// A journal was to be imported in batches.
    #[error("a journal is imported all at once, not in batches")]
    JournalInBatches,
    /// More accounts than can be numbered.
    #[error("there are more than {} accounts", u32::MAX)]
    TooManyAccounts,
    /// The temporary file of an import failed.
    #[error("the temporary file of the import: {0}")]
    Temporary(io::Error),
    /// An import in batches ended early.
    #[error("stopped after line {line}, {posted} entries are posted: {error}")]
    Stopped {
        /// Up to this line, counted from 1, all is posted.
        line: u64,
        /// Entries posted, openings of accounts among them.
        posted: u64,
        /// Why.
        error: Error,
    },
}

impl ChangedRow {
    /// What is wrong, on one line, with instants shown as the caller shows them.
    pub fn told(&self, show: impl Fn(i64) -> String) -> String {
        let ChangedRow {
            line,
            account,
            id,
            row,
            posted,
            place,
        } = self;
        let place = match place {
            PostedBy::Revision(revision) => format!("revision {revision}, under this id, is"),
            PostedBy::Line(line) => format!("that of line {line} under this id is"),
            PostedBy::Opening => "under this id the import makes".to_owned(),
        };
        let [row, posted] = [row, posted].map(|change| change.told(&show).to_string());
        format!(
            "line {line}: account {account:?}, id \"{id}\": the row is {row}, but {place} {posted}"
        )
    }
}

impl fmt::Display for ChangedRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.told(|instant| instant.to_string()))
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

fn equal(count: u64, shown: &[EqualRow]) -> String {
    let mut text = match count {
        1 => "1 row without id equals one".to_owned(),
        _ => format!("{count} rows without id equal rows"),
    };
    text.push_str(" imported before, in all columns, and the file does not continue one of those:");
    for row in shown {
        let EqualRow {
            line,
            account,
            change,
            revision,
        } = row;
        let _ = write!(
            text,
            " line {line} (account {account:?}, {change}) equals revision {revision};"
        );
    }
    match count - shown.len() as u64 {
        0 => text.truncate(text.len() - 1),
        more => {
            let _ = write!(text, " and {more} more");
        }
    }
    text
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Error::Import(Arc::new(error))
    }
}

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
    /// [`Error::OtherProcess`].
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
