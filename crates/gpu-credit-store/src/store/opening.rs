//! How a store is opened, and what it has of one kind of storage alone.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Store;
use crate::lane::Lane;
use crate::owned::Owned;
use crate::{
    AnyStorage, Error, Journal, JournalError, RedbJournal, Sequence, Shared, SharedJournal,
    Storage, StorageProblem, StoreOptions,
};

impl Store {
    /// Makes a new file.
    ///
    /// # Errors
    /// As [`RedbJournal::create`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        StoreOptions::default().create(path)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`RedbJournal::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        StoreOptions::default().open(path)
    }

    /// Opens a file, and verifies all of it.
    ///
    /// # Errors
    /// As [`RedbJournal::open_verified`].
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with_journal(RedbJournal::open_verified(path)?)
    }

    /// Opens a file to ask it: several can do so at once, nothing is written, and posting is refused.
    ///
    /// # Errors
    /// As [`RedbJournal::open_read_only`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, Error> {
        StoreOptions::default().open_read_only(path)
    }

    /// A store in memory, gone with it: to try something if there is no file yet.
    ///
    /// # Errors
    /// If the storage fails; in memory it does not.
    pub fn in_memory() -> Result<Self, Error> {
        let backend = redb::backends::InMemoryBackend::new();
        let options = StoreOptions::default().without_snapshots();
        options.with_journal(RedbJournal::with_backend(backend, "memory")?)
    }

    /// A store in a file without a name in this folder, gone with it: for what does not fit into memory.
    ///
    /// # Errors
    /// If there can be no such file.
    pub fn temporary_in(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let place = folder.as_ref().to_string_lossy();
        let failed = |error| {
            let problem = StorageProblem::Io(Arc::new(error));
            JournalError::new(&*place, problem)
        };
        let file = tempfile::tempfile_in(folder.as_ref()).map_err(failed)?;
        let backend = redb::backends::FileBackend::new(file);
        let backend = backend.map_err(|error| failed(io::Error::other(error)))?;
        let options = StoreOptions::default().without_snapshots();
        options.with_journal(RedbJournal::with_backend(backend, &*place)?)
    }

    /// Opens a file, or makes it if there is none. Its folder has to be there. A file that is there is
    /// never replaced: an empty one is an error, as it may be what is left of a store.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`create`](Self::create).
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, Error> {
        StoreOptions::default().open_or_create(path)
    }
}

impl<J: Journal> Store<Lane<J>> {
    /// A store on a journal.
    ///
    /// # Errors
    /// If the journal fails.
    pub fn with_journal(journal: J) -> Result<Self, Error> {
        StoreOptions::default().with_journal(journal)
    }

    pub(crate) fn new(journal: J, options: StoreOptions) -> Result<Self, Error> {
        Ok(Store {
            storage: Arc::new(Owned::new(Lane::new(journal, options)?)),
        })
    }

    /// The journal under the store, to read and to copy.
    pub fn journal(&self) -> &J {
        &self.storage.peek().kept.journal
    }

    /// The place of the last entry, of whichever account, that is durable and seen by readers: it grows
    /// with all that is posted. The state of one account is its [`Revision`](crate::Revision).
    pub fn last_sequence(&self) -> Sequence {
        self.storage.peek().visible()
    }
}

impl<J: SharedJournal> Store<Shared<J>> {
    /// A store on a journal that others write to, too.
    pub fn with_shared_journal(journal: J) -> Self {
        StoreOptions::default().with_shared_journal(journal)
    }

    pub(crate) fn new_shared(journal: J, options: StoreOptions) -> Self {
        Store {
            storage: Arc::new(Owned::new(Shared::new(journal, options))),
        }
    }

    /// The journal under the store, to read.
    pub fn shared_journal(&self) -> &J {
        self.storage.peek().journal()
    }
}

impl<S: Storage + 'static> Store<S> {
    /// The same store, as one of the type that stores on every storage have.
    ///
    /// ```
    /// use gpu_credit_store::{AnyStorage, Store};
    ///
    /// let store: Store<AnyStorage> = Store::in_memory()?.into_any();
    /// # assert!(store.accounts()?.is_empty());
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn into_any(self) -> Store<AnyStorage> {
        let storage: AnyStorage = Box::new(self.storage);
        Store {
            storage: Arc::new(Owned::new(storage)),
        }
    }
}

impl Store {
    /// See [`RedbJournal::compact`].
    ///
    /// # Errors
    /// If the store has another handle, or the storage fails.
    pub fn compact(&mut self) -> Result<(), Error> {
        match Arc::get_mut(&mut self.storage) {
            Some(lane) => {
                let kept = &mut lane.get_mut()?.kept;
                Ok(kept.change_journal(RedbJournal::compact)?)
            }
            None => Err(self.journal().in_use().into()),
        }
    }

    /// See [`RedbJournal::copy_to`].
    ///
    /// # Errors
    /// As [`RedbJournal::copy_to`].
    pub fn copy_to(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(self.journal().copy_to(path)?)
    }
}
