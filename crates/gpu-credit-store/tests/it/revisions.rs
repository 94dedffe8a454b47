//! The revisions of an account: 1, 2, 3 and so on, whatever happens to it and to others.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use gpu_credit::Overdraft;
use gpu_credit_store::{ImportOptions, Outcome, Posting, Revision, Store};

use crate::support::journal::{Hooked, Step, kept};
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, store, store_in_memory};

/// How long a thread waits for another, at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its head says how many there are, its history has each of them, and each is found by its id, by the one
/// before it and as a state of the account.
fn assert_dense(store: &Store, context: &str) {
    for account in store.accounts().unwrap() {
        let name = &account.name;
        let history = store.history(name).unwrap();
        let head = store.head(name).unwrap();
        let revisions = history.iter().map(|entry| entry.revision.get());
        assert!(revisions.eq(1..=head.revision.get()), "{context}, {name}");
        assert_eq!(
            history.last().map(|entry| entry.recorded_at),
            Some(head.recorded_at)
        );
        let times = history.iter().map(|entry| entry.recorded_at);
        assert!(times.is_sorted(), "{context}, {name}");
        for entry in &history {
            let found = store.entry(name, &entry.id).unwrap();
            assert_eq!(found.as_ref(), Some(entry), "{context}, {name}");
            let mut next = None;
            let before = Revision::new(entry.revision.get() - 1);
            store
                .visit_history(name, before, |entry| {
                    next = Some(entry);
                    ControlFlow::Break(())
                })
                .unwrap();
            assert_eq!(next.as_ref(), Some(entry), "{context}, {name}");
        }
        let middle = Revision::new(head.revision.get().div_ceil(2));
        let recorded = store.as_recorded(name, middle).unwrap();
        assert_eq!(recorded.revision(), middle);
        let last = store.with_account(name, gpu_credit_store::Account::revision);
        assert_eq!(last.unwrap(), head.revision);
        let after = Revision::new(head.revision.get() + 1);
        let refused = store.as_recorded(name, after).unwrap_err();
        let past_end = format!("{after} is past its end");
        assert!(refused.to_string().contains(&past_end), "{refused}");
    }
}

/// With closes, corrections, deletions, new openings and retries among what is posted.
#[test]
fn an_account_has_as_many_revisions_as_its_head_says() {
    for seed in 0..count("GPU_CREDIT_STORE_REVISION_SEEDS", 12) {
        let context = format!("seed {seed}");
        let (disk, store) = store_in_memory();
        let mut workload = Workload::new(seed, 3);
        for _ in 0..60 {
            let batch = workload.batch();
            let Ok(outcomes) = store.post_all(batch.clone()) else {
                continue;
            };
            for (posting, outcome) in batch.iter().zip(&outcomes) {
                let Some(revision) = outcome.revision() else {
                    continue;
                };
                let entry = store.entry(&posting.account, &posting.id).unwrap().unwrap();
                assert_eq!(entry.revision, revision, "{context}, {posting:?}");
            }
        }
        assert_dense(&store, &context);
        assert_sound(&store);
        // An import into a store that has other accounts, or some of the same.
        let mut journal = Vec::new();
        store.export_journal(&mut journal, |_| ()).unwrap();
        let (_, other) = store_in_memory();
        other.open_account("other", Overdraft::Carry).unwrap();
        for _ in 0..2 {
            let options = ImportOptions::default();
            let imported =
                other.import_journal(journal.as_slice(), &options, |_| ControlFlow::Continue(()));
            let _ = imported.unwrap();
            assert_dense(&other, &context);
        }
        for account in store.accounts().unwrap() {
            assert_eq!(
                other.head(&account.name).unwrap().revision,
                store.head(&account.name).unwrap().revision,
                "{context}"
            );
        }
        assert_sound(&other);
        drop(store);
        assert_dense(&crate::support::open_disk(disk), &context);
    }
}

