//! Row S6: late usage by the number of boundaries after it.

use std::time::Duration;

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::BareReplay;
use gpu_credit_benches::workload::{ARRIVAL_SECONDS, Mix, Write};
use gpu_credit_workload::random::Random;

use super::late::{full_size, series};
use super::ledger::{Workload, replay_write, settled};
use crate::measure::{nanoseconds, timed};
use crate::names::{BARE_REPLAY, ENGINE};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

const WRITES_A_ROUND: usize = 500;
const REPLAYS_A_ROUND: usize = 4;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("S6") {
        return Ok(());
    }
    let mix = Mix {
        grants: full_size(runner),
        live: 50,
        load_percent: 90,
        has_long: false,
    };
    runner.doing("S6: by lateness");
    let workload = Workload::new(runner.seed(), mix);
    let overdraft = Overdraft::Carry;
    let mut writer = Writer::new(engine::load(&workload.history, overdraft)?);
    let mut bare = BareReplay::new(overdraft, &workload.history.grants, &workload.usage);
    let mut boundaries = 2 * mix.grants as u64;
    while boundaries >= 20 {
        let seconds = i64::try_from(boundaries * ARRIVAL_SECONDS / 2)?;
        let parties = by(runner, &workload, &mut writer, &mut bare, seconds)?;
        let series = format!("late usage, {}", series(&mix, overdraft));
        let size = (boundaries, "boundaries late");
        runner.add(Case::new("S6", series, size, "ns a late write", parties));
        boundaries /= 10;
    }
    Ok(())
}

/// Posts usage up to so many seconds before the end, at least nine tenths of that, and retracts it.
fn by(
    runner: &Runner,
    workload: &Workload,
    writer: &mut Writer,
    bare: &mut BareReplay,
    seconds: i64,
) -> Result<Vec<Party>> {
    let end = workload.history.seconds - 1;
    let mut random = Random::new(runner.seed() ^ seconds.unsigned_abs());
    let mut parties = [ENGINE, BARE_REPLAY].map(|name| Party::new(name, Vec::new()));
    let before = writer.account.get_balance(end);
    for _ in 0..runner.rounds() {
        let usage = (0..WRITES_A_ROUND).map(|_| {
            let late = random.between(seconds - seconds / 10, seconds);
            Write::AddUsage((end + 1 - late, 5 + random.below(46)))
        });
        let usage: Vec<Write> = usage.collect();
        parties[0].add_round(&add_and_retract(writer, &usage, end)?);
        let some = usage.iter().take(REPLAYS_A_ROUND);
        let time = some
            .map(|write| replay_write(bare, write, 0, &workload.usage))
            .sum();
        parties[1].samples.push(nanoseconds(time, REPLAYS_A_ROUND));
    }
    let after = writer.account.get_balance(end);
    ensure!(
        before == after,
        "usage added and retracted leaves {after:?}, not {before:?}"
    );
    Ok(parties.into())
}

/// Applies each write and then its inverse; settles and asks at the end after both. The time of each.
fn add_and_retract(writer: &mut Writer, writes: &[Write], end: i64) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(2 * writes.len());
    for write in writes {
        for write in [*write, write.inverse(0)] {
            let (balance, time) = timed(|| settled(writer, &write, end));
            balance?;
            times.push(time);
        }
    }
    Ok(times)
}
