//! The command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::table;

/// Measures gpu-credit against its peers, checking every answer.
///
/// Example: compare --rows Q1,W1 --rounds 3
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Renders docs/benchmarks.md and its plots from the records, measuring nothing
    Render,
    /// Runs another bench and keeps what it prints for the page
    ///
    /// Example: compare keep store "The durable store" -- cargo bench -p gpu-credit-store
    Keep(KeepArguments),
    /// Runs another bench, which prints the raw figures of rows P, and keeps them as a record
    ///
    /// Example: compare record -- python crates/gpu-credit-python/bench/peers --json
    Record(RecordArguments),
    /// Parses an events file: the peer of row E1, in a process of its own
    PeerParse(PeerArguments),
}

#[derive(Debug, Args)]
pub(crate) struct KeepArguments {
    /// Name of the file that keeps it, overwritten if it is there
    pub(crate) name: String,
    /// Title of its section of the page
    pub(crate) title: String,
    /// The bench, which prints what it measured
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// The bench
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PeerArguments {
    /// An events file, gzip
    pub(crate) file: PathBuf,
    /// Parse numbers into typed lines too
    #[arg(long)]
    pub(crate) typed: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RunArguments {
    /// All rows at a small size, within a minute: proves that the benches work, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Rows to measure; all if not given
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(table::ids()))]
    rows: Vec<String>,
    /// Seed of all workloads
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Rounds of each comparison
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Keep the record and render the page even with --quick
    #[arg(long)]
    keep: bool,
}

impl RunArguments {
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// Quick figures mean nothing and are kept only if that is asked for.
    pub(crate) fn keeps_record(&self) -> bool {
        self.keep || !self.quick
    }

    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}
