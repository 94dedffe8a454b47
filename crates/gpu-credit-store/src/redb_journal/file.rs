//! Making and opening the file itself.

use std::fs::OpenOptions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, StorageBackend, TableHandle, WriteTransaction};

use super::error::Failure;
use super::migrate;
use super::tables::{self, FORMAT_KEY, META};
use super::unfinished::Unfinished;
use crate::StorageProblem;

/// Pages kept in memory. Accounts are kept by themselves, so little is read twice.
const CACHE_BYTES: usize = 128 << 20;

/// Makes a file of an empty journal.
pub(super) fn create(path: &Path) -> Result<(), Failure> {
    create_with(path, tables::initialise)
}

/// Makes a file of what one transaction writes. Until all of it is durable the file has another name,
/// so that a crash leaves no half of one.
pub(super) fn create_with(
    path: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if path.try_exists()? {
        return Err(Failure(StorageProblem::Exists));
    }
    let (unfinished, file) = Unfinished::beside(path)?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(FileBackend::new(file)?)?;
    let write = database.begin_write()?;
    fill(&write)?;
    write.commit()?;
    database.close()?;
    unfinished.publish(path)
}

/// Opens the journal of a file.
pub(super) fn open(path: &Path) -> Result<Database, Failure> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if file.metadata()?.len() == 0 {
        return Err(Failure(StorageProblem::NotAStore));
    }
    open_backend(FileBackend::new(file)?)
}

/// Opens the journal that a storage holds; makes one if it holds nothing.
pub(super) fn open_backend(backend: impl StorageBackend) -> Result<Database, Failure> {
    let is_empty = backend.len()? == 0;
    let database = open_database(backend)?;
    if is_empty {
        let write = database.begin_write()?;
        tables::initialise(&write)?;
        write.commit()?;
    }
    let found = format(&database)?;
    migrate::migrate(&database, found, &migrate::STEPS, tables::FORMAT)?;
    Ok(database)
}

/// Verifies every page, so that what is read later can be trusted.
fn open_database(backend: impl StorageBackend) -> Result<Database, Failure> {
    let opening = AssertUnwindSafe(|| {
        Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create_with_backend(backend)
    });
    // With debug assertions redb asserts some of what it otherwise reports.
    match catch_unwind(opening) {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(Failure::damaged("it cannot be opened at all")),
    }
}

/// The format of the file; an error if it is not one of ours.
fn format(database: &Database) -> Result<u64, Failure> {
    let read = database.begin_read()?;
    let is_ours = read.list_tables()?.any(|table| table.name() == META.name());
    if !is_ours {
        return Err(Failure(StorageProblem::NotAStore));
    }
    let format = read.open_table(META)?.get(FORMAT_KEY)?;
    let format = format.ok_or_else(|| Failure::damaged("its format is missing"))?;
    Ok(format.value())
}
