//! What is given, and what is refused.

use std::sync::Barrier;
use std::thread;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Authorise, HeldUsage, Posting, Refusal};

use super::{funds, given, hundred, open, refused, told};
use crate::support::{assert_sound, refusal, store_in_memory};

#[test]
fn a_hold_is_open_from_its_start_until_just_before_its_end() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    assert_eq!(funds(&store, 9), told(100, 0, 100, 30), "it is planned");
    assert_eq!(funds(&store, 10), told(100, 70, 30, 30));
    assert_eq!(funds(&store, 19), told(100, 70, 30, 30));
    assert_eq!(funds(&store, 20), told(100, 0, 100, 100));
    // Asked about an earlier instant again, it is as it was.
    assert_eq!(funds(&store, 15), told(100, 70, 30, 30));
    assert_sound(&store);
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    let accounts = refused(&store, Authorise::new("i", ["a"], 31, 12..15));
    assert_eq!(accounts, [("a".to_owned(), told(100, 70, 30, 30))]);
    given(&store, Authorise::new("j", ["a"], 30, 12..15));
    given(&store, Authorise::new("k", ["a"], 0, 12..15));
    assert_sound(&store);
}

/// Of the semantics: a scalar difference would say -10.
#[test]
fn credit_that_has_lapsed_since_a_hold_began_pays_for_it() {
    let (_memory, store) = store_in_memory();
    store.open_account("a", Overdraft::Carry).unwrap();
    let short = Posting::grant("a", "short", "", 100, 0, 10);
    let long = Posting::grant("a", "long", "", 50, 0, 100);
    store.post_all(vec![short, long]).unwrap();
    given(&store, Authorise::new("h", ["a"], 60, 5..50));
    assert_eq!(funds(&store, 20), told(50, 60, 50, 50));
}

#[test]
fn what_is_planned_is_not_held_a_second_time() {
    let (_memory, store) = hundred();
    store.post(Posting::usage("a", "planned", 90, 50)).unwrap();
    assert_eq!(
        refused(&store, Authorise::new("h", ["a"], 11, 10..20))[0].1,
        told(100, 0, 100, 10)
    );
    // Nor is a hold that begins later.
    given(&store, Authorise::new("later", ["a"], 8, 60..70));
    assert_eq!(
        refused(&store, Authorise::new("i", ["a"], 3, 10..20))[0].1,
        told(100, 0, 100, 2)
    );
}

#[test]
fn a_hold_is_given_on_all_accounts_or_on_none() {
    let (_memory, store) = hundred();
    open(&store, "b", 20);
    let accounts = refused(&store, Authorise::new("h", ["b", "a", "b"], 30, 0..9));
    let each = [
        ("a".to_owned(), told(100, 0, 100, 100)),
        ("b".to_owned(), told(20, 0, 20, 20)),
    ];
    assert_eq!(accounts, each);
    let hold = given(&store, Authorise::new("i", ["b", "a"], 30, 0..9).up_to());
    assert_eq!(hold.accounts, ["a", "b"]);
    assert_eq!((hold.usage, hold.up_to), (HeldUsage::Amount(20), Some(30)));
    assert_eq!(funds(&store, 0), told(100, 20, 80, 80));
    // Nothing is left of one.
    let accounts = refused(&store, Authorise::new("j", ["b", "a"], 30, 0..9).up_to());
    assert_eq!(accounts[1].1, told(20, 20, 0, 0));
    assert_sound(&store);
}

#[test]
fn a_metered_hold_counts_as_metered_usage() {
    let (_memory, store) = hundred();
    let job = |rate, from, until| MeteredUsage { rate, from, until };
    given(&store, Authorise::metered("job", ["a"], job(4, 10, 30), 40));
    assert_eq!(funds(&store, 9), told(100, 0, 100, 20));
    assert_eq!(funds(&store, 19), told(100, 80, 60, 20), "ten of its ticks");
    assert_eq!(funds(&store, 35), told(100, 80, 20, 20));
    assert_eq!(funds(&store, 40), told(100, 0, 100, 100));
    let asked = Authorise::metered("more", ["a"], job(3, 10, 20), 20);
    assert_eq!(refused(&store, asked)[0].1, told(100, 80, 96, 2));
    let asked = Authorise::metered("fits", ["a"], job(3, 10, 20), 20).up_to();
    let hold = given(&store, asked);
    assert_eq!(hold.usage, HeldUsage::Metered { rate: 2, end: 20 });
    assert_sound(&store);
}

