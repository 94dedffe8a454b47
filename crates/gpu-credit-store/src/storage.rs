//! What a store is built on: the way of postings to durable storage, and of questions to accounts.

use crate::draft::{Answered, Request};
use crate::folding::fold;
use crate::{Account, AccountKey, Error, JournalError, Reader, Revision, Sequence};

/// What a [`Store`](crate::Store) is built on: [`Lane`](crate::Lane) for a journal that belongs to one process.
/// It is implemented in this crate alone.
///
/// All rules are the same on each: they differ in how entries become durable, and in how an account
/// that was loaded learns of later ones.
pub trait Storage: Send + Sync {
    /// The entries that are durable.
    fn reader(&self) -> &dyn Reader;

    /// The last entry that questions see; [`Sequence::END`] if they see all that is durable.
    fn visible(&self) -> Sequence;

    /// The last entry that is durable; [`Sequence::END`] if entries of different accounts have no order.
    #[doc(hidden)]
    fn last(&self) -> Result<Sequence, JournalError>;

    /// An account as its entries up to a revision make it.
    #[doc(hidden)]
    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error> {
        fold(self.reader(), account, revision, Sequence::END)
    }

    /// The account of this name that is open.
    #[doc(hidden)]
    fn key(&self, name: &str) -> Result<AccountKey, Error>;

    /// Writes what a request asks for. On return it is durable, and questions see it.
    #[doc(hidden)]
    fn submit(&self, request: Request) -> Answered;

    /// Shows a question accounts, all at one moment, in the order of the names.
    #[doc(hidden)]
    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error>;

    /// Shows a question about the balance at an instant an account that has that balance, and perhaps nothing
    /// else.
    #[doc(hidden)]
    fn ask_at(
        &self,
        name: &str,
        _timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        self.ask(&[name], &mut |accounts| question(accounts[0]))
    }

    /// Shows a question an account as it is in memory, if it is there.
    #[doc(hidden)]
    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account));

    /// Keeps a number under a name, unless there is one: the one that is there stays and is returned.
    #[doc(hidden)]
    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError>;
}
