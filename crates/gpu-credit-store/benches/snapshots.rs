//! What snapshots and a limit on memory are for, with the bars that they have to meet: a first answer of an
//! account of many usage records, and a store of four times its limit on memory. Every answer is verified.
//!
//! `cargo bench -p gpu-credit-store --bench snapshots` takes a minute; with `-- 10000000` for 10 M usage records and
//! a limit of 128 MiB it takes several.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, mem};

use gpu_credit::Overdraft;
use gpu_credit_store::{Account, Posting, SnapshotChange, Snapshots, Store, StoreOptions};
use gpu_credit_workload::random::Random;

const QUICK: i64 = 500_000;
/// The first answer, at most.
const ANSWER_MAX: Duration = Duration::from_millis(10);
/// Of what folding the entries takes.
const ANSWER_SHARE: u32 = 100;
/// Of a store that is opened to post it.
const BATCH: i64 = 1_024;
const MEMORY: usize = 128 << 20;
/// There is an account for so many bytes of the limit: it takes more than four times as much.
const ACCOUNT_BYTES: u64 = 380;
const GRANTED: u64 = 1_000_000;

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let records: i64 = numbers.next().unwrap_or(QUICK);
    let folder = tempfile::tempdir().unwrap();
    // First, so that no memory of what comes before counts.
    rounds(&folder.path().join("many.redb"), records);
    first_answer(&folder.path().join("large.redb"), records);
}

fn first_answer(path: &Path, records: i64) {
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
    let (closed, _) = timed(|| drop(store));
    let at = records / 2;

    let (opened, store) = timed(|| Store::open(path).unwrap());
    let (answered, cold) = timed(|| black_box(store.get_balance("a", at).unwrap()));
    let balance = |account: &Account| account.get_balance(at).unwrap();
    let (load, loaded) = timed(|| store.with_account("a", balance).unwrap());
    assert_eq!(loaded, cold);
    let statistics = store.snapshot_statistics();
    assert_eq!((statistics.answered, statistics.read), (1, 1));
    let key = store.head("a").unwrap().account;
    let segments = store.journal().segment_numbers(&key).unwrap();
    let bytes = store.journal().segments(&key, &segments).unwrap();
    let bytes: usize = bytes.iter().flatten().map(Vec::len).sum();

    // A batch more, in a store that was opened for it.
    let usage = (0..BATCH).map(|number| Posting::usage("a", format!("more {number}"), 1, records));
    store.post_all(usage.collect()).unwrap();
    let (closed_again, _) = timed(|| drop(store));
    let store = Store::open(path).unwrap();
    let (answered_again, again) = timed(|| black_box(store.get_balance("a", at).unwrap()));
    assert_eq!(again, cold);
    assert_eq!(store.snapshot_statistics().answered, 1);
    let dropped = store.journal().snapshots(&key).unwrap();
    let change = SnapshotChange {
        dropped,
        ..SnapshotChange::default()
    };
    store.journal().change_snapshots(&key, &change).unwrap();
    drop(store);

    let options = StoreOptions::default().without_snapshots();
    let store = options.open(path).unwrap();
    let (folded, balance) = timed(|| store.get_balance("a", at).unwrap());
    assert_eq!(balance, cold);
    let share = |answered: Duration| folded.as_secs_f64() / answered.as_secs_f64();
    println!(
        "{records} usage records: closed in {closed:?}, opened in {opened:?}; first answer {answered:?}, loaded from the \
         snapshot {load:?}, folded {folded:?}: 1/{:.0}; {:.2} bytes of segments a record",
        share(answered),
        bytes as f64 / records as f64
    );
    println!(
        "{BATCH} more: closed in {closed_again:?}; first answer {answered_again:?}: 1/{:.0}",
        share(answered_again)
    );
    for answered in [answered, answered_again] {
        assert!(answered <= ANSWER_MAX, "the first answer took {answered:?}");
        assert!(
            answered <= folded / ANSWER_SHARE,
            "of {folded:?} it is too much"
        );
    }
}

fn timed<R>(run: impl FnOnce() -> R) -> (Duration, R) {
    let begun = Instant::now();
    let result = run();
    (begun.elapsed(), result)
}

/// Usage records of an account: most have few, so that what one leaves does not fit another.
const fn size(account: u64) -> u64 {
    match account {
        _ if account.is_multiple_of(5_000) => 20_000,
        _ if account.is_multiple_of(100) => 500,
        _ => 4 + account % 32,
    }
}

/// Accounts that together take four times what memory may be taken: half as many questions a round.
fn rounds(path: &Path, records: i64) {
    let limit = if records > QUICK { MEMORY } else { MEMORY / 8 };
    let store = StoreOptions::default().memory(limit).create(path).unwrap();
    let names: Vec<String> = (0..limit as u64 / ACCOUNT_BYTES)
        .map(|account| format!("account {account}"))
        .collect();
    let accounts = names.len() as u64;
    let mut postings = Vec::new();
    for (account, name) in (0..accounts).zip(&names) {
        postings.push(Posting::open_account(name, "open", Overdraft::Carry));
        postings.push(Posting::grant(name, "g", "", GRANTED, 0, None));
        let usage =
            (0..size(account)).map(|number| Posting::usage(name, number.to_string(), 1, 30));
        postings.extend(usage);
        if postings.len() > 10_000 || account + 1 == accounts {
            store.post_all(mem::take(&mut postings)).unwrap();
        }
    }
    let bytes = |name| {
        let bytes = store.with_account(name, |account| account.ledger().memory_used());
        bytes.unwrap()
    };
    let all: usize = names.iter().map(|name| bytes(name.as_str())).sum();
    assert!(all >= 4 * limit, "accounts take {all} bytes");
    let mut random = Random::new(2);
    let mut posted = vec![0; names.len()];
    for round in 0..10 {
        let (took, ()) = timed(|| {
            for number in 0..names.len() / 2 {
                let account = random.below(accounts);
                let place = usize::try_from(account).unwrap();
                let name = &names[place];
                if number % 16 == 0 {
                    let id = format!("{round} {number}");
                    store.post(Posting::usage(name, id, 1, 30)).unwrap();
                    posted[place] += 1;
                }
                let balance = match number % 2 {
                    0 => store.get_balance(name, 100),
                    _ => store.with_account(name, |account| account.get_balance(100).unwrap()),
                };
                let expected = GRANTED - size(account) - posted[place];
                assert_eq!(balance.unwrap(), Some(expected), "{name}");
            }
        });
        let resident = resident();
        println!(
            "round {round} in {took:?}: {} MB resident of a limit of {} MB, accounts of {} MB; {:?}",
            resident >> 20,
            limit >> 20,
            all >> 20,
            store.memory_statistics()
        );
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
