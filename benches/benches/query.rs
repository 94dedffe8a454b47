//! Queries of a settled account of a million usage entries: one at a time, many, and sorted.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{AnswerTable, BareReplay, SortedUsage};
use gpu_credit_benches::workload::{questions, years};

const USAGE: usize = 1_000_000;
const GRANTS: usize = 1_000;
const QUESTIONS: usize = 4_096;

fn query(criterion: &mut Criterion) {
    let history = years(1, USAGE, GRANTS);
    let account = engine::load(&history, Overdraft::Carry).expect("within the limits");
    let usage = SortedUsage::new(&history.usage);
    let replay = BareReplay::new(Overdraft::Carry, &history.grants, &usage);
    let table = AnswerTable::new(&replay, &usage);
    let questions = questions(1, &history, QUESTIONS);
    let mut sorted = questions.clone();
    sorted.sort_unstable();

    let expected: Vec<_> = questions.iter().map(|time| table.get(*time)).collect();
    let sorted_expected: Vec<_> = sorted.iter().map(|time| table.get(*time)).collect();
    let ask = |time: &i64| account.get_balance(*time);
    assert_eq!(questions.iter().map(ask).collect::<Vec<_>>(), expected);
    assert_eq!(account.get_balances(&questions), expected);
    assert_eq!(account.get_balances(&sorted), sorted_expected);

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

    // Unsettled on purpose: every question after the late usage replays boundaries.
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

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = query
}
criterion_main!(benches);
