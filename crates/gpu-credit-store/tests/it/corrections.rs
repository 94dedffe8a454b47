//! Corrections by record id: what they do, and what they refuse.

use gpu_credit::Overdraft;
use gpu_credit_store::{Posting, Refusal};

use crate::support::{Folder, TestStore, assert_sound, refusal, reopen, store};

fn account() -> (Folder, TestStore) {
    let (folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "g", "march", 10, 0, 100),
            Posting::usage("a", "u", 4, 50),
        ])
        .unwrap();
    (folder, store)
}

fn balances(store: &TestStore) -> Vec<Option<u64>> {
    store.get_balances("a", &[0, 49, 50, 100, 200]).unwrap()
}

#[test]
fn every_correction_acts_as_if_it_had_been_posted_so() {
    let cases = [
        (
            Posting::retract("a", "c", "u"),
            [Some(10), Some(10), Some(10), Some(10), None],
        ),
        (Posting::retract("a", "c", "g"), [None; 5]),
        (
            Posting::change_usage("a", "c", "u", 9),
            [Some(10), Some(10), Some(1), Some(1), None],
        ),
        (
            Posting::revoke("a", "c", "g", 50),
            [Some(10), Some(10), None, None, None],
        ),
        (Posting::revoke("a", "c", "g", -7), [None; 5]),
        (
            Posting::change_expiration("a", "c", "g", 49),
            [Some(10), Some(10), None, None, None],
        ),
        (
            Posting::change_expiration("a", "c", "g", None),
            [Some(10), Some(10), Some(6), Some(6), Some(6)],
        ),
    ];
    for (correction, expected) in cases {
        let (folder, store) = account();
        store.post(correction.clone()).unwrap();
        assert!(!store.post(correction.clone()).unwrap().is_new());
        assert_eq!(balances(&store), expected, "{correction:?}");
        assert_sound(&store);
        drop(store);
        let store = reopen(&folder);
        assert_eq!(balances(&store), expected, "loaded after {correction:?}");
    }
}

#[test]
fn what_cannot_be_corrected_is_said() {
    let (_folder, store) = account();
    let post = |posting| refusal(store.post(posting));
    let (g, u, x) = (|| "g".into(), || "u".into(), || "x".into());
    assert_eq!(
        post(Posting::retract("a", "1", "x")),
        Refusal::NoSuchRecord(x())
    );
    assert_eq!(
        post(Posting::retract("a", "1", "open")),
        Refusal::NotARecord("open".into())
    );
    assert_eq!(
        post(Posting::change_usage("a", "1", "g", 1)),
        Refusal::NotUsage(g())
    );
    assert_eq!(
        post(Posting::revoke("a", "1", "u", 1)),
        Refusal::NotAGrant(u())
    );
    assert_eq!(
        post(Posting::change_expiration("a", "1", "u", 1)),
        Refusal::NotAGrant(u())
    );
    assert_eq!(
        post(Posting::revoke("a", "1", "g", 101)),
        Refusal::PastEnd {
            of: g(),
            end: 100,
            from: 101
        }
    );
    store.post(Posting::revoke("a", "1", "g", 100)).unwrap();
    assert_eq!(
        post(Posting::revoke("a", "2", "g", 100)),
        Refusal::Revoked { of: g(), from: 100 }
    );
    assert_eq!(
        post(Posting::change_expiration("a", "2", "g", 5)),
        Refusal::Revoked { of: g(), from: 100 }
    );
    store.post(Posting::revoke("a", "2", "g", 20)).unwrap();
    store.post(Posting::retract("a", "3", "g")).unwrap();
    store.post(Posting::retract("a", "4", "u")).unwrap();
    for posting in [
        Posting::retract("a", "5", "g"),
        Posting::revoke("a", "5", "g", 1),
        Posting::change_expiration("a", "5", "g", 1),
    ] {
        assert_eq!(post(posting), Refusal::Retracted(g()));
    }
    for posting in [
        Posting::retract("a", "5", "u"),
        Posting::change_usage("a", "5", "u", 1),
    ] {
        assert_eq!(post(posting), Refusal::Retracted(u()));
    }
    assert_sound(&store);
}

/// In one batch, and in one transaction with what it corrects.
#[test]
fn a_correction_may_follow_its_record_in_a_batch() {
    let (_folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "g", "", 10, 0, 100),
            Posting::usage("a", "u", 4, 50),
            Posting::change_usage("a", "c1", "u", 5),
            Posting::change_usage("a", "c2", "u", 6),
            Posting::change_expiration("a", "c3", "g", 200),
            Posting::close_books("a", "c4", 50),
            Posting::revoke("a", "c5", "g", 150),
        ])
        .unwrap();
    assert_eq!(
        store.get_balances("a", &[50, 149, 150]).unwrap(),
        [Some(4), Some(4), None]
    );
    assert_sound(&store);
}
