//! Closing the books.

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Error, Posting, Refusal, Revision};
use gpu_credit_workload::random::Random;

use crate::support::{
    Folder, TestStore, assert_sound, imported_again, refusal, reopen, seeds, store, store_in_memory,
};

/// Closed up to 50: a grant before it, one across it that is half drawn, one after it.
fn closed() -> (Folder, TestStore) {
    let (folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "early", "", 10, 0, 49),
            Posting::grant("a", "across", "", 10, 0, 100),
            Posting::grant("a", "later", "", 10, 50, 100),
            Posting::usage("a", "before", 15, 10),
            Posting::usage("a", "after", 1, 60),
            Posting::close_books("a", "close", 50),
        ])
        .unwrap();
    (folder, store)
}

#[test]
fn answers_from_the_close_on_stay_and_earlier_ones_are_refused() {
    let (_folder, store) = closed();
    let after = store
        .get_balances("a", &[50, 59, 60, 100, 101, 150, 151])
        .unwrap();
    let open = store.as_recorded("a", Revision::new(6)).unwrap();
    let before = open
        .get_balances(&[50, 59, 60, 100, 101, 150, 151])
        .unwrap();
    assert_eq!(after, before);
    let error = store.get_balance("a", 49).unwrap_err();
    assert!(matches!(error, Error::Closed(closed) if closed.until == 50 && closed.timestamp == 49));
    assert_eq!(open.get_balance(49), Ok(Some(5)));
    let usage = store
        .with_account("a", |account| account.ledger().usage_count())
        .unwrap();
    assert_eq!(usage, 1, "what was before is folded away");
    assert_sound(&store);
}

#[test]
fn what_was_before_the_close_stays_as_it_is() {
    let (_folder, store) = closed();
    let refused = Refusal::BooksClosed { until: 50 };
    for posting in [
        Posting::usage("a", "1", 1, 49),
        Posting::grant("a", "1", "", 1, 49, 100),
        Posting::retract("a", "1", "before"),
        Posting::change_usage("a", "1", "before", 1),
        Posting::retract("a", "1", "early"),
        Posting::retract("a", "1", "across"),
        Posting::revoke("a", "1", "early", 20),
        Posting::revoke("a", "1", "across", 49),
        Posting::change_expiration("a", "1", "early", 100),
        Posting::change_expiration("a", "1", "across", 48),
    ] {
        assert_eq!(refusal(store.post(posting.clone())), refused, "{posting:?}");
    }
    assert_eq!(
        refusal(store.post(Posting::close_books("a", "1", 49))),
        Refusal::ClosedLater { until: 50 }
    );
    // A retry of what is before the close is known all the same.
    assert!(
        !store
            .post(Posting::usage("a", "before", 15, 10))
            .unwrap()
            .is_new()
    );
    for posting in [
        Posting::usage("a", "2", 1, 50),
        Posting::grant("a", "3", "", 1, 50, 0),
        Posting::change_expiration("a", "4", "across", None),
        Posting::change_expiration("a", "5", "across", 49),
        Posting::change_expiration("a", "6", "later", 10),
        Posting::revoke("a", "7", "later", 0),
        Posting::retract("a", "8", "later"),
        Posting::retract("a", "9", "after"),
        Posting::close_books("a", "10", 50),
        Posting::close_books("a", "11", 60),
    ] {
        store
            .post(posting.clone())
            .unwrap_or_else(|error| panic!("{posting:?}: {error}"));
        assert_sound(&store);
    }
}

#[test]
fn a_deficit_is_carried_over_the_close() {
    let (_folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::usage("a", "u", 15, 10),
            Posting::grant("a", "empty", "", 0, 0, 100),
            Posting::close_books("a", "close", 50),
            Posting::grant("a", "g", "", 20, 70, 10),
        ])
        .unwrap();
    let deficits = [50, 69, 70].map(|at| store.balance_at("a", at).unwrap().deficit);
    assert_eq!(deficits, [15, 15, 0]);
    assert_eq!(
        store.get_balances("a", &[70, 80, 81]).unwrap(),
        [Some(5), Some(5), Some(0)]
    );
    assert_sound(&store);
}

