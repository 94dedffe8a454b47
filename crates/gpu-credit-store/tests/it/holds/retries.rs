//! One id, one outcome, for ever.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Error, Posting, Settle};

use super::{given, hundred, open, refused};

#[test]
fn the_same_id_gets_the_same_outcome_for_ever() {
    let (_memory, store) = hundred();
    let asked = |id: &str| Authorise::new(id, ["a"], 70, 10..20);
    given(&store, asked("h"));
    refused(&store, asked("i"));
    let revision = store.head("a").unwrap().revision;
    store.release("a", "r", "h").unwrap();
    // Now it would fit, and the other one is gone.
    let again = store.authorise(asked("i")).unwrap();
    assert!(!again.is_new && again.hold().is_none());
    let again = store.authorise(asked("h")).unwrap();
    assert!(!again.is_new && again.hold().is_some());
    assert_eq!(store.head("a").unwrap().revision.get(), revision.get() + 1);
    // What was spendable then can still be asked.
    let before = gpu_credit_store::Revision::new(revision.get() - 1);
    let before = store.as_recorded("a", before).unwrap();
    assert_eq!(before.spendable(10).unwrap(), 30);
}

#[test]
fn a_retry_is_compared_in_what_it_says() {
    let (_memory, store) = hundred();
    open(&store, "b", 100);
    let said = Authorise::new("h", ["a"], 70, 10..20);
    let hold = given(&store, said);
    let later = |amount, open| Authorise::new("h", ["a"], amount, open);
    let again = given(&store, later(70, 12..22).default_start().default_end());
    assert_eq!(again, hold);
    given(&store, later(70, 12..20).default_start());
    given(&store, later(70, 10..25).default_end());
    let others = [
        later(70, 12..22),
        later(70, 12..22).default_start(),
        later(70, 12..22).default_end(),
        later(71, 10..20),
        later(70, 10..20).up_to(),
        Authorise::new("h", ["a", "b"], 70, 10..20),
        Authorise::metered(
            "h",
            ["a"],
            MeteredUsage {
                rate: 70,
                from: 10,
                until: 11,
            },
            20,
        ),
    ];
    for other in others {
        let asked = store.authorise(other.clone());
        let is_different = matches!(asked, Err(Error::DifferentContent { .. }));
        assert!(is_different, "{other:?}: {asked:?}");
    }
    // As much as fitted is what was asked for before, whatever was given.
    let most = Authorise::new("m", ["a"], 70, 10..20).up_to();
    assert_eq!(given(&store, most.clone()), given(&store, most));
    let job = |until| MeteredUsage {
        rate: 1,
        from: 30,
        until,
    };
    let hold = given(&store, Authorise::metered("job", ["b"], job(50), 60));
    let again = Authorise::metered("job", ["b"], job(51), 61).default_end();
    assert_eq!(given(&store, again), hold);
}

#[test]
fn usage_a_hold_and_a_refusal_are_different_content() {
    let (_memory, store) = hundred();
    let different = |error: Result<_, Error>| {
        assert!(matches!(error, Err(Error::DifferentContent { .. })));
    };
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    refused(&store, Authorise::new("i", ["a"], 70, 10..20));
    store.post(Posting::usage("a", "u", 1, 10)).unwrap();
    for id in ["h", "i"] {
        let usage = Posting::usage("a", id, 70, 10);
        different(store.post(usage).map(drop));
        different(store.settle(Settle::new("a", id, "h", 70)).map(drop));
    }
    different(
        store
            .authorise(Authorise::new("u", ["a"], 1, 10..20))
            .map(drop),
    );
}

#[test]
fn a_settlement_is_compared_in_what_it_says() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    store.settle(Settle::new("a", "s", "h", 50).at(15)).unwrap();
    assert!(!store.settle(Settle::new("a", "s", "h", 50)).unwrap().is_new);
    for other in [
        Settle::new("a", "s", "h", 50).at(10),
        Settle::new("a", "s", "h", 51),
        Settle::metered("a", "s", "h").rate(1).until(15),
    ] {
        let settled = store.settle(other);
        assert!(matches!(settled, Err(Error::DifferentContent { .. })));
    }
}

/// Deleted and opened again, an account has no part in a hold of the one before: the outcome stays.
#[test]
fn an_outcome_stays_if_one_of_its_accounts_is_another_by_now() {
    let (_memory, store) = hundred();
    open(&store, "b", 100);
    let asked = Authorise::new("h", ["a", "b"], 70, 10..20);
    let hold = given(&store, asked.clone());
    store.release("a", "r", "h").unwrap();
    store.delete_account("a", "d").unwrap();
    open(&store, "a", 100);
    let again = store.authorise(asked).unwrap();
    assert_eq!((again.is_new, again.hold()), (false, Some(&hold)));
}
