//! Row C4: usage at the beginning of a long future, settled after each record.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::check::same_answers;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{Entry, History, daily_grants, questions};

use super::{boundaries, counted};
use crate::runner::Runner;

const CALLS: i64 = 50;

/// Ticks from one usage record to the next.
const SPACING: i64 = 3;

/// Boundaries that a record and settling it may take.
const AT_MOST: f64 = 1_000.0;

/// Posts one entry and settles.
type Post = fn(&mut GpuCredit, &Entry) -> Result<()>;

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C4") {
        return Ok(());
    }
    runner.doing("C4: usage under a long future");
    let days = runner.size(1_000_000, 10_000);
    let history = daily_grants(days);
    let settled = engine::load(&history, Overdraft::Carry)?;
    let in_order: Vec<Entry> = (0..CALLS).map(|call| (call * SPACING, 1)).collect();
    let mut backwards = in_order.clone();
    backwards.reverse();
    let series: [(&str, &[Entry], Post); 3] = [
        ("usage in time order, then settle", &in_order, by_settle),
        ("usage in time order by extend", &in_order, by_extend),
        (
            "usage earlier than the last, then settle",
            &backwards,
            by_settle,
        ),
    ];
    for (name, entries, post) in series {
        let counts = count(runner, &settled, &history, entries, post)?;
        let size = (days as u64, "grants");
        runner.add(counted("C4", name, size, &counts, AT_MOST));
    }
    Ok(())
}

/// What each call replays, but the first.
fn count(
    runner: &Runner,
    settled: &GpuCredit,
    history: &History,
    entries: &[Entry],
    post: Post,
) -> Result<Vec<f64>> {
    let mut account = settled.clone();
    let mut counts = Vec::new();
    for entry in entries {
        counts.push(boundaries(&mut account, |account| post(account, entry))?);
    }
    let mut history = history.clone();
    history.usage.extend_from_slice(entries);
    let mut times = questions(runner.seed(), &history, 10_000);
    times.extend(0..CALLS * SPACING);
    let expected = replayed(&history, Overdraft::Carry, &times);
    same_answers(&times, &account.get_balances(&times), &expected)?;
    Ok(counts.split_off(1))
}

fn by_settle(account: &mut GpuCredit, (timestamp, amount): &Entry) -> Result<()> {
    account.subtract(*amount, *timestamp)?;
    account.settle();
    Ok(())
}

fn by_extend(account: &mut GpuCredit, entry: &Entry) -> Result<()> {
    account.extend([engine::usage_record(entry)])?;
    Ok(())
}
