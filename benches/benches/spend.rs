//! What may be spent by an account of a hundred thousand usage entries and a thousand grants, all of
//! them posted, so that the past knows its future; and what a plan costs it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gpu_credit::{GpuCredit, Overdraft, Record, UsageRecord};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::{Grant, History, YEARS_SECONDS, years};
use gpu_credit_replay::{HeapReplay, Replay, Usage};

const USAGE: usize = 100_000;
const GRANTS: usize = 1_000;
const NEAR: usize = 20;

fn spend(criterion: &mut Criterion) {
    let mut history = years(1, USAGE, GRANTS);
    // What it has left is left until the last boundary, so that no question is over before.
    history.grants.push(Grant {
        amount: 1 << 40,
        start: 0,
        expiration: 10 * history.seconds.unsigned_abs(),
    });
    let account = engine::load(&history, Overdraft::Carry).expect("within the limits");
    let (far, near) = (1, boundary_before_last(&history, NEAR));
    verify(&history, &account, near);

    let mut group = criterion.benchmark_group("spend");
    group.bench_function("get_balance", |bencher| {
        bencher.iter(|| black_box(account.get_balance(black_box(near))));
    });
    group.bench_function("a replay of what lies ahead", |bencher| {
        let nothing = Record::usage(0, far);
        bencher.iter(|| black_box(account.balance_if(&nothing, 11 * history.seconds)));
    });
    for (name, at) in [("20 boundaries ahead", near), ("all ahead", far)] {
        group.bench_function(format!("spendable/{name}"), |bencher| {
            bencher.iter(|| black_box(account.spendable(black_box(at))));
        });
        group.bench_function(format!("spendable_rate/{name}"), |bencher| {
            let until = at + history.seconds / 10;
            bencher.iter(|| black_box(account.spendable_rate(black_box(at)..until)));
        });
        group.bench_function(format!("runs_dry/{name}"), |bencher| {
            bencher.iter(|| black_box(account.runs_dry(1 << 20, black_box(at))));
        });
    }
    group.bench_function("first_uncovered", |bencher| {
        bencher.iter(|| black_box(account.first_uncovered(black_box(far)..)));
    });
    group.finish();
    what_if(criterion, &account);
}

/// A late record posted, asked about and retracted; the same as a plan; and what a clone costs alone.
/// Without a question between them most of many late writes in a row are not repaired.
fn what_if(criterion: &mut Criterion, account: &GpuCredit) {
    let late = UsageRecord {
        amount: 1 << 20,
        timestamp: YEARS_SECONDS / 2,
    };
    let asked = late.timestamp + 1;
    let mut posted = account.clone();
    posted.post_usage(late).expect("within the limits");
    let mut account = account.clone();
    let planned = account.what_if(&[late.into()]).expect("within the limits");
    assert_eq!(planned.get_balance(asked), posted.get_balance(asked));
    drop(planned);

    let mut group = criterion.benchmark_group("what_if");
    group.bench_function("post, ask, retract, ask", |bencher| {
        bencher.iter(|| {
            let usage = account.post_usage(late).expect("within the limits");
            black_box(account.get_balance(asked));
            account.retract_usage(usage).expect("it is there");
            black_box(account.get_balance(asked));
        });
    });
    group.bench_function("plan, ask, end, ask", |bencher| {
        bencher.iter(|| {
            let planned = account.what_if(&[late.into()]).expect("within the limits");
            black_box(planned.get_balance(asked));
            drop(planned);
            black_box(account.get_balance(asked));
        });
    });
    group.bench_function("clone", |bencher| {
        bencher.iter(|| black_box(account.clone()));
    });
    group.finish();
}

/// An instant after which so many boundaries follow, of those that are in the history.
fn boundary_before_last(history: &History, count: usize) -> i64 {
    let starts = history.grants.iter().map(|grant| grant.start);
    let ends = history
        .grants
        .iter()
        .map(|grant| grant.start.saturating_add_unsigned(grant.expiration) + 1);
    let mut boundaries: Vec<i64> = starts.chain(ends).collect();
    boundaries.sort_unstable();
    boundaries[boundaries.len() - 1 - count]
}

/// What is found leaves what is owed as it is, and one more does not.
fn verify(history: &History, account: &GpuCredit, at: i64) {
    let mut replay = HeapReplay::new(gpu_credit_replay::Overdraft::Carry);
    for grant in &history.grants {
        replay.add_credit(grant.amount, grant.start, grant.expiration);
    }
    for (timestamp, amount) in &history.usage {
        replay.subtract(*amount, *timestamp);
    }
    let fits = |usage| gpu_credit_replay::Spendable::affords(&replay, usage);
    for at in [1, at] {
        let spendable = account.spendable(at);
        assert!(fits(Usage::at(spendable, at)), "{spendable} at {at}");
        assert!(!fits(Usage::at(spendable + 1, at)), "{spendable} at {at}");
        let until = at + history.seconds / 10;
        let rate = account.spendable_rate(at..until).expect("there are ticks");
        assert!(fits(Usage::metered(rate, at..until)), "{rate} at {at}");
        assert!(!fits(Usage::metered(rate + 1, at..until)), "{rate} at {at}");
        let dry = account.runs_dry(1 << 20, at).expect("credit is limited");
        assert!(fits(Usage::metered(1 << 20, at..dry)), "{dry} from {at}");
        assert!(
            !fits(Usage::metered(1 << 20, at..dry + 1)),
            "{dry} from {at}"
        );
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = spend
}
criterion_main!(benches);
