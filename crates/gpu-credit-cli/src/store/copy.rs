//! `gpu-credit copy`: copies a store.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::StoreArguments;
use super::storage::{advised, cannot_create};
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
    ensure!(
        arguments.store.address().is_none(),
        "a store on a server is copied by the server's own means"
    );
    let store = arguments.store.open_file_to_ask()?;
    let copied = store.copy_to(&arguments.file);
    copied.map_err(|error| cannot_create(&error).unwrap_or_else(|| advised(error)))?;
    let file = arguments.file.display();
    (arguments.quiet).say(format_args!("copied to {file}"))
}
