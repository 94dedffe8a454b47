//! Bytes on the heap, as the allocator counts them: what accounts of many shapes keep, beside what
//! they say of it, and what calls take.
//!
//! A structure that is rebuilt needlessly, split too often or never joined again answers every
//! question right. It shows here.
//!
//! The allocator counts all threads, so this is a process of its own with one test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

use std::alloc::System;
use std::hint::black_box;
use std::ops::Range;

use gpu_credit::{CreditBook, GpuCredit, GrantId, Options, Overdraft, Record, UsageRecord};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers};
use ledgers::forged::{TAKEN_EACH, TAKEN_FIRST, forge};
use ledgers::{Ledgers, policy, sizes};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "it/ledgers/mod.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod ledgers;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const NANOSECONDS: i64 = 1_000_000_000;

/// Usage as it is posted together: the time, then the amount.
type Usage = Vec<(i64, u64)>;

#[test]
fn bytes_are_few_and_known() {
    warm_up();
    for shape in usage_shapes().iter().chain(&grant_shapes()) {
        keeps(shape);
    }
    keeps_small_accounts();
    late_usage_takes_nothing();
    late_usage_stands_apart();
    usage_in_order_takes_what_it_keeps();
    repairs_take_little();
    questions_take_little();
    reading_takes_what_is_there();
}

/// The threads of the pool, and what they keep, come with the first large load.
fn warm_up() {
    let mut account = GpuCredit::new();
    load(&mut account, &random_usage(400_000, YEAR, 1_000));
    let times: Vec<i64> = (0..100_000).collect();
    black_box(account.get_balances(&times));
}

/// What a call returns, and the bytes that it has taken and not given back.
fn kept<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = call();
    let change = region.change();
    (result, change.bytes_allocated - change.bytes_deallocated)
}

/// The bytes that a call takes, given back or not.
fn taken<T>(call: impl FnOnce() -> T) -> usize {
    let region = Region::new(ALLOCATOR);
    black_box(call());
    region.change().bytes_allocated
}

/// How to make an account, and what it may keep.
struct Shape {
    name: &'static str,
    build: fn(&mut GpuCredit),
    /// Of usage or grants.
    count: u32,
    /// Bytes of one of them, at most.
    each: f64,
}

fn shape(name: &'static str, count: u32, each: f64, build: fn(&mut GpuCredit)) -> Shape {
    Shape {
        name,
        build,
        count,
        each,
    }
}

fn keeps(shape: &Shape) {
    let (account, bytes) = kept(|| {
        let mut account = GpuCredit::new();
        (shape.build)(&mut account);
        account
    });
    let said = account.memory_used() - size_of::<GpuCredit>();
    assert!(
        said.abs_diff(bytes) <= bytes / 20 + 64,
        "{}: says {said} bytes and keeps {bytes}",
        shape.name
    );
    let each = f64::from(u32::try_from(bytes).unwrap()) / f64::from(shape.count);
    assert!(
        each <= shape.each,
        "{}: keeps {each} bytes each",
        shape.name
    );
}

fn usage_shapes() -> [Shape; 11] {
    const MANY: u64 = 200_000;
    [
        shape("20 entries", 20, 10.0, |account| {
            subtract_each(account, &random_usage(20, YEAR, 1_000));
        }),
        shape("200 entries", 200, 9.0, |account| {
            subtract_each(account, &random_usage(200, YEAR, 1_000));
        }),
        shape("a few more than one chunk", 300, 27.0, |account| {
            subtract_each(account, &random_usage(300, YEAR, 1_000));
        }),
        shape("in time order", 200_000, 9.2, |account| {
            let mut usage = random_usage(MANY, YEAR, 1_000);
            usage.sort_unstable();
            subtract_each(account, &usage);
        }),
        shape("in random order", 200_000, 11.2, |account| {
            subtract_each(account, &random_usage(MANY, YEAR, 1_000));
        }),
        shape("together", 200_000, 10.5, |account| {
            let usage = random_usage(MANY, YEAR, 1_000);
            account.subtract_many(&records(&usage)).unwrap();
        }),
        shape("loaded twice", 400_000, 10.5, |account| {
            load(account, &random_usage(MANY, YEAR, 1_000));
            load(account, &random_usage(MANY, YEAR, 1_000));
        }),
        shape("wide, loaded", 200_000, 20.5, |account| {
            load(account, &random_usage(MANY, YEAR * NANOSECONDS, 1 << 40));
        }),
        shape("wide, in random order", 200_000, 22.0, |account| {
            subtract_each(account, &random_usage(MANY, YEAR * NANOSECONDS, 1 << 40));
        }),
        // The ordinals of retracted records are kept, so that none is given twice.
        shape(
            "one in twenty after retractions",
            200_000,
            24.0,
            |account| {
                load_and_keep(account, &random_usage(MANY, YEAR, 1_000), 10_000);
            },
        ),
        shape("a hundred after retractions", 200_000, 24.0, |account| {
            load_and_keep(account, &random_usage(MANY, YEAR, 1_000), 100);
        }),
    ]
}

