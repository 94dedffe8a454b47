//! What the program is told on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::generate::{self, GenerateArguments};
use crate::help::{self, HelpArguments};
use crate::man::{self, CompletionsArguments, ManArguments};
use crate::replay::{self, ReplayArguments};
#[cfg(feature = "server")]
use crate::service::{
    serve::{self, ServeArguments},
    token::{self, TokenCommand},
};
use crate::store::account::{self, AccountCommand};
use crate::store::accounts::{self, AccountsArguments};
use crate::store::balance::{self, BalanceArguments};
use crate::store::change::{self, ChangeArguments};
use crate::store::check::{self, CheckArguments};
use crate::store::close::{self, CloseArguments};
use crate::store::copy::{self, CopyArguments};
use crate::store::draws::{self, DrawsArguments};
use crate::store::export::{self, ExportArguments};
use crate::store::grant::{self, GrantArguments};
use crate::store::history::{self, HistoryArguments};
use crate::store::holds::{
    self, AuthoriseArguments, HoldsArguments, ReleaseArguments, SettleArguments,
};
use crate::store::import::{self, ImportArguments};
use crate::store::job::{self, RunArguments, StopArguments};
use crate::store::plot::{self, PlotArguments};
use crate::store::spendable::{self, RunsDryArguments, SpendableArguments};
use crate::store::statement::{self, StatementArguments};
use crate::store::undo::{self, RetractArguments, RevokeArguments};
use crate::store::usage::{self, UseArguments};
use crate::verify::{self, VerifyArguments};

/// An exact ledger of credit that expires: many accounts in one file.
#[derive(Parser)]
#[command(
    name = "gpu-credit",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Given before the command it means the same as after it; the commands on a store declare it,
    /// read it and explain it.
    #[arg(id = "db", long = "db", global = true, hide = true)]
    _db: Option<PathBuf>,
}

/// In the order of [`help`], which groups them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Open or delete an account (accounts lists them)
    #[command(
        subcommand,
        after_help = account::HELP,
        disable_help_subcommand = true
    )]
    Account(AccountCommand),
    /// List all accounts with their totals
    #[command(after_help = accounts::HELP)]
    Accounts(AccountsArguments),
    /// Close the books of accounts before an instant
    #[command(after_help = close::HELP)]
    Close(CloseArguments),
    /// Grant credit, once or again and again
    #[command(after_help = grant::HELP)]
    Grant(GrantArguments),
    /// Record usage at an instant
    #[command(after_help = usage::HELP)]
    Use(UseArguments),
    /// Record a job: usage at a rate, from a start until an end
    #[command(after_help = job::RUN_HELP)]
    Run(RunArguments),
    /// End a job that is recorded
    #[command(after_help = job::STOP_HELP)]
    Stop(StopArguments),
    /// Hold credit for usage to come, if there is enough
    #[command(after_help = holds::AUTHORISE_HELP)]
    Authorise(AuthoriseArguments),
    /// Record what was used in the place of a hold
    #[command(after_help = holds::SETTLE_HELP)]
    Settle(SettleArguments),
    /// Close a hold of which nothing was used
    #[command(after_help = holds::RELEASE_HELP)]
    Release(ReleaseArguments),
    /// Record what a file holds: events, a journal, or Slurm's sacct
    #[command(after_help = import::HELP)]
    Import(ImportArguments),
    /// Correct the amount, rate, times, window or priority of a record
    #[command(after_help = change::HELP, override_usage = change::USAGE)]
    Change(ChangeArguments),
    /// Undo a grant or usage, as if never posted (unlike revoke)
    #[command(after_help = undo::RETRACT_HELP)]
    Retract(RetractArguments),
    /// Void what is left of a grant from an instant on (unlike retract)
    #[command(after_help = undo::REVOKE_HELP)]
    Revoke(RevokeArguments),
    /// The balance of accounts at any instant, past or future
    #[command(after_help = balance::HELP)]
    Balance(BalanceArguments),
    /// How much could be used at an instant, or at each tick of a job
    #[command(after_help = spendable::HELP)]
    Spendable(SpendableArguments),
    /// The holds that are neither settled nor released
    #[command(after_help = holds::HOLDS_HELP)]
    Holds(HoldsArguments),
    /// When an account runs dry
    #[command(after_help = spendable::RUNS_DRY_HELP)]
    RunsDry(RunsDryArguments),
    /// What became of all credit and all usage, of a month or until now
    #[command(after_help = statement::HELP)]
    Statement(StatementArguments),
    /// Which grants a usage record, or those of a month, draw from
    #[command(after_help = draws::HELP)]
    Draws(DrawsArguments),
    /// All entries of an account, corrections among them
    #[command(after_help = history::HELP)]
    History(HistoryArguments),
    /// Draw the balance of an account over time, as SVG
    #[command(after_help = plot::HELP)]
    Plot(PlotArguments),
    /// Look for damage in the store's file (verify compares engines)
    #[command(after_help = check::HELP)]
    Check(CheckArguments),
    /// Write the journal, or the records as an events file
    #[command(after_help = export::HELP)]
    Export(ExportArguments),
    /// Copy the store to a new file, as a backup
    #[command(after_help = copy::HELP)]
    Copy(CopyArguments),
    /// Serve the store over HTTP
    #[cfg(feature = "server")]
    #[command(after_help = serve::HELP)]
    Serve(ServeArguments),
    /// Make, list or revoke the tokens of a service
    #[cfg(feature = "server")]
    #[command(
        subcommand,
        after_help = token::HELP,
        disable_help_subcommand = true
    )]
    Token(TokenCommand),
    /// Answer the queries of an events file, without a store
    #[command(after_help = replay::HELP)]
    Replay(ReplayArguments),
    /// Compare all engines on an events file (check looks at a store)
    #[command(after_help = verify::HELP)]
    Verify(VerifyArguments),
    /// Write an events file of a named shape
    #[command(after_help = generate::HELP)]
    Generate(GenerateArguments),
    /// Write the completions of a shell
    #[command(after_help = man::COMPLETIONS_HELP)]
    Completions(CompletionsArguments),
    /// Write a page for man
    #[command(after_help = man::HELP)]
    Man(ManArguments),
    /// Explain a command, or what holds for all of them
    #[command(after_help = help::HELP)]
    Help(HelpArguments),
}

/// For those who need no words but an error if something fails.
#[derive(Args)]
pub(crate) struct QuietArguments {
    /// Print nothing if all is well
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl QuietArguments {
    /// Says a line to those who want it.
    pub(crate) fn say(&self, line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        match self.quiet {
            true => Ok(()),
            false => crate::say(line),
        }
    }
}
