//! Posting, retrying, asking, deleting.

use gpu_credit::{Overdraft, Status};
use gpu_credit_store::{Account, Change, Error, Outcome, Posting, Refusal, Revision};

use crate::support::{TestStore, assert_sound, entry_count, everything, refusal, reopen, store};

fn posted(number: u64) -> Outcome {
    Outcome::Posted(Revision::new(number))
}

fn already(number: u64) -> Outcome {
    Outcome::AlreadyPosted(Revision::new(number))
}

#[test]
fn a_retry_is_a_no_op_and_other_content_is_an_error() {
    let (_folder, store) = store();
    assert_eq!(
        store.open_account("a", Overdraft::Carry).unwrap(),
        posted(1)
    );
    assert_eq!(
        store.open_account("a", Overdraft::Carry).unwrap(),
        already(1)
    );
    let usage = Posting::usage("a", "u", 5, 10);
    assert_eq!(store.post(usage.clone()).unwrap(), posted(2));
    assert_eq!(store.post(usage.clone()).unwrap(), already(2));
    let other = store.post(Posting::usage("a", "u", 6, 10)).unwrap_err();
    assert!(
        matches!(other, Error::DifferentContent { revision, .. } if revision == Revision::new(2))
    );
    // Within a batch too, and the id of one account is free in another.
    store.open_account("b", Overdraft::Carry).unwrap();
    let elsewhere = Posting::usage("b", "u", 6, 10);
    let outcomes = store
        .post_all(vec![elsewhere.clone(), usage, elsewhere])
        .unwrap();
    assert_eq!(outcomes, [posted(2), already(2), already(2)]);
    assert_eq!(store.balance_at("a", 10).unwrap().deficit, 5);
    assert_eq!(store.balance_at("b", 10).unwrap().deficit, 6);
}

