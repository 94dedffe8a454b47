//! Where a store is: in a file, or on PostgreSQL.

use std::path::{Path, PathBuf};

use gpu_credit_postgres::PostgresStore;
use gpu_credit_store::{AnyStorage, Error, SharedJournal};

/// A store on whichever storage.
pub(crate) type Store = gpu_credit_store::Store<AnyStorage>;
type FileStore = gpu_credit_store::Store;

/// A store that is open.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    /// The same, if it is a file.
    pub(crate) file: Option<FileStore>,
}

impl Opened {
    /// Opens a store, or makes it if there is none; and what it is called.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, String), Error> {
        if let Some(address) = address(&path) {
            let store = PostgresStore::open(address)?.into_store();
            let name = store.shared_journal().place().to_owned();
            let opened = Opened {
                store: store.into_any(),
                file: None,
            };
            return Ok((opened, name));
        }
        let file = FileStore::open_or_create(&path)?;
        let opened = Opened {
            store: file.clone().into_any(),
            file: Some(file),
        };
        Ok((opened, path.display().to_string()))
    }

    /// Copies all of it to a new file, or to an empty database.
    pub(crate) fn copy_to(&self, path: PathBuf) -> Result<(), Error> {
        if let Some(address) = address(&path) {
            let copy = PostgresStore::open(address)?.into_store();
            return self.store.copy_into(&copy, |_| ()).map(drop);
        }
        if let Some(file) = &self.file {
            return file.copy_to(path);
        }
        // A file that is there is left alone before all is read.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let unnamed = FileStore::temporary_in(folder.unwrap_or(Path::new(".")))?;
        self.store.copy_into(&unnamed, |_| ())?;
        unnamed.copy_to(path)
    }
}

/// The address of a database; `None` if it is a file.
fn address(path: &Path) -> Option<&str> {
    let schemes = ["postgres:", "postgresql:"];
    let is_address = |path: &&str| schemes.iter().any(|scheme| path.starts_with(scheme));
    path.to_str().filter(is_address)
}
