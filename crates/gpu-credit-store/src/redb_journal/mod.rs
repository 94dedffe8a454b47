//! The journal in one file, on `redb`.

mod appender;
mod backend;
mod check;
mod codec;
mod copy;
mod error;
mod file;
mod finder;
mod fingerprint;
mod format_1;
mod format_3;
mod journal;
mod migrate;
mod open_file;
mod pages;
mod rows;
mod seal;
mod snapshots;
mod tables;
mod unfinished;

use std::path::Path;
use std::sync::Arc;

use redb::{ReadTransaction, StorageBackend};

use crate::{AccountKey, Entry, JournalError, Revision, StorageProblem};
use copy::{Reads, Stopped};
use error::Failure;
pub(crate) use file::CACHE_BYTES;
use file::Opening;
use open_file::OpenFile;

/// How often a copy is tried in short reads.
const COPIES_IN_SHORT_READS: usize = 3;

/// A journal in one file.
///
/// The file is locked as long as this lives: a second opening, in this process or another, is refused,
/// unless all of them only read.
///
/// ```text
/// table        key                                value
/// gpu-credit   "format"                           6
///              "last sequence"                    of the last entry ever appended
///              "note " and a name                 what the store keeps about itself
/// accounts     name                               number: the sequence of the account's opening
/// revisions    (number, revision)                 postcard(sequence, recorded_at, id, change), CRC-32
/// record ids   (number, fingerprint, revision)    nothing
/// heads        number                             postcard(policy, revision, last, recorded_at, totals), CRC-32
/// deletions    (SHA-256 of the name, id)          sequence
/// snapshots    (number, revision)                 header of a snapshot: see `snapshot/`
/// segments     (number, segment)                  segment of snapshots
/// ```
///
/// A change is written as one of the kinds that `change_bytes.rs` lists, which only ever grow. Format 2
/// has those up to the deletion of an account; format 3 has metered usage, its changes, grants of another
/// priority than 0, changes of priorities, and credit lines; format 4 finds entries by account and revision,
/// earlier ones did by account and sequence; format 5 has snapshots; format 6 has holds. Files of earlier formats are brought up to date when they
/// are opened for writing, in O(entries).
///
/// An account's entries lie together, in order. redb keeps a checksum of every page and replaces none
/// in place. When the file is closed it is sealed: the checksums of its pages are written behind them.
/// A sealed file is opened at once, and each page is verified whenever it is read; after an unclean end
/// all are verified at once, which reads the whole file. Entries and heads bear checksums of their own,
/// over their account, their place and their content.
pub struct RedbJournal {
    file: OpenFile,
    place: Arc<str>,
}

