//! A store after `fork`: it belongs to the process that opened it.

#![allow(unsafe_code, reason = "there is no other way to fork")]

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, Journal, Posting, RedbJournal, Store};

/// Runs something in a forked child; whether it was fine there.
fn in_a_child(run: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs `run` on its only thread and ends without returning. Nothing it uses waits
    // for a thread of its parent: the locks of the store and of the allocator are free or never taken.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no fork");
    if child == 0 {
        let code = i32::from(!run());
        // SAFETY: ends the child at once, without what its parent registered to run at the end.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    waited == child && status == 0
}

/// A child that posted through its parent's store was told that it had; nothing was on file.
#[test]
fn a_child_can_do_nothing_with_its_parents_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credit.redb");
    let store = Store::create(&file).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    store.post(Posting::usage("a", "before", 1, 0)).unwrap();
    let is_refused = |error: Option<Error>| matches!(error, Some(Error::OtherProcess { .. }));
    for round in 0..20 {
        let used = store.clone();
        let dropped = store.clone();
        assert!(in_a_child(|| {
            let refused = is_refused(used.post(Posting::usage("a", "child", 1, 0)).err())
                && is_refused(used.get_balance("a", 0).err())
                && is_refused(used.accounts().err())
                && is_refused(used.history("a").err())
                && used.journal().last_sequence().is_err()
                && is_refused(used.with_accounts(&["a"], |_| ()).err());
            drop((used, dropped));
            refused
        }));
        let id = format!("after {round}");
        store.post(Posting::usage("a", id, 1, 0)).unwrap();
    }
    drop(store);
    // The last one that the child has is dropped there, and closes nothing.
    let store = Store::open(&file).unwrap();
    let only = store.clone();
    assert!(in_a_child(move || {
        drop((store, only));
        true
    }));
    let journal = RedbJournal::open(&file).unwrap();
    assert!(in_a_child(move || {
        drop(journal);
        true
    }));
    let error = Store::open(&file).err();
    assert!(error.is_none(), "{error:?}");
}