/// What others post, before it and between, takes no revision of an account.
#[test]
fn a_name_that_is_given_again_begins_at_revision_1() {
    let (folder, store) = store();
    let posted = |number| Outcome::Posted(Revision::new(number));
    for round in 0..3 {
        let opened = store.open_account("a", Overdraft::Carry).unwrap();
        assert_eq!(opened, posted(1));
        let other = Posting::usage("b", round.to_string(), 1, 0);
        store.open_account("b", Overdraft::Carry).unwrap();
        assert_eq!(store.post(other).unwrap(), posted(round + 2));
        let usage = Posting::usage("a", "u", 1, 0);
        assert_eq!(store.post(usage.clone()).unwrap(), posted(2));
        assert_eq!(
            store.post(usage).unwrap(),
            Outcome::AlreadyPosted(Revision::new(2))
        );
        let close = Posting::close_books("a", "c", 5);
        assert_eq!(store.post(close).unwrap(), posted(3));
        assert_eq!(
            store.post(Posting::usage("a", "v", 1, 9)).unwrap(),
            posted(4)
        );
        assert_dense(&store, "before it is deleted");
        let deleted = store.delete_account("a", format!("d{round}")).unwrap();
        assert_eq!((deleted, deleted.revision()), (Outcome::Deleted, None));
    }
    let file = folder.path().join("copy.redb");
    store.copy_to(&file).unwrap();
    assert_dense(&Store::open(file).unwrap(), "copied");
}

/// Between the write of a commit and the moment at which readers see it, the head of an account told a
/// revision that was refused as past the end.
#[test]
fn the_revision_that_a_head_tells_can_be_asked_for() {
    let ((is_written, written), (go, go_on)) = (channel(), channel::<()>());
    let (is_written, go_on) = (kept(Mutex::new(is_written)), kept(Mutex::new(go_on)));
    let is_watched = kept(AtomicBool::new(false));
    let store = Store::with_journal(Hooked::new(|step: Step<'_>| {
        if matches!(step, Step::Appended) && is_watched.load(Ordering::SeqCst) {
            is_written.lock().unwrap().send(()).unwrap();
            let gone_on = go_on.lock().unwrap().recv_timeout(PATIENCE);
            gone_on.expect("it is asked meanwhile");
        }
        Ok(())
    }))
    .unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    is_watched.store(true, Ordering::SeqCst);
    thread::scope(|scope| {
        let posted = scope.spawn(|| store.post(Posting::usage("a", "u", 1, 0)));
        written.recv_timeout(PATIENCE).unwrap();
        let revision = store.head("a").unwrap().revision;
        let recorded = store
            .as_recorded("a", revision)
            .map(|account| account.ledger().used());
        go.send(()).unwrap();
        assert_eq!((revision, recorded.unwrap()), (Revision::new(2), 1));
        posted.join().unwrap().unwrap();
    });
}

/// `recorded_at` says when something became known: it never goes back, though the clock of an earlier
/// recording was ahead.
#[test]
fn the_time_of_recording_never_goes_back() {
    let (_folder, store) = store();
    let far = i64::MAX - 1;
    let line = |sequence: u64, recorded_at: i64, entry: &str| {
        format!(r#"{{"sequence":{sequence},"recorded_at":{recorded_at},"account":"a",{entry}}}"#)
    };
    let lines = [
        line(1, 5, r#""id":"open","open_account":{"policy":"carry"}"#),
        line(2, far, r#""id":"u","usage":{"amount":1,"timestamp":0}"#),
        line(3, 7, r#""id":"v","usage":{"amount":1,"timestamp":0}"#),
    ];
    let options = ImportOptions::default();
    let _ = store
        .import_journal(lines.join("\n").as_bytes(), &options, |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    store.post(Posting::usage("a", "w", 1, 0)).unwrap();
    let rows = "kind,account,credit_id,amount,timestamp,expiration\nusage,a,,5,0,\nusage,b,,5,0,\n";
    let _ = store
        .import_events(rows.as_bytes(), &options, |_| ControlFlow::Continue(()))
        .unwrap();
    let recorded = |name: &str| -> Vec<i64> {
        let history = store.history(name).unwrap().into_iter();
        history.map(|entry| entry.recorded_at).collect()
    };
    assert_eq!(recorded("a"), [5, far, far, far, far]);
    assert!(recorded("b").iter().all(|at| *at < far));
    assert_dense(&store, "imported");
    assert_sound(&store);
}
