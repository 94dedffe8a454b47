//! `gpu-credit check`: looks for anything that is wrong with a store.

use clap::Args;

use super::{StoreArguments, counted};
use crate::{heard, say};

pub(crate) const HELP: &str = "\
Checks every page and every entry of the file, that each account follows from
its entries, and, at some instants of each account, that the ledger answers what
a full replay answers and that nothing is gained or lost. What is wrong is
written to standard output, a line each, and the exit code is then 1.

Example:
  gpu-credit check --instants 8";

#[derive(Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Instants of each account at which answers are compared; each costs a replay of the account
    #[arg(long, default_value_t = 16)]
    instants: usize,
}

/// Whether nothing is wrong.
pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<bool> {
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
    heard(say(format_args!("{summary}")))?;
    Ok(report.is_sound())
}
