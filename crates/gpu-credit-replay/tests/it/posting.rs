//! Posting and retracting: numbers, matches, and the limits.

use gpu_credit_replay::{
    HeapReplay, KeyedCalculator, ListReplay, Overdraft, Posted, Replay, TickReplay, Usage,
};

const LIMIT: u64 = i64::MAX.unsigned_abs();

#[test]
fn grants_are_numbered_in_posting_order_and_no_number_is_reused() {
    let mut posted = Posted::default();
    assert_eq!(posted.add_credit(1, 9, 0), 0);
    assert_eq!(posted.add_credit(2, 8, 0), 1);
    assert!(posted.retract_grant(1));
    assert_eq!(posted.add_credit(3, 7, 0), 2);
    let numbers: Vec<_> = posted.grants().map(|(number, _)| number).collect();
    assert_eq!(numbers, [0, 2]);
}

#[test]
fn what_is_not_there_cannot_be_retracted() {
    let mut account = ListReplay::new(Overdraft::Carry);
    assert!(!account.retract_grant(0));
    account.add_credit(5, 0, 10);
    assert!(account.retract_grant(0));
    assert!(!account.retract_grant(0));

    account.subtract(5, 3);
    assert!(!account.retract_usage(5, 4));
    assert!(!account.retract_usage(4, 3));
    assert!(account.retract_usage(5, 3));
    assert!(!account.retract_usage(5, 3));
}

#[test]
fn the_latest_posted_of_equal_usage_is_retracted() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    for amount in [1, 2, 1, 3] {
        account.subtract(amount, 7);
    }
    assert!(account.retract_usage(1, 7));
    let usage = account.posted().usage().iter();
    let amounts: Vec<_> = usage.map(|usage| usage.amount).collect();
    assert_eq!(amounts, [1, 2, 3]);
}

#[test]
fn usage_is_corrected_by_its_place_among_alike_records() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    for _ in 0..3 {
        account.subtract(5, 7);
    }
    assert!(account.change_usage_at(0, 6));
    assert!(account.retract_usage_at(1));
    assert!(!account.retract_usage_at(2) && !account.change_usage_at(2, 1));
    let amounts = account.posted().usage().iter().map(|usage| usage.amount);
    assert_eq!(amounts.collect::<Vec<_>>(), [6, 5]);
    assert_eq!(account.balance_at(7).deficit, 11);
}

#[test]
fn an_engine_answers_behind_the_trait() {
    let mut engines: Vec<Box<dyn Replay>> = vec![
        Box::new(ListReplay::new(Overdraft::Forfeit)),
        Box::new(HeapReplay::new(Overdraft::Forfeit)),
        Box::new(TickReplay::new(Overdraft::Forfeit)),
    ];
    for engine in &mut engines {
        engine.add_credit(5, 0, 10);
        engine.subtract(2, 3);
        assert_eq!(engine.get_balance(3), Some(3));
    }
}

#[test]
#[should_panic(expected = "a window ends at most at i64::MAX")]
fn a_window_past_the_last_instant_is_the_callers_mistake() {
    ListReplay::new(Overdraft::Carry).add_credit(1, i64::MAX, 1);
}

#[test]
#[should_panic(expected = "a window ends at most at i64::MAX")]
fn a_keyed_window_past_the_last_instant_is_the_callers_mistake() {
    KeyedCalculator::new().add_credit("a", 1, 1, LIMIT);
}

#[test]
#[should_panic(expected = "each add up to at most i64::MAX")]
fn grants_past_the_limit_are_the_callers_mistake() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    account.add_credit(LIMIT, 0, 10);
    account.add_credit(1, 100, 10);
}

#[test]
#[should_panic(expected = "each add up to at most i64::MAX")]
fn usage_past_the_limit_is_the_callers_mistake() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    account.subtract(LIMIT, 0);
    account.subtract(1, 100);
}

#[test]
fn metered_usage_counts_towards_the_limit_by_its_total() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    account.meter(2, 0..i64::MAX / 2); // All but 1.
    assert!(account.posted().admits(Usage::at(1, 0)));
    assert!(!account.posted().admits(Usage::at(2, 0)));
    assert!(
        !account
            .posted()
            .admits(Usage::metered(u64::MAX, i64::MIN..i64::MAX))
    );
    assert!(account.posted().admits(Usage::metered(u64::MAX, 5..5)));
    assert!(account.replace_usage_at(0, Usage::metered(2, 0..10)));
    assert!(account.posted().admits(Usage::at(LIMIT - 20, 0)));
    assert!(account.retract_usage_at(0));
    account.subtract(LIMIT, 0);
}

#[test]
#[should_panic(expected = "each add up to at most i64::MAX")]
fn a_correction_past_the_limit_is_the_callers_mistake() {
    let mut account = HeapReplay::new(Overdraft::Carry);
    account.meter(2, 0..5);
    account.replace_usage_at(0, Usage::metered(2, 0..i64::MAX));
}
