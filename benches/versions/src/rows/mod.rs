//! The rows of docs/benchmarks.md that must not become slower: what each takes is defined there.

mod loads;
mod queries;
mod settlement;

use anyhow::Result;
use gpu_credit_benches::check::Checksum;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Settings;
use crate::version::Version;

/// The rows, in order.
pub(crate) const IDS: [&str; 10] = ["Q1", "Q2", "Q3", "Q4", "W1", "W2", "W3", "S1", "S2", "S3"];

/// Measures and prints every row that is wanted.
///
/// # Errors
/// If the versions disagree.
pub(crate) fn run(settings: &Settings) -> Result<()> {
    println!("{:56} {:25} old again / old", "", "new / old");
    queries::run(settings)?;
    loads::run(settings)?;
    settlement::run(settings)
}

fn threads(count: usize) -> Result<ThreadPool> {
    Ok(ThreadPoolBuilder::new().num_threads(count).build()?)
}

/// The answers of an account as one number.
fn answers<V: Version>(account: &V, questions: &[i64]) -> Checksum {
    let balances = questions.iter().map(|time| account.get_balance(*time));
    balances.collect()
}
