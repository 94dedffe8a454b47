//! What the program is told on the command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gpu_credit::Overdraft;
use gpu_credit_workload::{Shape, Workload};

use crate::escape::EscapeArguments;
use crate::output_file::OutputArguments;
use crate::store::account::AccountCommand;
use crate::store::accounts::{self, AccountsArguments};
use crate::store::balance::{self, BalanceArguments};
use crate::store::change::{self, ChangeArguments};
use crate::store::check::{self, CheckArguments};
use crate::store::copy::{self, CopyArguments};
use crate::store::draws::{self, DrawsArguments};
use crate::store::export::{self, ExportArguments};
use crate::store::grant::{self, GrantArguments};
use crate::store::history::{self, HistoryArguments};
use crate::store::import::{self, ImportArguments};
use crate::store::job::{self, RunArguments, StopArguments};
use crate::store::plot::{self, PlotArguments};
use crate::store::post::{self, CloseArguments, RetractArguments, RevokeArguments, UseArguments};
use crate::store::spendable::{self, RunsDryArguments, SpendableArguments};
use crate::store::statement::{self, StatementArguments};

/// Keeps accounts of expiring credit in a file, and answers exactly for any instant.
#[derive(Parser)]
#[command(
    name = "gpu-credit",
    version,
    arg_required_else_help = true,
    after_help = HELP
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Given before the command it means the same as after it; the commands on a store declare it,
    /// read it and explain it.
    #[arg(id = "db", long = "db", global = true, hide = true)]
    _db: Option<PathBuf>,
}

const HELP: &str = "\
The store is gpu-credit.redb in the working directory, or what --db or the
environment variable GPU_CREDIT_DB names; GPU_CREDIT_UNIT stands for --unit.

Exit codes: 0 done, even if nobody reads the answers to the end; 1 a check or a
verification failed; 2 anything else, said in one line on standard error (in a few
if the command line itself is wrong), and nothing is changed then, unless that line
says that something is posted. What a signal ends has no code of its own: Ctrl-C
is 130 to a shell.

Example:
  gpu-credit account create acme";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Open and delete accounts
    #[command(subcommand, after_help = ACCOUNT_HELP)]
    Account(AccountCommand),
    /// List the accounts
    #[command(after_help = accounts::HELP)]
    Accounts(AccountsArguments),
    /// Post the records of a file, all of them or none
    #[command(after_help = import::HELP)]
    Import(ImportArguments),
    /// Post a grant, or the grants of a plan
    #[command(after_help = grant::HELP)]
    Grant(GrantArguments),
    /// Post usage
    #[command(after_help = post::USE_HELP)]
    Use(UseArguments),
    /// Post a job, which uses the same at each tick
    #[command(after_help = job::RUN_HELP)]
    Run(RunArguments),
    /// End a job
    #[command(after_help = job::STOP_HELP)]
    Stop(StopArguments),
    /// Take a grant or usage back, as if never posted
    #[command(after_help = post::RETRACT_HELP)]
    Retract(RetractArguments),
    /// End a grant early
    #[command(after_help = post::REVOKE_HELP)]
    Revoke(RevokeArguments),
    /// Change the amount of usage, a job, or the expiration of a grant
    #[command(after_help = change::HELP)]
    Change(ChangeArguments),
    /// Close the books of an account up to an instant
    #[command(after_help = post::CLOSE_HELP)]
    Close(CloseArguments),
    /// Ask accounts for their balance at any instant
    #[command(after_help = balance::HELP)]
    Balance(BalanceArguments),
    /// Say what could be used at an instant, or at each tick of a job
    #[command(after_help = spendable::HELP)]
    Spendable(SpendableArguments),
    /// Say when an account runs dry
    #[command(after_help = spendable::RUNS_DRY_HELP)]
    RunsDry(RunsDryArguments),
    /// Say where all grants and all usage of an account went
    #[command(after_help = statement::HELP)]
    Statement(StatementArguments),
    /// Say which grants paid for usage
    #[command(after_help = draws::HELP)]
    Draws(DrawsArguments),
    /// Show the journal of an account
    #[command(after_help = history::HELP)]
    History(HistoryArguments),
    /// Draw the balance of an account over time, as SVG
    #[command(after_help = plot::HELP)]
    Plot(PlotArguments),
    /// Look for anything that is wrong with the store
    #[command(after_help = check::HELP)]
    Check(CheckArguments),
    /// Write the journal, or the records as an events file
    #[command(after_help = export::HELP)]
    Export(ExportArguments),
    /// Copy the store
    #[command(after_help = copy::HELP)]
    Copy(CopyArguments),
    /// Answer each question of an events file at that point of the file
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArguments),
    /// Run every engine on the same events file and compare their answers
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArguments),
    /// Write an events file of a named shape
    #[command(after_help = GENERATE_HELP)]
    Generate(GenerateArguments),
}

