//! What the tests share, under the names that it has for the store on a file.

pub(crate) mod admin;
#[path = "../../../../gpu-credit-store/tests/it/support/helpers.rs"]
mod helpers;
#[path = "../../../../gpu-credit-store/tests/it/support/model.rs"]
pub(crate) mod model;
mod server;
#[path = "../../../../gpu-credit-store/tests/it/support/workload.rs"]
pub(crate) mod workload;

use std::ops::ControlFlow;

use gpu_credit_postgres::{PostgresOptions, PostgresStore};
use gpu_credit_store::{ImportOptions, StoreOptions};

pub(crate) use helpers::{assert_sound, content, count, entry_count, everything, refusal};

pub(crate) use server::{encrypted_server, execute};
#[cfg(target_os = "linux")]
pub(crate) use server::{programs, run, server, unprivileged};

/// The store that tests of any storage are about.
pub(crate) type TestStore = PostgresStore;
/// What keeps a store that [`store`] makes.
pub(crate) type Folder = Database;
/// What keeps a store that [`store_in_memory`] makes.
pub(crate) type Memory = Database;

/// What is as good as a database of its own.
pub(crate) struct Database {
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        Database {
            url: server::server().address(),
        }
    }

    /// Another store on it.
    pub(crate) fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.url).unwrap()
    }
}

/// Of many stores in a row, so many are one step.
pub(crate) const STRIDE: usize = 41;

/// How many random stores are tried of so many: each takes some connections.
pub(crate) fn seeds(all: u64) -> u64 {
    (all / 10).min(10)
}

/// A new store on a database of its own.
pub(crate) fn store() -> (Database, PostgresStore) {
    let database = Database::new();
    let store = database.open();
    (database, store)
}

/// The same, with these options.
pub(crate) fn store_with(options: StoreOptions) -> (Database, PostgresStore) {
    let database = Database::new();
    let store = reopen_with(&database, options);
    (database, store)
}

/// The same: the server syncs nothing.
pub(crate) fn store_in_memory() -> (Database, PostgresStore) {
    store()
}

/// The store that a database keeps.
pub(crate) fn reopen(database: &Database) -> PostgresStore {
    database.open()
}

/// The same, with these options.
pub(crate) fn reopen_with(database: &Database, options: StoreOptions) -> PostgresStore {
    let options = PostgresOptions::default().store(options);
    options.open(&database.url).unwrap()
}

/// The store comes to an end as it is, and another goes on.
pub(crate) fn crash(database: &mut Database, store: &mut PostgresStore) {
    *store = database.open();
}

/// What comes of a store if its journal is exported and imported.
pub(crate) fn imported_again(store: &TestStore) -> (Database, PostgresStore) {
    let mut journal = Vec::new();
    store.export_journal(&mut journal, |_| ()).unwrap();
    let (database, other) = self::store();
    let options = ImportOptions::default();
    let imported = other.import_journal(&journal[..], &options, |_| ControlFlow::Continue(()));
    let _ = imported.unwrap();
    (database, other)
}
