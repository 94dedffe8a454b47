//! Stores on PostgreSQL, for the program.

use gpu_credit_postgres::PostgresStore;
use gpu_credit_store::SharedJournal;

use super::OpenStore;
use super::storage::advised;
use crate::escape::printable;

/// Opens a store that is there.
pub(super) fn open(address: &str) -> anyhow::Result<OpenStore> {
    PostgresStore::open_existing(address)
        .map_err(advised)
        .map(opened)
}

/// Opens a store, and makes it if there is none.
pub(super) fn open_or_create(address: &str) -> anyhow::Result<OpenStore> {
    PostgresStore::open(address).map_err(advised).map(opened)
}

fn opened(store: PostgresStore) -> OpenStore {
    OpenStore {
        name: printable(store.shared_journal().place()).into_owned(),
        file: None,
        store: store.into_store().into_any(),
    }
}
