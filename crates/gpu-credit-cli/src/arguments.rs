//! What the program is told on the command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gpu_credit::Overdraft;
use gpu_credit_workload::{Shape, Workload};

/// Exact credit balances at any instant, from files of events in arrival order.
#[derive(Parser)]
#[command(name = "gpu-credit", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
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

const REPLAY_HELP: &str = "\
The events file is CSV, plain or gzip, with the header
  kind,account,credit_id,amount,timestamp,expiration
where kind is grant, usage or balance (a question) and unused fields are empty.
Each question is answered by a row
  account,timestamp,balance,status,deficit
with an empty balance for none, and one of the statuses inactive, overdrawn,
spent and available.

Example:
  gpu-credit replay events.csv.gz --policy forfeit > answers.csv";

const VERIFY_HELP: &str = "\
The engines are indexed, list and heap; under --policy forfeit also the keyed
calculator of the classic exercise, in accounts whose records come in time
order. Where two disagree, the shortest reproduction found is written to
standard output as an events file, and the exit code is 1.

Example:
  gpu-credit verify events.csv.gz --policy carry";

const GENERATE_HELP: &str = "\
The same arguments make the same file, always.

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
    /// What happens to usage beyond what is available, in every account
    #[arg(long, value_enum, default_value_t = Policy::Carry)]
    pub(crate) policy: Policy,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// It becomes a deficit that later grants pay
    Carry,
    /// It forfeits what is left and is itself dropped
    Forfeit,
}

impl From<Policy> for Overdraft {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Carry => Overdraft::Carry,
            Policy::Forfeit => Overdraft::Forfeit,
        }
    }
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
    /// Where to write it, as gzip if the name ends in .gz; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
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
