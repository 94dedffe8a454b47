//! `gpu-credit copy`: copies a store.

use std::path::PathBuf;

use clap::Args;

use super::StoreArguments;
use super::storage::cannot_create;
use crate::arguments::QuietArguments;

pub(crate) const HELP: &str = "\
The copy is written beside its place and gets its name when it is complete. It
holds nothing of deleted accounts. A file that exists already is not replaced.

Example:
  gpu-credit copy gpu-credit.backup.redb";

#[derive(Args)]
pub(crate) struct CopyArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The file to make
    file: PathBuf,
    #[command(flatten)]
    quiet: QuietArguments,
}

pub(crate) fn run(arguments: &CopyArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask()?;
    (store.store.copy_to(&arguments.file)).map_err(|error| match cannot_create(&error) {
        Some(refused) => refused,
        None => store.explain(error),
    })?;
    let file = arguments.file.display();
    (arguments.quiet).say(format_args!("copied to {file}"))
}
