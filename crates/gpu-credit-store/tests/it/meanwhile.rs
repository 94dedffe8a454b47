//! What others do to an account between two round trips of a store that shares it.

use std::ops::ControlFlow;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Authorise, Decision, Error, ImportOptions, Outcome, Posting, Revision, Shared, Store,
};

use crate::support::world::{Control, Reads, World};

type SharedStore = Store<Shared<World>>;

/// Two stores on a journal to which nothing happens.
fn two_stores() -> (World, SharedStore, SharedStore) {
    let world = World::new(0, Reads::Trusting, Control::Nothing);
    world.calm_down();
    let [one, other] = [(); 2].map(|()| Store::with_shared_journal(world.client()));
    (world, one, other)
}

/// An account with a record that was corrected, and what deletes it while the next thing is asked.
fn deleted_meanwhile() -> SharedStore {
    let (world, one, other) = two_stores();
    let opening = Posting::open_account("a", "open", Overdraft::Carry);
    let fix = Posting::change_usage("a", "fix", "u", 2);
    for posting in [opening, Posting::usage("a", "u", 1, 1), fix] {
        other.post(posting).unwrap();
    }
    world.meanwhile(move || {
        other.delete_account("a", "d").unwrap();
    });
    one
}

fn assert_is_missing<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    assert!(matches!(answer, Err(Error::NoSuchAccount(_))), "{answer:?}");
}

/// Regression: it was empty, or ended where a page did.
#[test]
fn the_history_of_an_account_that_is_deleted_meanwhile_is_no_answer() {
    assert_is_missing(&deleted_meanwhile().history("a"));
}

/// Regression: there was no such entry, in an account that had one as long as it was there.
#[test]
fn an_entry_of_an_account_that_is_deleted_meanwhile_is_no_answer() {
    assert_is_missing(&deleted_meanwhile().entry("a", &"u".into()));
}

/// Regression: the journal was said to be damaged, for the record that is corrected was gone.
#[test]
fn an_account_that_is_deleted_while_it_is_loaded_is_not_damaged() {
    assert_is_missing(&deleted_meanwhile().get_balance("a", 1));
    let revision = Revision::new(3);
    assert_is_missing(&deleted_meanwhile().as_recorded("a", revision));
}

/// Regression: each draft of an opening had a number of its own. One that came late, after the account that was
/// opened instead of it had been deleted, opened it again.
#[test]
fn an_opening_that_comes_late_opens_nothing_again() {
    let (world, one, other) = two_stores();
    world.delay_next();
    let opening = Posting::open_account("a", "open", Overdraft::Carry);
    let usage = Posting::usage("a", "u", 1, 1);
    let posted = one.post_all(vec![opening, usage]).unwrap();
    assert_eq!(posted[1], Outcome::Posted(Revision::new(2)));
    other.delete_account("a", "d").unwrap();
    world.calm_down();
    assert_is_missing(&other.head("a"));
}

/// Regression: what was written, and deleted with its account before its outcome was looked up, was refused: there
/// was no such account.
#[test]
fn what_is_deleted_before_its_outcome_is_known_is_not_refused() {
    let (world, one, other) = two_stores();
    one.open_account("a", Overdraft::Carry).unwrap();
    world.lose_next_answer();
    world.meanwhile(|| ());
    world.meanwhile(move || {
        other.delete_account("a", "d").unwrap();
    });
    let posted = one.post(Posting::usage("a", "u", 1, 1));
    assert!(matches!(posted, Err(Error::Journal(_))), "{posted:?}");
}

/// Regression: it was imported again, into an account that was opened again.
#[test]
fn what_is_imported_and_deleted_before_its_outcome_is_known_is_not_imported_again() {
    let (world, one, other) = two_stores();
    let before = world.written_count();
    world.lose_next_answer();
    for _ in 0..20 {
        let (world, other) = (world.clone(), other.clone());
        world.clone().meanwhile(move || {
            if world.written_count() > before {
                let _ = other.delete_account("a", "d");
            }
        });
    }
    let file = "kind,account,credit_id,amount,timestamp,expiration,id\nusage,a,,1,1,,u\n";
    let options = ImportOptions::default();
    let imported = one.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()));
    assert!(matches!(imported, Err(Error::Journal(_))), "{imported:?}");
    world.end_of_operation();
    assert_is_missing(&other.head("a"));
}

/// Regression: it was said that an account is not there, although the others have the outcome.
#[test]
fn a_hold_that_was_refused_is_told_if_one_of_its_accounts_is_deleted_since() {
    let (world, one, other) = two_stores();
    for name in ["a", "b"] {
        other.open_account(name, Overdraft::Carry).unwrap();
    }
    let before = world.written_count();
    for _ in 0..20 {
        let (world, other) = (world.clone(), other.clone());
        world.clone().meanwhile(move || {
            if world.written_count() > before {
                let _ = other.delete_account("a", "d");
            }
        });
    }
    let asked = || Authorise::new("h", ["a", "b"], 5, 0..9);
    let Decision::Refused(accounts) = one.authorise(asked()).unwrap().decision else {
        panic!("there is no credit");
    };
    let names: Vec<&str> = accounts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b"]);
    world.end_of_operation();
    assert_is_missing(&one.authorise(asked()));
}
