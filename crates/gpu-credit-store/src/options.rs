//! How a store is opened: what it may take of memory, and when it writes snapshots.

use std::path::Path;

use crate::redb_journal::CACHE_BYTES;
use crate::snapshot::SEGMENT_ROWS;
use crate::{Error, Journal, Lane, RedbJournal, Shared, SharedJournal, StorageProblem, Store};

/// If memory is limited, pages of the file take this part of it at most.
const PAGES_SHARE: usize = 8;

/// What a store is opened with. Sizes change cost, never an answer.
///
/// ```
/// # use gpu_credit::Overdraft;
/// use gpu_credit_store::StoreOptions;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("credit.redb");
/// let store = StoreOptions::default().snapshot_after(1_000_000).open_or_create(path)?;
/// store.open_account("acme", Overdraft::Carry)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub(crate) memory: Option<usize>,
    pub(crate) snapshot_after: u64,
    pub(crate) snapshot_at_end: u64,
    pub(crate) segment_rows: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            memory: None,
            snapshot_after: 65_536,
            snapshot_at_end: 1_024,
            segment_rows: SEGMENT_ROWS,
        }
    }
}

impl StoreOptions {
    /// How many bytes of memory accounts and pages of the file may take. Accounts that were not used for
    /// longest leave memory, and are loaded again when they are needed. An account that alone takes more is
    /// loaded all the same, and so are those of one question. No limit by default.
    ///
    /// It is about what is held: what a question, a posting or an import takes for itself comes on top. Of a
    /// store on a shared journal, so do the heads that it knows: of a million accounts at most.
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Bytes of pages of the file that are kept in memory.
    pub(crate) fn memory_of_pages(&self) -> usize {
        let share = self.memory.map_or(usize::MAX, |bytes| bytes / PAGES_SHARE);
        share.min(CACHE_BYTES)
    }

    /// Bytes that accounts may take.
    pub(crate) fn memory_of_accounts(&self) -> Option<usize> {
        self.memory.map(|bytes| bytes - self.memory_of_pages())
    }

    /// After so many entries of an account a snapshot of it is written, or after an eighth of its
    /// entries, if that is more. 65,536 by default.
    #[must_use]
    pub const fn snapshot_after(mut self, entries: u64) -> Self {
        self.snapshot_after = entries;
        self
    }

    /// If so many entries of an account are in no snapshot of it, or one in 64 of its entries, if that is
    /// more, one is written when the store is closed. 1,024 by default; never of accounts with fewer entries.
    #[must_use]
    pub const fn snapshot_at_end(mut self, entries: u64) -> Self {
        self.snapshot_at_end = entries;
        self
    }

    /// Usage records in a segment of a snapshot, at least 1 and at most 65,536; 16,384 by default.
    #[must_use]
    pub const fn segment_rows(mut self, rows: u32) -> Self {
        self.segment_rows = match rows {
            0 => 1,
            1..65_536 => rows,
            _ => 65_536,
        };
        self
    }

    /// No snapshots are written; those that are there are read.
    #[must_use]
    pub const fn without_snapshots(mut self) -> Self {
        self.snapshot_at_end = u64::MAX;
        self
    }

    /// Entries of a snapshot that are loaded in about the time that a balance takes of an account that is not
    /// loaded.
    pub(crate) fn few_entries(&self) -> u64 {
        u64::from(self.segment_rows)
    }

    pub(crate) const fn keeps_snapshots(&self) -> bool {
        self.snapshot_at_end < u64::MAX
    }

    /// Opens a file: see [`Store::open`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store, Error> {
        self.with_journal(RedbJournal::open_with(
            path.as_ref(),
            self.memory_of_pages(),
        )?)
    }

    /// Makes a new file: see [`Store::create`].
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create(&self, path: impl AsRef<Path>) -> Result<Store, Error> {
        RedbJournal::make(path.as_ref())?;
        self.open(path)
    }

    /// Opens a file to ask it: see [`Store::open_read_only`].
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub fn open_read_only(&self, path: impl AsRef<Path>) -> Result<Store, Error> {
        let options = self.without_snapshots();
        options.with_journal(RedbJournal::open_read_only_with(
            path.as_ref(),
            self.memory_of_pages(),
        )?)
    }

    /// Opens a file, or makes it if there is none: see [`Store::open_or_create`].
    ///
    /// # Errors
    /// As [`Store::open_or_create`].
    pub fn open_or_create(&self, path: impl AsRef<Path>) -> Result<Store, Error> {
        let path = path.as_ref();
        if path.exists() {
            return self.open(path);
        }
        match self.create(path) {
            Err(Error::Journal(error)) if matches!(error.problem(), StorageProblem::Exists) => {
                self.open(path)
            }
            created => created,
        }
    }

    /// A store on a journal that others write to, too.
    pub fn with_shared_journal<J: SharedJournal>(&self, journal: J) -> Store<Shared<J>> {
        Store::new_shared(journal, *self)
    }

    /// A store on a journal.
    ///
    /// # Errors
    /// If the journal fails.
    pub fn with_journal<J: Journal>(&self, journal: J) -> Result<Store<Lane<J>>, Error> {
        Store::new(journal, *self)
    }
}
