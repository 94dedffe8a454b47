//! Which store a command is about, and how it is opened.

use std::path::{Path, PathBuf};

#[cfg(feature = "client")]
use anyhow::ensure;
use clap::Args;
use gpu_credit_store::{StorageProblem, StoreOptions};

use super::remote::Remote;
#[cfg(feature = "client")]
use super::remote::ServerArguments;
use super::storage::{advised, cannot_create, is};
use super::{FileStore, OpenFile, OpenStore, postgres};
use crate::escape::printable;
use crate::output_file::identity;
use crate::time::TimeArguments;

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

    pub(super) fn open_file_to_ask(&self) -> anyhow::Result<FileStore> {
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
    pub(super) fn of(&self, db: &Path) -> Self {
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
    pub(super) fn address(&self) -> Option<&str> {
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
pub(super) fn address(store: &Path) -> Option<&str> {
    let schemes = ["postgres:", "postgresql:"];
    let is_address = |store: &&str| schemes.iter().any(|scheme| store.starts_with(scheme));
    store.to_str().filter(is_address)
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