fn grant_shapes() -> [Shape; 12] {
    [
        shape("5 grants", 5, 200.0, |account| {
            random_grants(account, 5, DAY);
        }),
        shape(
            "grants in random order, not settled",
            10_000,
            150.0,
            |account| random_grants(account, 10_000, DAY),
        ),
        shape("few live", 100_000, 235.0, |account| {
            random_grants(account, 100_000, 3_600);
            account.settle();
        }),
        shape("many live", 10_000, 450.0, |account| {
            random_grants(account, 10_000, YEAR);
            load(account, &random_usage(10_000, YEAR, 900));
        }),
        shape("fifty live, half retracted", 5_000, 465.0, |account| {
            fifty_live(account);
            let grants: Vec<GrantId> = account.grants().map(|(grant, _)| grant).collect();
            for grant in grants.iter().step_by(2) {
                account.retract_grant(*grant).unwrap();
                account.settle();
            }
        }),
        shape("fifty live, all used up", 10_000, 190.0, |account| {
            fifty_live(account);
            account.subtract(5_000_000, 0).unwrap();
            account.settle();
        }),
        // What is live at the frontier is kept, and what is live now if the future is settled.
        shape("all live, settled up to now", 5_000, 270.0, |account| {
            all_live(account, 5_000);
            account.settle_to(5_001);
        }),
        shape("all live, settled for good", 5_000, 470.0, |account| {
            all_live(account, 5_000);
            account.subtract(1, 5_001).unwrap();
            account.settle();
        }),
        shape("grants that were loaded", 100_000, 152.0, |account| {
            account.extend((0..100_000).map(daily)).unwrap();
        }),
        shape("grants in time order", 100_000, 152.0, |account| {
            for day in 0..100_000 {
                account.add_credit("daily", 10, day * DAY, 86_399).unwrap();
                account.subtract(5, day * DAY).unwrap();
            }
        }),
        shape("one in ten after retractions", 100_000, 80.0, |account| {
            random_grants(account, 100_000, 3_600);
            account.settle();
            retract_from(account, 10_000);
            account.settle();
        }),
        shape("late writes that are pending", 10_000, 150.0, |account| {
            account.extend((0..10_000).map(daily)).unwrap();
            for late in 0..30 {
                account.subtract(1, late * 300 * DAY).unwrap();
            }
        }),
    ]
}

fn keeps_small_accounts() {
    const COUNT: usize = 1_000;
    let mut records = Vec::new();
    for number in 0..COUNT {
        let name = format!("account {number}");
        let usage = random_usage(20, YEAR, 1_000).into_iter();
        let usage = usage.map(|(time, amount)| Record::usage(amount, time));
        let all = usage.chain([daily(1), daily(2)]);
        records.extend(all.map(|record| (name.clone(), record)));
    }
    let (book, bytes) = kept(|| {
        let mut book = CreditBook::new();
        for (name, _) in records.iter().step_by(22) {
            book.open(name, Overdraft::Carry).unwrap();
        }
        book.ingest(&records).unwrap();
        book
    });
    let said = book.memory_used() - size_of::<CreditBook>();
    assert!(said.abs_diff(bytes) <= bytes / 20, "{said} against {bytes}");
    assert!(bytes <= 260 * COUNT, "{bytes} bytes");
}

/// The account has room for late entries, and where it has none, few chunks split.
fn late_usage_takes_nothing() {
    let mut random = Random::new(3);
    let usage = random_usage(200_000, YEAR, 1_000);
    let mut account = account_of(|account| load(account, &usage));
    let bytes = taken(|| {
        for _ in 0..10_000 {
            account.subtract(1, random.between(0, YEAR)).unwrap();
        }
    });
    assert!(bytes <= 20_000, "10,000 late entries take {bytes} bytes");
    let bytes = taken(|| {
        for (time, amount) in &usage[..10_000] {
            retract(&mut account, *amount, *time);
        }
    });
    assert!(bytes <= 700_000, "10,000 retractions take {bytes} bytes");
    let records = records(&usage[..10_000]);
    let bytes = taken(|| {
        for sixteen in records.chunks(16) {
            account.subtract_many(sixteen).unwrap();
        }
    });
    assert!(bytes <= 20_000, "10,000 entries by 16 take {bytes} bytes");
    let bytes = taken(|| account.subtract_many(&records));
    assert!(
        bytes <= 560_000,
        "10,000 entries at once take {bytes} bytes"
    );
}

