//! What comes in the place of a hold.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Change, Entry, Posting, Refusal, Revision, Settle};

use super::{funds, given, hundred, open, told};
use crate::support::{
    assert_sound, everything, imported_again, refusal, reopen, store, store_in_memory,
};

#[test]
fn a_settlement_takes_effect_at_the_start_of_the_hold() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    let closed = store.settle(Settle::new("a", "s", "h", 50)).unwrap();
    assert!(closed.is_new);
    for at in [10, 30] {
        assert_eq!(funds(&store, at), told(50, 0, 50, 50));
    }
    assert_eq!(funds(&store, 9), told(100, 0, 100, 50));
    // It is corrected like usage, under its id.
    store
        .post(Posting::change_usage("a", "fix", "s", 20))
        .unwrap();
    assert_eq!(funds(&store, 10), told(80, 0, 80, 80));
    store.post(Posting::retract("a", "no", "s")).unwrap();
    assert_eq!(funds(&store, 10), told(100, 0, 100, 100));
    assert_sound(&store);
}

#[test]
fn usage_is_recorded_in_full_and_late_too() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 10, 10..20));
    // More than was held, and past its end.
    store
        .settle(Settle::new("a", "s", "h", 130).at(40))
        .unwrap();
    assert_eq!(funds(&store, 39), told(100, 0, 100, 0));
    let deficit = store.balance_at("a", 40).unwrap().deficit;
    assert_eq!(deficit, 30);
    assert_sound(&store);
}

#[test]
fn a_job_is_settled_as_it_ran() {
    let (_memory, store) = hundred();
    let job = MeteredUsage {
        rate: 2,
        from: 10,
        until: 50,
    };
    given(&store, Authorise::metered("job", ["a"], job, 60));
    let ran = Settle::metered("a", "end", "job").until(30);
    store.settle(ran).unwrap();
    assert_eq!(funds(&store, 30), told(60, 0, 60, 60));
    let entry = store.entry("a", &"end".into()).unwrap().unwrap();
    let change = Change::SettleMetered {
        hold: "job".into(),
        rate: 2,
        from: 10,
        until: 30,
    };
    assert_eq!(entry.change, change);
    // A hold of an amount does not say how a job runs.
    given(&store, Authorise::new("h", ["a"], 10, 40..50));
    let unsaid = refusal(store.settle(Settle::metered("a", "s", "h").until(45)));
    assert_eq!(unsaid, Refusal::NotMetered("h".into()));
    store
        .settle(Settle::metered("a", "s", "h").rate(1).until(45))
        .unwrap();
    assert_eq!(funds(&store, 50), told(55, 0, 55, 55));
    assert_sound(&store);
}

#[test]
fn nothing_is_in_the_place_of_a_hold_that_is_released() {
    let (_memory, store) = hundred();
    open(&store, "b", 100);
    given(&store, Authorise::new("h", ["a", "b"], 70, 10..20));
    let closed = store.release("b", "r", "h").unwrap();
    let accounts: Vec<_> = closed.accounts.iter().map(|(name, _)| &**name).collect();
    assert_eq!((closed.is_new, accounts), (true, vec!["a", "b"]));
    assert_eq!(funds(&store, 10), told(100, 0, 100, 100));
    assert!(!store.release("a", "r", "h").unwrap().is_new);
}

#[test]
fn a_hold_is_closed_once_but_what_was_released_can_be_settled() {
    let (_memory, store) = hundred();
    let closed = |by, was_settled| Refusal::HoldClosed {
        hold: "h".into(),
        by: Revision::new(by),
        was_settled,
    };
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    store.release("a", "r", "h").unwrap();
    let again = store.release("a", "r2", "h");
    assert_eq!(refusal(again), closed(4, false));
    store.settle(Settle::new("a", "s", "h", 5)).unwrap();
    assert_eq!(funds(&store, 10), told(95, 0, 95, 95));
    let again = store.settle(Settle::new("a", "s2", "h", 5));
    assert_eq!(refusal(again), closed(5, true));
    let late = store.release("a", "r3", "h");
    assert_eq!(refusal(late), closed(5, true));
    assert!(!store.release("a", "r", "h").unwrap().is_new, "a retry");
    assert_sound(&store);
}

#[test]
fn what_is_no_hold_cannot_be_closed_and_a_hold_is_no_record() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    super::refused(&store, Authorise::new("i", ["a"], 70, 10..20));
    let close = |hold: &str| refusal(store.release("a", "r", hold));
    assert_eq!(close("x"), Refusal::NoSuchHold("x".into()));
    assert_eq!(close("g"), Refusal::NotAHold("g".into()));
    assert_eq!(close("i"), Refusal::HoldRefused("i".into()));
    let is_a_hold = Refusal::IsAHold("h".into());
    let corrected = [
        Posting::retract("a", "c", "h"),
        Posting::change_usage("a", "c", "h", 5),
        Posting::revoke("a", "c", "h", 5),
    ];
    for posting in corrected {
        assert_eq!(refusal(store.post(posting)), is_a_hold);
    }
    let refused = Posting::retract("a", "c", "i");
    assert_eq!(
        refusal(store.post(refused)),
        Refusal::NotARecord("i".into())
    );
}

