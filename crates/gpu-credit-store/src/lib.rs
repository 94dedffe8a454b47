//! stub
mod account;
mod check;
mod close;
mod directory;
mod draft;
mod error;
mod group;
mod journal;
mod posting;
mod record;
mod redb_journal;
mod reference;
mod rules;
mod standing;
mod store;
mod transfer;

pub use account::Account;
pub use check::CheckReport;
pub use error::{BeforeClose, Error, ImportError, JournalError, Refusal, StorageProblem};
pub use journal::Journal;
pub use posting::{Outcome, Posting};
pub use record::{
    AccountKey, CREDIT_ID_BYTES_MAX, Change, Entry, RecordId, Sequence, TEXT_BYTES_MAX,
};
pub use redb_journal::RedbJournal;
pub use store::Store;
pub use transfer::{ImportMode, Imported, LeftOut};
