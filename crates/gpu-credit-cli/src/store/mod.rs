//! The commands on a store, a file each.

pub(crate) mod account;
pub(crate) mod accounts;
pub(crate) mod balance;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod close;
pub(crate) mod copy;
pub(crate) mod draws;
mod explain;
pub(crate) mod export;
pub(crate) mod grant;
pub(crate) mod history;
pub(crate) mod holds;
pub(crate) mod import;
mod import_effects;
mod import_refused;
mod import_remote;
mod import_sacct;
pub(crate) mod job;
mod nearest;
mod period;
mod plan;
pub(crate) mod plot;
mod post;
#[cfg(feature = "postgres")]
mod postgres;
mod recorded;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, reason = "no service is ever reached")
)]
mod remote;
mod result;
pub(crate) mod spendable;
pub(crate) mod statement;
mod storage;
pub(crate) mod undo;
pub(crate) mod usage;
mod window;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use gpu_credit::GrantId;
use gpu_credit_store::{
    Account, AnyStorage, Change, Entry, Error, RecordId, Revision, StorageProblem, StoreOptions,
};

use crate::escape::printable;
use crate::output_file::identity;
use crate::time::TimeArguments;
pub(crate) use nearest::nearest;
pub(crate) use recorded::RecordedArguments;
use remote::Remote;
#[cfg(feature = "client")]
use remote::ServerArguments;
use storage::{advised, cannot_create, is};

/// A store on a file, or on a server.
pub(crate) type Store = gpu_credit_store::Store<AnyStorage>;
type FileStore = gpu_credit_store::Store;

#[derive(Args)]
pub(crate) struct StoreArguments {
    /// The file of the store, or a database: postgres://USER@HOST/DATABASE, with the password in PGPASSWORD
    #[arg(
        long,
        value_name = "STORE",
        env = "GPU_CREDIT_DB",
        hide_env_values = true,
        default_value = "gpu-credit.redb",
        help_heading = "Store"
    )]
    db: PathBuf,
    /// How much memory accounts may take, such as 512M or 2GiB: those that were not used for longest are read
    /// again when they are needed. An import may take as much beside them, or 1G
    #[arg(
        long,
        value_name = "BYTES",
        env = "GPU_CREDIT_MEMORY",
        hide_env_values = true,
        value_parser = parse_bytes,
        allow_negative_numbers = true,
        help_heading = "Store"
    )]
    memory: Option<usize>,
    #[cfg(feature = "client")]
    #[command(flatten)]
    server: ServerArguments,
}

/// What an import may take of memory if nothing is said.
const IMPORT_BYTES: usize = 1 << 30;

/// A number of bytes, with K, M or G for powers of 1024, and iB after them as one likes.
fn parse_bytes(typed: &str) -> Result<usize, String> {
    let number = typed.strip_suffix("iB").unwrap_or(typed);
    let units = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)].into_iter();
    let with_unit = |(unit, factor)| Some((number.strip_suffix(unit)?, factor));
    let (digits, factor) = units.filter_map(with_unit).next().unwrap_or((typed, 1));
    let bytes = digits.parse::<usize>().ok();
    let bytes = bytes.and_then(|bytes| bytes.checked_mul(factor));
    bytes.ok_or_else(|| "expected a number of bytes, such as 512M or 4G".to_owned())
}

/// A store, with its name for messages.
pub(crate) struct OpenStore {
    name: String,
    /// What tells a file from another in its place, if it is one and the system does.
    file: Option<OpenFile>,
    /// The service that has it, if it is not here.
    remote: Option<Remote>,
    /// The store itself; of one that is not here, what was [fetched](OpenStore::fetch) of it.
    store: RefCell<Store>,
}

struct OpenFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl StoreArguments {
    pub(crate) fn open(&self) -> anyhow::Result<OpenStore> {
        if let Some(remote) = self.remote()? {
            return remote.opened();
        }
        match self.address() {
            Some(address) => postgres::open(address, self.options()),
            None => self.named(|| self.options().open(&self.db).map_err(advised)),
        }
    }

    /// To ask something: nothing is written, and others may ask at the same time. A file that must be
    /// written to first, once, is.
    pub(crate) fn open_to_ask(&self) -> anyhow::Result<OpenStore> {
        if let Some(remote) = self.remote()? {
            return remote.opened();
        }
        match self.address() {
            Some(address) => postgres::open(address, self.options().without_snapshots()),
            None => self.named(|| self.open_file_to_ask()),
        }
    }

    fn open_file_to_ask(&self) -> anyhow::Result<FileStore> {
        let store = match self.options().open_read_only(&self.db) {
            Err(unreadable) if is(&unreadable, must_be_written) => self
                .options()
                .open(&self.db)
                .map_err(|error| match is(&error, is_denied) {
                    true => unreadable,
                    false => error,
                }),
            opened => opened,
        };
        store.map_err(advised)
    }

