//! The engine against both replays, after every step of random interleaved operations.

use gpu_credit::Overdraft;
use gpu_credit_workload::small::{self, Numbers};

use crate::ledger_count;
use crate::ledgers::{Ledgers, tiny};

fn compare(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) {
    let mut ledgers = Ledgers::new(tiny(overdraft, seed));
    let mut done = Vec::new();
    for operation in small::from_seed(seed, numbers).take(length) {
        done.push(operation);
        let step = std::panic::AssertUnwindSafe(|| {
            ledgers.run(operation);
            ledgers.engine.assert_invariants();
        });
        if std::panic::catch_unwind(step).is_err() {
            panic!("seed {seed}, {numbers:?}, {overdraft:?}, after {done:#?}");
        }
    }
    let rest = std::panic::AssertUnwindSafe(|| {
        ledgers.ask_all();
        ledgers.engine.settle();
        ledgers.engine.assert_invariants();
        ledgers.ask_all();
    });
    if std::panic::catch_unwind(rest).is_err() {
        panic!("seed {seed}, {numbers:?}, {overdraft:?}, asked after {done:#?}");
    }
}

#[test]
fn agrees_with_both_replays_after_every_step() {
    for seed in 0..ledger_count() {
        let numbers = Numbers::ALL[(seed % 3) as usize];
        let overdraft = if seed % 2 == 0 {
            Overdraft::Carry
        } else {
            Overdraft::Forfeit
        };
        let length = 4 + (seed % 60) as usize;
        compare(seed, numbers, overdraft, length);
    }
}
