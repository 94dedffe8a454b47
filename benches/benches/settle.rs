//! A late write, settled: a hundred thousand grants, fifty of them live at once, at several loads.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{LateWrites, Mix, questions};

fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("settle");
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        for load_percent in [50, 90, 120] {
            let mix = Mix {
                grants: 100_000,
                live: 50,
                load_percent,
                has_long: false,
            };
            let history = mix.history(1);
            let account = engine::load(&history, overdraft).expect("within the limits");
            let mut writer = Writer::new(account);
            let mut late = LateWrites::new(
                1,
                &history,
                move |random| mix.small_usage(random),
                move |random| mix.grant(random),
            );
            group.bench_function(format!("{overdraft:?}, load {load_percent} %"), |bencher| {
                bencher.iter(|| {
                    writer.apply(&late.make()).expect("within the limits");
                    writer.account.settle();
                    black_box(writer.account.get_balance(history.seconds - 1))
                });
            });

            let standing = late.standing(&history);
            let times = questions(1, &history, 10_000);
            assert_eq!(
                writer.account.get_balances(&times),
                replayed(&standing, overdraft, &times)
            );
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = settle
}
criterion_main!(benches);