    /// To verify all of it; a file that may not be written is verified as it is read.
    pub(crate) fn open_to_check(&self) -> anyhow::Result<OpenStore> {
        if self.address().is_some() {
            return self.open();
        }
        match FileStore::open_verified(&self.db) {
            Err(error) if is(&error, is_denied) => self.open_to_ask(),
            opened => self.named(|| opened.map_err(advised)),
        }
    }

    /// Opens the store; the times are then in its unit.
    pub(crate) fn open_for(&self, times: &TimeArguments) -> anyhow::Result<OpenStore> {
        let store = self.open()?;
        store.learn_unit(times)?;
        Ok(store)
    }

    /// The same to ask something. A unit that is said first here is kept, if that can be.
    pub(crate) fn open_to_ask_for(&self, times: &TimeArguments) -> anyhow::Result<OpenStore> {
        let mut store = self.open_to_ask()?;
        if store.remote.is_none() && store.ask(|store| times.is_first(store))? {
            drop(store);
            if let Ok(store) = self.open_for(times) {
                return Ok(store);
            }
            store = self.open_to_ask()?;
        }
        store.ask(|store| times.show_in_unit_of(store))?;
        Ok(store)
    }

    /// The same of another store.
    fn of(&self, db: &Path) -> Self {
        StoreArguments {
            db: db.to_owned(),
            memory: self.memory,
            #[cfg(feature = "client")]
            server: ServerArguments::default(),
        }
    }

    /// The service that has the store, if one has.
    #[cfg(feature = "client")]
    fn remote(&self) -> anyhow::Result<Option<Remote>> {
        self.server.remote()
    }

    #[cfg(not(feature = "client"))]
    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "it is built without"
    )]
    fn remote(&self) -> anyhow::Result<Option<Remote>> {
        Ok(None)
    }

    /// Refuses a service, for a command that needs the file or the database.
    pub(crate) fn ensure_is_no_service(&self, command: &str) -> anyhow::Result<()> {
        #[cfg(feature = "client")]
        ensure!(
            self.server.url()?.is_none(),
            "gpu-credit {command} needs the store itself, and --server names a service that has it: --db names a \
             file or a database"
        );
        let _ = command;
        Ok(())
    }

    pub(super) fn options(&self) -> StoreOptions {
        let options = StoreOptions::default();
        self.memory.map_or(options, |bytes| options.memory(bytes))
    }

    /// How many bytes an import may take of memory.
    pub(crate) fn memory_of_import(&self) -> usize {
        self.memory.unwrap_or(IMPORT_BYTES)
    }

    /// The folder that the store is in; of one on a server, that of temporary files.
    pub(crate) fn folder(&self) -> PathBuf {
        if self.address().is_some() {
            return std::env::temp_dir();
        }
        let folder = self.db.parent().filter(|folder| *folder != Path::new(""));
        folder.unwrap_or(Path::new(".")).to_owned()
    }

    pub(crate) fn open_or_create(&self) -> anyhow::Result<OpenStore> {
        if let Some(remote) = self.remote()? {
            return remote.opened();
        }
        if let Some(address) = self.address() {
            return postgres::open_or_create(address, self.options());
        }
        self.named(|| {
            self.options()
                .open_or_create(&self.db)
                .map_err(|error| cannot_create(&error).unwrap_or_else(|| advised(error)))
        })
    }

    /// To try something: the store if there is one, and otherwise nothing that stays.
    pub(crate) fn open_or_pretend(&self) -> anyhow::Result<OpenStore> {
        if let Some(remote) = self.remote()? {
            return remote.opened();
        }
        match self.address() {
            Some(address) => postgres::open_or_pretend(address, self.options()),
            None if self.db.exists() => self.open(),
            None => self.named(|| FileStore::in_memory().map_err(advised)),
        }
    }

    /// Makes a file smaller to which so many entries were posted. It grows by doubling: if most of it is new,
    /// it is worth the time to give back what is not used.
    pub(crate) fn compact_after(&self, posted: u64) {
        if posted == 0 || self.address().is_some() {
            return;
        }
        // Everything is posted, whatever becomes of this.
        if let Ok(mut store) = FileStore::open(&self.db)
            && posted > store.last_sequence().get() / 2
        {
            let _ = store.compact();
        }
    }

    /// The address of the store, if it is on a server.
    fn address(&self) -> Option<&str> {
        address(&self.db)
    }

    fn named(&self, open: impl FnOnce() -> anyhow::Result<FileStore>) -> anyhow::Result<OpenStore> {
        let before = identity(&self.db);
        let store = open()?;
        let identity = before.or_else(|| identity(&self.db));
        Ok(OpenStore {
            name: printable(&self.db.to_string_lossy()).into_owned(),
            file: identity.map(|identity| OpenFile {
                path: self.db.clone(),
                identity,
            }),
            remote: None,
            store: store.into_any().into(),
        })
    }
}

