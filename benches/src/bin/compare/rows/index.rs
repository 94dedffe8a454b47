//! Rows Q1 to Q4, W1, W2, M1, R1, and X1: queries of one large account, and writes to it.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{FenwickIndex, RawMap};
use gpu_credit_benches::workload::{Entry, Grant, in_order};
use gpu_credit_replay::{HeapReplay, ListReplay, Replay};

use super::account::Account;
use super::batches;
use super::names::{ANSWER_TABLE, BTREE_MAP, ENGINE, FENWICK};
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::memory::live_bytes;
use crate::outcome::{Case, Party, thousands};
use crate::runner::Runner;

/// How many entries are posted together where they are not posted one by one.
const TOGETHER: usize = 16;

/// A batch of row Q2.
const BATCH: usize = 4_096;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if runner.wants("X1") {
        for (usage_count, target) in [(1_000, None), (10_000, None), (100_000, Some(1.0))] {
            at(runner, usage_count, true, target)?;
        }
        if !runner.is_quick() {
            at(runner, 1_000_000, true, Some(1.0))?;
        }
    }
    if runner.wants_any(&["Q1", "Q2", "Q3", "Q4", "W1", "W2", "M1", "R1"]) {
        at(runner, runner.size(10_000_000, 100_000), false, None)?;
    }
    Ok(())
}

/// All rows at one size.
fn at(runner: &mut Runner, usage_count: usize, is_x1: bool, target: Option<f64>) -> Result<()> {
    runner.doing(format!(
        "{} usage: preparing",
        thousands(usage_count as u64)
    ));
    let account = Account::new(runner, usage_count);
    let case = |row: &str, series: &str, unit: &str, own_target, parties| Case {
        row: if is_x1 { "X1" } else { row }.to_owned(),
        series: series.to_owned(),
        size: usage_count as u64,
        size_of: "usage".to_owned(),
        unit: unit.to_owned(),
        target: if is_x1 { target } else { own_target },
        parties,
    };
    let wants = |runner: &Runner, row| is_x1 || runner.wants(row);

    runner.doing(format!("{} usage: writing", thousands(usage_count as u64)));
    let rounds = if wants(runner, "W1") {
        runner.rounds()
    } else {
        1
    };
    let (written, bytes, parties) = write(runner, &account, rounds)?;
    account.verify(&written)?;
    if wants(runner, "W1") {
        runner.add(case(
            "W1",
            "writes in random order",
            "ns a write",
            Some(0.50),
            parties,
        ));
    }
    if wants(runner, "W2") {
        let parties = append(runner, &account)?;
        let mut case = case("W2", "appends in order", "ns a write", Some(0.10), parties);
        case.target = case.target.filter(|_| !is_x1);
        runner.add(case);
    }
    if runner.wants("M1") && !is_x1 {
        let parties = memory(&account, &written, bytes);
        runner.add(case(
            "M1",
            "memory after random writes",
            "bytes an entry",
            Some(0.70),
            parties,
        ));
    }
    runner.doing(format!("{} usage: asking", thousands(usage_count as u64)));
    if wants(runner, "Q1") {
        let parties = single(runner, &account, &written)?;
        runner.add(case(
            "Q1",
            "single queries",
            "ns a query",
            Some(0.30),
            parties,
        ));
    }
    if wants(runner, "Q2") {
        let parties = batches::unsorted(runner, &account, &written, BATCH)?;
        runner.add(case(
            "Q2",
            "batches of 4,096 queries",
            "ns a query",
            Some(0.10),
            parties,
        ));
    }
    if wants(runner, "Q3") {
        let parties = batches::sorted(runner, &account, &written)?;
        let mut case = case(
            "Q3",
            "sorted batch of queries",
            "ns a query",
            Some(0.035),
            parties,
        );
        case.target = case.target.filter(|_| !is_x1);
        runner.add(case);
    }
    if runner.wants("Q4") && !is_x1 {
        let parties = batches::on_two_threads(runner, &account, &written)?;
        runner.add(case(
            "Q4",
            "unsorted batch on two threads",
            "ns a query",
            Some(0.60),
            parties,
        ));
    }
    if runner.wants("R1") && !is_x1 {
        runner.doing("replaying");
        let parties = replays(runner, &account, &written)?;
        runner.add(case(
            "R1",
            "query or replay",
            "ns a query",
            Some(0.000_001),
            parties,
        ));
    }
    Ok(())
}

