//! `gpu-credit account`: opens and deletes accounts.

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use gpu_credit::Overdraft;
use gpu_credit_store::{Account, Error};

use super::StoreArguments;
use crate::store::post::IdArguments;
use crate::time::TimeArguments;

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Open an account, in a new store if there is none
    #[command(after_help = CREATE_HELP)]
    Create(CreateArguments),
    /// Delete an account with its whole journal
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteArguments),
}

const CREATE_HELP: &str = "\
The policy says what happens to usage beyond what is available, and stays for good:
  carry     it becomes a deficit, which later grants pay
  carry:C   the same, but the deficit is C at most, and the rest is dropped: billed
            elsewhere, and never owed; carry:0 is credit first, the rest on the invoice
  forfeit   it forfeits what is left and is itself dropped
Opening an account again with the same policy does nothing, and says so. Names and ids are compared byte by byte: an accented letter
typed as one character and as two makes two names. The id of the opening is open;
no other record of the account can have it.

Example:
  gpu-credit account create acme --policy carry
  gpu-credit account create invoiced --policy carry:0";

const DELETE_HELP: &str = "\
The name can be given again afterwards. What the file's free pages still hold is
gone once it is copied: see gpu-credit copy --help.

Example:
  gpu-credit account delete acme --yes";

#[derive(Args)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Its name
    account: String,
    /// What happens to usage beyond what is available: carry, carry:C with a credit line C, or forfeit
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    policy: Overdraft,
    #[command(flatten)]
    times: TimeArguments,
}

#[derive(Args)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Its name
    account: String,
    /// Really delete it: there is no way back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    id: IdArguments,
}

pub(crate) fn run(command: &AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Create(arguments) => create(arguments),
        AccountCommand::Delete(arguments) => delete(arguments),
    }
}

fn create(arguments: &CreateArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_or_create()?;
    store.ask(|store| arguments.times.learn(store))?;
    let name = &arguments.account;
    let policy = arguments.policy;
    let opened = match store.store.open_account(name, policy) {
        Err(Error::DifferentContent { .. } | Error::AccountExists { .. }) => {
            let present = store.ask(|store| store.with_account(name, Account::policy))?;
            ensure!(
                present == policy,
                "{}: account {name:?} exists already, with policy {present} and not {policy}",
                store.name
            );
            bail!("{}: account {name:?} exists already", store.name)
        }
        opened => opened.map_err(|error| store.explain(error))?,
    };
    store.ensure_in_place()?;
    if opened.is_new() {
        crate::say(format_args!("account {name:?} opened, policy {policy}"))
    } else {
        crate::say(format_args!(
            "account {name:?} is open already, policy {policy}: nothing was done"
        ))
    }
}

fn delete(arguments: &DeleteArguments) -> anyhow::Result<()> {
    let store = arguments.store.open()?;
    let name = &arguments.account;
    let id = arguments.id.get();
    ensure!(
        arguments.yes,
        "{}: deleting account {name:?} drops its whole journal: repeat it with --yes",
        store.name
    );
    let deleted = store.ask(|store| store.delete_account(name, id.as_str()))?;
    store.ensure_in_place()?;
    let sequence = deleted.sequence();
    if deleted.is_new() {
        crate::say(format_args!(
            "account {name:?} deleted by entry {sequence}, id {id}"
        ))
    } else {
        crate::say(format_args!(
            "account {name:?} was deleted already by entry {sequence}, id {id}"
        ))
    }
}
