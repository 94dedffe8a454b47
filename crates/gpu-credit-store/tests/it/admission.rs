//! Admission, as `docs/recipes/rust-service.md` does it: as much as fits, whoever asks at once.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{Authorise, Posting, Settle};

use crate::support::{Memory, TestStore, seeds, store_in_memory};
use gpu_credit_workload::random::Random;

const THREADS: u64 = 8;

/// Whether the request is admitted.
fn admit(store: &TestStore, request: &str, price_max: u64, now: i64) -> bool {
    let asked = Authorise::new(request, ["team"], price_max, now..now + 600);
    let authorised = store.authorise(asked.default_start().default_end());
    authorised.unwrap().hold().is_some()
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
    let begin = Barrier::new(THREADS as usize);
    let admitted = thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| {
            let (store, begin) = (&store, &begin);
            scope.spawn(move || {
                begin.wait();
                admit(store, &format!("req-{thread}"), 100, 10)
            })
        });
        let threads: Vec<_> = threads.collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
        admitted.filter(|admitted| *admitted).count()
    });
    assert_eq!(admitted, 1);
    assert_eq!(store.balance_at("team", 999).unwrap().deficit, 0);
}

/// Whatever the prices and the order of the clocks, what is admitted and settled at its price is drawn whole;
/// and what is sent again is decided once.
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
        let admitted = thread::scope(|scope| {
            let threads = (0..THREADS).map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let mut random = Random::new(seed * THREADS + thread);
                    let mut admitted = BTreeSet::new();
                    for _ in 0..10 {
                        let number = random.below(60);
                        let (request, price) = (format!("req-{number}"), number % 20);
                        if admit(store, &request, price, random.below(100) as i64) {
                            let id = format!("{request}/price");
                            let settle = Settle::new("team", id, &*request, price);
                            store.settle(settle).unwrap();
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
        let asked = store.with_account("team", |account| {
            let ledger = account.ledger();
            assert_eq!(ledger.first_uncovered(..), None, "seed {seed}");
            assert_eq!(account.holds().count(), 0, "seed {seed}");
            ledger.usage_count()
        });
        assert_eq!(asked.unwrap(), admitted.len() + 1, "seed {seed}");
    }
}
