//! Row S5: the worst that settlement can meet.

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::{BareReplay, SortedUsage, replayed};
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
    let size = (grants as u64, "grants");
    let target = Some(1.5).filter(|_| overdraft == Overdraft::Carry);
    Case::new("S5", series, size, "ns a late write", parties).at_most(target)
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
    let mut parties = [ENGINE, BARE_REPLAY].map(|name| Party::new(name, Vec::new()));
    let last = history.grants.last().map_or(0, Grant::end);
    let standing = writer.account.get_balance(last);
    let toppled = toppled(history, overdraft, last);
    let push = Write::AddUsage(domino_front());
    for _ in 0..runner.rounds() {
        let (done, time) = timed(|| -> Result<()> {
            for _ in 0..TOPPLES_A_ROUND / 2 {
                write(&mut writer, &push, last, toppled)?;
                write(&mut writer, &push.inverse(0), last, standing)?;
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
    Ok(parties.into())
}

/// Applies a write, settles, and compares the answer at the end.
fn write(writer: &mut Writer, write: &Write, last: i64, expected: Option<u64>) -> Result<()> {
    writer.apply(write)?;
    writer.account.settle();
    let balance = writer.account.get_balance(last);
    ensure!(
        balance == expected,
        "after {write:?}: {balance:?}, and a replay has {expected:?}"
    );
    Ok(())
}

/// What a replay answers once the first domino is pushed.
fn toppled(history: &History, overdraft: Overdraft, last: i64) -> Option<u64> {
    let mut history = history.clone();
    history.usage.push(domino_front());
    replayed(&history, overdraft, &[last])[0]
}
