//! What is confirmed before it is told: commits that wait for a standby that never comes, and waits that somebody
//! ends.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_postgres::{PostgresOptions, PostgresStore};
use gpu_credit_store::{Error, Outcome, Posting, Revision};

use crate::support::admin::{number, try_execute};
use crate::support::{Database, execute};

/// A database whose commits wait for a standby, if there is to be one: it is to be one of the server, so
/// only one test has it.
struct Waiting {
    database: Database,
    _turn: MutexGuard<'static, ()>,
}

impl Waiting {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let database = Database::new();
        let url = database.url.replace(
            "options='",
            "application_name=waits options='-c synchronous_commit=on ",
        );
        Waiting {
            database: Database { url },
            _turn: turn,
        }
    }

    fn open(&self, are_strict: bool) -> Result<PostgresStore, Error> {
        let options = PostgresOptions::default().strict_reads(are_strict);
        let options = options.wait(Duration::from_secs(4));
        options.open(&self.database.url)
    }

    /// From now on commits wait for a standby that is not there, or do not.
    fn wait_for_standby(&self, is_wanted: bool) {
        let names = if is_wanted { "ANY 1 (nobody)" } else { "" };
        let sql = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        execute(&self.local(), &sql);
        execute(&self.local(), "SELECT pg_reload_conf()");
        while self.does_wait() != is_wanted {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a commit waits now: settings take their time to reach the server's processes.
    fn does_wait(&self) -> bool {
        let probe = self.database.url.replace("=waits", "=probe");
        let waits =
            "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'probe'";
        thread::scope(|scope| {
            let commit = "SELECT pg_logical_emit_message(true, 'probe', '')";
            let probing = scope.spawn(move || try_execute(&probe, commit));
            while !probing.is_finished() {
                let ended = format!("SELECT count(pg_terminate_backend(pid)) {waits}");
                if number(&self.local(), &ended) > 0 {
                    return true;
                }
            }
            false
        })
    }

    fn local(&self) -> String {
        let url = self
            .database
            .url
            .replace("application_name=waits", "application_name=admin");
        url.replace("synchronous_commit=on", "synchronous_commit=local")
    }

    /// Ends the waits of so many commits.
    fn end_waits(&self, count: i64, how: &str) {
        let waits =
            "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'waits'";
        let sql = format!("SELECT count({how}(pid)) {waits}");
        let (mut ended, begun) = (0, Instant::now());
        while ended < count {
            ended += number(&self.local(), &sql);
            assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.wait_for_standby(false);
    }
}

/// Regression: the outcome was looked up on an old connection, on which a commit is visible that is not
/// replicated; it was acknowledged.
#[test]
fn a_commit_whose_wait_is_ended_is_not_acknowledged_before_it_is_replicated() {
    for how in ["pg_cancel_backend", "pg_terminate_backend"] {
        let waiting = Waiting::new();
        let store = waiting.open(false).unwrap();
        store.open_account("a", Overdraft::Carry).unwrap();
        assert_eq!(store.get_balance("a", 1).unwrap(), None);
        waiting.wait_for_standby(true);
        thread::scope(|scope| {
            let posting = scope.spawn(|| store.post(Posting::usage("a", "u", 1, 1)));
            waiting.end_waits(1, how);
            thread::sleep(Duration::from_secs(1));
            assert!(!posting.is_finished(), "{how}: {:?}", posting.join());
            waiting.wait_for_standby(false);
            let posted = posting.join().unwrap().unwrap();
            assert_eq!(posted, Outcome::Posted(Revision::new(2)), "{how}");
        });
    }
}

/// It is there when it is posted again: it was written, and not confirmed.
#[test]
fn what_is_not_confirmed_is_an_error() {
    let waiting = Waiting::new();
    let store = waiting.open(false).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    waiting.wait_for_standby(true);
    let posted = store.post(Posting::usage("a", "u", 1, 1));
    assert!(matches!(posted, Err(Error::Journal(_))), "{posted:?}");
    let opened = waiting.open(false);
    assert!(matches!(opened, Err(Error::Journal(_))), "no first write");
    waiting.wait_for_standby(false);
    let posted = store.post(Posting::usage("a", "u", 1, 1)).unwrap();
    assert_eq!(posted, Outcome::AlreadyPosted(Revision::new(2)));
}

/// The first write of a connection may be the one whose wait is ended.
#[test]
fn a_connection_whose_first_write_is_not_replicated_is_not_used() {
    let waiting = Waiting::new();
    drop(waiting.open(false).unwrap());
    waiting.wait_for_standby(true);
    thread::scope(|scope| {
        let opening = scope.spawn(|| waiting.open(false));
        waiting.end_waits(1, "pg_cancel_backend");
        let opened = opening.join().unwrap().map(|_| ());
        let told = opened.unwrap_err().to_string();
        assert!(told.contains("not replicated"), "{told}");
    });
}

/// A primary that cannot replicate may be one that was deposed: it answers trusting reads alone.
#[test]
fn strict_reads_are_not_answered_by_a_primary_that_nobody_follows() {
    let waiting = Waiting::new();
    let (strict, trusting) = (waiting.open(true).unwrap(), waiting.open(false).unwrap());
    strict.open_account("a", Overdraft::Carry).unwrap();
    for store in [&strict, &trusting] {
        store.post(Posting::usage("a", "u", 1, 1)).unwrap();
        store.get_balance("a", 1).unwrap();
        store.history("a").unwrap();
        store.dry_run(vec![Posting::usage("a", "v", 1, 1)]).unwrap();
    }
    waiting.wait_for_standby(true);
    trusting.get_balance("a", 1).unwrap();
    let unanswered = |answer: Result<(), Error>| {
        assert!(matches!(answer, Err(Error::Journal(_))), "{answer:?}");
    };
    thread::scope(|scope| {
        let asking = scope.spawn(|| strict.get_balance("a", 1).map(|_| ()));
        // Nor is it answered if the wait of what confirms it is ended.
        waiting.end_waits(1, "pg_cancel_backend");
        unanswered(asking.join().unwrap());
    });
    unanswered(strict.history("a").map(|_| ()));
    let retry = Posting::usage("a", "u", 1, 1);
    unanswered(strict.dry_run(vec![retry.clone()]).map(|_| ()));
    unanswered(strict.post(retry).map(|_| ()));
    waiting.wait_for_standby(false);
    assert_eq!(strict.history("a").unwrap().len(), 2);
}
