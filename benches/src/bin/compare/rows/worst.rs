//! Row S5: the worst cases of settlement.

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::{BareReplay, SortedUsage, replayed};
use gpu_credit_benches::workload::{
    Grant, History, LateWrites, Write, domino_front, dominoes, nested, nested_grant,
};

use super::ledger::{Ledger, replay_write, settled};
use crate::measure::{nanoseconds, timed};
use crate::names::{BARE_REPLAY, ENGINE};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// Replays of nested windows, whose cost depends on the time of the write.
const REPLAYS_A_ROUND: usize = 100;

/// Writes to dominoes, each of which changes every later draw.
const TOPPLES_A_ROUND: usize = 20;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("S5") {
        return Ok(());
    }
    let grants = runner.size(100_000, 2_000);
    let nested = nested(runner.seed(), grants);
    let usage = SortedUsage::new(&nested.usage);
    let chain = dominoes(grants);
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        runner.doing(format!("S5 nested, {overdraft:?}"));
        let parties = nest(runner, &nested, &usage, overdraft)?;
        runner.add(case(
            &format!("{overdraft:?}, all nested"),
            grants,
            1.3,
            parties,
        ));
        runner.doing(format!("S5 dominoes, {overdraft:?}"));
        let parties = topple(runner, &chain, overdraft)?;
        runner.add(case(
            &format!("{overdraft:?}, dominoes"),
            grants,
            2.5,
            parties,
        ));
    }
    Ok(())
}

fn case(series: &str, grants: usize, target: f64, parties: Vec<Party>) -> Case {
    let size = (grants as u64, "grants");
    Case::new("S5", series, size, "ns a late write", parties).at_most(Some(target))
}

fn nest(
    runner: &Runner,
    history: &History,
    usage: &SortedUsage,
    overdraft: Overdraft,
) -> Result<Vec<Party>> {
    let (grants, seconds) = (history.grants.len(), history.seconds);
    let late = [0, 1].map(|stream| {
        LateWrites::new(
            runner.seed() + stream,
            history,
            move |random| (random.between(0, seconds - 1), 5 + random.below(46)),
            move |random| nested_grant(grants, random),
        )
    });
    let mut ledger = Ledger::with(runner, history, usage, overdraft, late, REPLAYS_A_ROUND)?;
    for _ in 0..runner.rounds() {
        ledger.round()?;
    }
    ledger.finish()
}

/// Posts one unit more at the front, and retracts it.
fn topple(runner: &Runner, history: &History, overdraft: Overdraft) -> Result<Vec<Party>> {
    let usage = SortedUsage::new(&history.usage);
    let mut writer = Writer::new(engine::load(history, overdraft)?);
    let mut bare = BareReplay::new(overdraft, &history.grants, &usage);
    let mut parties = [ENGINE, BARE_REPLAY].map(|name| Party::new(name, Vec::new()));
    let last = history.grants.last().map_or(0, Grant::end);
    let standing = writer.account.get_balance(last);
    let toppled = toppled(history, overdraft, last);
    let push = Write::AddUsage(domino_front());
    for _ in 0..runner.rounds() {
        let mut topple_times = Vec::with_capacity(TOPPLES_A_ROUND);
        for _ in 0..TOPPLES_A_ROUND / 2 {
            for (write, expected) in [(push, toppled), (push.inverse(0), standing)] {
                let (balance, time) = timed(|| settled(&mut writer, &write, last));
                let balance = balance?;
                ensure!(
                    balance == expected,
                    "after {write:?}: {balance:?}, and a replay has {expected:?}"
                );
                topple_times.push(time);
            }
        }
        parties[0].add_round(&topple_times);
        let times = (0..TOPPLES_A_ROUND).map(|_| replay_write(&mut bare, &push, 0, &usage));
        parties[1]
            .samples
            .push(nanoseconds(times.sum(), TOPPLES_A_ROUND));
    }
    Ok(parties.into())
}

/// What a replay answers after one unit more at the front.
fn toppled(history: &History, overdraft: Overdraft, last: i64) -> Option<u64> {
    let mut history = history.clone();
    history.usage.push(domino_front());
    replayed(&history, overdraft, &[last])[0]
}
