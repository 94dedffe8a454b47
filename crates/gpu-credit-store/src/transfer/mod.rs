//! Whole journals and files of events, in and out.

mod accounts;
mod appending;
mod checking;
mod copying;
mod effects;
mod export_events;
mod identity;
mod import_events;
mod import_sacct;
mod journal;
mod lines;
mod memory;
mod parts;
mod reading;
mod refused;
pub mod sacct;
mod staging;

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::PathBuf;

use gpu_credit::Overdraft;

pub use copying::{Copied, CopyStep};
pub use effects::ImportEffect;
pub use export_events::LeftOut;
pub use import_sacct::{ChangedJob, JobName, OtherZone, SacctImport, SacctImported};

use crate::folding::is_still_open;
use crate::{
    AccountKey, Change, Error, ImportError, RecordId, Refusal, Revision, Sequence, Storage,
    TimeUnit,
};

/// So many entries of an account every journal reads at one moment.
const READ_AT_ONCE: u64 = 1_024;

/// That so many entries of an account, which were read, are all of it: of a journal that is shared more are read
/// than at one moment.
fn ensure_whole(storage: &impl Storage, account: &AccountKey, entries: u64) -> Result<(), Error> {
    if entries <= READ_AT_ONCE || storage.visible() < Sequence::END {
        return Ok(());
    }
    is_still_open(storage.reader(), account).map_err(|error| match error {
        Error::NoSuchAccount(name) => Error::DeletedMeanwhile(name),
        error => error,
    })
}

/// Whether an import posts, or only says what it would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportMode {
    /// Post all of it, or nothing.
    #[default]
    Post,
    /// Check all of it, and post nothing.
    DryRun,
}

/// How a file is imported.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use gpu_credit::Overdraft;
/// use gpu_credit_store::{ImportOptions, Store};
///
/// let store = Store::in_memory()?;
/// let options = ImportOptions { policy: Overdraft::Forfeit, ..ImportOptions::default() };
/// let file = "kind,account,credit_id,amount,timestamp,expiration,id\nusage,acme,,4,30,,job-17\n";
/// let imported = store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()))?;
/// assert_eq!(imported.posted, 2); // the opening of the account, and the usage
/// assert_eq!(imported.opened[0].name, "acme");
/// # Ok::<(), gpu_credit_store::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Whether it posts.
    pub mode: ImportMode,
    /// The policy of accounts that are not there; the others keep theirs.
    pub policy: Overdraft,
    /// Whether accounts that are not there are opened; otherwise their rows are refused.
    pub opens_accounts: bool,
    /// Whether rows that are refused are left out, and the others posted. A row without id is never left
    /// out: once the file is imported again, nothing would tell it from a row that is posted.
    pub skip_refused: bool,
    /// Whether rows without id are posted although they equal rows imported before: all of them, also
    /// those of a file that was imported before.
    pub again: bool,
    /// The unit of the file's times, if it is not that of the store: those of an events file are
    /// converted, exactly, and another journal is refused. A store that has no unit gets this one.
    pub unit: Option<TimeUnit>,
    /// Whether times of an events file are taken that look like times in another unit: see
    /// [`TimeUnit::likely_other`].
    pub any_time: bool,
    /// Bytes of memory that it may take, about.
    pub memory_bytes_max: usize,
    /// If given, each so many new records are posted by themselves, so that nobody waits long; then not
    /// all or none are posted.
    pub batch_rows: Option<NonZeroU64>,
    /// Where the temporary files go. They take about twice as many bytes as the file without compression.
    pub folder: PathBuf,
}

impl Default for ImportOptions {
    /// Posts, opens accounts that carry, takes 1 GiB at most and the folder for temporary files of the
    /// system.
    fn default() -> Self {
        ImportOptions {
            mode: ImportMode::Post,
            policy: Overdraft::Carry,
            opens_accounts: true,
            skip_refused: false,
            again: false,
            unit: None,
            any_time: false,
            memory_bytes_max: 1 << 30,
            batch_rows: None,
            folder: std::env::temp_dir(),
        }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportStep {
    /// So many rows are read.
    Read(u64),
    /// So many records are checked.
    Checked(u64),
    /// So many records are ready to be written.
    Prepared(u64),
    /// So many records are written, or there already; durable is what is written once all are.
    Written(u64),
}

/// Tells how far an import is; an error if it is to be given up.
fn tell(
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    step: ImportStep,
) -> Result<(), ImportError> {
    match progress(step) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ImportError::GivenUp),
    }
}

/// A row without id that equals one that was imported before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EqualRow {
    /// Counted from 1.
    pub line: u64,
    /// Whose it is.
    pub account: String,
    /// What it says.
    pub change: Change,
    /// The revision of the account that it equals.
    pub revision: Revision,
}

/// A row with an id under which something else was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedRow {
    /// Counted from 1.
    pub line: u64,
    /// Whose it is.
    pub account: String,
    /// The id.
    pub id: RecordId,
    /// What the row says.
    pub row: Change,
    /// What was posted.
    pub posted: Change,
    /// Where that stands.
    pub place: PostedBy,
}

/// Where a record stands that has the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostedBy {
    /// In the store: this revision of the account.
    Revision(Revision),
    /// On a line of the same file.
    Line(u64),
    /// By the import, to open the account.
    Opening,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default)]
#[must_use = "rows that are refused may be left out"]
#[non_exhaustive]
pub struct Imported {
    /// Entries that are new, opened accounts among them.
    pub posted: u64,
    /// Records that were there already.
    pub already_posted: u64,
    /// Accounts that are new, by name.
    pub opened: Vec<OpenedAccount>,
    /// Questions, which an events file may hold and a journal does not.
    pub questions: u64,
    /// Rows at the beginning of an events file that are all rows of one imported before.
    pub continued: u64,
    /// Rows that are refused, and left out, in order.
    pub refused: Vec<Error>,
    /// Of a dry run of events, what posting them would do to the balance of each account that they change.
    pub effects: Vec<ImportEffect>,
}

/// An account that an import opens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedAccount {
    /// Its name.
    pub name: String,
    /// What happens to its usage beyond the credit.
    pub policy: Overdraft,
}

/// What is refused of a line.
fn refused(line: u64, account: &str, id: &RecordId, refusal: Refusal) -> ImportError {
    let (account, id) = (account.to_owned(), id.clone());
    let error = Error::Refused {
        account,
        id,
        refusal,
    };
    ImportError::Refused { line, error }
}
