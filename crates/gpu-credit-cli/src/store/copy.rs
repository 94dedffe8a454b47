//! `gpu-credit copy`: copies a store.

use std::path::PathBuf;

use clap::Args;

use super::StoreArguments;

pub(crate) const HELP: &str = "\
The copy is whole from the moment it has its name, and holds the journal and
nothing else: nothing of deleted accounts. A file that exists is not replaced.

Example:
  gpu-credit copy gpu-credit.backup.redb";

#[derive(Args)]
pub(crate) struct CopyArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The file to make
    file: PathBuf,
}

pub(crate) fn run(arguments: &CopyArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask()?;
    store.ask(|store| store.copy_to(&arguments.file))?;
    let last = store.store.last_sequence();
    let file = arguments.file.display();
    crate::say(format_args!("copied up to entry {last}: {file}"))
}
