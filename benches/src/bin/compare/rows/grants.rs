//! Rows W4 and M2: a million grants in random posting order, and what they take.

use std::cell::Cell;

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::check::same_answers;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{RawGrants, replayed};
use gpu_credit_benches::workload::{History, Mix, questions};

use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::memory::live_bytes;
use crate::names::{BTREE_MAP, ENGINE};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// Bytes of a raw grant: amount, start, length, and an id of eight letters.
const RAW_GRANT_BYTES: f64 = 32.0;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants_any(&["W4", "M2"]) {
        return Ok(());
    }
    runner.doing("posting grants");
    let mix = Mix {
        grants: runner.size(1_000_000, 10_000),
        live: 50,
        load_percent: 90,
        has_long: false,
    };
    let history = mix.history(runner.seed());
    let size = (mix.grants as u64, "grants");
    let bytes = Cell::new(0);
    let parties = post(runner, &history, &bytes)?;
    let series = "grants in random posting order";
    runner.add(Case::new("W4", series, size, "ns a write", parties).at_most(2.0));
    let by_allocator = bytes.get() as f64 / mix.grants as f64;
    let parties = vec![
        Party::new("gpu-credit, by the allocator", vec![by_allocator]),
        Party::new("raw record", vec![RAW_GRANT_BYTES]),
    ];
    let series = "memory after random grants";
    runner.add(Case::new("M2", series, size, "bytes a grant", parties));
    Ok(())
}

/// Posts the grants of a history, and keeps how many bytes they take.
fn post(runner: &Runner, history: &History, bytes: &Cell<usize>) -> Result<Vec<Party>> {
    let usage_alone = usage_alone(history)?;
    let mut verified = false;
    let engine = || {
        let account = usage_alone.clone();
        let before = live_bytes();
        let (account, time) = timed(|| with_grants(account, history));
        let account = account?;
        bytes.set(live_bytes() - before);
        if !std::mem::replace(&mut verified, true) {
            verify(runner, history, &account)?;
        }
        Ok(turn(time, history, account.granted()))
    };
    let map = || {
        let (map, time) = timed(|| raw_grants(history));
        Ok(turn(time, history, map.count_and_sum().1))
    };
    let entrants = vec![Entrant::new(ENGINE, engine), Entrant::new(BTREE_MAP, map)];
    take_turns(runner.rounds(), entrants)
}

fn with_grants(mut account: GpuCredit, history: &History) -> Result<GpuCredit> {
    for grant in &history.grants {
        engine::post_grant(&mut account, grant)?;
    }
    account.settle();
    Ok(account)
}

fn raw_grants(history: &History) -> RawGrants {
    let mut map = RawGrants::default();
    for (number, grant) in (0..).zip(&history.grants) {
        map.insert(number, grant, *b"grant-id");
    }
    map
}

/// The usage is there before the grants, so that settling them has something to do.
fn usage_alone(history: &History) -> Result<GpuCredit> {
    let mut account = engine::open(Overdraft::Carry);
    account.extend(history.usage.iter().map(engine::usage_record))?;
    Ok(account)
}

fn turn(time: std::time::Duration, history: &History, granted: u64) -> Turn {
    Turn {
        time,
        operations: history.grants.len(),
        checksum: std::iter::once(Some(granted)).collect(),
    }
}

fn verify(runner: &Runner, history: &History, account: &GpuCredit) -> Result<()> {
    let times = questions(runner.seed(), history, 20_000);
    let expected = replayed(history, account.overdraft(), &times);
    same_answers(&times, &account.get_balances(&times), &expected)
}
