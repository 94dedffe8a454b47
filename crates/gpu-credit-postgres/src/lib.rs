//! `gpu-credit` accounts on PostgreSQL: several processes, on several machines, serve the same accounts.
//!
//! A [`PostgresStore`] has the methods of [`Store`], and the same rules. It needs PostgreSQL 15 or
//! later and a database of its own.
//!
//! ```no_run
//! use gpu_credit::Overdraft;
//! use gpu_credit_postgres::PostgresStore;
//! use gpu_credit_store::Posting;
//!
//! let store = PostgresStore::open("postgres://ledger@localhost/credit")?;
//! store.open_account("acme", Overdraft::Carry)?;
//! store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 30))?; // live in [0, 30]
//! store.post(Posting::usage("acme", "job-17", 20, 12))?;
//! assert_eq!(store.get_balance("acme", 12)?, Some(80));
//! # Ok::<(), gpu_credit_store::Error>(())
//! ```
//!
//! # What is promised
//!
//! * **Linearizable for each account**: whoever asks after a posting has returned sees it, in whichever
//!   process. A request over several accounts is atomic, and so is a question to several.
//! * **Nothing acknowledged is lost** if the server keeps what it has confirmed. With one server that is its
//!   disk. With standbys, set `synchronous_commit = on` and `synchronous_standby_names = 'ANY 1 (...)'`, and
//!   promote only a standby that has all that was confirmed. If the old primary may still answer then, open with
//!   [strict reads](PostgresOptions::strict_reads).
//! * **Once.** The id of a record is its idempotency key. If a connection is lost before the answer to an
//!   append came, its ids are looked up on a new one, and it is never guessed.
//! * **Nobody leads.** Processes keep nothing that others need; they can be killed at any time.
//!
//! # How it works
//!
//! The revisions of an account are the whole protocol: an append says at which revision each account has to
//! stand, and one statement locks the accounts, compares, and writes all or nothing. No lock is held while
//! a client works, but for a request that met two conflicts in a row. A question compares the revision in
//! memory with that of the server and reads the entries after it, in one round trip that is shared by all who
//! wait.
//!
//! All methods wait, on the caller's thread: in async code they belong into a blocking task. Texts with a NUL
//! character, which PostgreSQL does not keep, are [refused](gpu_credit_store::Refusal::TextNotKept).
//!
//! # Encryption
//!
//! `sslmode` in the address says what is asked of connections over a network, as `libpq` has it: `disable`;
//! `prefer`, which is the default; `require`; `verify-ca`; `verify-full`, by which the server's certificate has to be
//! that of the host. The last two, and `require` if it is given, trust the certificates in the file that
//! `sslrootcert` names; `prefer`, and `require` without it, trust any server. `sslcert` and `sslkey` name the client's
//! certificate and its key, if the server asks for them.
//!
//! A password that is not in the address comes from `PGPASSWORD`, or else from the file that `passfile` in the address or
//! `PGPASSFILE` names, or `.pgpass` at home, which nobody else may read.
//!
//! The statements keep to what CockroachDB and YugabyteDB document, too: written for them, untested.

mod address;
mod append;
mod connection;
mod encryption;
mod failure;
mod journal;
mod look_up;
mod options;
mod password_file;
mod rows;
mod schema;
mod sharing;
mod snapshots;
mod statements;
mod transaction;

use std::ops::Deref;

use gpu_credit_store::{Error, Shared, Store};

pub use journal::PostgresJournal;
pub use options::PostgresOptions;

/// Many accounts on PostgreSQL, with the methods of [`Store`]: a clone is the same store.
#[derive(Clone, Debug)]
pub struct PostgresStore(Store<Shared<PostgresJournal>>);

impl PostgresStore {
    /// Connects to a database, and makes the tables if there are none.
    ///
    /// The address is `postgres://user:password@host:port/database`, or `host=... user=... dbname=...`
    /// as `libpq` has it. Several hosts can be given: they are tried in any order, and one that accepts
    /// writes is used.
    ///
    /// # Errors
    /// If the address cannot be read, the server does not answer or refuses, or the tables are of a later
    /// version.
    pub fn open(url: &str) -> Result<Self, Error> {
        PostgresOptions::default().open(url)
    }

    /// The same, if the tables are there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StorageProblem::NoTables`] if there are none.
    ///
    /// [`StorageProblem::NoTables`]: gpu_credit_store::StorageProblem::NoTables
    pub fn open_existing(url: &str) -> Result<Self, Error> {
        PostgresOptions::default().open_existing(url)
    }

    /// The store that it is.
    pub fn into_store(self) -> Store<Shared<PostgresJournal>> {
        self.0
    }
}

impl Deref for PostgresStore {
    type Target = Store<Shared<PostgresJournal>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The Rust of the crate's README, run as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
