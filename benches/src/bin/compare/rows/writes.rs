//! Rows W1, W2 and M1: usage written to one large account, late and in order, and what it takes.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context, Result};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{FenwickIndex, RawMap};
use gpu_credit_benches::workload::{Entry, Grant, History, in_order};

use super::account::Account;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::memory::live_bytes;
use crate::names::{BTREE_MAP, ENGINE, FENWICK};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// How many entries are posted together, if they are not posted one by one.
const TOGETHER: usize = 16;

/// An account after row W1, and the bytes it takes on the heap.
pub(crate) type Written = (GpuCredit, usize);

/// Row W1: the grants first, untimed; then usage in posting order, timed, and settled within that time.
/// Small accounts are written many times over, so that the clock has something to measure. The
/// account that was written one by one is kept.
pub(crate) fn write(runner: &Runner, account: &Account, rounds: u32) -> Result<(Written, Case)> {
    let usage = &account.history.usage;
    let repeats = (runner.size(1_000_000, 100_000) / usage.len()).max(1);
    let kept = RefCell::new(None);
    let engine = || {
        let (written, turn) = post(account, repeats, one_by_one)?;
        kept.replace(Some(written));
        Ok(turn)
    };
    let entrants = vec![
        Entrant::new(ENGINE, engine),
        Entrant::new(BTREE_MAP, || Ok(raw_map(usage, repeats))),
        Entrant::new(format!("{ENGINE}, {TOGETHER} at a time"), || {
            Ok(post(account, repeats, together)?.1)
        }),
        Entrant::new(FENWICK, || fenwick(account, repeats)),
    ];
    let parties = take_turns(rounds, entrants)?;
    let written = kept.take().context("there is a round")?;
    let series = "writes in random order";
    let case = Case::new("W1", series, account.size(), "ns a write", parties);
    Ok((written, case))
}

fn post(
    account: &Account,
    repeats: usize,
    post: fn(&mut GpuCredit, &[Entry]) -> Result<()>,
) -> Result<(Written, Turn)> {
    let History { grants, usage, .. } = &account.history;
    let mut time = Duration::ZERO;
    let mut last = None;
    for _ in 0..repeats {
        drop(last.take());
        let bytes = live_bytes();
        let mut account = with_grants(grants)?;
        let (posted, took) = timed(|| {
            let posted = post(&mut account, usage);
            account.settle();
            posted
        });
        posted?;
        time += took;
        last = Some((account, live_bytes() - bytes));
    }
    let written = last.context("it is written once at least")?;
    let turn = Turn {
        time,
        operations: repeats * usage.len(),
        checksum: std::iter::once(Some(written.0.used())).collect(),
    };
    Ok((written, turn))
}

fn with_grants(grants: &[Grant]) -> Result<GpuCredit> {
    let mut account = engine::open(Overdraft::Carry);
    for grant in grants {
        engine::post_grant(&mut account, grant)?;
    }
    account.settle();
    Ok(account)
}

fn one_by_one(account: &mut GpuCredit, usage: &[Entry]) -> Result<()> {
    for (time, amount) in usage {
        account.subtract(*amount, *time)?;
    }
    Ok(())
}

fn together(account: &mut GpuCredit, usage: &[Entry]) -> Result<()> {
    for some in usage.chunks(TOGETHER) {
        engine::post_together(account, some)?;
    }
    Ok(())
}

fn raw_map(usage: &[Entry], repeats: usize) -> Turn {
    let mut time = Duration::ZERO;
    let mut sum = 0;
    for _ in 0..repeats {
        let (map, took) = timed(|| {
            let mut map = RawMap::default();
            for (number, entry) in (0..).zip(usage) {
                map.insert(number, *entry);
            }
            map
        });
        time += took;
        sum = map.count_and_sum().1;
    }
    Turn {
        time,
        operations: repeats * usage.len(),
        checksum: std::iter::once(Some(sum)).collect(),
    }
}

fn fenwick(account: &Account, repeats: usize) -> Result<Turn> {
    let usage = &account.history.usage;
    let mut time = Duration::ZERO;
    let mut index = FenwickIndex::new(&account.usage, &account.bare);
    for _ in 0..repeats {
        index = FenwickIndex::new(&account.usage, &account.bare);
        let ((), took) = timed(|| {
            for entry in usage {
                index.insert(*entry);
            }
        });
        time += took;
    }
    Ok(Turn {
        time,
        operations: repeats * usage.len(),
        checksum: std::iter::once(Some(index.used())).collect(),
    })
}

/// Row W2: grants and usage in time order, the grants posted when they start.
pub(crate) fn append(runner: &Runner, account: &Account) -> Result<Case> {
    let ordered = in_order(&account.history);
    let repeats = (runner.size(1_000_000, 100_000) / ordered.usage.len()).max(1);
    let engine = || {
        let mut time = Duration::ZERO;
        let mut used = 0;
        for _ in 0..repeats {
            let (appended, took) = timed(|| append_all(&ordered.grants, &ordered.usage));
            time += took;
            used = appended?.used();
        }
        Ok(Turn {
            time,
            operations: repeats * ordered.usage.len(),
            checksum: std::iter::once(Some(used)).collect(),
        })
    };
    account.verify(&append_all(&ordered.grants, &ordered.usage)?)?;
    let entrants = vec![
        Entrant::new(ENGINE, engine),
        Entrant::new(BTREE_MAP, || Ok(raw_map(&ordered.usage, repeats))),
    ];
    let parties = take_turns(runner.rounds(), entrants)?;
    let series = "appends in order";
    Ok(Case::new(
        "W2",
        series,
        account.size(),
        "ns a write",
        parties,
    ))
}

fn append_all(grants: &[Grant], usage: &[Entry]) -> Result<GpuCredit> {
    let mut account = engine::open(Overdraft::Carry);
    let mut grants = grants.iter().peekable();
    for (time, amount) in usage {
        while let Some(grant) = grants.next_if(|grant| grant.start <= *time) {
            engine::post_grant(&mut account, grant)?;
        }
        account.subtract(*amount, *time)?;
    }
    for grant in grants {
        engine::post_grant(&mut account, grant)?;
    }
    account.settle();
    Ok(account)
}

/// Row M1: what the account takes after row W1.
pub(crate) fn memory(account: &Account, written: &GpuCredit, bytes: usize) -> Case {
    let usage = &account.history.usage;
    let before = live_bytes();
    let mut map = RawMap::default();
    for (number, entry) in (0..).zip(usage) {
        map.insert(number, *entry);
    }
    let map_bytes = live_bytes() - before;
    drop(map);
    let an_entry =
        |name: &str, bytes: usize| Party::new(name, vec![bytes as f64 / usage.len() as f64]);
    let parties = vec![
        an_entry("gpu-credit, by the allocator", bytes),
        an_entry("raw record", size_of::<Entry>() * usage.len()),
        an_entry("gpu-credit, as it says itself", written.memory_used()),
        an_entry(BTREE_MAP, map_bytes),
    ];
    let series = "memory after random writes";
    Case::new("M1", series, account.size(), "bytes an entry", parties)
}
