//! What snapshots and a limit on memory are for, with the bars that they have to meet: a first answer of an
//! account of many usage records, and a store of four times its limit on memory.
//!
//! `cargo bench -p gpu-credit-store --bench snapshots` takes a minute; with `-- 10000000` for 10 M usage records
//! several.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Posting, SnapshotChange, Snapshots, Store, StoreOptions};
use gpu_credit_workload::random::Random;

const QUICK: i64 = 500_000;
/// The first answer, at most.
const ANSWER_MAX: Duration = Duration::from_millis(10);
/// Of what folding the entries takes.
const ANSWER_SHARE: u32 = 100;
const MEMORY: usize = 256 << 20;

fn main() {
    let records = std::env::args().filter_map(|argument| argument.parse().ok());
    let records: i64 = records.last().unwrap_or(QUICK);
    let folder = tempfile::tempdir().unwrap();
    first_answer(&folder.path().join("large.redb"), records);
    rounds(&folder.path().join("many.redb"), records);
}

fn first_answer(path: &std::path::Path, records: i64) {
    let store = Store::create(path).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    let mut random = Random::new(1);
    for month in 0..100 {
        let (start, length) = (month * records / 100, records.unsigned_abs() / 50);
        let id = format!("g{month}");
        let grant = Posting::grant("a", id, "month", 1 << 30, start, length);
        store.post(grant).unwrap();
    }
    for first in (0..records).step_by(50_000) {
        let usage = (first..records.min(first + 50_000)).map(|number| {
            let amount = 1 + random.below(1_000);
            Posting::usage("a", format!("job-{number}"), amount, number)
        });
        store.post_all(usage.collect()).unwrap();
    }
    let closed = Instant::now();
    drop(store);
    let closed = closed.elapsed();
    let at = records / 2;

    let opened = Instant::now();
    let store = Store::open(path).unwrap();
    let opened = opened.elapsed();
    let asked = Instant::now();
    let cold = black_box(store.get_balance("a", at).unwrap());
    let answered = asked.elapsed();
    let asked = Instant::now();
    let loaded = store.with_account("a", |account| account.get_balance(at).unwrap());
    let load = asked.elapsed();
    assert_eq!(loaded.unwrap(), cold);
    let statistics = store.snapshot_statistics();
    let key = store.head("a").unwrap().account;
    let segments = store.journal().segment_numbers(&key).unwrap();
    let bytes = store.journal().segments(&key, &segments).unwrap();
    let bytes: usize = bytes.iter().flatten().map(Vec::len).sum();
    let dropped = store.journal().snapshots(&key).unwrap();
    let change = SnapshotChange {
        dropped,
        ..SnapshotChange::default()
    };
    store.journal().change_snapshots(&key, &change).unwrap();
    drop(store);

    let store = StoreOptions::default()
        .without_snapshots()
        .open(path)
        .unwrap();
    let asked = Instant::now();
    assert_eq!(store.get_balance("a", at).unwrap(), cold);
    let folded = asked.elapsed();
    println!(
        "{records} usage records: closed in {closed:?}, opened in {opened:?}; first answer {answered:?}, loaded from the \
         snapshot {load:?}, folded {folded:?}: 1/{:.0}; {:.2} bytes of segments a record; {statistics:?}",
        folded.as_secs_f64() / answered.as_secs_f64(),
        bytes as f64 / records as f64
    );
    assert!(answered <= ANSWER_MAX, "the first answer took {answered:?}");
    assert!(
        answered <= folded / ANSWER_SHARE,
        "of {folded:?} it is too much"
    );
}

/// Accounts that together take four times what memory may be taken.
fn rounds(path: &std::path::Path, records: i64) {
    let limit = if records > QUICK { MEMORY } else { MEMORY / 8 };
    let accounts = limit as u64 / 1_000;
    let store = StoreOptions::default().memory(limit).create(path).unwrap();
    let mut taken = 0;
    let names: Vec<String> = (0..accounts)
        .map(|account| format!("account {account}"))
        .collect();
    for names in names.chunks(500) {
        let mut postings = Vec::new();
        for name in names {
            postings.push(Posting::open_account(name, "open", Overdraft::Carry));
            postings.push(Posting::grant(name, "g", "", 1_000, 0, None));
            let usage = (0..20).map(|number| Posting::usage(name, number.to_string(), 1, number));
            postings.extend(usage);
        }
        store.post_all(postings).unwrap();
    }
    for name in &names[..1_000] {
        store.get_balance(name, 0).unwrap();
    }
    taken += store.memory_statistics().used / 1_000 * names.len();
    let mut random = Random::new(2);
    for round in 0..10 {
        for number in 0..names.len() {
            let name = &names[random.below(accounts) as usize];
            if number % 16 == 0 {
                let id = format!("{round} {number}");
                store.post(Posting::usage(name, id, 0, 30)).unwrap();
            }
            assert_eq!(store.get_balance(name, 100).unwrap(), Some(980));
        }
        let resident = resident();
        println!(
            "round {round}: {} MB of a limit of {} MB resident, accounts of {} MB; {:?}",
            resident >> 20,
            limit >> 20,
            taken >> 20,
            store.memory_statistics()
        );
        assert!(taken >= 4 * limit, "they take {taken}");
        assert!(resident < limit + limit / 4 + 100_000_000);
    }
}

/// Resident memory of the process; 0 if the system does not tell.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) << 10
}
