//! Real jobs, in the folder that the environment variable `GPU_CREDIT_DATA` names. Unset, they are
//! skipped; set, they must be there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Posting, Store};

use crate::support::{assert_sound, store_in_memory};

#[test]
fn the_jobs_of_philly_are_answered_from_the_store() {
    let Some(folder) = std::env::var_os("GPU_CREDIT_DATA").map(PathBuf::from) else {
        // Past the test harness, which keeps what is printed by macros to itself.
        let note = b"GPU_CREDIT_DATA is not set: the real jobs were skipped\n";
        io::stderr().write_all(note).unwrap();
        return;
    };
    let events = rows(&folder, "events");
    for (word, policy) in [
        ("carry", Overdraft::Carry),
        ("forfeit", Overdraft::Forfeit),
        ("carry_0", Overdraft::CarryUpTo(0)),
    ] {
        let expected = rows(&folder, &format!("answers.{word}"));
        assert!(expected.len() > 1_000, "{word}");
        let (_disk, store) = store_in_memory();
        assert!(answers(&store, &events, policy) == expected, "{word}");
        assert_sound(&store);
    }
}

/// The rows of a file, without its header. None of its fields is quoted.
fn rows(folder: &Path, what: &str) -> Vec<String> {
    let path = folder.join(format!("philly_jobs.{what}.csv.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(MultiGzDecoder::new(file)).lines().skip(1);
    lines.map(Result::unwrap).collect()
}

/// The answers to the questions of a file, each when it is asked.
fn answers(store: &Store, events: &[String], policy: Overdraft) -> Vec<String> {
    let (mut postings, mut answers) = (Vec::new(), Vec::new());
    for (number, row) in events.iter().enumerate() {
        let fields: Vec<&str> = row.split(',').collect();
        let [
            kind,
            name,
            credit_id,
            amount,
            time,
            expiration,
            until,
            priority,
        ] = fields[..]
        else {
            panic!("{row}");
        };
        postings.push(Posting::open_account(name, "open", policy));
        let (id, time) = (format!("row {number}"), time.parse().unwrap());
        let amount = || amount.parse().unwrap();
        postings.push(match (kind, until) {
            ("grant", "") => {
                let expiration: u64 = expiration.parse().unwrap();
                let grant = Posting::grant(name, id, credit_id, amount(), time, expiration);
                grant.priority(priority.parse().unwrap_or(0))
            }
            ("usage", until) => {
                let (rate, from, until) = (amount(), time, until.parse().unwrap());
                Posting::metered_usage(name, id, MeteredUsage { rate, from, until })
            }
            ("balance", "") => {
                store.post_all(std::mem::take(&mut postings)).unwrap();
                let balance = store.get_balance(name, time).unwrap();
                let balance = balance.map_or_else(String::new, |balance| balance.to_string());
                answers.push(format!("{name},{time},{balance}"));
                continue;
            }
            other => panic!("{other:?}"),
        });
    }
    store.post_all(postings).unwrap();
    answers
}
