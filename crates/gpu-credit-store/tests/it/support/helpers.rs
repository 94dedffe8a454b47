//! What tests of any storage ask of a store.

use std::collections::BTreeMap;

use gpu_credit_store::{Entry, Error, Refusal, Sequence, Storage, Store};

/// All that a store holds.
pub(crate) fn everything<S: Storage>(store: &Store<S>) -> BTreeMap<String, Vec<Entry>> {
    let accounts = store.accounts().unwrap();
    let history = |name: &str| store.history(name).unwrap();
    accounts
        .iter()
        .map(|account| (account.name.to_string(), history(&account.name)))
        .collect()
}

/// All that a store holds, but for the places of its entries: a copy of it has the same.
pub(crate) fn content<S: Storage>(store: &Store<S>) -> BTreeMap<String, Vec<Entry>> {
    let mut content = everything(store);
    for entry in content.values_mut().flatten() {
        (entry.account.opened, entry.sequence) = (Sequence::START, Sequence::START);
    }
    content
}

/// Nothing is wrong with it.
pub(crate) fn assert_sound<S: Storage>(store: &Store<S>) {
    let report = store.check(12, |_| ()).unwrap();
    assert_eq!(report.problems, [""; 0]);
}

/// Why it was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result.unwrap_err() {
        Error::Refused { refusal, .. } => refusal,
        other => panic!("not a refusal: {other}"),
    }
}

/// A number that the environment may raise.
pub(crate) fn count(variable: &str, default: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.map_or(default, |count| count.parse().expect("a number"))
}

/// The entries of all accounts.
pub(crate) fn entry_count<S: Storage>(store: &Store<S>) -> u64 {
    let accounts = store.accounts().unwrap().into_iter();
    let entries = accounts.map(|key| store.head(&key.name).unwrap().revision.get());
    entries.sum()
}
