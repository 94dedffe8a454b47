//! A million shuffled records at once, and what it costs to clone the account they make.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{questions, years};

const USAGE: usize = 1_000_000;
const GRANTS: usize = 1_000;

fn load(criterion: &mut Criterion) {
    let history = years(1, USAGE, GRANTS);
    let times = questions(1, &history, 10_000);
    let account = engine::load(&history, Overdraft::Carry).expect("within the limits");
    assert_eq!(
        account.get_balances(&times),
        replayed(&history, Overdraft::Carry, &times)
    );

    let mut group = criterion.benchmark_group("load");
    group.throughput(Throughput::Elements(USAGE as u64));
    group.bench_function("shuffled, to the first answer", |bencher| {
        bencher.iter(|| {
            let account = engine::load(&history, Overdraft::Carry).expect("within the limits");
            black_box(account.get_balance(history.seconds / 2))
        });
    });
    group.bench_function("clone", |bencher| {
        bencher.iter(|| black_box(account.clone()));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = load
}
criterion_main!(benches);
