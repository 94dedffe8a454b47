//! The engine against both replays, after every step of random interleaved operations.

use std::collections::HashSet;

use gpu_credit::{GpuCredit, Options, Overdraft, Record as Posting};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Grant, Numbers, Operation, Record};

use crate::ledgers::books::Books;
use crate::ledgers::{Ledgers, policy, sizes};
use crate::{assert_deep, ledger_count};

/// The most late writes that were pending.
fn compare(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) -> u64 {
    let mut ledgers = Ledgers::new(sizes(overdraft, seed));
    let mut done = Vec::new();
    for operation in small::from_seed(seed, numbers).take(length) {
        let step = std::panic::AssertUnwindSafe(|| {
            ledgers.run(&operation);
            ledgers.engine.assert_invariants();
        });
        let outcome = std::panic::catch_unwind(step);
        done.push(operation);
        if outcome.is_err() {
            panic!("seed {seed}, {numbers:?}, {overdraft:?}, after {done:#?}");
        }
    }
    let rest = std::panic::AssertUnwindSafe(|| {
        ledgers.count_pending();
        ledgers.ask_all();
        ledgers.engine.settle();
        ledgers.engine.assert_invariants();
        ledgers.ask_all();
    });
    if std::panic::catch_unwind(rest).is_err() {
        panic!("seed {seed}, {numbers:?}, {overdraft:?}, asked after {done:#?}");
    }
    ledgers.pending_most
}

#[test]
fn agrees_with_both_replays_after_every_step() {
    let mut deepest = 0;
    for seed in 0..ledger_count() {
        let numbers = Numbers::ALL[(seed / 4 % 4) as usize];
        let length = 4 + (seed % 61) as usize;
        deepest = deepest.max(compare(seed, numbers, policy(seed), length));
    }
    assert_deep(deepest, 4);
}

/// Some hundred operations, so that structures grow deep and many late writes are pending at once.
#[test]
fn long_ledgers_agree_too() {
    let mut deepest = 0;
    for seed in 0..ledger_count().div_ceil(20).max(200) {
        let length = 200 + 5 * (seed % 61) as usize;
        deepest = deepest.max(compare(seed, Numbers::Wide, policy(seed), length));
    }
    assert_deep(deepest, 10);
}

/// So many grants are live that copying what remains of them passes the budget of a write, which is
/// that of two chunks.
#[test]
fn ledgers_with_many_live_grants_agree_too() {
    for seed in 0..ledger_count().div_ceil(40).max(100) {
        let mut random = Random::new(!seed);
        let options = sizes(policy(seed), seed).boundary_chunk(4);
        let mut ledgers = Ledgers::new(options);
        let live = (0..80).map(|_| {
            Record::Grant(Grant {
                amount: 1 + random.below(9),
                timestamp: random.between(-20, 0),
                expiration: 200 + random.below(200),
                priority: [0, 0, 0, -7, 7][random.below(5) as usize],
            })
        });
        let live = Operation::PostMany(live.collect());
        let operations = small::from_seed(seed, Numbers::Small).take(40 + (seed % 60) as usize);
        let run = std::panic::AssertUnwindSafe(|| {
            for operation in std::iter::once(live).chain(operations) {
                ledgers.run(&operation);
                ledgers.engine.assert_invariants();
            }
            ledgers.ask_all();
        });
        if std::panic::catch_unwind(run).is_err() {
            panic!("seed {seed}");
        }
    }
}

#[test]
fn all_sizes_and_policies_are_drawn() {
    let (mut drawn, mut policies) = (HashSet::new(), HashSet::new());
    for seed in 0..20_000 {
        let options = sizes(Overdraft::Carry, seed);
        drawn.insert(format!("{options:?}"));
        policies.insert(policy(seed));
    }
    // Chunks of both kinds, spacings.
    assert_eq!(drawn.len(), 3 * 3 * (40 + 1));
    // Two, and eleven credit lines.
    assert_eq!(policies.len(), 2 + 11);
}

#[test]
fn a_book_agrees_with_a_replay_of_each_account() {
    for seed in 0..ledger_count() / 4 {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        let mut random = Random::new(seed);
        let mut books = Books::new(seed);
        let run = std::panic::AssertUnwindSafe(|| {
            for operation in small::from_seed(seed, numbers).take(20 + (seed % 100) as usize) {
                books.run(random.below(256) as u8, &operation);
            }
            books.ask_all();
        });
        if std::panic::catch_unwind(run).is_err() {
            panic!("seed {seed}, {numbers:?}");
        }
    }
}

/// Under `Forfeit` a level counts what was dropped, and passes 2^64 for as long as the grants before
/// it are not repaired. What searches go by may not depend on that.
#[test]
fn levels_that_wrap_before_a_repair_leave_sums_right() {
    const FIRST: i64 = i64::MIN;
    const LAST: i64 = i64::MAX;
    let options = Options::default()
        .overdraft(Overdraft::Forfeit)
        .usage_chunk(4)
        .boundary_chunk(4);
    let mut account = GpuCredit::with_options(options);
    account.add_credit("", 6, FIRST, 1).unwrap();
    account.add_credit("", 8, FIRST + 5, 0).unwrap();
    account.add_credit("", 7, FIRST + 1, 0).unwrap();
    let many = [
        Posting::grant("", 6, LAST - 3, 3),
        Posting::grant("", 6, FIRST + 4, 0),
        Posting::usage(2, LAST - 4),
    ];
    account.extend(many).unwrap();
    account.add_credit("", 4, FIRST + 4, u64::MAX - 5).unwrap();
    account.add_credit("", 4, FIRST + 1, u64::MAX - 2).unwrap();
    account.subtract(i64::MAX as u64 - 4, FIRST + 3).unwrap();
    account.add_credit("", 8, LAST - 3, 0).unwrap();
    account.settle();
    account.assert_invariants();
    account.add_credit("", 2, FIRST, 3).unwrap();
    account.assert_invariants();
}
