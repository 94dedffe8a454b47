//! Row S5: the worst that settlement can meet.

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::{BareReplay, SortedUsage};
use gpu_credit_benches::workload::{
    Grant, History, LateWrites, Write, domino_front, dominoes, nested, nested_grant,
};

use super::ledger::{Ledger, replay_write};
use crate::measure::{nanoseconds, timed};
use crate::names::{BARE_REPLAY, ENGINE};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// Of nested windows, whose cost depends on where the write falls.
const REPLAYS_A_ROUND: usize = 100;

/// Of dominoes, which all fall every time.
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
            overdraft,
            parties,
        ));
        runner.doing(format!("S5 dominoes, {overdraft:?}"));
        let parties = topple(runner, &chain, overdraft)?;
        runner.add(case(
            &format!("{overdraft:?}, dominoes"),
            grants,
            overdraft,
            parties,
        ));
    }
    Ok(())
}

fn case(series: &str, grants: usize, overdraft: Overdraft, parties: Vec<Party>) -> Case {
    Case {
        row: "S5".to_owned(),
        series: series.to_owned(),
        size: grants as u64,
        size_of: "grants".to_owned(),
        unit: "ns a late write".to_owned(),
        target: Some(1.5).filter(|_| overdraft == Overdraft::Carry),
        parties,
    }
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

/// One unit more at the front, and one unit less again.
fn topple(runner: &Runner, history: &History, overdraft: Overdraft) -> Result<Vec<Party>> {
    let usage = SortedUsage::new(&history.usage);
    let mut writer = Writer::new(engine::load(history, overdraft)?);
    let mut bare = BareReplay::new(overdraft, &history.grants, &usage);
    let mut parties = [ENGINE, BARE_REPLAY].map(|name| Party {
        name: name.to_owned(),
        samples: Vec::new(),
    });
    let push = Write::AddUsage(domino_front());
    let unpush = push.inverse(0);
    let last = history.grants.last().map_or(0, Grant::end);
    let standing = writer.account.get_balance(last);
    let mut toppled = standing;
    for _ in 0..runner.rounds() {
        let (done, time) = timed(|| -> Result<()> {
            for _ in 0..TOPPLES_A_ROUND / 2 {
                for write in [&push, &unpush] {
                    writer.apply(write)?;
                    writer.account.settle();
                    let balance = writer.account.get_balance(last);
                    if *write == push {
                        toppled = balance;
                    } else {
                        ensure!(balance == standing, "a chain stands up again as it was");
                    }
                }
            }
            Ok(())
        });
        done?;
        parties[0].samples.push(nanoseconds(time, TOPPLES_A_ROUND));
        let times = (0..TOPPLES_A_ROUND).map(|_| replay_write(&mut bare, &push, 0, &usage));
        parties[1]
            .samples
            .push(nanoseconds(times.sum(), TOPPLES_A_ROUND));
    }
    let mut with_push = history.clone();
    with_push.usage.push(domino_front());
    let pushed_usage = SortedUsage::new(&with_push.usage);
    let pushed = BareReplay::new(overdraft, &history.grants, &pushed_usage);
    let expected = pushed.balances(&pushed_usage, &[last]);
    ensure!(
        [toppled] == expected[..],
        "toppled: {toppled:?}, and a replay has {expected:?}"
    );
    Ok(parties.into())
}