/// All accounts of a hold, or none: so no posting of a single account is one of these.
#[test]
fn holds_are_not_posted() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    let given = store.entry("a", &"h".into()).unwrap().unwrap().change;
    let release = Change::Release { hold: "h".into() };
    for change in [given, release] {
        let posting = Posting::new("a", "x", change);
        assert_eq!(refusal(store.post(posting.clone())), Refusal::OfHold);
        assert_eq!(refusal(store.dry_run(vec![posting])), Refusal::OfHold);
    }
}

#[test]
fn books_are_not_closed_across_a_hold_that_is_open() {
    let (_memory, store) = hundred();
    given(&store, Authorise::new("h", ["a"], 10, 10..20));
    given(&store, Authorise::new("i", ["a"], 20, 50..60));
    let close = |id: &str, until| store.post(Posting::close_books("a", id, until));
    let across = Refusal::HoldOpen {
        hold: "h".into(),
        at: 10,
        until: 20,
    };
    for until in [11, 19] {
        assert_eq!(refusal(close("c", until)), across);
    }
    close("c", 10).unwrap();
    assert_eq!(funds(&store, 10), told(100, 10, 90, 70));
    close("d", 20).unwrap();
    assert_eq!(funds(&store, 20), told(100, 0, 100, 80));
    // One that has ended settles at the first open instant, unless another is said.
    let before = store.settle(Settle::new("a", "s", "h", 10).at(10));
    assert_eq!(refusal(before), Refusal::BooksClosed { until: 20 });
    let settled = store.settle(Settle::new("a", "s", "h", 10)).unwrap();
    assert!(settled.is_new);
    let entry = store.entry("a", &"s".into()).unwrap().unwrap();
    assert!(matches!(entry.change, Change::Settle { timestamp: 20, .. }));
    assert_eq!(funds(&store, 20), told(90, 0, 90, 70));
    assert!(!store.settle(Settle::new("a", "s", "h", 10)).unwrap().is_new);
    assert_sound(&store);
}

#[test]
fn an_account_is_not_deleted_while_a_hold_is_on_others_too() {
    let (_memory, store) = hundred();
    open(&store, "b", 100);
    given(&store, Authorise::new("h", ["a", "b"], 10, 10..20));
    let others = Refusal::HoldOnOthers { hold: "h".into() };
    for name in ["a", "b"] {
        assert_eq!(refusal(store.delete_account(name, "d")), others);
    }
    given(&store, Authorise::new("own", ["a"], 10, 10..20));
    store.settle(Settle::new("a", "s", "h", 10)).unwrap();
    store.delete_account("a", "d").unwrap();
    assert_sound(&store);
}

#[test]
fn a_hold_is_there_again_when_the_store_is_opened_again() {
    let (folder, first) = store();
    open(&first, "a", 100);
    let job = MeteredUsage {
        rate: 1,
        from: 10,
        until: 30,
    };
    given(&first, Authorise::new("h", ["a"], 10, 10..20));
    given(&first, Authorise::metered("job", ["a"], job, 40));
    given(&first, Authorise::new("gone", ["a"], 30, 10..20));
    first.release("a", "r", "gone").unwrap();
    let before = everything(&first);
    let expected = funds(&first, 15);
    drop(first);
    let again = reopen(&folder);
    assert_eq!(everything(&again), before);
    assert_eq!(funds(&again, 15), expected);
    assert_eq!(funds(&again, 15), told(100, 30, 84, 70));
    assert_sound(&again);
    let twice = again.release("a", "r2", "gone");
    assert!(matches!(refusal(twice), Refusal::HoldClosed { .. }));
    let (_memory, imported) = imported_again(&again);
    let content = |entry: &Entry| (entry.revision, entry.id.clone(), entry.change.clone());
    let [one, other] = [&before, &everything(&imported)]
        .map(|all| all["a"].iter().map(content).collect::<Vec<_>>());
    assert_eq!(one, other);
    assert_eq!(funds(&imported, 15), expected);
    assert_sound(&imported);
}

#[test]
fn an_account_as_recorded_has_the_holds_that_it_had() {
    let (_memory, store) = store_in_memory();
    open(&store, "a", 100);
    given(&store, Authorise::new("h", ["a"], 70, 10..20));
    store.settle(Settle::new("a", "s", "h", 5)).unwrap();
    let at = |revision| {
        let account = store.as_recorded("a", Revision::new(revision)).unwrap();
        let (held, available) = (account.held(12).unwrap(), account.available(12).unwrap());
        (held, available, account.holds().count())
    };
    assert_eq!(at(2), (0, 100, 0));
    assert_eq!(at(3), (70, 30, 1));
    assert_eq!(at(4), (0, 95, 0));
}
