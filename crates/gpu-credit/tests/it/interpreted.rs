//! Runs short enough for an interpreter: `.ci/long` has Miri look for undefined behaviour in them.

use gpu_credit::{GpuCredit, Overdraft, UsageRecord};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers};

use crate::ledgers::{Ledgers, tiny};

#[test]
fn a_few_operations_of_every_kind() {
    let policies = [
        Overdraft::Carry,
        Overdraft::Forfeit,
        Overdraft::CarryUpTo(5),
    ];
    for (overdraft, seed) in policies.into_iter().zip(1..) {
        let mut ledgers = Ledgers::new(tiny(overdraft, seed));
        for operation in small::from_seed(seed, Numbers::Small).take(60) {
            ledgers.run(&operation);
        }
        ledgers.engine.settle();
        ledgers.engine.assert_invariants();
    }
}

/// Batches ask for memory ahead of its use, which is the only unsafe code of the engine.
#[test]
fn batches_that_are_answered_and_posted_together() {
    let mut random = Random::new(3);
    let mut usage = || (random.between(0, 99), random.below(9));
    let mut account = GpuCredit::with_options(tiny(Overdraft::Carry, 0));
    account.add_credit("", 1_000, 0, 100).unwrap();
    for _ in 0..40 {
        let (time, amount) = usage();
        account.subtract(amount, time).unwrap();
    }
    let together: Vec<_> = (0..40).map(|_| usage()).collect();
    let records = together.iter();
    let records: Vec<UsageRecord> = records
        .map(|&(timestamp, amount)| UsageRecord { amount, timestamp })
        .collect();
    account.subtract_many(&records).unwrap();
    let times: Vec<i64> = together.iter().map(|(time, _)| *time).collect();
    let singly: Vec<_> = times
        .iter()
        .map(|time| account.get_balance(*time))
        .collect();
    assert_eq!(account.get_balances(&times), singly);
}
