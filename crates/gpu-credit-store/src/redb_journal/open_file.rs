//! An open file: transactions on it, and its end.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::backend::End;
use super::error::{DOES_NOT_HOLD, Failure};
use crate::StorageProblem;

/// An open file. If redb panics, which it may on a file that is not as it was written, that is an error
/// and all that is asked later is refused.
pub(super) struct OpenFile {
    /// There until it is closed.
    database: Option<Access>,
    end: Arc<End>,
    /// The process that opened it.
    process: u32,
    has_failed: AtomicBool,
}

pub(super) enum Access {
    Write(Database),
    Read(ReadOnlyDatabase),
}

impl Access {
    fn begin_read(&self) -> Result<ReadTransaction, Failure> {
        let transaction = match self {
            Access::Write(database) => database.begin_read(),
            Access::Read(database) => database.begin_read(),
        };
        Ok(transaction?)
    }
}

/// What becomes of a write transaction, or of a file that is being made.
pub(super) enum Done<T> {
    Commit(T),
    Leave(T),
}

/// What the caller does during a transaction: if it panics, redb did not.
#[derive(Default)]
pub(super) struct Caller(Option<Box<dyn Any + Send>>);

impl Caller {
    /// `None` if it panics.
    pub(super) fn run<T>(&mut self, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(work));
        done.map_err(|panic| self.0 = Some(panic)).ok()
    }

    /// Goes on with the panic, if there was one.
    pub(super) fn resume(self) {
        if let Some(panic) = self.0 {
            resume_unwind(panic);
        }
    }
}

impl OpenFile {
    pub(super) fn new(database: Access, end: Arc<End>) -> Self {
        OpenFile {
            database: Some(database),
            end,
            process: process::id(),
            has_failed: AtomicBool::new(false),
        }
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.guard(|database| read(&database.begin_read()?))
    }

    /// Begins what several calls of [`read_in`](Self::read_in) share. No page that it sees is freed until
    /// it is dropped.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, Failure> {
        self.guard(Access::begin_read)
    }

    pub(super) fn read_in<T>(
        &self,
        transaction: &ReadTransaction,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.guard(|_| read(transaction))
    }

    /// Commits what is written. Durability::Immediate is the default: once this returns, a power cut
    /// loses nothing of it.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.write_or_leave(|transaction| write(transaction).map(Done::Commit))
    }

    /// Commits what is written, or leaves the file as it was.
    pub(super) fn write_or_leave<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<Done<T>, Failure>,
    ) -> Result<T, Failure> {
        self.guard(|database| {
            let Access::Write(database) = database else {
                return Err(Failure(StorageProblem::ReadOnly));
            };
            let transaction = database.begin_write()?;
            match write(&transaction)? {
                Done::Commit(done) => {
                    transaction.commit()?;
                    Ok(done)
                }
                Done::Leave(done) => {
                    transaction.abort()?;
                    Ok(done)
                }
            }
        })
    }

    fn guard<T>(&self, work: impl FnOnce(&Access) -> Result<T, Failure>) -> Result<T, Failure> {
        if process::id() != self.process {
            return Err(Failure(StorageProblem::Forked));
        }
        let database = self.database.as_ref();
        let database = database.filter(|_| !self.has_failed.load(Ordering::SeqCst));
        let database = database.ok_or(Failure(StorageProblem::FailedBefore))?;
        let done = catch(|| work(database));
        if matches!(done, Err(Panicked)) {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        let done = done.unwrap_or_else(|Panicked| Err(Failure::damaged(DOES_NOT_HOLD)));
        if done.is_err() {
            self.end.set_may_seal(false);
        }
        done
    }

    /// Makes the file as small as it can be.
    pub(super) fn compact(&mut self) -> Result<(), Failure> {
        let Some(Access::Write(database)) = &mut self.database else {
            return Err(Failure(StorageProblem::ReadOnly));
        };
        match catch(|| database.compact()) {
            Ok(compacted) => compacted.map(|_| ()).map_err(Failure::from),
            Err(Panicked) => {
                self.has_failed.store(true, Ordering::SeqCst);
                self.end.set_may_seal(false);
                Err(Failure::damaged(DOES_NOT_HOLD))
            }
        }
    }

    /// What dropping it does, with the error if there is one.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(database) = self.database.take() else {
            return Ok(());
        };
        if process::id() != self.process {
            // It is the parent's to close.
            mem::forget(database);
            return Ok(());
        }
        let closed = catch(|| match database {
            Access::Write(database) => database.close(),
            Access::Read(database) => database.close(),
        });
        Ok(closed.unwrap_or(Ok(()))?)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // What was acknowledged is durable; if this fails, all is verified at the next opening.
        let _ = self.end();
    }
}

/// The panic was reported where it happened.
pub(super) struct Panicked;

pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::redb_journal::file::{CACHE_BYTES, Opening, open_backend};

    #[test]
    fn a_panic_while_reading_is_an_error_and_nothing_is_read_after_it() {
        let file = open_backend(InMemoryBackend::new(), Opening::Write, CACHE_BYTES);
        let file = file.unwrap_or_else(|Failure(problem)| panic!("{problem}"));
        assert!(file.read(|_| Ok(())).is_ok());
        let read = file.read(|_| -> Result<(), Failure> { panic!("a page that cannot be") });
        assert!(matches!(read, Err(Failure(StorageProblem::Damaged(_)))));
        let next = file.read(|_| Ok(()));
        assert!(matches!(next, Err(Failure(StorageProblem::FailedBefore))));
    }
}