impl RedbJournal {
    /// Makes a new file, which is whole from the moment it has its name.
    ///
    /// # Errors
    /// If the file exists, or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        Self::make(path)?;
        Self::open(path)
    }

    /// Makes a new file.
    pub(crate) fn make(path: &Path) -> Result<(), JournalError> {
        at(path, file::create(path))
    }

    /// Opens a file: at once if it was closed, and otherwise, after a crash, it reads all of it once to
    /// verify it.
    ///
    /// # Errors
    /// If there is no such file, it is open elsewhere, of another program, of a later version or
    /// damaged, or may not be written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open_with(path.as_ref(), CACHE_BYTES)
    }

    /// The same, with so many bytes of pages in memory.
    pub(crate) fn open_with(path: &Path, cache_bytes: usize) -> Result<Self, JournalError> {
        Self::open_as(path, Opening::Write, cache_bytes)
    }

    /// Opens a file, and reads all of it once to verify it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open_as(path.as_ref(), Opening::Verify, CACHE_BYTES)
    }

    /// Opens a file to read it. Several can do so at once, in this process and others; nobody can write
    /// meanwhile. Neither the file nor its directory is written to.
    ///
    /// # Errors
    /// As [`open`](Self::open); and if the file was not closed, or is of an earlier version: then it must
    /// be opened for writing once.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open_read_only_with(path.as_ref(), CACHE_BYTES)
    }

    /// The same, with so many bytes of pages in memory.
    pub(crate) fn open_read_only_with(
        path: &Path,
        cache_bytes: usize,
    ) -> Result<Self, JournalError> {
        Self::open_as(path, Opening::Read, cache_bytes)
    }

    fn open_as(path: &Path, opening: Opening, cache_bytes: usize) -> Result<Self, JournalError> {
        let place: Arc<str> = path.to_string_lossy().into();
        let file = at(path, file::open(path, opening, cache_bytes))?;
        Ok(RedbJournal { file, place })
    }

    /// Keeps the journal in a storage of the caller's. What is empty is made a journal; `place` names
    /// it in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_backend(
        backend: impl StorageBackend,
        place: impl Into<Arc<str>>,
    ) -> Result<Self, JournalError> {
        let place = place.into();
        match file::open_backend(backend, Opening::Write, CACHE_BYTES) {
            Ok(file) => Ok(RedbJournal { file, place }),
            Err(Failure(problem)) => Err(JournalError::new(place, problem)),
        }
    }

    /// Copies the journal, as it is at one moment, to a new file. The copy holds what the journal holds
    /// and nothing else: no free pages, and nothing left in them.
    ///
    /// Posting goes on meanwhile: the journal is read in short parts. If an account is deleted meanwhile,
    /// the copy starts over; after a few times it reads all in one part, and the first posting after that
    /// may wait. O(entries); accounts are held in memory.
    ///
    /// # Errors
    /// If the file exists or cannot be written, or if the journal cannot be read; the error names which.
    pub fn copy_to(&self, path: impl AsRef<Path>) -> Result<(), JournalError> {
        let path = path.as_ref();
        for _ in 0..COPIES_IN_SHORT_READS {
            if self.copy_in(Reads::Short, path)? {
                return Ok(());
            }
        }
        let is_whole = self.copy_in(Reads::One, path)?;
        assert!(is_whole, "one read sees no deletion after its beginning");
        Ok(())
    }

    /// `false` if an account was deleted meanwhile: then there is no copy. A new attempt makes a new file,
    /// so that nothing of the account is left in its free pages.
    fn copy_in(&self, reads: Reads, path: &Path) -> Result<bool, JournalError> {
        let copied = file::create_or_leave(path, |to| copy::copy(&self.file, reads, to));
        match at(path, copied)? {
            Ok(()) => Ok(true),
            Err(Stopped::Overtaken) => Ok(false),
            Err(Stopped::Unread(failure)) => self.named(Err(failure)),
        }
    }

    /// Makes the file as small as it can be: a file grows by doubling, up to 4 GiB at a time, and keeps
    /// what it has no more use for, of deleted accounts too, to write there again. O(pages).
    ///
    /// The next posting doubles its length again: redb has no setting for that. What is not written yet
    /// takes no room on file systems that keep holes, such as ext4, XFS and APFS: `du` shows what a
    /// file takes, `ls` its length.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn compact(&mut self) -> Result<(), JournalError> {
        let compacted = self.file.compact();
        self.named(compacted)
    }

    pub(crate) fn in_use(&self) -> JournalError {
        JournalError::new(Arc::clone(&self.place), StorageProblem::InUse)
    }

    fn named<T>(&self, result: Result<T, Failure>) -> Result<T, JournalError> {
        result.map_err(|Failure(problem)| JournalError::new(Arc::clone(&self.place), problem))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, JournalError> {
        self.named(self.file.read(read))
    }
}

fn decode(account: &AccountKey, revision: Revision, value: &[u8]) -> Result<Entry, Failure> {
    codec::decode(account, revision, value).map_err(|problem| {
        let name = &account.name;
        Failure::damaged(format!(
            "revision {revision} of account {name:?}: {problem}"
        ))
    })
}

fn at<T>(path: &Path, result: Result<T, Failure>) -> Result<T, JournalError> {
    result.map_err(|Failure(problem)| JournalError::new(path.to_string_lossy(), problem))
}
