//! Row S6: late usage by how much has happened since.

use std::hint::black_box;

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::BareReplay;
use gpu_credit_benches::workload::{ARRIVAL_SECONDS, Mix, Write};
use gpu_credit_workload::random::Random;

use super::late::{full_size, series};
use super::ledger::{Workload, replay_write};
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

/// Usage added so many seconds before the end, give or take a tenth, and retracted again.
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
        let (done, time) = timed(|| add_and_retract(writer, &usage, end));
        done?;
        parties[0].samples.push(nanoseconds(time, 2 * usage.len()));
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

/// Each write settled, with a question at the end, and then the same without it.
fn add_and_retract(writer: &mut Writer, writes: &[Write], end: i64) -> Result<()> {
    for write in writes {
        for write in [*write, write.inverse(0)] {
            writer.apply(&write)?;
            writer.account.settle();
            black_box(writer.account.get_balance(end));
        }
    }
    Ok(())
}
