//! Usage writes to an account under a thousand grants: in time order, and in random order.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::{Entry, History, in_order, years};

const USAGE: usize = 100_000;
const GRANTS: usize = 1_000;

fn write(criterion: &mut Criterion) {
    let shuffled = years(1, USAGE, GRANTS);
    let ordered = in_order(&shuffled);
    let used: u64 = shuffled.usage.iter().map(|entry| entry.1).sum();

    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(USAGE as u64));
    for (name, history) in [("in order", &ordered), ("late", &shuffled)] {
        let account = with_grants(history);
        let mut written = account.clone();
        post(&mut written, &history.usage);
        assert_eq!((written.used(), written.usage_count()), (used, USAGE));
        written.assert_invariants();
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || account.clone(),
                |account| post(account, &history.usage),
                BatchSize::LargeInput,
            );
        });
    }
    let account = with_grants(&shuffled);
    group.bench_function("late, 16 at a time", |bencher| {
        bencher.iter_batched_ref(
            || account.clone(),
            |account| {
                for some in shuffled.usage.chunks(16) {
                    engine::post_together(account, some).expect("within the limits");
                }
                account.settle();
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn with_grants(history: &History) -> GpuCredit {
    let mut account = engine::open(Overdraft::Carry);
    for grant in &history.grants {
        engine::post_grant(&mut account, grant).expect("within the limits");
    }
    account
}

fn post(account: &mut GpuCredit, usage: &[Entry]) {
    for (timestamp, amount) in usage {
        account
            .subtract(*amount, *timestamp)
            .expect("within the limits");
    }
    account.settle();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = write
}
criterion_main!(benches);