#[test]
fn a_policy_is_for_good() {
    let (folder, store) = store();
    store.open_account("a", Overdraft::Forfeit).unwrap();
    let error = store.open_account("a", Overdraft::Carry).unwrap_err();
    assert!(matches!(error, Error::DifferentContent { .. }));
    let error = store
        .post(Posting::open_account("a", "again", Overdraft::Forfeit))
        .unwrap_err();
    assert!(matches!(error, Error::AccountExists { .. }));
    drop(store);
    let store = reopen(&folder);
    let policy = store
        .with_account("a", gpu_credit_store::Account::policy)
        .unwrap();
    assert_eq!(policy, Overdraft::Forfeit);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let (_folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    let before = everything(&store);
    let batch = vec![
        Posting::open_account("b", "open", Overdraft::Carry),
        Posting::grant("a", "g", "", 5, 0, 10),
        Posting::usage("a", "u", 1, 0),
        Posting::change_usage("a", "c", "u", 2),
        Posting::usage("nobody", "u", 1, 0),
    ];
    let error = store.post_all(batch.clone()).unwrap_err();
    assert!(matches!(error, Error::NoSuchAccount(name) if name == "nobody"));
    assert_eq!(everything(&store), before);
    assert_eq!(entry_count(&store), 1);
    assert!(store.get_balance("b", 0).is_err());
    let trial = store.dry_run(batch[..4].to_vec()).unwrap();
    assert_eq!(trial, [posted(1), posted(2), posted(3), posted(4)]);
    assert_eq!(everything(&store), before, "a trial posts nothing");
    assert_eq!(store.post_all(batch[..4].to_vec()).unwrap(), trial);
    assert_eq!(store.get_balance("a", 0).unwrap(), Some(3));
}

#[test]
fn what_the_engine_would_refuse_is_refused_before_it_is_written() {
    let (_folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    let most = i64::MAX.unsigned_abs();
    store
        .post(Posting::grant("a", "g", "", most, 0, None))
        .unwrap();
    store.post(Posting::usage("a", "u", most - 1, 0)).unwrap();
    let entries = entry_count(&store);
    let refused = [
        Posting::grant("a", "1", "", 1, 0, 0),
        Posting::grant("a", "2", "", 0, i64::MAX, 1),
        Posting::grant("a", "3", "", u64::MAX, 0, 0),
        Posting::usage("a", "4", 2, i64::MIN),
        Posting::usage("a", "5", u64::MAX, 0),
        Posting::change_usage("a", "6", "u", most + 1),
        Posting::change_expiration("a", "7", "g", Some(most + 1)),
    ];
    for posting in refused {
        let id = posting.id.clone();
        assert!(
            matches!(refusal(store.post(posting)), Refusal::Limit(_)),
            "{id}"
        );
    }
    assert_eq!(entry_count(&store), entries);
    store.post(Posting::usage("a", "8", 1, 0)).unwrap();
    store.post(Posting::change_usage("a", "9", "u", 0)).unwrap();
    store.post(Posting::retract("a", "10", "g")).unwrap();
    store
        .post(Posting::grant("a", "11", "", most, -5, Some(u64::MAX >> 1)))
        .unwrap();
    assert_sound(&store);
}

#[test]
fn names_and_ids_have_a_length() {
    let (_folder, store) = store();
    for name in ["", &"x".repeat(1_025)] {
        let refused = refusal(store.open_account(name, Overdraft::Carry));
        assert_eq!(refused, Refusal::TextLength(name.len()));
    }
    let longest = "é".repeat(512);
    store.open_account(&longest, Overdraft::Carry).unwrap();
    assert_eq!(
        refusal(store.post(Posting::usage(&*longest, "", 1, 0))),
        Refusal::TextLength(0)
    );
    let credit_id = "x".repeat(65_537);
    assert_eq!(
        refusal(store.post(Posting::grant(&*longest, "g", credit_id, 1, 0, 0))),
        Refusal::CreditIdLength(65_537)
    );
}

#[test]
fn a_deleted_account_is_gone_and_its_name_is_free() {
    let (folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    store.post(Posting::usage("a", "u", 5, 0)).unwrap();
    let alone = store.post_all(vec![
        Posting::delete_account("a", "d"),
        Posting::usage("a", "v", 5, 0),
    ]);
    assert_eq!(refusal(alone), Refusal::DeletionInBatch);
    assert!(matches!(
        store.delete_account("a", "u").unwrap_err(),
        Error::DifferentContent { .. }
    ));
    assert_eq!(store.delete_account("a", "d").unwrap(), Outcome::Deleted);
    let again = store.delete_account("a", "d").unwrap();
    assert_eq!(again, Outcome::AlreadyDeleted);
    let asked = store.as_recorded("a", Revision::new(2)).unwrap_err();
    assert!(matches!(asked, Error::NoSuchAccount(_)));
    assert!(store.get_balance("a", 0).is_err());
    assert_eq!(
        store.open_account("a", Overdraft::Forfeit).unwrap(),
        posted(1)
    );
    // Regression: its id, used again, was answered with success, and left alive what has the name now.
    assert_eq!(
        refusal(store.delete_account("a", "d")),
        Refusal::DeletedBefore
    );
    assert_eq!(
        store.post(Posting::usage("a", "u", 5, 0)).unwrap(),
        posted(2)
    );
    assert_eq!(store.balance_at("a", 0).unwrap().status, Status::Inactive);
    assert_eq!(store.history("a").unwrap().len(), 2);
    drop(store);
    let store = reopen(&folder);
    assert_eq!(entry_count(&store), 2);
    assert_eq!(
        refusal(store.delete_account("a", "d")),
        Refusal::DeletedBefore
    );
    assert_eq!(store.accounts().unwrap().len(), 1);
    assert_sound(&store);
}

#[test]
fn an_account_can_be_asked_at_each_of_its_revisions() {
    let (_folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    store
        .post(Posting::grant("a", "g", "march", 10, 0, 100))
        .unwrap();
    store.post(Posting::usage("a", "u", 4, 50)).unwrap();
    store.post(Posting::retract("a", "r", "u")).unwrap();
    store.post(Posting::close_books("a", "c", 60)).unwrap();
    let balance = |revision: u64, at: i64| {
        let account = store.as_recorded("a", Revision::new(revision)).unwrap();
        assert_eq!(account.revision(), Revision::new(revision));
        account.get_balance(at)
    };
    assert_eq!(balance(1, 50), Ok(None));
    assert_eq!(balance(2, 50), Ok(Some(10)));
    assert_eq!(balance(3, 50), Ok(Some(6)));
    assert_eq!(balance(4, 50), Ok(Some(10)));
    assert!(balance(5, 50).is_err());
    assert_eq!(balance(5, 60), Ok(Some(10)));
    for (revision, problem) in [
        (6, "account \"a\" has 5 revisions; 6 is past its end"),
        (
            u64::MAX,
            "account \"a\" has 5 revisions; 18446744073709551615 is past its end",
        ),
        (
            0,
            "account \"a\" has 5 revisions, counted from 1; there is no 0",
        ),
    ] {
        let refused = store.as_recorded("a", Revision::new(revision)).unwrap_err();
        assert_eq!(refused.to_string(), problem);
    }
    let history = store.history("a").unwrap();
    assert_eq!(history[3].change, Change::RetractRecord { of: "u".into() });
    let entry = store.entry("a", &"u".into()).unwrap().unwrap();
    assert_eq!(entry, history[2]);
    assert_eq!(store.entry("a", &"x".into()).unwrap(), None);
}

#[test]
fn accounts_are_asked_together() {
    let (_folder, store) = store();
    for (name, amount) in [("b", 1), ("a", 2), ("c", 3)] {
        store.open_account(name, Overdraft::Carry).unwrap();
        store
            .post(Posting::grant(name, "g", "", amount, 0, None))
            .unwrap();
    }
    let balances = store.with_accounts(&["c", "a", "b", "a"], |accounts| {
        accounts
            .iter()
            .map(|account| account.get_balance(0).unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(balances.unwrap(), [Some(3), Some(2), Some(1), Some(2)]);
    assert!(store.with_accounts(&["a", "nobody"], |_| ()).is_err());
    assert_eq!(store.get_balances("a", &[-1, 0]).unwrap(), [None, Some(2)]);
}

/// Nothing is owed beyond the line, after a close of the books either, and the line is there again when the
/// store is opened.
#[test]
fn a_credit_line_belongs_to_the_account() {
    let (folder, store) = store();
    let line = Overdraft::CarryUpTo(4);
    store
        .post_all(vec![
            Posting::open_account("a", "open", line),
            Posting::grant("a", "g1", "", 3, 0, 50),
            Posting::usage("a", "u1", 10, 5),
            Posting::grant("a", "g2", "", 9, 10, 50),
            Posting::open_account("invoiced", "open", Overdraft::CarryUpTo(0)),
            Posting::grant("invoiced", "g1", "", 10, 0, 50),
            Posting::usage("invoiced", "u1", 15, 5),
        ])
        .unwrap();
    let error = store
        .open_account("a", Overdraft::CarryUpTo(5))
        .unwrap_err();
    assert!(error.to_string().contains("policy carry:4"), "{error}");
    let too_long = i64::MAX.unsigned_abs() + 1;
    assert_eq!(
        refusal(store.open_account("b", Overdraft::CarryUpTo(too_long))),
        Refusal::CreditLine(too_long)
    );
    let deficits = |store: &TestStore| [5, 9].map(|at| store.balance_at("a", at).unwrap().deficit);
    assert_eq!(deficits(&store), [4, 4]);
    assert_eq!(store.get_balances("a", &[5, 10]).unwrap(), [None, Some(5)]);
    assert_eq!(store.get_balance("invoiced", 5).unwrap(), Some(0));
    let statement = store
        .usage_statement("a", &"u1".into(), store.head("a").unwrap().revision)
        .unwrap();
    assert_eq!((statement.deficit, statement.dropped), (0, 3));
    assert_sound(&store);
    for name in ["a", "invoiced"] {
        store.post(Posting::close_books(name, "close", 8)).unwrap();
        assert_eq!(
            store.head(name).unwrap().policy,
            store.with_account(name, Account::policy).unwrap()
        );
    }
    drop(store);
    let store = reopen(&folder);
    assert_eq!(store.head("a").unwrap().policy, line);
    assert_eq!(store.balance_at("a", 9).unwrap().deficit, 4);
    assert_eq!(store.get_balances("a", &[9, 10]).unwrap(), [None, Some(5)]);
    assert_eq!(store.get_balance("invoiced", 8).unwrap(), Some(0));
    assert_sound(&store);
}
