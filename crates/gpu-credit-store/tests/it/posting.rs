//! Posting, retrying and asking.

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, Outcome, Posting, Refusal, Sequence, Store};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("credit.redb")).unwrap();
    (folder, store)
}

#[test]
fn smoke() {
    let (folder, store) = store();
    store.open_account("acme", Overdraft::Carry).unwrap();
    store
        .post(Posting::grant("acme", "g", "march", 100, 0, 30))
        .unwrap();
    assert_eq!(
        store.post(Posting::usage("acme", "u", 5, 5)).unwrap(),
        Outcome::Posted(Sequence::new(3))
    );
    store
        .post(Posting::change_usage("acme", "c", "u", 7))
        .unwrap();
    assert_eq!(store.get_balance("acme", 5).unwrap(), Some(93));
    drop(store);
    let store = Store::open(folder.path().join("credit.redb")).unwrap();
    assert_eq!(store.get_balance("acme", 5).unwrap(), Some(93));
    let report = store.check(10, |_| ()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    let _ = Error::Interrupted;
    let _ = Refusal::DeletionInBatch;
}
