//! Real jobs, in the folder that the environment variable `GPU_CREDIT_DATA` names. Unset, they are
//! skipped; set, they must be there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay};

#[test]
fn list_and_heap_answer_the_jobs_of_philly() {
    let Some(folder) = std::env::var_os("GPU_CREDIT_DATA").map(PathBuf::from) else {
        // Past the test harness, which keeps what is printed by macros to itself.
        let note = b"GPU_CREDIT_DATA is not set: the real jobs were skipped\n";
        io::stderr().write_all(note).unwrap();
        return;
    };
    let events = rows(&folder.join("philly_jobs.events.csv.gz"));
    for (policy, overdraft) in [
        ("carry", Overdraft::Carry),
        ("forfeit", Overdraft::Forfeit),
        ("carry_0", Overdraft::CarryUpTo(0)),
    ] {
        let expected = rows(&folder.join(format!("philly_jobs.answers.{policy}.csv.gz")));
        assert!(expected.len() > 1_000, "{policy}");
        assert_eq!(
            answers::<ListReplay>(&events, overdraft),
            expected,
            "{policy}"
        );
        assert_eq!(
            answers::<HeapReplay>(&events, overdraft),
            expected,
            "{policy}"
        );
    }
}

/// By the names in the header.
type Row = HashMap<String, String>;

fn rows(path: &Path) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = csv::Reader::from_reader(MultiGzDecoder::new(file));
    reader.deserialize().map(Result::unwrap).collect()
}

/// The answers to the questions of a file, each when it is asked.
fn answers<Engine: Replay>(events: &[Row], overdraft: Overdraft) -> Vec<Row> {
    let mut accounts: HashMap<&str, Engine> = HashMap::new();
    let mut answers = Vec::new();
    for row in events {
        let account = accounts
            .entry(&row["account"])
            .or_insert_with(|| Engine::new(overdraft));
        let time = number(&row["timestamp"]);
        let amount = || number(&row["amount"]);
        match (row["kind"].as_str(), row["until"].as_str()) {
            ("grant", "") => {
                let priority = match row["priority"].as_str() {
                    "" => 0,
                    priority => number(priority),
                };
                let expiration = number(&row["expiration"]);
                account.add_credit_with_priority(amount(), time, expiration, priority);
            }
            ("usage", "") => account.subtract(amount(), time),
            ("usage", until) => account.meter(amount(), time..number(until)),
            ("balance", "") => {
                let balance = account.get_balance(time);
                let balance = balance.map_or_else(String::new, |balance| balance.to_string());
                let columns = ["account", "timestamp"].map(|name| (name, row[name].clone()));
                let answer = columns.into_iter().chain([("balance", balance)]);
                answers.push(
                    answer
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                );
            }
            other => panic!("{other:?}"),
        }
    }
    answers
}

fn number<T: FromStr>(text: &str) -> T {
    let number = text.parse();
    number.unwrap_or_else(|_| panic!("{text:?} is not a number that fits"))
}
