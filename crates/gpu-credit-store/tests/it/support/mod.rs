//! What the tests share.

pub(crate) mod backend;
pub(crate) mod helpers;
pub(crate) mod hold_requests;
pub(crate) mod journal;
pub(crate) mod model;
pub(crate) mod workload;
pub(crate) mod world;

use std::ops::ControlFlow;
use std::path::PathBuf;

use gpu_credit_store::{ImportOptions, RedbJournal, Store, StoreOptions};

pub(crate) use helpers::{assert_sound, content, count, entry_count, everything, refusal};

/// The store that tests of any storage are about.
pub(crate) type TestStore = Store;
/// What keeps a store that [`store`] makes.
pub(crate) type Folder = tempfile::TempDir;
/// What keeps a store that [`store_in_memory`] makes.
pub(crate) type Memory = backend::Disk;

/// A new store in a folder of its own.
pub(crate) fn store() -> (Folder, TestStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(file(&folder)).unwrap();
    (folder, store)
}

/// The same, with these options.
pub(crate) fn store_with(options: StoreOptions) -> (Folder, TestStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = options.create(file(&folder)).unwrap();
    (folder, store)
}

fn file(folder: &Folder) -> PathBuf {
    folder.path().join("credit.redb")
}

/// The store that a folder keeps, once nobody has it open.
pub(crate) fn reopen(folder: &Folder) -> TestStore {
    Store::open(file(folder)).unwrap()
}

/// The same, with these options.
pub(crate) fn reopen_with(folder: &Folder, options: StoreOptions) -> TestStore {
    options.open(file(folder)).unwrap()
}

/// The store comes to an end as it is, without being closed.
pub(crate) fn crash(memory: &mut Memory, store: &mut TestStore) {
    *memory = Memory::holding(memory.bytes());
    *store = open_disk(memory.clone());
}

/// What comes of a store if its journal is exported and imported.
pub(crate) fn imported_again(store: &TestStore) -> (Memory, TestStore) {
    let mut journal = Vec::new();
    store.export_journal(&mut journal, |_| ()).unwrap();
    let (disk, other) = store_in_memory();
    let options = ImportOptions::default();
    let imported = other.import_journal(&journal[..], &options, |_| ControlFlow::Continue(()));
    let _ = imported.unwrap();
    (disk, other)
}

/// Of many stores in a row, so many are one step.
pub(crate) const STRIDE: usize = 1;

/// How many random stores are tried of so many.
pub(crate) fn seeds(all: u64) -> u64 {
    all
}

/// A new store in memory, for tests that post much: no disk makes them wait.
pub(crate) fn store_in_memory() -> (Memory, TestStore) {
    let disk = backend::Disk::default();
    let store = open_disk(disk.clone());
    (disk, store)
}

/// The store that a disk in memory holds.
pub(crate) fn open_disk(disk: backend::Disk) -> Store {
    let journal = RedbJournal::with_backend(disk, backend::place()).unwrap();
    Store::with_journal(journal).unwrap()
}
