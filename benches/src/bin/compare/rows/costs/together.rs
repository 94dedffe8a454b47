//! Row C3: late usage posted at once, a little and a little more.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::check::same_answers;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{DAY_TICKS, Entry, History, daily_grants};
use gpu_credit_workload::random::Random;

use super::{boundaries, counted};
use crate::runner::Runner;

/// Boundaries that posting and settling may take.
const AT_MOST: f64 = 1_000.0;

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C3") {
        return Ok(());
    }
    runner.doing("C3: late usage posted at once");
    let days = runner.size(1_000_000, 10_000);
    let mut history = daily_grants(days);
    history.usage.push((history.seconds - 5, 1));
    let settled = engine::load(&history, Overdraft::Carry)?;
    let mut random = Random::new(runner.seed());
    for count in [16, 17] {
        let of_one_instant = vec![(5, 1); count];
        let instant = |_| (random.between(0, history.seconds - DAY_TICKS), 1);
        let spread: Vec<Entry> = (0..count).map(instant).collect();
        for (at, late) in [("one instant", of_one_instant), ("random instants", spread)] {
            let replayed = post(&settled, &history, &late)?;
            let series = format!("{count} late entries of {at} at once");
            let size = (days as u64, "grants");
            runner.add(counted("C3", &series, size, &[replayed], AT_MOST));
        }
    }
    Ok(())
}

/// What it replays to post some usage and to settle, if the answers are right before and after.
fn post(settled: &GpuCredit, history: &History, late: &[Entry]) -> Result<f64> {
    let mut account = settled.clone();
    let mut history = history.clone();
    history.usage.extend_from_slice(late);
    let end = history.seconds - 1;
    let times = [late[0].0, end / 2, end];
    let expected = replayed(&history, account.overdraft(), &times);
    boundaries(&mut account, |account| {
        engine::post_together(account, late)?;
        same_answers(&times, &ask(account, &times), &expected)?;
        account.settle();
        same_answers(&times, &ask(account, &times), &expected)
    })
}

fn ask(account: &GpuCredit, times: &[i64]) -> Vec<Option<u64>> {
    times
        .iter()
        .map(|time| account.get_balance(*time))
        .collect()
}
