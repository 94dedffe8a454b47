//! Rows W4 and M2: a million grants in random posting order, and what they take.

use std::cell::Cell;

use anyhow::{Result, ensure};
use gpu_credit::{GpuCredit, Overdraft, Record};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{BareReplay, RawGrants, SortedUsage};
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
    let usage_alone = usage_alone(&history)?;
    let bytes = Cell::new(0);
    let verified = Cell::new(false);
    let engine = || {
        let mut account = usage_alone.clone();
        let before = live_bytes();
        let (posted, time) = timed(|| {
            for grant in &history.grants {
                engine::post_grant(&mut account, grant)?;
            }
            account.settle();
            Ok::<(), gpu_credit::Error>(())
        });
        posted?;
        bytes.set(live_bytes() - before);
        if !verified.replace(true) {
            verify(runner, &history, &account)?;
        }
        Ok(turn(time, &history, account.granted()))
    };
    let map = || {
        let id = *b"grant-id";
        let (map, time) = timed(|| {
            let mut map = RawGrants::default();
            for (number, grant) in (0..).zip(&history.grants) {
                map.insert(number, grant, id);
            }
            map
        });
        Ok(turn(time, &history, map.count_and_sum().1))
    };
    let entrants = vec![Entrant::new(ENGINE, engine), Entrant::new(BTREE_MAP, map)];
    let parties = take_turns(runner.rounds(), entrants)?;
    let case = |row: &str, series: &str, unit: &str, target, parties| Case {
        row: row.to_owned(),
        series: series.to_owned(),
        size: mix.grants as u64,
        size_of: "grants".to_owned(),
        unit: unit.to_owned(),
        target,
        parties,
    };
    runner.add(case(
        "W4",
        "grants in random posting order",
        "ns a write",
        Some(2.0),
        parties,
    ));
    let a_grant = |name: &str, bytes: f64| Party {
        name: name.to_owned(),
        samples: vec![bytes],
    };
    let parties = vec![
        a_grant(
            "gpu-credit, by the allocator",
            bytes.get() as f64 / mix.grants as f64,
        ),
        a_grant("raw record", RAW_GRANT_BYTES),
    ];
    runner.add(case(
        "M2",
        "memory after random grants",
        "bytes a grant",
        None,
        parties,
    ));
    Ok(())
}

/// The usage is there before the grants, so that settling them has something to do.
fn usage_alone(history: &History) -> Result<GpuCredit> {
    let mut account = engine::open(Overdraft::Carry);
    let usage = history.usage.iter();
    account.extend(usage.map(|(time, amount)| Record::usage(*amount, *time)))?;
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
    let usage = SortedUsage::new(&history.usage);
    let bare = BareReplay::new(account.overdraft(), &history.grants, &usage);
    let mut times = questions(runner.seed(), history, 20_000);
    times.sort_unstable();
    let expected = bare.balances(&usage, &times);
    ensure!(
        account.get_balances(&times) == expected,
        "W4 disagrees with the bare replay"
    );
    Ok(())
}
