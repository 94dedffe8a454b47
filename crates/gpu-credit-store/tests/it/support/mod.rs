//! What the tests share.

pub(crate) mod backend;
pub(crate) mod model;
pub(crate) mod workload;

use std::collections::BTreeMap;

use gpu_credit_store::{Entry, Error, Journal, Refusal, Store};

/// A new store in a folder of its own.
pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("credit.redb")).unwrap();
    (folder, store)
}

/// All that a store holds.
pub(crate) fn everything<J: Journal>(store: &Store<J>) -> BTreeMap<String, Vec<Entry>> {
    let accounts = store.accounts().unwrap();
    let history = |name: &str| store.history(name).unwrap();
    accounts
        .iter()
        .map(|account| (account.name.to_string(), history(&account.name)))
        .collect()
}

/// Nothing is wrong with it.
pub(crate) fn assert_sound<J: Journal>(store: &Store<J>) {
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
