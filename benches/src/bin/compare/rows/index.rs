//! Rows Q1 to Q4, W1, W2, M1 and R1, all of one large account, and X1, the same at other sizes.

use anyhow::Result;

use super::account::Account;
use super::{queries, replays, writes};
use crate::outcome::{Case, thousands};
use crate::runner::Runner;

/// A batch of row Q2.
const BATCH: usize = 4_096;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if runner.wants("X1") {
        for (usage_count, target) in [(1_000, None), (10_000, None), (100_000, Some(1.0))] {
            at(runner, usage_count, true, target)?;
        }
        if !runner.is_quick() {
            at(runner, 1_000_000, true, Some(1.0))?;
        }
    }
    if runner.wants_any(&["Q1", "Q2", "Q3", "Q4", "W1", "W2", "M1", "R1"]) {
        at(runner, runner.size(10_000_000, 100_000), false, None)?;
    }
    Ok(())
}

/// All rows at one size.
fn at(runner: &mut Runner, usage_count: usize, is_x1: bool, target: Option<f64>) -> Result<()> {
    runner.doing(format!(
        "{} usage: preparing",
        thousands(usage_count as u64)
    ));
    let account = Account::new(runner, usage_count);
    let case = |row: &str, series: &str, unit: &str, own_target, parties| Case {
        row: if is_x1 { "X1" } else { row }.to_owned(),
        series: series.to_owned(),
        size: usage_count as u64,
        size_of: "usage".to_owned(),
        unit: unit.to_owned(),
        target: if is_x1 { target } else { own_target },
        parties,
    };
    let wants = |runner: &Runner, row| is_x1 || runner.wants(row);

    runner.doing(format!("{} usage: writing", thousands(usage_count as u64)));
    let rounds = if wants(runner, "W1") {
        runner.rounds()
    } else {
        1
    };
    let ((written, bytes), parties) = writes::write(runner, &account, rounds)?;
    account.verify(&written)?;
    if wants(runner, "W1") {
        runner.add(case(
            "W1",
            "writes in random order",
            "ns a write",
            Some(0.50),
            parties,
        ));
    }
    if wants(runner, "W2") {
        let parties = writes::append(runner, &account)?;
        let mut case = case("W2", "appends in order", "ns a write", Some(0.10), parties);
        case.target = case.target.filter(|_| !is_x1);
        runner.add(case);
    }
    if runner.wants("M1") && !is_x1 {
        let parties = writes::memory(&account, &written, bytes);
        runner.add(case(
            "M1",
            "memory after random writes",
            "bytes an entry",
            Some(0.70),
            parties,
        ));
    }
    runner.doing(format!("{} usage: asking", thousands(usage_count as u64)));
    if wants(runner, "Q1") {
        let parties = queries::single(runner, &account, &written)?;
        runner.add(case(
            "Q1",
            "single queries",
            "ns a query",
            Some(0.30),
            parties,
        ));
    }
    if wants(runner, "Q2") {
        let parties = queries::unsorted(runner, &account, &written, BATCH)?;
        runner.add(case(
            "Q2",
            "batches of 4,096 queries",
            "ns a query",
            Some(0.10),
            parties,
        ));
    }
    if wants(runner, "Q3") {
        let parties = queries::sorted(runner, &account, &written)?;
        let mut case = case(
            "Q3",
            "sorted batch of queries",
            "ns a query",
            Some(0.035),
            parties,
        );
        case.target = case.target.filter(|_| !is_x1);
        runner.add(case);
    }
    if runner.wants("Q4") && !is_x1 {
        let parties = queries::on_two_threads(runner, &account, &written)?;
        runner.add(case(
            "Q4",
            "unsorted batch on two threads",
            "ns a query",
            Some(0.60),
            parties,
        ));
    }
    if runner.wants("R1") && !is_x1 {
        runner.doing("replaying");
        let parties = replays::replays(runner, &account, &written)?;
        runner.add(case(
            "R1",
            "query or replay",
            "ns a query",
            Some(0.000_001),
            parties,
        ));
    }
    Ok(())
}
