//! Row C2: grants dated ahead, on a rolling basis.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{Grant, History, questions};

use super::unsettled::Questions;
use super::{boundaries, counted};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// Ticks that every grant is live: longer than the history.
const LENGTH: u64 = 10_000_000;

/// Ticks from usage to the start of the grant that is posted after it.
const AHEAD: i64 = 100_000;

/// Usage and a grant are posted so many times in turns.
const PAIRS: usize = 1_000;

/// Boundaries that a call may take.
const AT_MOST: f64 = 256.0;

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C2") {
        return Ok(());
    }
    runner.doing("C2: grants dated ahead");
    let live = runner.size(200_000, 20_000);
    let size = (live as u64, "grants");
    let ticks = i64::try_from(live)?;
    let mut history = History {
        grants: (0..ticks).map(grant).collect(),
        usage: Vec::new(),
        removable: 0,
        seconds: ticks + ticks / 2,
    };
    let mut account = engine::load(&history, Overdraft::Carry)?;
    let counts = post(&mut account, &mut history)?;
    let series = "usage and a grant dated ahead in turns";
    runner.add(counted("C2", series, size, &counts, AT_MOST));
    let parties = ask(runner, &account, &history)?;
    let series = "at random, after usage and a grant dated ahead in turns";
    runner.add(Case::new("C2", series, size, "ns a question", parties));
    Ok(())
}

/// Posts usage from the end of history on, and as many grants that start far later. What each call
/// replays.
fn post(account: &mut GpuCredit, history: &mut History) -> Result<Vec<f64>> {
    let mut counts = Vec::new();
    for _ in 0..PAIRS {
        let usage = (history.seconds, 1);
        let grant = grant(history.seconds + AHEAD);
        counts.push(boundaries(account, |account| {
            Ok(account.subtract(usage.1, usage.0)?)
        })?);
        counts.push(boundaries(account, |account| {
            engine::post_grant(account, &grant).map(drop)
        })?);
        history.usage.push(usage);
        history.grants.push(grant);
        history.seconds += 1;
    }
    Ok(counts)
}

/// Questions to the account as it is left, and to a settled one.
fn ask(runner: &Runner, account: &GpuCredit, history: &History) -> Result<Vec<Party>> {
    let times = questions(runner.seed(), history, runner.size(10_000, 1_000));
    let expected = replayed(history, Overdraft::Carry, &times);
    let mut settled = account.clone();
    settled.settle();
    let mut asked = Questions::new(&settled, &times, expected.clone());
    for _ in 0..runner.rounds() {
        asked.round(account, &expected)?;
    }
    Ok(asked.finish())
}

fn grant(start: i64) -> Grant {
    Grant {
        amount: 1_000,
        start,
        expiration: LENGTH,
    }
}
