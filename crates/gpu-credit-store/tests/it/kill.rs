//! A process that is killed while several of its threads post.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{
    Authorise, Change, Entry, Error, MeteredChange, Posting, RecordId, Settle, Store, StoreOptions,
};

use crate::support::{assert_sound, count};

const FILE_VARIABLE: &str = "GPU_CREDIT_STORE_KILLED";
const ROUND_VARIABLE: &str = "GPU_CREDIT_STORE_ROUND";
const WRITERS: u64 = 4;
/// Holds are on both, and all else is of the first.
const ACCOUNTS: [&str; 2] = ["a", "b"];
/// How long a hold is open, from when the first one begins: all end before anything else takes effect, and credit
/// that has lapsed by then is there for them.
const OPEN: i64 = 40;
const HOLDS_FROM: i64 = -1_000_000;
const CREDIT: u64 = 1_000_000;

/// Not a test of its own: what the killed process runs. It posts until it is killed, and prints each
/// id once it is acknowledged.
#[test]
#[ignore = "run by the test below"]
fn posts_until_killed() {
    let Ok(file) = std::env::var(FILE_VARIABLE) else {
        return;
    };
    let round = std::env::var(ROUND_VARIABLE).unwrap();
    let store = snapshots_often().open_or_create(file).unwrap();
    let line = Overdraft::CarryUpTo(i64::MAX.unsigned_abs());
    for account in ACCOUNTS {
        store.open_account(account, line).unwrap();
        let lapses = HOLDS_FROM.unsigned_abs() - 1;
        let credit = Posting::grant(account, "credit", "", CREDIT, HOLDS_FROM, lapses);
        store.post(credit).unwrap();
    }
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, round) = (&store, &round);
            scope.spawn(move || {
                for number in 0.. {
                    let id = |number| format!("{round}-{writer}-{number}");
                    write(store, number, id).unwrap();
                    let id = id(number);
                    let mut output = std::io::stdout().lock();
                    writeln!(output, "acknowledged {id}").unwrap();
                    output.flush().unwrap();
                }
            });
        }
    });
}

/// Snapshots are being written when it is killed.
fn snapshots_often() -> StoreOptions {
    StoreOptions::default()
        .snapshot_after(16)
        .snapshot_at_end(1)
        .segment_rows(32)
}

/// One of each kind in turn. Usage is of 1, and so are jobs, whatever becomes of them, and holds. One hold in
/// three is settled and one released.
fn write(store: &Store, number: i64, id: impl Fn(i64) -> String) -> Result<(), Error> {
    let new = id(number);
    let posting = match number % 6 {
        0 => Posting::usage("a", new, 1, number),
        1 => {
            let (from, until) = (number, number + 1);
            let job = MeteredUsage {
                rate: 1,
                from,
                until,
            };
            Posting::metered_usage("a", new, job)
        }
        2 => {
            let change = MeteredChange {
                rate: None,
                from: Some(number + 5),
                until: Some(number + 6),
            };
            Posting::change_metered_usage("a", new, id(number - 1), change)
        }
        3 => Posting::grant("a", new, "", 0, number, 9).priority(number as i16),
        4 => {
            let at = HOLDS_FROM + number;
            let asked = Authorise::new(new, ACCOUNTS, 1, at..at + OPEN);
            let authorised = store.authorise(asked)?;
            assert!(authorised.hold().is_some(), "there is much credit");
            return Ok(());
        }
        _ => {
            let of = id(number - 1);
            match number / 6 % 3 {
                0 => store.settle(Settle::new("b", new, of, 1)).map(drop)?,
                1 => store.release("b", new, of).map(drop)?,
                _ => return store.post(Posting::usage("a", new, 1, number)).map(drop),
            }
            return Ok(());
        }
    };
    store.post(posting).map(drop)
}

