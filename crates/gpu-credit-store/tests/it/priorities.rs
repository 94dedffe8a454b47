//! Priorities of grants: posted, corrected, and kept over a close of the books.

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, Posting, Refusal};

use crate::support::{Folder, TestStore, assert_sound, everything, refusal, reopen, store};

/// A grant that ends first and one that is drawn first, and 40 used at 5.
fn account() -> (Folder, TestStore) {
    let (folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "short", "", 100, 0, 9),
            Posting::grant("a", "first", "", 100, 0, 30).priority(-1),
            Posting::usage("a", "u", 40, 5),
        ])
        .unwrap();
    (folder, store)
}

fn balances(store: &TestStore) -> Vec<Option<u64>> {
    store.get_balances("a", &[9, 10, 30]).unwrap()
}

#[test]
fn the_lower_priority_is_drawn_first_and_can_be_corrected() {
    let cases = [
        (None, 60),
        (Some(Posting::change_priority("a", "c", "short", -1)), 100),
        (Some(Posting::change_priority("a", "c", "short", -2)), 100),
        (Some(Posting::change_priority("a", "c", "first", 0)), 100),
        (Some(Posting::change_priority("a", "c", "first", -9)), 60),
    ];
    for (correction, left) in cases {
        let (folder, store) = account();
        if let Some(correction) = correction.clone() {
            store.post(correction.clone()).unwrap();
            assert!(!store.post(correction).unwrap().is_new());
        }
        let expected = [Some(160), Some(left), Some(left)];
        assert_eq!(balances(&store), expected, "{correction:?}");
        assert_sound(&store);
        let before = everything(&store);
        drop(store);
        let store = reopen(&folder);
        assert_eq!(balances(&store), expected, "loaded after {correction:?}");
        assert_eq!(everything(&store), before);
    }
}

#[test]
fn a_priority_is_part_of_what_is_posted_under_an_id() {
    let (_folder, store) = account();
    let grant = || Posting::grant("a", "first", "", 100, 0, 30);
    assert!(!store.post(grant().priority(-1)).unwrap().is_new());
    let error = store.post(grant()).unwrap_err();
    assert!(matches!(error, Error::DifferentContent { .. }));
    assert!(
        error.to_string().contains("priority -1, and not"),
        "{error}"
    );
}

#[test]
fn a_revoked_grant_keeps_its_revocation_when_its_priority_changes() {
    let (_folder, store) = account();
    store.post(Posting::revoke("a", "r", "first", 20)).unwrap();
    store
        .post(Posting::change_priority("a", "c", "first", 3))
        .unwrap();
    let answers = store.get_balances("a", &[9, 10, 19, 20]).unwrap();
    assert_eq!(answers, [Some(160), Some(100), Some(100), None]);
    store
        .post(Posting::change_priority("a", "c2", "first", -3))
        .unwrap();
    assert_eq!(store.get_balance("a", 19).unwrap(), Some(60));
    assert_sound(&store);
    let refused = |of: &str| refusal(store.post(Posting::change_priority("a", "x", of, 1)));
    assert_eq!(refused("u"), Refusal::NotAGrant("u".into()));
    store.post(Posting::retract("a", "r2", "first")).unwrap();
    assert_eq!(refused("first"), Refusal::Retracted("first".into()));
}

#[test]
fn after_a_close_a_priority_says_who_pays_from_then_on() {
    let (folder, store) = account();
    let post = |posting: Posting| store.post(posting).unwrap();
    post(Posting::grant("a", "later", "", 10, 20, 5).priority(2));
    post(Posting::grant("a", "gone", "", 10, 0, 3));
    post(Posting::close_books("a", "close", 8));
    // `first` paid the 40; it is drawn first until that is changed.
    post(Posting::usage("a", "u2", 1, 8));
    assert_eq!(balances(&store), [Some(159), Some(59), Some(59)]);
    post(Posting::change_priority("a", "c", "first", 1));
    assert_eq!(balances(&store), [Some(159), Some(60), Some(60)]);
    let refused = store.post(Posting::change_priority("a", "x", "gone", 1));
    assert_eq!(refusal(refused), Refusal::BooksClosed { until: 8 });
    // In one batch with the close that folds it away, the same is refused.
    let batch = vec![
        Posting::close_books("a", "close 2", 15),
        Posting::change_priority("a", "x", "short", 1),
    ];
    assert_eq!(
        refusal(store.post_all(batch)),
        Refusal::BooksClosed { until: 15 }
    );
    post(Posting::close_books("a", "close 2", 15));
    post(Posting::usage("a", "u3", 5, 22));
    // `first` has priority 1 and `later` 2.
    let answers = store.get_balances("a", &[22, 25, 26]).unwrap();
    assert_eq!(answers, [Some(65), Some(65), Some(55)]);
    assert_sound(&store);
    drop(store);
    assert_sound(&reopen(&folder));
}
