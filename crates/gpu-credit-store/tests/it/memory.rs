//! Accounts leave memory and come back, and nobody can tell but by the time it takes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, Posting, StoreOptions};
use gpu_credit_workload::random::Random;

use crate::support::workload::Workload;
use crate::support::{
    Folder, assert_sound, count, reopen, reopen_with, seeds, store, store_in_memory, store_with,
};

const LIMIT: usize = 1 << 20;

/// A store with accounts of so many usage records each, all of 1.
fn filled(accounts: u64, records: i64) -> Folder {
    let (folder, store) = store();
    for account in 0..accounts {
        let name = account.to_string();
        let mut postings = vec![
            Posting::open_account(&*name, "open", Overdraft::Carry),
            Posting::grant(&*name, "g", "", 1_000_000 + account, 0, None),
        ];
        for number in 0..records {
            postings.push(Posting::usage(&*name, number.to_string(), 1, number));
        }
        store.post_all(postings).unwrap();
    }
    folder
}

#[test]
fn a_store_of_four_times_its_limit_answers_everything() {
    const ACCOUNTS: u64 = 2_000;
    let folder = filled(ACCOUNTS, 20);
    let all = reopen(&folder);
    for account in 0..ACCOUNTS {
        all.get_balance(&account.to_string(), 0).unwrap();
    }
    let taken = all.memory_statistics().used;
    assert!(taken > 4 * LIMIT, "{taken} bytes");
    drop(all);
    let store = reopen_with(&folder, StoreOptions::default().memory(LIMIT));
    let mut random = Random::new(7);
    for round in 0..3 {
        for _ in 0..ACCOUNTS {
            let account = random.below(ACCOUNTS);
            let name = account.to_string();
            if random.chance(1, 5) {
                let id = format!("{round} {account} {}", random.below(1 << 40));
                store.post(Posting::usage(&*name, id, 0, 500)).unwrap();
            }
            let balance = store.get_balance(&name, 1_000).unwrap();
            assert_eq!(balance, Some(1_000_000 + account - 20));
            let used = store.memory_statistics().used;
            assert!(used <= LIMIT, "{used} bytes");
        }
    }
    let statistics = store.memory_statistics();
    assert!(statistics.evicted > 1_000, "{statistics:?}");
    // A question to all of them needs them all at once.
    let names: Vec<String> = (0..ACCOUNTS).map(|account| account.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sum = store.with_accounts(&names, |accounts| {
        let balances = accounts.iter().map(|account| account.get_balance(1_000));
        balances
            .map(|balance| balance.unwrap().unwrap())
            .sum::<u64>()
    });
    let expected = ACCOUNTS * (1_000_000 - 20) + ACCOUNTS * (ACCOUNTS - 1) / 2;
    assert_eq!(sum.unwrap(), expected);
    store.get_balance("0", 0).unwrap();
    store.get_balance("1", 0).unwrap();
    assert!(store.memory_statistics().used <= LIMIT);
}

/// An account that takes more than the limit alone.
#[test]
fn an_account_larger_than_the_limit_is_loaded_alone() {
    let folder = filled(3, 20_000);
    let store = reopen_with(&folder, StoreOptions::default().memory(100_000));
    for _ in 0..3 {
        for account in 0..3 {
            let balance = store.with_account(&account.to_string(), |account| {
                account.get_balance(i64::MAX).unwrap()
            });
            assert_eq!(balance.unwrap(), Some(980_000 + account));
        }
    }
    let statistics = store.memory_statistics();
    assert_eq!(statistics.loaded - statistics.evicted, 1, "{statistics:?}");
    assert!(statistics.evicted >= 8, "{statistics:?}");
}

#[test]
fn an_account_is_loaded_once_however_many_wait_for_it() {
    let folder = filled(2, 5_000);
    let store = reopen_with(&folder, StoreOptions::default().memory(LIMIT));
    thread::scope(|scope| {
        for reader in 0..16 {
            let store = &store;
            scope.spawn(move || {
                let account = reader % 2;
                let balance = store.with_account(&account.to_string(), |account| {
                    account.get_balance(i64::MAX).unwrap()
                });
                assert_eq!(balance.unwrap(), Some(995_000 + account));
            });
        }
    });
    assert_eq!(store.memory_statistics().loaded, 2);
}

/// Accounts come and go while several threads post and ask: what comes of it is what a store without a limit
/// holds, to which the same was posted.
#[test]
fn accounts_come_and_go_while_others_post_and_ask() {
    let first = count("GPU_CREDIT_STORE_MEMORY_SEED", 1);
    for seed in first..first + count("GPU_CREDIT_STORE_MEMORY_SEEDS", seeds(3).max(1)) {
        println!("seed {seed}");
        let options = StoreOptions::default()
            .memory(60_000)
            .snapshot_after(8)
            .snapshot_at_end(2)
            .segment_rows(4);
        let (_folder, store) = store_with(options);
        let is_posting = AtomicBool::new(true);
        let postings = thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    let store = &store;
                    scope.spawn(move || {
                        // Each has accounts of its own, so that the order does not matter.
                        let mut workload = Workload::new(10 * seed + writer, 12);
                        let mut posted = Vec::new();
                        for _ in 0..150 {
                            let mut batch = workload.batch();
                            for posting in &mut batch {
                                posting.account.insert_str(0, &writer.to_string());
                            }
                            if store.post_all(batch.clone()).is_ok() {
                                posted.push(batch);
                            }
                        }
                        posted
                    })
                })
                .collect();
            for reader in 0..2 {
                let (store, is_posting) = (&store, &is_posting);
                scope.spawn(move || {
                    let mut random = Random::new(100 * seed + reader);
                    while is_posting.load(Ordering::SeqCst) {
                        let accounts = store.accounts().unwrap();
                        let Some(account) = accounts.get(random.below(40) as usize) else {
                            continue;
                        };
                        match store.balance_at(&account.name, 50) {
                            Ok(_) | Err(Error::NoSuchAccount(_) | Error::Closed(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
            let postings: Vec<_> = writers.into_iter().map(|one| one.join().unwrap()).collect();
            is_posting.store(false, Ordering::SeqCst);
            postings
        });
        assert!(store.memory_statistics().evicted > 0);
        let (_disk, twin) = store_in_memory();
        for batch in postings.into_iter().flatten() {
            twin.post_all(batch).unwrap();
        }
        for account in twin.accounts().unwrap() {
            let balances = [&store, &twin].map(|store| {
                let at = |at| format!("{:?}", store.balance_at(&account.name, at));
                (-5..140).map(at).collect::<Vec<_>>()
            });
            assert_eq!(balances[0], balances[1], "{}", account.name);
        }
        assert_eq!(store.snapshot_statistics().refused, 0);
        assert_sound(&store);
    }
}
