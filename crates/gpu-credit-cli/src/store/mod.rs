//! The commands on a store, a file each.

pub(crate) mod account;
pub(crate) mod accounts;
mod arguments;
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
use std::path::PathBuf;

use anyhow::ensure;
use gpu_credit::GrantId;
use gpu_credit_store::{Account, AnyStorage, Change, Entry, Error, RecordId, Revision};

use crate::output_file::identity;
pub(crate) use arguments::StoreArguments;
use arguments::address;
pub(crate) use nearest::nearest;
pub(crate) use recorded::RecordedArguments;
use remote::Remote;

/// A store on a file, or on a server.
pub(crate) type Store = gpu_credit_store::Store<AnyStorage>;
type FileStore = gpu_credit_store::Store;

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

/// So many of something.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