/// The grants first, untimed; then usage in posting order, timed, and settled within that time.
/// Small accounts are written many times over, so that the clock has something to measure.
fn write(
    runner: &Runner,
    account: &Account,
    rounds: u32,
) -> Result<(GpuCredit, usize, Vec<Party>)> {
    let (grants, usage) = (&account.history.grants, &account.history.usage);
    let repeats = (runner.size(1_000_000, 100_000) / usage.len()).max(1);
    let last = RefCell::new(None);
    let engine = |post: fn(&mut GpuCredit, &[Entry]) -> Result<()>| {
        let last = &last;
        move || {
            let mut time = Duration::ZERO;
            for _ in 0..repeats {
                drop(last.take());
                let bytes = live_bytes();
                let mut account = with_grants(grants)?;
                let (posted, took) = timed(|| {
                    post(&mut account, usage)?;
                    account.settle();
                    Ok::<(), anyhow::Error>(())
                });
                posted?;
                time += took;
                last.replace(Some((account, live_bytes() - bytes)));
            }
            let last = last.borrow();
            let answer = last.as_ref().map(|(account, _)| account.used());
            Ok(Turn {
                time,
                operations: repeats * usage.len(),
                checksum: std::iter::once(answer).collect(),
            })
        }
    };
    let entrants = vec![
        Entrant::new(ENGINE, engine(one_by_one)),
        Entrant::new(BTREE_MAP, || Ok(raw_map(usage, repeats))),
        Entrant::new(format!("{ENGINE}, {TOGETHER} at a time"), engine(together)),
        Entrant::new(FENWICK, || fenwick(account, repeats)),
    ];
    let parties = take_turns(rounds, entrants)?;
    // The last one of an even number of rounds was written some at a time: write it one by one.
    if rounds.is_multiple_of(2) || rounds == 1 {
        engine(one_by_one)()?;
    }
    let (account, bytes) = last.take().unwrap_or_else(|| (GpuCredit::new(), 0));
    Ok((account, bytes, parties))
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
        account.subtract_many(some)?;
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

/// Grants and usage as they come in time order, the grants posted when they start.
fn append(runner: &Runner, account: &Account) -> Result<Vec<Party>> {
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
    take_turns(runner.rounds(), entrants)
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

fn memory(account: &Account, written: &GpuCredit, bytes: usize) -> Vec<Party> {
    let usage = &account.history.usage;
    let before = live_bytes();
    let mut map = RawMap::default();
    for (number, entry) in (0..).zip(usage) {
        map.insert(number, *entry);
    }
    let map_bytes = live_bytes() - before;
    drop(map);
    let an_entry = |name: &str, bytes: usize| Party {
        name: name.to_owned(),
        samples: vec![bytes as f64 / usage.len() as f64],
    };
    vec![
        an_entry("gpu-credit, by the allocator", bytes),
        an_entry("raw record", size_of::<Entry>() * usage.len()),
        an_entry("gpu-credit, as it says itself", written.memory_used()),
        an_entry(BTREE_MAP, map_bytes),
    ]
}

/// Independent questions, one after the other.
fn single(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Vec<Party>> {
    let mut index = FenwickIndex::new(&account.usage, &account.bare);
    for entry in &account.history.usage {
        index.insert(*entry);
    }
    let entrants = vec![
        Entrant::new(ENGINE, || {
            Ok(ask(account, |time| written.get_balance(time)))
        }),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account))),
        Entrant::new(FENWICK, || Ok(ask(account, |time| index.get(time)))),
    ];
    take_turns(runner.rounds(), entrants)
}

pub(crate) fn ask_table(account: &Account) -> Turn {
    ask(account, |time| account.table.get(time))
}

fn ask(account: &Account, get: impl Fn(i64) -> Option<u64>) -> Turn {
    let questions = &account.questions;
    let (checksum, time) = timed(|| questions.iter().map(|time| get(*time)).collect());
    Turn {
        time,
        operations: questions.len(),
        checksum,
    }
}

/// A question near the end of history, to the account and to the replays of all its records.
fn replays(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Vec<Party>> {
    let mut heap = HeapReplay::new(gpu_credit_replay::Overdraft::Carry);
    let mut list = ListReplay::new(gpu_credit_replay::Overdraft::Carry);
    for grant in &account.history.grants {
        heap.add_credit(grant.amount, grant.start, grant.expiration);
        list.add_credit(grant.amount, grant.start, grant.expiration);
    }
    for (time, amount) in &account.history.usage {
        heap.subtract(*amount, *time);
        list.subtract(*amount, *time);
    }
    let near_the_end = account.history.seconds / 100 * 99;
    let late = |time: &&i64| **time >= near_the_end;
    let times: Vec<i64> = account.questions.iter().filter(late).copied().collect();
    let first = times.first().copied().unwrap_or(near_the_end);
    let expected: Checksum = std::iter::once(written.get_balance(first)).collect();
    let engine = || {
        let (sum, time) = timed(|| {
            let balances = times.iter().map(|time| written.get_balance(*time));
            balances.collect::<Checksum>()
        });
        std::hint::black_box(sum);
        Ok(Turn {
            time,
            operations: times.len(),
            checksum: expected,
        })
    };
    let replay = |get: &dyn Fn(i64) -> Option<u64>| {
        let (balance, time) = timed(|| get(first));
        Turn {
            time,
            operations: 1,
            checksum: std::iter::once(balance).collect(),
        }
    };
    let entrants = vec![
        Entrant::new(ENGINE, engine),
        Entrant::new("heap replay", || Ok(replay(&|time| heap.get_balance(time)))),
        Entrant::new("list replay", || Ok(replay(&|time| list.get_balance(time)))),
    ];
    take_turns(runner.rounds().min(3), entrants)
}
