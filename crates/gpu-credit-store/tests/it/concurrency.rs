//! Many threads post and ask: what comes of it is what some serial order would have given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{Account, Error, Posting, Store};

use crate::support::model::Model;
use crate::support::workload::Workload;
use crate::support::{assert_sound, everything, store, store_in_memory};
use gpu_credit_replay::Replay;

/// The order is that of the journal: each answer given while others posted is the answer of some
/// state between the entries before and after it.
#[test]
fn every_answer_is_one_of_a_serial_order() {
    let (_folder, store) = store();
    for account in ["a", "aa"] {
        store.post(Workload::opening(account)).unwrap();
    }
    let is_done = AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|seed| {
                let store = &store;
                scope.spawn(move || {
                    let mut workload = Workload::open_ended(seed, 2);
                    for _ in 0..60 {
                        let batch = workload.batch();
                        let posted = store.post_all(batch.clone());
                        if let (Ok(outcomes), true) = (posted, seed == 0) {
                            // A thread sees what it has posted.
                            let last = batch.last().unwrap().account.as_str();
                            let seen = store.with_account(last, Account::revision);
                            let last = outcomes.last().unwrap().revision();
                            assert!(seen.unwrap() >= last.unwrap());
                            assert!(
                                store
                                    .post_all(batch)
                                    .unwrap()
                                    .iter()
                                    .all(|again| !again.is_new())
                            );
                        }
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (store, is_done) = (&store, &is_done);
                scope.spawn(move || {
                    let mut answers = Vec::new();
                    while !is_done.load(Ordering::SeqCst) {
                        let before = store.last_sequence();
                        let answer = store.balance_at("a", 60).unwrap();
                        answers.push((before, answer, store.last_sequence()));
                        thread::yield_now();
                    }
                    answers
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_done.store(true, Ordering::SeqCst);
        let read = readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap());
        read.collect::<Vec<_>>()
    });
    assert_sound(&store);
    assert_serial(&store, &answers);
}

fn assert_serial(
    store: &Store,
    answers: &[(
        gpu_credit_store::Sequence,
        gpu_credit::Answer,
        gpu_credit_store::Sequence,
    )],
) {
    let mut journal: Vec<_> = everything(store).into_values().flatten().collect();
    journal.sort_by_key(|entry| entry.sequence);
    let numbers: Vec<u64> = journal.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(
        numbers,
        (1..=journal.len() as u64).collect::<Vec<_>>(),
        "no place is left out"
    );
    let mut model = Model::default();
    let mut states = vec![None];
    for entry in journal {
        let name = entry.account.name.to_string();
        model.post(&Posting::new(name, entry.id, entry.change));
        let replay = model.accounts["a"].replay();
        let answer = replay.balance_at(60);
        states.push(Some((answer.balance, answer.deficit)));
    }
    let mut different: Vec<_> = states.iter().collect();
    different.dedup();
    assert!(different.len() > 20, "there was something to see");
    assert!(answers.len() > 20, "and it was looked at");
    for (before, answer, after) in answers {
        let range = before.get() as usize..=after.get() as usize;
        let found = Some((answer.balance, answer.deficit));
        assert!(
            states[range].contains(&found),
            "{answer:?} between {before} and {after}"
        );
    }
}

/// Amounts go to and fro between two accounts; no reader sees one half of that.
#[test]
fn no_reader_sees_half_a_batch() {
    let (_folder, store) = store();
    for account in ["a", "b"] {
        store.open_account(account, Overdraft::Carry).unwrap();
        store
            .post(Posting::grant(account, "g", "", 1_000, 0, None))
            .unwrap();
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (store, is_done) = (&store, &is_done);
            scope.spawn(move || {
                for number in 0..80 {
                    let (from, to) = if number % 2 == 0 {
                        ("a", "b")
                    } else {
                        ("b", "a")
                    };
                    let id = format!("{writer}-{number}");
                    let batch = vec![
                        Posting::usage(from, &*id, 7, 5),
                        Posting::grant(to, &*id, "", 7, 5, None),
                    ];
                    store.post_all(batch).unwrap();
                }
                is_done.store(true, Ordering::SeqCst);
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::SeqCst) {
                    let sum = store.with_accounts(&["b", "a"], |accounts| {
                        let balance = |at: usize| accounts[at].get_balance(5).unwrap().unwrap();
                        balance(0) + balance(1)
                    });
                    assert_eq!(sum.unwrap(), 2_000);
                }
            });
        }
    });
    assert_sound(&store);
}

#[test]
fn deleting_and_opening_anew_is_no_damage_to_a_check() {
    let (_disk, store) = store_in_memory();
    store.open_account("a", Overdraft::Carry).unwrap();
    thread::scope(|scope| {
        let churn = scope.spawn(|| {
            for round in 0..300 {
                let of = |what: &str| format!("{what}-{round}");
                store.delete_account("a", of("delete")).unwrap();
                store
                    .post_all(vec![
                        Posting::open_account("a", of("open"), Overdraft::Carry),
                        Posting::grant("a", of("grant"), "", 10 + round, 0, 100),
                        Posting::usage("a", of("usage"), round, 50),
                    ])
                    .unwrap();
            }
        });
        while !churn.is_finished() {
            let report = store.check(20, |_| ()).unwrap();
            assert!(report.is_sound(), "{:?}", report.problems);
            let _left_out = store.export_events(Vec::new(), |_| ()).unwrap();
        }
    });
}

/// Regression: a question that used its store waited for itself, if another thread had posted meanwhile.
#[test]
fn a_question_that_uses_its_store_is_an_error() {
    let (store, other) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    for store in [&store, &other] {
        store.open_account("a", Overdraft::Carry).unwrap();
    }
    let is_refused = |error: Error| matches!(error, Error::WithinQuestion);
    let clone = store.clone();
    let within = |_: &Account| {
        // So that asking again would wait for a thread that waits for this question.
        thread::scope(|scope| {
            let posted = scope.spawn(|| clone.post(Posting::usage("a", "u", 1, 0)));
            posted.join().unwrap().unwrap();
        });
        assert!(is_refused(store.get_balance("a", 0).unwrap_err()));
        assert!(is_refused(clone.balance_at("a", 0).unwrap_err()));
        let posting = Posting::usage("a", "v", 1, 0);
        assert!(is_refused(clone.post(posting).unwrap_err()));
        assert_eq!(other.balance_at("a", 0).unwrap().deficit, 0);
    };
    store.with_account("a", within).unwrap();
    let both = store.with_accounts(&["a", "a"], |accounts| within(accounts[0]));
    both.unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.with_account("a", |_| panic!("a question that fails"))
    }));
    assert!(panicked.is_err());
    assert_eq!(store.balance_at("a", 0).unwrap().deficit, 1);
}
