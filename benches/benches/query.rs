//! Queries of a settled account of a million usage entries: one at a time, many, and sorted.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{History, questions, years};

const USAGE: usize = 1_000_000;
const GRANTS: usize = 1_000;
const QUESTIONS: usize = 4_096;

fn query(criterion: &mut Criterion) {
    let history = years(1, USAGE, GRANTS);
    let account = engine::load(&history, Overdraft::Carry).expect("within the limits");
    let questions = questions(1, &history, QUESTIONS);
    let mut sorted = questions.clone();
    sorted.sort_unstable();
    verify(&history, &account, &questions);
    verify(&history, &account, &sorted);

    let mut group = criterion.benchmark_group("query");
    group.throughput(Throughput::Elements(QUESTIONS as u64));
    group.bench_function("one by one", |bencher| {
        bencher.iter(|| {
            for time in &questions {
                black_box(account.get_balance(*time));
            }
        });
    });
    group.bench_function("batch", |bencher| {
        bencher.iter(|| black_box(account.get_balances(&questions)));
    });
    group.bench_function("sorted batch", |bencher| {
        bencher.iter(|| black_box(account.get_balances(&sorted)));
    });
    group.bench_function("why", |bencher| {
        bencher.iter(|| {
            for time in &questions {
                black_box(account.balance_at(*time));
            }
        });
    });
    group.finish();
    unsettled(criterion, &history, &account);
}

/// The first question at the end of history after late usage, without settling.
fn unsettled(criterion: &mut Criterion, history: &History, account: &GpuCredit) {
    criterion.bench_function("query/unsettled", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut late = account.clone();
                late.subtract(1, history.seconds / 2)
                    .expect("within the limits");
                late
            },
            |late| black_box(late.get_balance(history.seconds - 1)),
            BatchSize::LargeInput,
        );
    });
}

fn verify(history: &History, account: &GpuCredit, times: &[i64]) {
    let expected = replayed(history, Overdraft::Carry, times);
    let single = times.iter().map(|time| account.get_balance(*time));
    assert_eq!(single.collect::<Vec<_>>(), expected);
    assert_eq!(account.get_balances(times), expected);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = query
}
criterion_main!(benches);
