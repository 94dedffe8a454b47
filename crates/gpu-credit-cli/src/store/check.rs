//! `gpu-credit check`: looks for anything that is wrong with a store.

use clap::Args;

use super::{StoreArguments, counted};
use crate::arguments::QuietArguments;
use crate::integer::integer;
use crate::{heard, say};

pub(crate) const HELP: &str = "\
Checks every page and every entry of the file, and that each account follows
from its entries. At some instants of each account it compares the balance with
that of a full replay, and adds up where all credit and usage went. What is
wrong is written to standard output, a line each, and the exit code is then 1.

Example:
  gpu-credit check --instants 8";

#[derive(Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Instants of each account at which balances are compared; each costs a replay of the account
    #[arg(long, default_value = "16", value_parser = integer(0, usize::MAX), allow_negative_numbers = true)]
    instants: usize,
    #[command(flatten)]
    quiet: QuietArguments,
}

/// Whether nothing is wrong.
pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<bool> {
    arguments.store.ensure_is_no_service("check")?;
    let store = arguments.store.open_to_check()?;
    let report = store.ask(|store| store.check(arguments.instants, |_| ()))?;
    for problem in &report.problems {
        heard(say(format_args!("{problem}")))?;
    }
    let summary = match report.is_sound() {
        true => format!(
            "sound: {}, {}, {} compared with a full replay",
            counted(report.accounts, "account", "accounts"),
            counted(report.entries, "entry", "entries"),
            counted(report.answers, "answer", "answers"),
        ),
        false => format!(
            "{} found: keep this file, and go on with a copy from before; `gpu-credit export` \
             writes what can still be read",
            counted(report.problems.len() as u64, "problem", "problems"),
        ),
    };
    heard(arguments.quiet.say(format_args!("{summary}")))?;
    Ok(report.is_sound())
}
