//! `gpu-credit copy`: copies a store, to a file or to a database.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use gpu_credit_store::{Copied, CopyStep, Error, Storage};

use super::storage::{advised, cannot_create};
use super::{FileStore, OpenStore, StoreArguments, address, counted, postgres};
use crate::arguments::QuietArguments;
use crate::progress::Progress;

pub(crate) const HELP: &str = "\
Of two stores the first is copied to the second; of one, the store that --db
names is copied to it. A file is written beside its place and gets its name
when it is complete, and a database gets all of it in one transaction. What is
there already is not replaced: a database must hold no accounts.

The copy of a file to a file holds nothing of deleted accounts but what tells
a repeated deletion. Between a file and a database, accounts go with all their
entries, revisions, ids and times; deletions, the unit of time and what is
known of imported files go too. The order between accounts is not kept. The
copy is then read and compared with what was copied. Post nothing meanwhile:
check that nobody uses the store before you go on with the copy.

Example:
  gpu-credit copy gpu-credit.backup.redb

From a file to a database, and back:
  gpu-credit copy gpu-credit.redb postgres://ledger@db.example/credit
  gpu-credit copy postgres://ledger@db.example/credit restored.redb";

#[derive(Args)]
pub(crate) struct CopyArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The store to make; or the one to copy, and then the one to make
    #[arg(required = true, num_args = 1..=2, value_name = "STORE")]
    stores: Vec<PathBuf>,
    #[command(flatten)]
    quiet: QuietArguments,
}

pub(crate) fn run(arguments: &CopyArguments) -> anyhow::Result<()> {
    if arguments.stores.len() == 1 {
        arguments.store.ensure_is_no_service("copy")?;
    }
    let (from, to) = match &arguments.stores[..] {
        [from, to] => (&arguments.store.of(from), to),
        [to] => (&arguments.store, to),
        _ => unreachable!("one or two are asked for"),
    };
    let copied = match (from.address(), address(to)) {
        (None, None) => {
            let copied = from.open_file_to_ask()?.copy_to(to);
            copied.map_err(told)?;
            None
        }
        (_, Some(address)) => {
            let (from, to) = (
                from.open_to_ask()?,
                postgres::open_or_create(address, from.options())?,
            );
            Some((copy(&from, &to.store(), &to.name)?, to.name))
        }
        (Some(_), None) => Some((copy_to_file(&from.open()?, to)?, to.display().to_string())),
    };
    match copied {
        None => arguments
            .quiet
            .say(format_args!("copied to {}", to.display())),
        Some((copied, name)) => arguments.quiet.say(format_args!(
            "copied to {name}: {}, {}, {}; the copy was read and compared",
            counted(copied.accounts, "account", "accounts"),
            counted(copied.entries, "entry", "entries"),
            counted(copied.deletions, "deletion", "deletions"),
        )),
    }
}

/// Copies a store to a new file, by way of one without a name.
fn copy_to_file(from: &OpenStore, to: &Path) -> anyhow::Result<Copied> {
    let name = to.display().to_string();
    let is_there = to.try_exists().with_context(|| name.clone())?;
    ensure!(!is_there, "{name}: the file exists already; name another");
    let folder = to.parent().filter(|folder| *folder != Path::new(""));
    let unnamed = FileStore::temporary_in(folder.unwrap_or(Path::new("."))).map_err(told)?;
    let copied = copy(from, &unnamed, &name)?;
    unnamed.copy_to(to).map_err(told)?;
    Ok(copied)
}

/// Copies a store, and shows how far that is.
fn copy<S: Storage>(
    from: &OpenStore,
    to: &gpu_credit_store::Store<S>,
    name: &str,
) -> anyhow::Result<Copied> {
    let progress = Progress::of_steps();
    let copied = from.store().copy_into(to, |step| match step {
        CopyStep::Written(entries) => progress.say(format!("{entries} entries written")),
        CopyStep::Compared(entries) => progress.say(format!("{entries} entries compared")),
        _ => {}
    });
    progress.clear();
    copied.map_err(|error| match error {
        Error::NotEmpty => {
            anyhow!("{name}: it holds something already: name a store that is empty")
        }
        error => told(error),
    })
}

fn told(error: Error) -> anyhow::Error {
    cannot_create(&error).unwrap_or_else(|| advised(error))
}
