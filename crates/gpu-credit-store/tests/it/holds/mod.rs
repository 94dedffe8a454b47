//! Holds: what is given, what is refused, and what comes in the place of a hold.

mod closing;
mod deciding;
mod random;
mod retries;

use gpu_credit::Overdraft;
use gpu_credit_store::{Authorise, Decision, Funds, Hold, Posting};

use crate::support::{Memory, TestStore, store_in_memory};

/// An account `a` with 100 that is live in [0, 99].
fn hundred() -> (Memory, TestStore) {
    let (memory, store) = store_in_memory();
    open(&store, "a", 100);
    (memory, store)
}

fn open(store: &TestStore, account: &str, amount: u64) {
    store.open_account(account, Overdraft::Carry).unwrap();
    let grant = Posting::grant(account, "g", "", amount, 0, 99);
    store.post(grant).unwrap();
}

fn given(store: &TestStore, authorise: Authorise) -> Hold {
    let authorised = store.authorise(authorise).unwrap();
    authorised.hold().cloned().expect("it fits")
}

fn refused(store: &TestStore, authorise: Authorise) -> Vec<(String, Funds)> {
    match store.authorise(authorise).unwrap().decision {
        Decision::Held(hold) => panic!("{hold:?} is given"),
        Decision::Refused(accounts) => accounts
            .into_iter()
            .map(|(account, refused)| (account, refused.funds))
            .collect(),
    }
}

/// Balance, held, available and spendable of `a`.
fn funds(store: &TestStore, at: i64) -> Funds {
    let asked = store.with_account("a", |account| Funds {
        balance: account.get_balance(at).unwrap(),
        held: account.held(at).unwrap(),
        available: account.available(at).unwrap(),
        spendable: account.spendable(at).unwrap(),
    });
    asked.unwrap()
}

fn told(balance: u64, held: u64, available: u64, spendable: u64) -> Funds {
    Funds {
        balance: Some(balance),
        held,
        available,
        spendable,
    }
}
