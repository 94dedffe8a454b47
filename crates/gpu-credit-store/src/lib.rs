//! The durable store of `gpu-credit`: many accounts in one file, no server, nothing lost.
//!
//! A [`Store`] keeps an append-only journal and, in memory, the accounts that follow from it. Grants,
//! usage, at an instant or metered, and corrections are posted under ids of the caller's choosing, which are idempotency keys. Once
//! [`post`](Store::post) has returned, what it posted survives a power cut.
//!
//! ```
//! use gpu_credit::Overdraft;
//! use gpu_credit_store::{Posting, Store};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("credit.redb");
//! # let path = &path;
//! let store = Store::create(path)?;
//! store.open_account("acme", Overdraft::Carry)?;
//! store.post_all(vec![
//!     Posting::grant("acme", "invoice-1", "march", 100, 0, 30), // live in [0, 30]
//!     Posting::usage("acme", "job-17", 20, 12),
//! ])?;
//! drop(store);
//!
//! let store = Store::open(path)?;
//! assert_eq!(store.get_balance("acme", 12)?, Some(80));
//! assert!(!store.post(Posting::usage("acme", "job-17", 20, 12))?.is_new()); // a retry
//! assert!(store.post(Posting::usage("acme", "job-17", 21, 12)).is_err()); // something else
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Opening
//!
//! | to | call |
//! |---|---|
//! | open a file, and make it if there is none | [`Store::open_or_create`] |
//! | open a file that is there; make one that is not | [`Store::open`]; [`Store::create`] |
//! | ask a file while others ask it too | [`Store::open_read_only`] |
//! | try something without a file | [`Store::in_memory`] |
//!
//! One process at a time has the file open for writing. In it all threads share one [`Store`]: a clone is the same
//! store, and the file is closed when the last clone is dropped. Timestamps are integers in the caller's unit;
//! [`Store::set_time_unit`] keeps that unit for the program, which shows times.
//!
//! # Posting
//!
//! [`Posting`] has a constructor for each change: grants, usage at an instant, metered usage, corrections, closing the books.
//! [`Store::post`] posts one; [`Store::post_all`] posts several, all or none; [`Store::dry_run`] says
//! what would come of them. A call returns once what it posted is synced, so it blocks its thread: in async code it
//! belongs into a blocking task. The store holds no credit for a request that is still to come: the repository's
//! `docs/recipes/rust-service.md` says how to admit requests without admitting too many.
//!
//! # Holds
//!
//! [`Store::authorise`] decides whether something may be spent, and keeps it: a hold is on all its accounts or on none, and is
//! given if and only if it fits beside everything that is posted and held. [`Store::settle`] posts what was used in
//! its place, [`Store::release`] nothing. A hold ends by itself: there is no sweep, no clock and no webhook, and what is
//! settled later is recorded all the same. [`Account::held`], [`Account::available`] and [`Account::spendable`] know of
//! holds; balances do not. While a hold is open across an instant, the books are not closed there; an account whose
//! hold is on others, too, is not deleted.
//!
//! # Asking
//!
//! [`Store::get_balance`] and [`Store::balance_at`] answer the most frequent questions.
//! [`Store::with_account`] answers all others: it shows an [`Account`], and by its
//! [`ledger`](Account::ledger) the engine's. [`Store::usage_statement`] and [`Account::draws`] say which usage
//! drew from which grant, [`Store::history`] what was posted, and [`Store::as_recorded`] what was known before.
//!
//! # Posting again, and errors
//!
//! What is refused has changed nothing, and is refused again. Of [`Error::Journal`] and [`Error::Interrupted`] it is
//! not known whether anything was written: post the same again under the same id, after [`Error::Journal`]
//! on a store that is opened anew. The repository's `docs/operating.md` says of each error what to do, and the
//! recipe has the loop.
//!
//! # Backing up
//!
//! [`Store::copy_to`] copies what is durable to a new file while others post; [`Store::check`] verifies
//! a store, and what is wrong is in its report.
//!
//! # What is promised
//!
//! * **Durable.** A posting is acknowledged once it is synced. Threads that post at the same time share
//!   one sync ([group commit](Store::post)).
//! * **All or nothing.** A batch is in the journal whole or not at all, after a crash too, and no reader
//!   sees half of it. What the ledger would refuse is refused before anything is written.
//! * **Once.** The same id with the same content is posted once per account, however often it is sent;
//!   with other content it is an error.
//! * **Only what is durable is seen**, and it is seen by all readers at once.
//! * **A slow request delays no other**: neither a question that takes long, nor an account that has to be
//!   loaded, a close of the books, a large batch or a trial. All requests wait for the write alone, which for
//!   a large batch is as long as the batch.
//! * **A store belongs to the process that opened it**: in a forked child every use is an error.
//! * **Nothing is overwritten.** A correction is an entry of its own. The entries of an account are its
//!   [`Revision`]s, 1, 2, 3 and so on. [`Store::as_recorded`] gives an account as it stood at any of them;
//!   [`Store::history`] tells how it came about.
//! * **Damage by accident is found.** Every page is verified when it is read, and all of them after an
//!   unclean end or by [`Store::open_verified`]; each entry bears a checksum of its own. [`Store::check`]
//!   also compares the engine with the reference. After a crash, damage
//!   to the newest commit cannot be told from a commit that was cut short: both are rolled back. Checksums
//!   are no protection from somebody who changes the file on purpose.
//!
//! # Corrections
//!
//! [`RetractRecord`](Change::RetractRecord), [`ChangeUsage`](Change::ChangeUsage),
//! [`ChangeMeteredUsage`](Change::ChangeMeteredUsage), [`Revoke`](Change::Revoke),
//! [`ChangeExpiration`](Change::ChangeExpiration) and [`ChangePriority`](Change::ChangePriority) name a
//! record by its id. Every answer afterwards is that of an account to which the corrected record had been posted in
//! the first place, in its old place.
//!
//! # Closing the books
//!
//! [`CloseBooks`](Change::CloseBooks) up to an instant `until` folds away what was before it: of grants
//! that began earlier and reach `until` the remainder is kept, of usage before it the deficit; a job that
//! still runs keeps its ticks from `until` on, under its id. Answers from `until` on stay as they are.
//! Refused from then on:
//!
//! * questions about earlier instants ([`as_recorded`](Store::as_recorded) still answers them at a revision before the close),
//! * grants that start, usage that takes effect, and metered usage that begins, before `until`,
//! * corrections of usage before `until` and of grants that ended before it,
//! * corrections of metered usage that change what it uses at a tick before `until`, and all of what had
//!   ended before it,
//! * retracting a grant that started before `until`, revoking one from before it, and moving its end from
//!   or to before the last closed instant. From `until` on its window can be changed, and its priority:
//!   what was drawn before the close then stays drawn, if without it usage might have drawn from other grants.
//!
//! # Deleting an account
//!
//! All entries of the account are dropped; the sequence and the id of the deletion and a SHA-256 of the
//! name are kept. The name can be given again, to an account with a history of its own. Bytes in free
//! pages of the file last until they are overwritten: a [copy](Store::copy_to) has none. The file gets no
//! smaller by it, but what is posted next goes where the account was; [`Store::compact`] gives the room
//! back.
//!
//! How the store works inside is in the repository's `docs/architecture.md`.