/// Entries that are laid out have no room between them, so that late ones take room of their own: that
/// of a few chunks, and what is needed for a moment to divide these.
fn late_usage_stands_apart() {
    let mut random = Random::new(5);
    let usage = random_usage(100_000, YEAR, 1_000);
    let mut account = account_of(|account| load(account, &usage));
    let bytes = taken(|| {
        for _ in 0..1_000 {
            account.subtract(1, random.between(0, YEAR)).unwrap();
            account.settle();
        }
    });
    assert!(bytes <= 90_000, "1,000 late entries take {bytes} bytes");
}

/// Up to 131,072 entries are laid out as they come. Then they go into a tree once, whose chunks fill up
/// before a new one begins, and nothing else is built twice.
fn usage_in_order_takes_what_it_keeps() {
    let mut account = GpuCredit::new();
    let mut take = |times: Range<i64>, each: f64| {
        let count = times.end - times.start;
        let bytes = taken(|| {
            for time in times {
                account.subtract(1, time).unwrap();
            }
        });
        assert!(
            bytes as f64 <= each * count as f64,
            "{count} entries take {bytes} bytes"
        );
    };
    take(0..100_000, 30.0);
    take(100_000..200_000, 30.0);
    take(200_000..400_000, 9.25);
}

fn repairs_take_little() {
    let mut random = Random::new(4);
    // More than are laid out: there is room for late entries.
    let usage = (0..200_000).map(|half| Record::usage(3, half * DAY / 2));
    let mut account = account_of(|account| {
        account
            .extend((0..100_000).map(daily).chain(usage))
            .unwrap();
    });
    let mut time = || random.between(0, 100_000 * DAY);
    let bytes = taken(|| {
        for _ in 0..1_000 {
            account.subtract(1, time()).unwrap();
            account.settle();
        }
    });
    assert!(bytes <= 20_000, "1,000 late entries take {bytes} bytes");
    let bytes = taken(|| {
        for _ in 0..1_000 {
            account.add_credit("late", 10, time(), 86_399).unwrap();
            account.settle();
        }
    });
    assert!(bytes <= 1_600_000, "1,000 late grants take {bytes} bytes");
    let grants: Vec<GrantId> = account.grants().map(|(grant, _)| grant).collect();
    let bytes = taken(|| {
        for grant in grants.iter().step_by(100) {
            account.retract_grant(*grant).unwrap();
            account.settle();
        }
    });
    assert!(bytes <= 40_000, "1,000 retractions take {bytes} bytes");
    // What remains of fifty grants is written over, not written anew.
    let mut account = account_of(fifty_live);
    let bytes = taken(|| {
        for _ in 0..1_000 {
            account
                .subtract(1, random.between(0, 10_000 * DAY))
                .unwrap();
            account.settle();
        }
    });
    assert!(
        bytes <= 2_600_000,
        "1,000 late entries under 50 live grants take {bytes} bytes"
    );
}

fn questions_take_little() {
    let mut account = account_of(|account| {
        account.extend((0..100_000).map(daily)).unwrap();
    });
    account.subtract(7, 5).unwrap();
    account.settle();
    let bytes = taken(|| {
        for day in 0..1_000 {
            black_box(account.get_balance(day * DAY));
            black_box(account.balance_at(day * DAY));
            black_box(account.used_at(day * DAY));
            black_box(account.first_used_above(day.unsigned_abs()));
        }
    });
    assert_eq!(bytes, 0, "4,000 questions take nothing");
    let bytes = taken(|| {
        for day in 0..1_000 {
            black_box(account.lowest_balance(day * DAY..=(day + 1_000) * DAY));
            black_box(account.first_below(day * DAY..=(day + 1_000) * DAY, 5));
            black_box(account.remainders_at(day * DAY));
        }
    });
    assert!(bytes <= 1_200_000, "3,000 questions take {bytes} bytes");
    let times: Vec<i64> = (0..1_000).map(|day| day * DAY).collect();
    let bytes = taken(|| account.get_balances(&times));
    assert!(bytes <= 25_000, "a batch of 1,000 takes {bytes} bytes");
    assert!(taken(|| account.clone()) <= account.memory_used());
}

