//! Rows C: costs that never jump, whatever is posted and in whatever order.
//!
//! Work is counted in boundaries that settlement replays. Questions replay without counting, so
//! they are timed, against the same questions to a settled account.

mod ahead;
mod in_order;
mod one_instant;
mod one_late;
mod shapes;
mod together;
mod unsettled;

use anyhow::Result;
use gpu_credit::GpuCredit;

use crate::outcome::{Case, Party, Summary};
use crate::runner::Runner;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    one_late::run(runner)?;
    ahead::run(runner)?;
    together::run(runner)?;
    in_order::run(runner)?;
    one_instant::run(runner)?;
    shapes::run(runner)
}

/// The boundaries that some work on an account replays.
fn boundaries(
    account: &mut GpuCredit,
    work: impl FnOnce(&mut GpuCredit) -> Result<()>,
) -> Result<f64> {
    let before = account.settlement().boundaries_replayed;
    work(account)?;
    Ok((account.settlement().boundaries_replayed - before) as f64)
}

/// A case that holds the greatest count of some calls against what a call may take.
fn counted(row: &str, series: &str, size: (u64, &str), counts: &[f64], at_most: f64) -> Case {
    let parties = vec![
        Party::new("gpu-credit, at most", vec![greatest(counts)]),
        Party::new("what a call may take", vec![at_most]),
        Party::new("gpu-credit, mean", vec![mean(counts)]),
    ];
    Case::new(row, series, size, "boundaries a call", parties).at_most(1.0)
}

fn greatest(counts: &[f64]) -> f64 {
    Summary::of(counts.to_vec()).max
}

fn mean(counts: &[f64]) -> f64 {
    counts.iter().sum::<f64>() / counts.len() as f64
}
