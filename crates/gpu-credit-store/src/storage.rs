//! What a store is built on: the way of postings to durable storage, and of questions to accounts.

use std::ops::Deref;
use std::sync::Arc;

use crate::draft::{Answered, Request};
use crate::lane::Appended;
use crate::{
    Account, AccountKey, Entry, Error, JournalError, Part, Reader, Revision, Sequence,
    StoreStatistics,
};

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
    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error>;

    /// The account of this name that is open.
    #[doc(hidden)]
    fn key(&self, name: &str) -> Result<AccountKey, Error>;

    /// Writes what a request asks for. On return it is durable, and questions see it.
    #[doc(hidden)]
    fn submit(&self, request: Request) -> Answered;

    /// Shows a question accounts, all at one moment, in the order of the names.
    #[doc(hidden)]
    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error>;

    /// Shows a question an account if that needs no waiting: it is in memory, up to date, and nobody has it to
    /// himself.
    #[doc(hidden)]
    fn ask_now(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        let _ = (name, question);
    }

    /// Shows a question about the balance at an instant an account that has that balance, and perhaps nothing
    /// else.
    #[doc(hidden)]
    fn ask_at(
        &self,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error>;

    /// Shows a question an account as it is in memory, if it is there.
    #[doc(hidden)]
    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account));

    /// Keeps a number under a name, unless there is one: the one that is there stays and is returned.
    #[doc(hidden)]
    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError>;

    /// What it has done since it was opened.
    #[doc(hidden)]
    fn statistics(&self) -> StoreStatistics;

    /// Which storage it is, for as long as it is there.
    #[doc(hidden)]
    fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }

    /// Whether a text can be kept as a name or an id.
    #[doc(hidden)]
    fn keeps(&self, text: &str) -> bool {
        let _ = text;
        true
    }

    /// The place of an entry that would be at this one if entries of different accounts had an order.
    #[doc(hidden)]
    fn place(&self, place: Sequence) -> Sequence {
        place
    }

    /// The number of an account whose opening is at this place.
    #[doc(hidden)]
    fn account_number(&self, opening: Sequence) -> Sequence {
        opening
    }

    /// Makes bytes of entries, for [`Alone::append`] of the same storage.
    #[doc(hidden)]
    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError>;

    /// Does something that appends by itself, while nobody else writes to the accounts of these names;
    /// whether what it appended is written. If it is not, others have written meanwhile: what was appended
    /// rests on facts that do not hold any more.
    #[doc(hidden)]
    fn alone(
        &self,
        names: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<Appended, Error>,
    ) -> Result<bool, Error>;
}

/// What appends while nobody else writes to some accounts.
#[doc(hidden)]
pub trait Alone {
    /// The last entry; [`Sequence::START`] if entries of different accounts have no order.
    fn last(&self) -> Sequence;

    /// Appends what is prepared, in parts: all of it or nothing.
    fn append(
        &mut self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError>;
}

/// A storage of whichever kind: see [`Store::into_any`](crate::Store::into_any).
pub type AnyStorage = Box<dyn Storage>;

/// What leads to a storage is one.
impl<P> Storage for P
where
    P: Deref<Target: Storage> + Send + Sync,
{
    fn reader(&self) -> &dyn Reader {
        (**self).reader()
    }

    fn visible(&self) -> Sequence {
        (**self).visible()
    }

    fn last(&self) -> Result<Sequence, JournalError> {
        (**self).last()
    }

    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error> {
        (**self).load(account, revision)
    }

    fn key(&self, name: &str) -> Result<AccountKey, Error> {
        (**self).key(name)
    }

    fn submit(&self, request: Request) -> Answered {
        (**self).submit(request)
    }

    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error> {
        (**self).ask(names, question)
    }

    fn ask_now(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        (**self).ask_now(name, question);
    }

    fn ask_at(
        &self,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        (**self).ask_at(name, timestamp, question)
    }

    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        (**self).ask_loaded(name, question);
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        (**self).keep_note(name, number)
    }

    fn statistics(&self) -> StoreStatistics {
        (**self).statistics()
    }

    fn address(&self) -> usize {
        (**self).address()
    }

    fn keeps(&self, text: &str) -> bool {
        (**self).keeps(text)
    }

    fn place(&self, place: Sequence) -> Sequence {
        (**self).place(place)
    }

    fn account_number(&self, opening: Sequence) -> Sequence {
        (**self).account_number(opening)
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        (**self).prepare(entries)
    }

    fn alone(
        &self,
        names: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<Appended, Error>,
    ) -> Result<bool, Error> {
        (**self).alone(names, act)
    }
}