/// At every instant, under every policy: closing there changes no later answer.
#[test]
fn closing_changes_no_answer_from_there_on() {
    for seed in 0..seeds(40) {
        let (_disk, store) = store_in_memory();
        let mut random = Random::new(seed);
        for (name, policy) in [
            ("carry", Overdraft::Carry),
            ("forfeit", Overdraft::Forfeit),
            ("line", Overdraft::CarryUpTo(7)),
            ("invoice", Overdraft::CarryUpTo(0)),
        ] {
            store.open_account(name, policy).unwrap();
            let records = (0..30).map(|number| {
                let (amount, at) = (random.below(10), random.between(0, 30));
                let id = number.to_string();
                match random.below(6) {
                    0..2 => Posting::grant(name, id, "", 3 * amount, at, random.below(15))
                        .priority(random.between(-1, 1) as i16),
                    2..5 => Posting::usage(name, id, amount, at),
                    _ => {
                        let (rate, until) = (amount / 3, at + random.between(-1, 20));
                        let from = at;
                        Posting::metered_usage(name, id, MeteredUsage { rate, from, until })
                    }
                }
            });
            let records = records.collect();
            store.post_all(records).unwrap();
            for until in [i64::MIN, -1, 7, 15, 16, 30, 46] {
                let instants: Vec<i64> = (until.max(-2)..50).collect();
                let before = store.get_balances(name, &instants).unwrap();
                let id = format!("close {until}");
                store.post(Posting::close_books(name, id, until)).unwrap();
                assert_eq!(
                    store.get_balances(name, &instants).unwrap(),
                    before,
                    "seed {seed}"
                );
            }
        }
        assert_sound(&store);
    }
}

/// What a close folds away is free again, in the batch that closes as after it: or a journal could go
/// out and not come in again.
#[test]
fn a_close_frees_the_limits_at_once() {
    let most = i64::MAX.unsigned_abs();
    let postings = || {
        vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "g1", "", most, 0, 10),
            Posting::usage("a", "u1", most, 5),
            Posting::close_books("a", "c1", 100),
            Posting::grant("a", "g2", "", most, 200, 10),
            Posting::usage("a", "u2", most - 1, 205),
            Posting::change_usage("a", "d", "u2", 7),
            Posting::close_books("a", "c2", 300),
            Posting::grant("a", "g3", "", 4, 400, 10),
        ]
    };
    let (_disk, one_by_one) = store_in_memory();
    for posting in postings() {
        one_by_one.post(posting).unwrap();
    }
    let (_other, at_once) = store_in_memory();
    at_once.post_all(postings()).unwrap();
    let (_imported, imported) = imported_again(&one_by_one);
    for store in [one_by_one, at_once, imported] {
        assert_eq!(store.get_balance("a", 405).unwrap(), Some(4));
        assert_sound(&store);
        let twice = vec![
            Posting::close_books("a", "c3", 350),
            Posting::grant("a", "g4", "", most - 3, 400, 10),
        ];
        assert!(store.post_all(twice).is_err(), "4 are still granted");
        let fits = vec![
            Posting::close_books("a", "c3", 350),
            Posting::grant("a", "g4", "", most - 4, 400, 10),
        ];
        assert!(store.post_all(fits).is_ok());
    }
}

/// The account that comes out of a close numbers its usage anew, without what was retracted.
#[test]
fn usage_beside_retracted_usage_is_corrected_after_a_close() {
    let (folder, store) = store();
    let usage = [("u1", 1), ("u2", 2), ("u3", 4)];
    let usage = usage.map(|(id, amount)| Posting::usage("a", id, amount, 60));
    let mut postings = vec![Posting::open_account("a", "open", Overdraft::Carry)];
    postings.extend(usage);
    postings.extend([
        Posting::retract("a", "c1", "u1"),
        Posting::close_books("a", "close", 50),
        Posting::change_usage("a", "c2", "u3", 40),
        Posting::usage("a", "u4", 800, 60),
        Posting::change_usage("a", "c3", "u2", 20),
        Posting::retract("a", "c4", "u4"),
    ]);
    for posting in postings {
        store.post(posting).unwrap();
    }
    let check = |store: &TestStore| {
        let account = store
            .as_recorded("a", store.head("a").unwrap().revision)
            .unwrap();
        let usage = account.ledger().usage(..);
        let amounts: Vec<u64> = usage.map(|(_, usage)| usage.amount).collect();
        assert_eq!(amounts, [20, 40]);
        assert_eq!(account.balance_at(60).unwrap().deficit, 60);
        assert_sound(store);
    };
    check(&store);
    drop(store);
    check(&reopen(&folder));
}