/// Bytes that anybody has made may say that there is much. The smallest chunks, which they may ask
/// for, take most.
fn reading_takes_what_is_there() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let mut all = Ledgers::new(sizes(policy(seed), seed));
        for operation in small::from_seed(seed, Numbers::Small).take(40) {
            all.run(&operation);
        }
        let changes: Vec<u8> = (0..random.below(32))
            .map(|_| random.below(256) as u8)
            .collect();
        let bytes = forge(&all.engine.to_bytes(), &changes);
        let taken = taken(|| GpuCredit::from_bytes(&bytes));
        let most = TAKEN_FIRST + TAKEN_EACH * bytes.len();
        assert!(
            taken <= most,
            "seed {seed}: {} bytes take {taken}",
            bytes.len()
        );
    }
    for (chunk, each) in [(4, TAKEN_EACH), (256, 16)] {
        let mut account = GpuCredit::with_options(Options::default().usage_chunk(chunk));
        let alike = UsageRecord {
            amount: 1,
            timestamp: 0,
        };
        account.subtract_many(&vec![alike; 60_000]).unwrap();
        let bytes = account.to_bytes();
        let taken = taken(|| GpuCredit::from_bytes(&bytes).unwrap());
        assert!(
            taken <= each * bytes.len(),
            "{taken} bytes in chunks of {chunk}"
        );
    }
}

fn account_of(build: impl FnOnce(&mut GpuCredit)) -> GpuCredit {
    let mut account = GpuCredit::new();
    build(&mut account);
    account
}

fn daily(day: i64) -> Record {
    Record::grant("daily", 10, day * DAY, 86_399)
}

fn random_usage(count: u64, span: i64, most: u64) -> Usage {
    let mut random = Random::new(1);
    (0..count)
        .map(|_| (random.between(0, span), random.below(most)))
        .collect()
}

fn subtract_each(account: &mut GpuCredit, usage: &[(i64, u64)]) {
    for (time, amount) in usage {
        account.subtract(*amount, *time).unwrap();
    }
}

fn records(usage: &[(i64, u64)]) -> Vec<UsageRecord> {
    let record = |&(timestamp, amount): &(i64, u64)| UsageRecord { amount, timestamp };
    usage.iter().map(record).collect()
}

fn retract(account: &mut GpuCredit, amount: u64, timestamp: i64) {
    let usage = account.find_usage(UsageRecord { amount, timestamp });
    account.retract_usage(usage.unwrap()).unwrap();
}

fn load(account: &mut GpuCredit, usage: &[(i64, u64)]) {
    let records = usage
        .iter()
        .map(|(time, amount)| Record::usage(*amount, *time));
    account.extend(records).unwrap();
}

/// Loads usage and retracts all but the first so many.
fn load_and_keep(account: &mut GpuCredit, usage: &[(i64, u64)], count: usize) {
    load(account, usage);
    for (time, amount) in &usage[count..] {
        retract(account, *amount, *time);
    }
}

fn random_grants(account: &mut GpuCredit, count: u64, length: i64) {
    let mut random = Random::new(2);
    for _ in 0..count {
        let start = random.between(0, YEAR);
        account
            .add_credit("plan", 1_000, start, length.unsigned_abs())
            .unwrap();
    }
}

/// Ten thousand grants, of which fifty are live at a time, and less is used than granted.
fn fifty_live(account: &mut GpuCredit) {
    let usage = (0..10_000).map(|day| Record::usage(400, day * DAY));
    let grants = (0..10_000).map(|day| Record::grant("plan", 500, day * DAY, 50 * 86_400));
    account.extend(grants.chain(usage)).unwrap();
}

/// Grants that start one after the other, and none ends before the last has started.
fn all_live(account: &mut GpuCredit, count: i64) {
    for start in 0..count {
        account
            .add_credit("plan", 1_000, start, count.unsigned_abs() * 2)
            .unwrap();
    }
}

/// Retracts all grants but the first so many.
fn retract_from(account: &mut GpuCredit, count: usize) {
    let grants: Vec<GrantId> = account.grants().map(|(grant, _)| grant).collect();
    for grant in &grants[count..] {
        account.retract_grant(*grant).unwrap();
    }
}