#[test]
fn holds_that_cannot_be_are_errors() {
    let (_memory, store) = hundred();
    let asked = |authorise| refusal(store.authorise(authorise));
    let short = |at, first, until| Refusal::HoldTooShort { at, first, until };
    assert_eq!(asked(Authorise::new("h", ["a"], 1, 5..5)), short(5, 6, 5));
    let last = i64::MAX;
    let at_the_end = Authorise::new("h", ["a"], 1, last..last);
    assert_eq!(asked(at_the_end), short(last, last, last));
    let job = |from, until| MeteredUsage {
        rate: 1,
        from,
        until,
    };
    let ends_before = Authorise::metered("h", ["a"], job(5, 9), 8);
    assert_eq!(asked(ends_before), short(5, 9, 8));
    let no_ticks = Authorise::metered("h", ["a"], job(5, 5), 8);
    let (from, until) = (5, 5);
    let limit = gpu_credit::Error::NoTicks { from, until };
    assert_eq!(asked(no_ticks), Refusal::Limit(limit));
    let nobody: [&str; 0] = [];
    let on_nothing = Authorise::new("h", nobody, 1, 0..5);
    assert_eq!(asked(on_nothing), Refusal::HoldAccounts(0));
    let many = (0..65).map(|number| format!("a{number}"));
    let on_many = Authorise::new("h", many, 1, 0..5);
    assert_eq!(asked(on_many), Refusal::HoldAccounts(65));
    store.post(Posting::close_books("a", "c", 7)).unwrap();
    let closed = Authorise::new("h", ["a"], 1, 6..9);
    let until = 7;
    assert_eq!(
        refusal(store.authorise(closed)),
        Refusal::BooksClosed { until }
    );
    assert!(
        store
            .authorise(Authorise::new("h", ["b"], 1, 0..5))
            .is_err()
    );
    assert_eq!(store.head("a").unwrap().revision.get(), 3);
}

/// Large amounts are refused, and are no overflow.
#[test]
fn holds_that_are_more_than_an_account_can_hold_are_refused() {
    let (_memory, store) = store_in_memory();
    store.open_account("a", Overdraft::Carry).unwrap();
    let most = i64::MAX.unsigned_abs();
    let grant = Posting::grant("a", "g", "", most, 0, 99);
    store.post(grant).unwrap();
    given(&store, Authorise::new("h", ["a"], most, 5..50));
    refused(&store, Authorise::new("i", ["a"], u64::MAX, 0..9));
    // Usage is never refused, and then nothing is left to hold.
    store.post(Posting::usage("a", "u", most, 5)).unwrap();
    assert_eq!(funds(&store, 5), told(0, most, 0, 0));
    refused(&store, Authorise::new("j", ["a"], 1, 5..9));
    store.release("a", "r", "h").unwrap();
    assert_eq!(funds(&store, 5), told(0, 0, 0, 0));
    assert_eq!(funds(&store, 4), told(most, 0, most, 0));
}

/// Proxies check, then increment: concurrent requests pass both.
#[test]
fn of_64_requests_at_once_ten_get_a_hold_if_ten_fit() {
    for round in 0..4 {
        let (_memory, store) = hundred();
        open(&store, "b", 200);
        let begin = Barrier::new(64);
        let count = thread::scope(|scope| {
            let threads = (0..64).map(|thread| {
                let (store, begin) = (&store, &begin);
                scope.spawn(move || {
                    let accounts: &[&str] = match round % 2 {
                        0 => &["a"],
                        _ => &["b", "a"],
                    };
                    let id = format!("req-{thread}");
                    begin.wait();
                    // Others use the account meanwhile, for nothing.
                    let usage = Posting::usage("a", format!("{id}/u"), 0, thread);
                    store.post(usage).unwrap();
                    let asked = Authorise::new(&*id, accounts.iter().copied(), 10, 5..15);
                    let first = store.authorise(asked.clone()).unwrap();
                    let again = store.authorise(asked).unwrap();
                    assert!(first.is_new && !again.is_new);
                    assert_eq!(first.decision, again.decision);
                    first.hold().is_some()
                })
            });
            let threads: Vec<_> = threads.collect();
            let given = threads.into_iter().map(|thread| thread.join().unwrap());
            given.filter(|given| *given).count()
        });
        assert_eq!(count, 10);
        assert_eq!(funds(&store, 5), told(100, 100, 0, 0));
        assert_sound(&store);
    }
}
