//! How a store on PostgreSQL is opened.

use std::time::Duration;

use gpu_credit_store::{Error, JournalError, StoreOptions};

use crate::schema::Missing;
use crate::{PostgresJournal, PostgresStore};

/// What a store on PostgreSQL is opened with.
///
/// ```no_run
/// use gpu_credit_postgres::PostgresOptions;
///
/// let servers = "postgres://ledger@one,two/credit";
/// let store = PostgresOptions::default().strict_reads(true).open(servers)?;
/// # Ok::<(), gpu_credit_store::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(crate) lanes: usize,
    pub(crate) strict_reads: bool,
    pub(crate) wait: Duration,
    pub(crate) tables: Missing,
    store: StoreOptions,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        PostgresOptions {
            lanes: 2,
            strict_reads: false,
            wait: Duration::from_secs(30),
            tables: Missing::IsMade,
            store: StoreOptions::default(),
        }
    }
}

impl PostgresOptions {
    /// Connections that append, at least 1: two are best if each appends for many who wait.
    #[must_use]
    pub const fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = match lanes {
            0 => 1,
            lanes => lanes,
        };
        self
    }

    /// After each read, and before it is used, a write must be confirmed on the same connection. So no answer
    /// comes from a primary whose standby was promoted, and none can be lost by a promotion. Without it, a
    /// primary must be unable to answer before its standby is promoted, and nobody may cancel a commit.
    /// Costs a commit for each read; those who wait share both. Off by default. An address with `strict_reads=true`
    /// or `false` among its options decides it.
    #[must_use]
    pub const fn strict_reads(mut self, are_strict: bool) -> Self {
        self.strict_reads = are_strict;
        self
    }

    /// How long a connection may take to be made, and how long an answer may take. Afterwards the connection is
    /// given up, and what an append has done is looked up on a new one. 30 seconds by default.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// What the store is opened with: how much memory accounts may take, and when snapshots are written.
    #[must_use]
    pub const fn store(mut self, options: StoreOptions) -> Self {
        self.store = options;
        self
    }

    pub(crate) const fn with_tables(mut self, tables: Missing) -> Self {
        self.tables = tables;
        self
    }

    /// Connects to a database: see [`PostgresStore::open`].
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub fn open(&self, url: &str) -> Result<PostgresStore, Error> {
        let journal = self.open_journal(url)?;
        Ok(PostgresStore(self.store.with_shared_journal(journal)))
    }

    /// The same, if the tables are there: see [`PostgresStore::open_existing`].
    ///
    /// # Errors
    /// As [`PostgresStore::open_existing`].
    pub fn open_existing(&self, url: &str) -> Result<PostgresStore, Error> {
        self.with_tables(Missing::IsAnError).open(url)
    }

    /// Connects to a database: see [`PostgresJournal::open`].
    ///
    /// # Errors
    /// As [`PostgresJournal::open`].
    pub fn open_journal(&self, url: &str) -> Result<PostgresJournal, JournalError> {
        PostgresJournal::open_with(url, *self)
    }
}
