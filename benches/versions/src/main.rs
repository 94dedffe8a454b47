//! The engine as it is against the engine as it was, in turns in one process: what has become
//! slower, and by how much the same code differs from itself.
//!
//! `benches/versions/run` prepares the older version, builds this program and runs it.

mod rows;
mod turns;
mod version;

use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;

/// Compares two versions of the engine. Every answer of one is compared with the other's.
#[derive(Debug, Parser)]
pub(crate) struct Settings {
    /// Rows to measure, of those of docs/benchmarks.md; all if not given
    #[arg(value_parser = PossibleValuesParser::new(rows::IDS))]
    rows: Vec<String>,
    /// Small sizes and three rounds: proves that it works, not how fast it is
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds of each row
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Of all workloads
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One round of one version, for a program that counts instructions
    #[arg(long, value_enum)]
    pub(crate) only: Option<version::Which>,
}

impl Settings {
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }

    pub(crate) fn rounds(&self) -> u32 {
        match (self.only, self.quick) {
            (Some(_), _) => 1,
            (None, true) => self.rounds.min(3),
            (None, false) => self.rounds,
        }
    }

    /// A size, or the one that stands in for it in a quick run.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn main() -> ExitCode {
    match rows::run(&Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versions: {error:#}");
            ExitCode::FAILURE
        }
    }
}
