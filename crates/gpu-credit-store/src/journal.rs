//! The storage under a store: what it must do, whatever it is made of.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::{
    AccountKey, Entry, Head, JournalError, Moved, RecordId, Revision, Sequence, Snapshots,
};

/// Some of what is appended together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<'p> {
    /// What [`Journal::prepare`] made of the entries; empty if there are none.
    pub prepared: Cow<'p, [u8]>,
    /// From where they were prepared to be to where they are.
    pub moved: Moved,
    /// As of [`Journal::append`]; of an account that several parts have entries of, the last part has
    /// the head. It may come without entries.
    pub heads: Cow<'p, [Head]>,
    /// Names and numbers to [keep](Reader::note).
    pub notes: &'p [(String, u64)],
    /// Deletions to keep, of accounts that this journal has never had.
    pub deletions: &'p [Deletion],
}

/// What is kept of an account that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    /// SHA-256 of its name.
    pub digest: [u8; 32],
    /// The id of the deletion.
    pub id: RecordId,
}

/// What is read of a journal on durable storage.
///
/// It keeps entries and finds them; what they mean is the store's business. Anything may be called from
/// any thread at any time. Entries never change, and all of an account's go if it is deleted.
///
/// Facts are asked for in bulk: each call sees the journal at one moment.
pub trait Reader: Snapshots {
    /// A number about the store as a whole that was kept under a name.
    ///
    /// # Errors
    /// If the storage fails.
    fn note(&self, name: &str) -> Result<Option<u64>, JournalError>;

    /// The names that begin so, with their numbers.
    ///
    /// # Errors
    /// If the storage fails.
    fn notes(&self, beginning: &str) -> Result<Vec<(String, u64)>, JournalError>;

    /// The heads of the accounts of these names, in their order; `None` for one that is not open.
    ///
    /// # Errors
    /// If the storage fails, or what it holds is damaged.
    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError>;

    /// All accounts that are open, by name.
    ///
    /// # Errors
    /// If the storage fails.
    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError>;

    /// The first accounts that are open, by name, whose names begin with a prefix and come after another
    /// name: so many at most.
    ///
    /// # Errors
    /// If the storage fails.
    fn accounts_page(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<AccountKey>, JournalError> {
        let mut accounts = self.accounts()?;
        accounts.retain(|account| account.name.starts_with(prefix) && &*account.name > after);
        accounts.truncate(limit);
        Ok(accounts)
    }

    /// Shows the entries of an account that come after the revision `after`, in order, up to and including
    /// the place `through`, until the visitor breaks off. To find the first takes O(log n).
    ///
    /// # Errors
    /// If the storage fails, or what it holds is damaged.
    fn entries(
        &self,
        account: &AccountKey,
        after: Revision,
        through: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError>;

    /// The entry of an account at a revision; `None` if it is not there.
    ///
    /// # Errors
    /// If the storage fails, or what it holds is damaged.
    fn entry_at(
        &self,
        account: &AccountKey,
        revision: Revision,
    ) -> Result<Option<Entry>, JournalError> {
        let mut found = None;
        let before = revision.before().unwrap_or_default();
        self.entries(account, before, Sequence::END, &mut |entry| {
            found = Some(entry);
            ControlFlow::Break(())
        })?;
        Ok(found.filter(|entry| entry.revision == revision))
    }

    /// The entries of these ids in these accounts, in their order.
    ///
    /// # Errors
    /// If the storage fails, or what it holds is damaged.
    fn find_many(&self, ids: &[(AccountKey, RecordId)])
    -> Result<Vec<Option<Entry>>, JournalError>;

    /// Whether an account of this name was deleted under this id.
    ///
    /// # Errors
    /// If the storage fails.
    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError>;

    /// All deletions that are known, in no particular order.
    ///
    /// # Errors
    /// If the storage fails.
    fn deletions(&self) -> Result<Vec<Deletion>, JournalError>;

    /// Checks the storage's own structures, beyond what reading every entry does: that each entry is
    /// found by its id and each id leads to an entry. One line for each problem.
    ///
    /// # Errors
    /// If the storage fails.
    fn check(&self) -> Result<Vec<String>, JournalError>;
}

/// An append-only journal on durable storage.
///
/// One store uses a journal at a time, and appends from one thread at a time. Entries arrive in ascending
/// sequence, those of an account in revisions without gaps, and every one was checked by the store.
pub trait Journal: Reader + 'static {
    /// Appends entries: all of them or, on an error, none; on return they are durable.
    ///
    /// `heads` are those of the accounts that the entries belong to, as they stand afterwards; accounts
    /// that the entries delete have none. An `OpenAccount` makes its account known. A `DeleteAccount`
    /// makes it unknown, drops all its entries and its head, and keeps
    /// [what `is_deleted` is asked](Reader::is_deleted).
    ///
    /// # Errors
    /// If the storage fails. If it cannot tell whether the entries are durable, it must refuse
    /// all further appends.
    fn append(&self, entries: &[Entry], heads: &[Head]) -> Result<(), JournalError>;

    /// Makes bytes of entries, as the journal will write them: all that can be done before it is known
    /// after which entry they come. The entries are in ascending sequence, and none deletes an account.
    /// What is made is for [`append_parts`](Self::append_parts) of the same journal, while it is open. It
    /// may be called from any thread.
    ///
    /// # Errors
    /// If an entry cannot be written as bytes.
    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError>;

    /// Appends what was prepared, in parts, which may be more than can be held: all of it or, on an error,
    /// of the parts too,
    /// nothing; on return it is durable. One append needs no more memory than its largest part.
    ///
    /// # Errors
    /// As [`append`](Self::append), and that of the part.
    fn append_parts(
        &self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError>;

    /// Keeps a number under a name, unless there is one: the one that is there stays and is returned.
    /// On return it is durable. May be called from any thread.
    ///
    /// # Errors
    /// If the storage fails.
    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError>;

    /// The place of the last entry ever appended; [`Sequence::START`] if there was none.
    ///
    /// # Errors
    /// If the storage fails.
    fn last_sequence(&self) -> Result<Sequence, JournalError>;
}
