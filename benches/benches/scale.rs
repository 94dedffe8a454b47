//! Scale: ten million usage entries in random posting order and a thousand grants in one account.
//!
//! Two claims are checked, not only timed. A settled query is at least a million times faster than
//! the heap replay of that account. And a late write, settled, replays boundaries, of which there
//! are two a grant, never the usage entries.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::{History, questions, years};
use gpu_credit_replay::{HeapReplay, Replay};

const USAGE: usize = 10_000_000;
const GRANTS: usize = 1_000;
const BOUNDARIES_MAX: u64 = 2 * GRANTS as u64;

/// How many times faster than the replay of the account a settled query is, at least.
const RATIO_MIN: f64 = 1_000_000.0;

fn scale(criterion: &mut Criterion) {
    let history = years(1, USAGE, GRANTS);
    let mut account = posted_one_by_one(&history);
    let mut replay = replay_of(&history);
    compare(&history, &account, &replay);
    write_late(&history, &mut account, &mut replay);

    let times = questions(2, &history, 1_000_000);
    let mut next = times.iter().cycle();
    criterion.bench_function("scale/settled query", |bencher| {
        bencher.iter(|| black_box(account.get_balance(*next.next().unwrap_or(&0))));
    });
    criterion.bench_function("scale/late write, settled, and a question", |bencher| {
        bencher.iter(|| {
            let time = *next.next().unwrap_or(&0);
            account.subtract(1, time).expect("within the limits");
            account.settle();
            let balance = black_box(account.get_balance(history.seconds - 1));
            engine::retract_usage(&mut account, (time, 1)).expect("it was just posted");
            account.settle();
            balance
        });
    });
}

fn posted_one_by_one(history: &History) -> GpuCredit {
    let mut account = engine::open(Overdraft::Carry);
    for grant in &history.grants {
        engine::post_grant(&mut account, grant).expect("within the limits");
    }
    for (timestamp, amount) in &history.usage {
        account
            .subtract(*amount, *timestamp)
            .expect("within the limits");
    }
    account.settle();
    account
}

fn replay_of(history: &History) -> HeapReplay {
    let mut replay = HeapReplay::new(gpu_credit_replay::Overdraft::Carry);
    for grant in &history.grants {
        replay.add_credit(grant.amount, grant.start, grant.expiration);
    }
    for (timestamp, amount) in &history.usage {
        replay.subtract(*amount, *timestamp);
    }
    replay
}

/// The query is timed over many instants, the replay over a few, of which each must agree.
fn compare(history: &History, account: &GpuCredit, replay: &HeapReplay) {
    let end = history.seconds - 1;
    for time in [end / 3, end / 2] {
        assert_eq!(
            account.get_balance(time),
            replay.get_balance(time),
            "at {time}"
        );
    }
    let start = Instant::now();
    let balance = replay.get_balance(end);
    let replayed = start.elapsed();
    assert_eq!(account.get_balance(end), balance, "at {end}");

    let times = questions(1, history, 1_000_000);
    let start = Instant::now();
    for time in &times {
        black_box(account.get_balance(*time));
    }
    let queried = start.elapsed() / 1_000_000;
    let ratio = replayed.as_secs_f64() / queried.as_secs_f64();
    println!(
        "scale: a replay takes {replayed:?}, a settled query {queried:?}: {ratio:.0} times less"
    );
    assert!(
        ratio >= RATIO_MIN,
        "{ratio:.0} times faster, and not {RATIO_MIN}"
    );
}

/// Late usage and a late grant, each settled: what was replayed, and whether the answers agree.
fn write_late(history: &History, account: &mut GpuCredit, replay: &mut HeapReplay) {
    let middle = history.seconds / 2;
    let before = account.settlement().boundaries_replayed;
    account.subtract(777, middle).expect("within the limits");
    account.settle();
    let by_usage = account.settlement().boundaries_replayed - before;
    account
        .add_credit("late", 1_000_000, middle, 86_400)
        .expect("within the limits");
    account.settle();
    let by_grant = account.settlement().boundaries_replayed - before - by_usage;
    println!("scale: late usage replayed {by_usage} boundaries, a late grant {by_grant}");
    assert!(
        by_usage <= BOUNDARIES_MAX,
        "{by_usage} boundaries, of {BOUNDARIES_MAX}"
    );
    assert!(
        by_grant <= BOUNDARIES_MAX + 2,
        "{by_grant} boundaries, of {BOUNDARIES_MAX}"
    );

    replay.subtract(777, middle);
    replay.add_credit(1_000_000, middle, 86_400);
    for time in [middle - 1, middle, history.seconds - 1] {
        assert_eq!(
            account.get_balance(time),
            replay.get_balance(time),
            "at {time}"
        );
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = scale
}
criterion_main!(benches);
