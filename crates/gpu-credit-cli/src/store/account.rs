//! `gpu-credit account`: opens and deletes accounts.

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use gpu_credit::Overdraft;
use gpu_credit_store::{Account, Error};

use super::StoreArguments;
use super::post::IdArguments;
use crate::arguments::QuietArguments;
use crate::confirm::confirm;
use crate::name::new_name;
use crate::time::TimeArguments;

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Open an account, in a new store if there is none
    #[command(after_help = CREATE_HELP)]
    Create(CreateArguments),
    /// Delete an account with all of its entries (close keeps them)
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteArguments),
}

pub(crate) const HELP: &str = "\
Example:
  gpu-credit account create acme";

const CREATE_HELP: &str = "\
Opening an account again with the same policy does nothing, and says so;
another policy is an error. Names are compared byte by byte,
and neither begin nor end with a space.

Example:
  gpu-credit account create acme --policy carry
  gpu-credit account create invoiced --policy carry:0";

const DELETE_HELP: &str = "\
This cannot be undone. On a terminal it asks; elsewhere it needs --yes. The
name can be used again afterwards. Free pages of the file hold the entries
until it is copied: see gpu-credit copy --help. Deleting again with the same
--id does nothing.

Example:
  gpu-credit account delete acme --yes";

#[derive(Args)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    #[arg(value_parser = new_name)]
    account: String,
    /// What happens to usage beyond the credit: carry, carry:C or forfeit (see gpu-credit help
    /// policies)
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    policy: Overdraft,
    #[command(flatten)]
    quiet: QuietArguments,
    #[command(flatten)]
    times: TimeArguments,
}

#[derive(Args)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    quiet: QuietArguments,
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
    store.learn_unit(&arguments.times)?;
    let name = &arguments.account;
    let policy = arguments.policy;
    let opened = store.write(
        (&[name], None),
        |store| store.open_account(name, policy),
        |remote| remote.open_account(name, policy),
    )?;
    let opened = match opened {
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
        arguments
            .quiet
            .say(format_args!("account {name:?} opened, policy {policy}"))
    } else {
        arguments.quiet.say(format_args!(
            "account {name:?} is open already, policy {policy}: nothing was done"
        ))
    }
}

fn delete(arguments: &DeleteArguments) -> anyhow::Result<()> {
    let store = arguments.store.open()?;
    let name = &arguments.account;
    let id = arguments.id.get();
    if !arguments.yes {
        confirm(
            format_args!("Delete account {name:?} with all of its entries? This cannot be undone."),
            format_args!("deleting account {name:?} drops all of its entries"),
        )?;
    }
    let deleted = store.write(
        (&[name], Some(&id)),
        |store| store.delete_account(name, id.as_str()),
        |remote| remote.delete_account(name, id.as_str()),
    )?;
    let deleted = deleted.map_err(|error| store.explain_deletion(error))?;
    store.ensure_in_place()?;
    let said = match deleted.is_new() {
        true => "deleted",
        false => "was deleted already",
    };
    (arguments.quiet).say(format_args!("account {name:?} {said}, id {id}"))
}
