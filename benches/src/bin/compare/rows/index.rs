//! Rows Q1 to Q4, W1, W2, M1 and R1, all of one large account, and X1, the same at other sizes.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::Spread;

use super::account::Account;
use super::{queries, replays, writes};
use crate::outcome::{Case, thousands};
use crate::runner::Runner;

/// Measures one row of a written account.
type Measure = fn(&Runner, &Account, &GpuCredit) -> Result<Case>;

/// The rows that ask, each with its target.
const QUESTIONS: [(&str, Measure, f64); 5] = [
    ("Q1", queries::single, 0.30),
    ("Q2", queries::unsorted, 0.10),
    ("Q3", queries::sorted, 0.035),
    ("Q4", queries::on_two_threads, 0.60),
    ("R1", replays::replays, 0.000_001),
];

/// The sizes of row X1, with the targets of writes in random order and of single queries. A larger one
/// is measured too, unless the run is quick.
const OTHER_SIZES: [(usize, f64, f64); 3] =
    [(1_000, 1.5, 0.8), (10_000, 1.0, 0.6), (100_000, 0.9, 0.5)];

/// Usage of row X1 that crowds at some times, each with its name. The target of single queries is one
/// for all.
const CROWDED: [(Spread, &str); 3] = [
    (Spread::WorkingHours, "usage in working hours"),
    (Spread::Bursts, "usage in bursts of 50"),
    (Spread::LastHundredth, "usage in the last hundredth"),
];
const CROWDED_TARGET: f64 = 2.0;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if runner.wants("X1") {
        for (usage_count, writes, queries) in OTHER_SIZES {
            at_other_size(runner, usage_count, (Some(writes), Some(queries)))?;
            for (spread, name) in CROWDED {
                crowded(runner, usage_count, spread, name)?;
            }
        }
        if !runner.is_quick() {
            at_other_size(runner, 1_000_000, (Some(1.0), Some(1.0)))?;
        }
    }
    if runner.wants_any(&["Q1", "Q2", "Q3", "Q4", "W1", "W2", "M1", "R1"]) {
        at_full_size(runner)?;
    }
    Ok(())
}

/// Every row at the size for which its target holds.
fn at_full_size(runner: &mut Runner) -> Result<()> {
    let account = prepare(runner, runner.size(10_000_000, 100_000), Spread::Even);
    let rounds = if runner.wants("W1") {
        runner.rounds()
    } else {
        1
    };
    let ((written, bytes), case) = writes::write(runner, &account, rounds)?;
    account.verify(&written)?;
    runner.add(case.at_most(0.50));
    if runner.wants("W2") {
        runner.add(writes::append(runner, &account)?.at_most(0.10));
    }
    if runner.wants("M1") {
        runner.add(writes::memory(&account, &written, bytes).at_most(0.70));
    }
    for (row, measure, target) in QUESTIONS {
        if runner.wants(row) {
            runner.doing(format!("{row}: asking"));
            runner.add(measure(runner, &account, &written)?.at_most(target));
        }
    }
    Ok(())
}

/// Row X1: appends and batches have no target there.
fn at_other_size(
    runner: &mut Runner,
    usage_count: usize,
    (writes_target, queries_target): (Option<f64>, Option<f64>),
) -> Result<()> {
    let account = prepare(runner, usage_count, Spread::Even);
    let ((written, _), written_at_random) = writes::write(runner, &account, runner.rounds())?;
    account.verify(&written)?;
    let cases = [
        written_at_random.at_most(writes_target),
        writes::append(runner, &account)?,
        queries::single(runner, &account, &written)?.at_most(queries_target),
        queries::unsorted(runner, &account, &written)?,
        queries::sorted(runner, &account, &written)?,
    ];
    for case in cases {
        runner.add(case.of_row("X1"));
    }
    Ok(())
}

/// Row X1, single queries: usage that is not spread evenly.
fn crowded(runner: &mut Runner, usage_count: usize, spread: Spread, name: &str) -> Result<()> {
    let account = prepare(runner, usage_count, spread);
    let written = engine::load(&account.history, Overdraft::Carry)?;
    account.verify(&written)?;
    let case = queries::single(runner, &account, &written)?;
    let series = format!("{}, {name}", case.series);
    let case = Case { series, ..case };
    runner.add(case.of_row("X1").at_most(CROWDED_TARGET));
    Ok(())
}

fn prepare(runner: &Runner, usage_count: usize, spread: Spread) -> Account {
    runner.doing(format!(
        "an account of {} usage entries",
        thousands(usage_count as u64)
    ));
    Account::new(runner, usage_count, spread)
}