/// Holds are what the entries say: open until they end, unless they are settled or released.
fn assert_holds_are_those_of(store: &Store, account: &str, history: &[Entry]) {
    let closed = history.iter().filter_map(|entry| match &entry.change {
        Change::Settle { hold, .. } | Change::Release { hold } => Some(hold),
        _ => None,
    });
    let closed: BTreeSet<&RecordId> = closed.collect();
    let starts = history.iter().filter_map(|entry| match &entry.change {
        Change::Hold(hold) if !closed.contains(&entry.id) => Some(hold.at),
        _ => None,
    });
    let starts: Vec<i64> = starts.collect();
    let last = starts.iter().copied().max().unwrap_or(HOLDS_FROM);
    let instants = (HOLDS_FROM..=last + OPEN).step_by(7);
    for at in instants.chain([last + OPEN - 1, last + OPEN, i64::MAX]) {
        let open = starts
            .iter()
            .filter(|start| (**start..*start + OPEN).contains(&at));
        let held = store.with_account(account, |account| account.held(at).unwrap());
        assert_eq!(held.unwrap(), open.count() as u64, "{account} at {at}");
    }
    let settled = history.iter().map(|entry| &entry.change);
    let settled = settled.filter(|change| matches!(change, Change::Settle { .. }));
    let left = CREDIT - settled.count() as u64;
    assert_eq!(store.get_balance(account, -1).unwrap(), Some(left));
}

fn is_of_hold(change: &Change) -> bool {
    matches!(
        change,
        Change::Hold(_) | Change::Settle { .. } | Change::Release { .. }
    )
}

/// Starts a process, kills it after a while, and returns what it was acknowledged.
fn killed(file: &Path, round: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::posts_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE_VARIABLE, file)
        .env(ROUND_VARIABLE, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    for line in output.lines() {
        let line = line.unwrap();
        let Some((_, id)) = line.split_once("acknowledged ") else {
            continue;
        };
        acknowledged.push(id.to_owned());
        if acknowledged.len() == 40 {
            thread::sleep(Duration::from_millis(round % 20 * 7));
            // On Unix this is SIGKILL: nothing of the process runs any more.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

/// `GPU_CREDIT_STORE_KILLS=200` kills it so many times.
#[test]
fn everything_acknowledged_before_a_kill_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credit.redb");
    let mut acknowledged = Vec::new();
    let mut snapshots = 0;
    for round in 0..count("GPU_CREDIT_STORE_KILLS", 5) {
        let more = killed(&file, round);
        assert!(more.len() >= 40);
        acknowledged.extend(more);
        let store = snapshots_often().open(&file).unwrap();
        let history = store.history("a").unwrap();
        let is_usage =
            |change: &Change| matches!(change, Change::Usage { .. } | Change::MeteredUsage { .. });
        let usage = history.iter().filter(|entry| is_usage(&entry.change));
        let used = store.balance_at("a", i64::MAX).unwrap().deficit;
        assert_eq!(used, usage.count() as u64, "each counts once");
        let ids = history.iter().map(|entry| entry.id.as_str().to_owned());
        let mut ids: Vec<String> = ids.collect();
        let records = ids.len() as u64 - 2;
        ids.sort();
        ids.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
        for id in &acknowledged {
            assert!(ids.binary_search(id).is_ok(), "{id} was acknowledged");
        }
        let of_holds = |history: Vec<Entry>| -> Vec<(RecordId, Change)> {
            let entries = history.into_iter();
            let of_holds = entries.filter(|entry| is_of_hold(&entry.change));
            of_holds.map(|entry| (entry.id, entry.change)).collect()
        };
        for account in ACCOUNTS {
            let history = store.history(account).unwrap();
            assert_holds_are_those_of(&store, account, &history);
        }
        let [one, other] = ACCOUNTS.map(|account| of_holds(store.history(account).unwrap()));
        assert!(one.len() > 4 && one == other, "each is on both, or on none");
        // What was under way is at most one posting of each writer of each round.
        assert!(records <= acknowledged.len() as u64 + WRITERS * (round + 1));
        assert_sound(&store);
        let statistics = store.snapshot_statistics();
        assert_eq!(statistics.refused, 0);
        snapshots += statistics.read;
    }
    assert!(snapshots > 0, "some were written before a kill");
}
