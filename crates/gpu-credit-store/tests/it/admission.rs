//! Admission, as `docs/recipes/rust-service.md` says it: as much as fits, whoever asks at once.

use std::collections::BTreeSet;
use std::sync::{Barrier, Mutex};
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::Posting;

use crate::support::{Memory, TestStore, seeds, store_in_memory};
use gpu_credit_workload::random::Random;

const THREADS: u64 = 8;

/// The recipe: check and post under one lock. Whether the request is admitted.
fn admit(store: &TestStore, deciding: &Mutex<()>, request: &str, price_max: u64, now: i64) -> bool {
    let _deciding = deciding.lock().unwrap();
    if store.entry("team", &request.into()).unwrap().is_some() {
        return true;
    }
    let spendable = store.with_account("team", |account| account.spendable(now));
    if spendable.unwrap().unwrap() < price_max {
        return false;
    }
    let posting = Posting::usage("team", request, price_max, now);
    store.post(posting).unwrap();
    true
}

fn team(policy: Overdraft) -> (Memory, TestStore) {
    let (memory, store) = store_in_memory();
    store.open_account("team", policy).unwrap();
    store
        .post(Posting::grant("team", "g", "", 100, 0, 999))
        .unwrap();
    (memory, store)
}

/// Regression: the recipe checked first and posted after it, without a lock; of one request that fits,
/// eight were admitted.
#[test]
fn of_eight_requests_at_once_one_is_admitted_if_one_fits() {
    let (_memory, store) = team(Overdraft::Carry);
    let (deciding, begin) = (Mutex::new(()), Barrier::new(THREADS as usize));
    let admitted = thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| {
            let (store, deciding, begin) = (&store, &deciding, &begin);
            scope.spawn(move || {
                begin.wait();
                admit(store, deciding, &format!("req-{thread}"), 100, 10)
            })
        });
        let threads: Vec<_> = threads.collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
        admitted.filter(|admitted| *admitted).count()
    });
    assert_eq!(admitted, 1);
    assert_eq!(store.balance_at("team", 999).unwrap().deficit, 0);
}

/// Whatever the prices and the order of the clocks, what is admitted is drawn whole; and what is sent
/// again is posted once.
#[test]
fn whatever_is_admitted_is_drawn_whole() {
    for seed in 0..seeds(20) {
        let policies = [
            Overdraft::Carry,
            Overdraft::CarryUpTo(0),
            Overdraft::Forfeit,
        ];
        let (_memory, store) = team(policies[seed as usize % policies.len()]);
        // Planned beside the requests, and drawn from a grant that begins within their time.
        store
            .post(Posting::grant("team", "late", "", 30, 50, 20))
            .unwrap();
        store
            .post(Posting::usage("team", "planned", 60, 90))
            .unwrap();
        let deciding = Mutex::new(());
        let admitted = thread::scope(|scope| {
            let threads = (0..THREADS).map(|thread| {
                let (store, deciding) = (&store, &deciding);
                scope.spawn(move || {
                    let mut random = Random::new(seed * THREADS + thread);
                    let mut admitted = BTreeSet::new();
                    for _ in 0..10 {
                        let request = format!("req-{}", random.below(60));
                        let (price, now) = (random.below(20), random.below(100) as i64);
                        if admit(store, deciding, &request, price, now) {
                            admitted.insert(request);
                        }
                    }
                    admitted
                })
            });
            let threads: Vec<_> = threads.collect();
            let admitted = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            admitted.collect::<BTreeSet<_>>()
        });
        assert!(!admitted.is_empty(), "seed {seed}");
        let usage = store.with_account("team", |account| {
            let ledger = account.ledger();
            assert_eq!(ledger.first_uncovered(..), None, "seed {seed}");
            ledger.usage_count()
        });
        assert_eq!(usage.unwrap(), admitted.len() + 1, "seed {seed}");
    }
}
