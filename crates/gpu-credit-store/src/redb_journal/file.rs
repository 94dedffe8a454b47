//! Making and opening the file itself.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, ReadTransaction, StorageBackend, TableHandle};

use super::backend::{End, SealedBackend};
use super::error::{DOES_NOT_HOLD, Failure};
use super::migrate;
use super::open_file::{Access, Done, OpenFile, Panicked, catch};
use super::tables::{self, FORMAT_KEY, META};
use super::unfinished::Unfinished;
use crate::StorageProblem;

/// Pages kept in memory. Accounts are kept by themselves, so little is read twice.
pub(crate) const CACHE_BYTES: usize = 128 << 20;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// At once if it was closed; otherwise every page is verified.
    Write,
    /// Every page is verified.
    Verify,
    /// Only to be read, by several at once: it must have been closed.
    Read,
}

/// Makes a file of an empty journal.
pub(super) fn create(path: &Path) -> Result<(), Failure> {
    create_or_leave(path, |file| {
        file.write(tables::initialise).map(Done::Commit)
    })
}

/// Makes a file, or leaves none. Until all of it is durable it has another name, so that a crash leaves
/// no half of one.
pub(super) fn create_or_leave<T>(
    path: &Path,
    fill: impl FnOnce(&mut OpenFile) -> Result<Done<T>, Failure>,
) -> Result<T, Failure> {
    if path.try_exists()? {
        return Err(Failure(StorageProblem::Exists));
    }
    let (unfinished, file) = Unfinished::beside(path)?;
    let (mut file, end) = open_database(FileBackend::new(file)?, Opening::Write, CACHE_BYTES)?;
    match fill(&mut file)? {
        Done::Commit(done) => {
            end.set_may_seal(true);
            file.close()?;
            unfinished.publish(path)?;
            Ok(done)
        }
        Done::Leave(done) => Ok(done),
    }
}

/// Opens the journal of a file.
pub(super) fn open(path: &Path, opening: Opening, cache_bytes: usize) -> Result<OpenFile, Failure> {
    let writes = opening != Opening::Read;
    let file = OpenOptions::new().read(true).write(writes).open(path)?;
    if file.metadata()?.len() == 0 {
        return Err(Failure(StorageProblem::NotAStore));
    }
    open_backend(FileBackend::new(file)?, opening, cache_bytes)
}

/// Opens the journal that a storage holds; makes one if it holds nothing.
pub(super) fn open_backend(
    backend: impl StorageBackend,
    opening: Opening,
    cache_bytes: usize,
) -> Result<OpenFile, Failure> {
    let is_empty = backend.len()? == 0;
    let (file, end) = open_database(backend, opening, cache_bytes)?;
    if is_empty {
        file.write(tables::initialise)?;
    }
    let found = file.read(format)?;
    match opening {
        Opening::Read => migrate::check(found, tables::FORMAT)?,
        Opening::Write | Opening::Verify => {
            migrate::migrate(&file, found, &migrate::STEPS, tables::FORMAT)?;
        }
    }
    end.set_may_seal(true);
    Ok(file)
}

fn open_database(
    backend: impl StorageBackend,
    opening: Opening,
    cache_bytes: usize,
) -> Result<(OpenFile, Arc<End>), Failure> {
    let (backend, end) = SealedBackend::new(backend)?;
    let verifies = opening == Opening::Verify || !end.was_sealed();
    let mut builder = Builder::new();
    builder
        .set_cache_size(cache_bytes)
        .set_check_integrity_on_open(verifies);
    // With debug assertions redb asserts some of what it otherwise reports.
    let opened = catch(|| match opening {
        Opening::Read => builder
            .open_read_only_with_backend(backend)
            .map(Access::Read),
        Opening::Write | Opening::Verify => builder.create_with_backend(backend).map(Access::Write),
    });
    let opened = opened.map_err(|Panicked| Failure::damaged(DOES_NOT_HOLD))??;
    if opening == Opening::Read && !end.was_sealed() {
        return Err(Failure(StorageProblem::NotClosed));
    }
    Ok((OpenFile::new(opened, Arc::clone(&end)), end))
}

/// The format of the file; an error if it is not one of ours.
fn format(read: &ReadTransaction) -> Result<u64, Failure> {
    let is_ours = read.list_tables()?.any(|table| table.name() == META.name());
    if !is_ours {
        return Err(Failure(StorageProblem::NotAStore));
    }
    let format = read.open_table(META)?.get(FORMAT_KEY)?;
    let format = format.ok_or_else(|| Failure::damaged("its format is missing"))?;
    Ok(format.value())
}