const ACCOUNT_HELP: &str = "\
Example:
  gpu-credit account create acme";

const REPLAY_HELP: &str = "\
The events file is CSV, plain or gzip, with the header
  kind,account,credit_id,amount,timestamp,expiration
where kind is grant, usage or balance (a question) and unused fields are empty.
Columns id, until and priority may follow, in any order: by an id import knows a
record again, and replay passes it over; usage with until is metered, amount at
each tick from timestamp on and before until; the grant of the lowest priority
pays first, and an empty one is 0.
Each question is answered by a row
  account,timestamp,balance,status,deficit
with an empty balance for none, and one of the statuses inactive, overdrawn,
spent and available.

Example:
  gpu-credit replay events.csv.gz --policy forfeit > answers.csv";

const VERIFY_HELP: &str = "\
The engines are indexed, list and heap; under --policy forfeit also the keyed
calculator of the classic exercise, in accounts whose records come in time
order, without metered usage and priorities. Accounts of which the file asks nothing are asked at the end, at and around
their records and the ends of windows. If two engines disagree, the shortest
reproduction found is written to standard output as an events file, and the exit
code is 1; so it is if there was nothing to compare.

Example:
  gpu-credit verify events.csv.gz --policy carry";

const GENERATE_HELP: &str = "\
The same arguments make the same file, always. A file whose name ends in .gz is
gzip.

Example:
  gpu-credit generate --shape late --seed 7 --accounts 20 --usage 20000 \\
    --grants 300 --queries 500 --output events.csv.gz";

#[derive(Args)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) events: EventsArguments,
    /// What computes the answers
    #[arg(long, value_enum, default_value_t = EngineName::Indexed)]
    pub(crate) engine: EngineName,
    /// What the answers are written as
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) escape: EscapeArguments,
}

#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) events: EventsArguments,
}

/// An events file and how to take it.
#[derive(Args)]
pub(crate) struct EventsArguments {
    /// The events file, plain or gzip; - for standard input
    pub(crate) file: PathBuf,
    /// What happens to usage beyond what is available, in every account: carry, carry:C or forfeit
    /// (see gpu-credit account create --help)
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    pub(crate) policy: Overdraft,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum EngineName {
    /// The ledger itself
    Indexed,
    /// Full replay with a sorted list
    List,
    /// Full replay with a heap
    Heap,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A header, and a row for each question
    Csv,
    /// An object on a line for each question
    Json,
}

/// Rows of one kind, at most: they are all held in memory.
const ROWS_MAX: i64 = 100_000_000;

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// The character of the file
    #[arg(long, value_parser = shape_parser())]
    shape: Shape,
    /// Other seeds make other files of the same character
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Accounts
    #[arg(long, default_value = "1", value_parser = accounts_parser())]
    accounts: NonZeroU32,
    /// Usage rows in the whole file
    #[arg(long, value_parser = rows_parser())]
    usage: u32,
    /// Grant rows in the whole file
    #[arg(long, value_parser = rows_parser())]
    grants: u32,
    /// Balance rows (questions) in the whole file
    #[arg(long, value_parser = rows_parser())]
    queries: u32,
    /// Write a column of ids, by which import knows each record again
    #[arg(long)]
    pub(crate) ids: bool,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

impl GenerateArguments {
    pub(crate) fn workload(&self) -> Workload {
        Workload {
            shape: self.shape,
            seed: self.seed,
            accounts: self.accounts,
            usage: self.usage,
            grants: self.grants,
            queries: self.queries,
        }
    }
}

fn shape_parser() -> impl TypedValueParser<Value = Shape> {
    PossibleValuesParser::new(Shape::ALL.map(Shape::as_str)).try_map(|name| name.parse::<Shape>())
}

fn accounts_parser() -> impl TypedValueParser<Value = NonZeroU32> {
    clap::value_parser!(u32)
        .range(1..=ROWS_MAX)
        .try_map(NonZeroU32::try_from)
}

fn rows_parser() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(0..=ROWS_MAX)
}