/// The address of a database; `None` if it is a file.
fn address(store: &Path) -> Option<&str> {
    let schemes = ["postgres:", "postgresql:"];
    let is_address = |store: &&str| schemes.iter().any(|scheme| store.starts_with(scheme));
    store.to_str().filter(is_address)
}

#[cfg(not(feature = "postgres"))]
mod postgres {
    //! No stores on PostgreSQL.

    use anyhow::bail;

    use gpu_credit_store::StoreOptions;

    use super::OpenStore;

    pub(super) fn open(_: &str, _: StoreOptions) -> anyhow::Result<OpenStore> {
        bail!("this gpu-credit is built without PostgreSQL: a store is a file")
    }

    pub(super) use {open as open_or_create, open as open_or_pretend};
}

impl OpenStore {
    /// The store itself.
    #[cfg(feature = "server")]
    pub(crate) fn into_store(self) -> Store {
        self.store.into_inner()
    }

    /// The store as it is here.
    fn store(&self) -> Store {
        self.store.borrow().clone()
    }

    /// The names of all accounts.
    pub(crate) fn names(&self) -> anyhow::Result<Vec<String>> {
        if let Some(remote) = &self.remote {
            return remote.names().map_err(|failure| failure.told(&self.name));
        }
        let accounts = self.ask(Store::accounts)?.into_iter();
        Ok(accounts.map(|account| account.name.to_string()).collect())
    }

    /// The revision of an account.
    pub(crate) fn revision_now(&self, account: &str) -> anyhow::Result<Revision> {
        if let Some(remote) = &self.remote
            && let Ok(revision) = remote.revision(account)
        {
            return Ok(revision);
        }
        Ok(self.ask(|store| store.head(account))?.revision)
    }

    /// Asks the store, with its name in errors.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, Error>,
    ) -> anyhow::Result<T> {
        question(&self.store()).map_err(|error| self.explain(error))
    }

    /// That what was posted is where it will be looked for.
    pub(crate) fn ensure_in_place(&self) -> anyhow::Result<()> {
        let file = self.file.as_ref();
        ensure!(
            file.is_none_or(|file| identity(&file.path) == Some(file.identity)),
            "{}: the file was moved or replaced while it was open: what was posted is in the one that \
             was there before",
            self.name
        );
        Ok(())
    }

    /// The revisions that retracted records of these ids. O(entries of the account).
    pub(crate) fn retractions(
        &self,
        account: &str,
        ids: &HashSet<&RecordId>,
    ) -> anyhow::Result<HashMap<RecordId, Revision>> {
        let mut retractions = HashMap::new();
        self.ask(|store| {
            store.visit_history(account, Revision::START, |entry| {
                if let Change::RetractRecord { of } = entry.change
                    && ids.contains(&of)
                {
                    retractions.insert(of, entry.revision);
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(retractions)
    }

    /// The record ids of an account's grants, by the revisions that posted them.
    pub(crate) fn grant_ids(&self, name: &str) -> anyhow::Result<GrantIds> {
        let is_grant = |entry: &Entry| matches!(entry.change, Change::Grant { .. });
        self.record_ids(name, is_grant).map(GrantIds)
    }

    /// The ids of an account's entries that are wanted, by their revisions. O(entries of the account).
    pub(crate) fn record_ids(
        &self,
        name: &str,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> anyhow::Result<HashMap<Revision, RecordId>> {
        let mut ids = HashMap::new();
        self.ask(|store| {
            store.visit_history(name, Revision::START, |entry| {
                if is_wanted(&entry) {
                    ids.insert(entry.revision, entry.id);
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(ids)
    }
}

/// The record ids of an account's grants.
pub(crate) struct GrantIds(HashMap<Revision, RecordId>);

impl GrantIds {
    /// The record id and the credit id of a grant.
    pub(crate) fn names(&self, account: &Account, grant: GrantId) -> (String, String) {
        let id = account
            .grant_revision(grant)
            .and_then(|revision| self.0.get(&revision));
        let posted = account.ledger().grant(grant);
        (
            id.map(ToString::to_string).unwrap_or_default(),
            posted.map_or_else(String::new, |posted| posted.credit_id.to_owned()),
        )
    }

    /// The grant that has a record id; `None` also if it ended before the close of the books.
    pub(crate) fn find(&self, account: &Account, id: &str) -> Option<GrantId> {
        let (revision, _) = self.0.iter().find(|(_, other)| other.as_str() == id)?;
        account.grant_id(*revision)
    }
}

fn must_be_written(problem: &StorageProblem) -> bool {
    matches!(
        problem,
        StorageProblem::NotClosed | StorageProblem::Older { .. }
    )
}

fn is_denied(problem: &StorageProblem) -> bool {
    matches!(problem, StorageProblem::Denied(_))
}

/// So many of something.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