// So that a workload serves the tests in here, too.
#[cfg(test)]
extern crate self as gpu_credit_store;

mod account;
mod asking;
mod batch;
mod change;
mod change_bytes;
mod check;
mod close;
mod directory;
mod draft;
mod error;
mod facts;
mod folding;
mod group;
mod head;
mod hold;
mod holding;
mod journal;
mod kept;
mod lane;
mod memory;
mod metered;
mod moved;
mod options;
mod owned;
mod period;
mod posting;
mod recent;
mod record;
mod redb_journal;
mod reference;
mod rules;
mod shared;
mod snapshot;
mod standby;
mod standing;
mod statistics;
mod stop;
mod storage;
mod store;
mod time_unit;
mod transfer;
mod usage_ids;
mod usage_statement;

pub use account::{Account, RecordedDraw};
pub use batch::{Batch, PostingError};
pub use change::Change;
pub use check::CheckReport;
pub use error::{BeforeClose, Error, ImportError, JournalError, Refusal, StorageProblem};
pub use head::{Head, Totals};
pub use hold::{Funds, HOLD_ACCOUNTS_MAX, HeldUsage, Hold, RefusedHold};
pub use holding::{Authorise, Authorised, Decision, HoldClosed, Settle};
pub use journal::{Deletion, Journal, Part, Reader};
pub use lane::Lane;
pub use memory::MemoryStatistics;
pub use moved::Moved;
pub use options::StoreOptions;
pub use posting::{MeteredChange, Outcome, Posting};
pub use record::{
    AccountKey, CREDIT_ID_BYTES_MAX, Entry, RecordId, Revision, Sequence, TEXT_BYTES_MAX,
};
pub use redb_journal::RedbJournal;
pub use shared::{
    Append, Appended, Have, HeadChange, LookedUp, News, Shared, SharedJournal, Transaction, Wanted,
};
pub use snapshot::{SegmentNumber, SnapshotChange, SnapshotStatistics, Snapshots};
pub use statistics::StoreStatistics;
pub use stop::Stopped;
#[doc(hidden)]
pub use storage::Alone;
pub use storage::{AnyStorage, Storage};
pub use store::Store;
pub use time_unit::{TimeUnit, UnknownTimeUnit};
pub use transfer::{
    ChangedJob, ChangedRow, Copied, CopyStep, EqualRow, ImportEffect, ImportMode, ImportOptions,
    ImportStep, Imported, JobName, LeftOut, OpenedAccount, OtherZone, PostedBy, SacctImport,
    SacctImported, sacct,
};

/// The Rust of the crate's README, run as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
