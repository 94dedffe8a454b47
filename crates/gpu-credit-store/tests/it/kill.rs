//! A process that is killed while several of its threads post.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Change, MeteredChange, Posting, StoreOptions};

use crate::support::{assert_sound, count};

const FILE_VARIABLE: &str = "GPU_CREDIT_STORE_KILLED";
const ROUND_VARIABLE: &str = "GPU_CREDIT_STORE_ROUND";
const WRITERS: u64 = 4;

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
    store.open_account("a", line).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, round) = (&store, &round);
            scope.spawn(move || {
                for number in 0.. {
                    let id = |number| format!("{round}-{writer}-{number}");
                    store.post(posting(number, id)).unwrap();
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

/// One of each kind in turn. Usage is of 1, and so are jobs, whatever becomes of them.
fn posting(number: i64, id: impl Fn(i64) -> String) -> Posting {
    let new = id(number);
    match number % 4 {
        0 => Posting::usage("a", new, 1, number),
        1 => {
            let (from, until) = (number, number + 1);
            Posting::metered_usage(
                "a",
                new,
                MeteredUsage {
                    rate: 1,
                    from,
                    until,
                },
            )
        }
        2 => {
            let change = MeteredChange {
                rate: None,
                from: Some(number + 5),
                until: Some(number + 6),
            };
            Posting::change_metered_usage("a", new, id(number - 1), change)
        }
        _ => Posting::grant("a", new, "", 0, number, 9).priority(number as i16),
    }
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
        let records = ids.len() as u64 - 1;
        ids.sort();
        ids.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
        for id in &acknowledged {
            assert!(ids.binary_search(id).is_ok(), "{id} was acknowledged");
        }
        // What was under way is at most one posting of each writer of each round.
        assert!(records <= acknowledged.len() as u64 + WRITERS * (round + 1));
        assert_sound(&store);
        let statistics = store.snapshot_statistics();
        assert_eq!(statistics.refused, 0);
        snapshots += statistics.read;
    }
    assert!(snapshots > 0, "some were written before a kill");
}
