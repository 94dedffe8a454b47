//! Stores on PostgreSQL, for the program.

use gpu_credit_postgres::{PostgresOptions, PostgresStore};
use gpu_credit_store::{SharedJournal, StorageProblem, StoreOptions};

use super::storage::{advised, is};
use super::{FileStore, OpenStore};
use crate::escape::printable;

/// Opens a store that is there.
pub(super) fn open(address: &str, options: StoreOptions) -> anyhow::Result<OpenStore> {
    let options = PostgresOptions::default().store(options);
    options.open_existing(address).map_err(advised).map(opened)
}

/// Opens a store, and makes it if there is none.
pub(super) fn open_or_create(address: &str, options: StoreOptions) -> anyhow::Result<OpenStore> {
    let options = PostgresOptions::default().store(options);
    options.open(address).map_err(advised).map(opened)
}

/// To try something: a store that is there, and otherwise one that stays nowhere.
pub(super) fn open_or_pretend(address: &str, options: StoreOptions) -> anyhow::Result<OpenStore> {
    let options = PostgresOptions::default().store(options.without_snapshots());
    match options.open_existing(address) {
        Err(error)
            if is(&error, |problem| {
                matches!(problem, StorageProblem::NoTables)
            }) =>
        {
            Ok(OpenStore {
                name: "PostgreSQL".to_owned(),
                file: None,
                remote: None,
                store: FileStore::in_memory().map_err(advised)?.into_any().into(),
            })
        }
        store => store.map_err(advised).map(opened),
    }
}

fn opened(store: PostgresStore) -> OpenStore {
    OpenStore {
        name: printable(store.shared_journal().place()).into_owned(),
        file: None,
        remote: None,
        store: store.into_store().into_any().into(),
    }
}
