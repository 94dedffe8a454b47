//! What the tests share.

pub(crate) mod backend;
pub(crate) mod journal;
pub(crate) mod model;
pub(crate) mod workload;

use std::collections::BTreeMap;

use gpu_credit_store::{Entry, Error, RedbJournal, Refusal, Storage, Store};

/// A new store in a folder of its own.
pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("credit.redb")).unwrap();
    (folder, store)
}

/// A new store in memory, for tests that post much: no disk makes them wait.
pub(crate) fn store_in_memory() -> (backend::Disk, Store) {
    let disk = backend::Disk::default();
    let store = open_disk(disk.clone());
    (disk, store)
}

/// The store that a disk in memory holds.
pub(crate) fn open_disk(disk: backend::Disk) -> Store {
    let journal = RedbJournal::with_backend(disk, backend::place()).unwrap();
    Store::with_journal(journal).unwrap()
}

/// All that a store holds.
pub(crate) fn everything<S: Storage>(store: &Store<S>) -> BTreeMap<String, Vec<Entry>> {
    let accounts = store.accounts().unwrap();
    let history = |name: &str| store.history(name).unwrap();
    accounts
        .iter()
        .map(|account| (account.name.to_string(), history(&account.name)))
        .collect()
}

/// Nothing is wrong with it.
pub(crate) fn assert_sound<S: Storage>(store: &Store<S>) {
    let report = store.check(12, |_| ()).unwrap();
    assert_eq!(report.problems, [""; 0]);
}

/// Why it was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result.unwrap_err() {
        Error::Refused { refusal, .. } => refusal,
        other => panic!("not a refusal: {other}"),
    }
}

/// A number that the environment may raise.
pub(crate) fn count(variable: &str, default: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.map_or(default, |count| count.parse().expect("a number"))
}
