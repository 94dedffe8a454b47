//! Real files and worked examples, in the folder that the environment variable `GPU_CREDIT_DATA`
//! names. Unset, they are skipped; set, they must be there.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::read::MultiGzDecoder;

use crate::{ENGINES, gpu_credit, stdout};

const REAL: [&str; 3] = ["philly_gpu", "azure_llm_tokens", "servegen_tokens"];
const POLICIES: [&str; 2] = ["carry", "forfeit"];

/// Metered usage and priorities.
const JOBS: &str = "philly_jobs";
const JOB_POLICIES: [&str; 3] = ["carry", "forfeit", "carry:0"];

/// The folder, if there is one.
fn folder() -> Option<PathBuf> {
    let folder = env::var_os("GPU_CREDIT_DATA").map(PathBuf::from);
    if folder.is_none() {
        // Past the test harness, which keeps what is printed by macros to itself.
        let note = b"GPU_CREDIT_DATA is not set: the real files were skipped\n";
        io::stderr().write_all(note).unwrap();
    }
    folder
}

/// The answers expected: `account,timestamp,balance`.
fn expected(path: &Path) -> String {
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    text
}

/// The answers of the program, without the columns that the expected ones do not have.
fn answers(events: &Path, policy: &str, engine: &str) -> String {
    let output = gpu_credit()
        .arg("replay")
        .arg(events)
        .args(["--policy", policy, "--engine", engine])
        .output()
        .unwrap();
    let mut answers = String::new();
    for line in stdout(&output).lines() {
        let columns: Vec<&str> = line.split(',').collect();
        answers.push_str(&columns[..3].join(","));
        answers.push('\n');
    }
    answers
}

#[track_caller]
fn assert_same(answers: &str, expected: &str, what: &str) {
    for (number, (answer, expected)) in answers.lines().zip(expected.lines()).enumerate() {
        assert_eq!(answer, expected, "{what}, line {}", number + 1);
    }
    assert_eq!(answers.lines().count(), expected.lines().count(), "{what}");
}

#[test]
fn worked_examples_are_answered_by_every_engine() {
    let Some(folder) = folder() else { return };
    for policy in POLICIES {
        let events = folder.join(format!("worked_examples.{policy}.events.csv"));
        let expected = expected(&folder.join(format!("worked_examples.{policy}.answers.csv")));
        for engine in ENGINES {
            let answers = answers(&events, policy, engine);
            assert_same(&answers, &expected, &format!("{policy}, {engine}"));
        }
    }
}

#[test]
fn real_files_are_answered() {
    let Some(folder) = folder() else { return };
    for name in REAL {
        let events = folder.join(format!("{name}.events.csv.gz"));
        for policy in POLICIES {
            let expected = expected(&folder.join(format!("{name}.answers.{policy}.csv.gz")));
            let answers = answers(&events, policy, "indexed");
            assert_same(&answers, &expected, &format!("{name}, {policy}"));
        }
    }
}

#[test]
fn real_jobs_are_answered_by_every_engine() {
    let Some(folder) = folder() else { return };
    let events = folder.join(format!("{JOBS}.events.csv.gz"));
    for policy in JOB_POLICIES {
        let answered = format!("{JOBS}.answers.{}.csv.gz", policy.replace(':', "_"));
        let expected = expected(&folder.join(answered));
        for engine in ENGINES {
            let answers = answers(&events, policy, engine);
            assert_same(&answers, &expected, &format!("{JOBS}, {policy}, {engine}"));
        }
    }
}

#[test]
fn engines_agree_on_real_files_and_worked_examples() {
    let Some(folder) = folder() else { return };
    let real = REAL.map(|name| format!("{name}.events.csv.gz"));
    let worked = POLICIES.map(|policy| format!("worked_examples.{policy}.events.csv"));
    let jobs = (format!("{JOBS}.events.csv.gz"), JOB_POLICIES.as_slice());
    let others = real.into_iter().chain(worked);
    let files = others.map(|name| (name, POLICIES.as_slice())).chain([jobs]);
    for (name, policies) in files {
        for policy in policies {
            let output = gpu_credit()
                .arg("verify")
                .arg(folder.join(&name))
                .args(["--policy", policy])
                .output()
                .unwrap();
            let agreed = stdout(&output);
            assert!(
                agreed.starts_with("indexed, list and heap agree on "),
                "{name}: {agreed}"
            );
            if *policy == "forfeit" && !name.starts_with(JOBS) {
                assert!(agreed.contains(", keyed on "), "{name}: {agreed}");
            }
        }
    }
}

/// The lines of an events file, without its questions.
fn records(events: &Path) -> String {
    let mut text = String::new();
    let file = File::open(events).unwrap();
    MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let records = text.lines().filter(|line| !line.starts_with("balance,"));
    records.flat_map(|line| [line, "\n"]).collect()
}

/// Of each line, one column.
fn column(lines: &str, number: usize) -> impl Iterator<Item = &str> {
    let lines = lines.lines().skip(1);
    lines.filter_map(move |line| line.split(',').nth(number))
}

#[test]
fn a_store_answers_as_replay_does() {
    let Some(data) = folder() else { return };
    for name in REAL {
        let records = records(&data.join(format!("{name}.events.csv.gz")));
        let accounts: BTreeSet<&str> = column(&records, 1).collect();
        let times = column(&records, 4).map(|time| time.parse::<i64>().unwrap());
        let last = times.max().unwrap();
        let instants = [0, last / 3, last / 2, last - 1, last, last + 1_000_000];
        let mut questions = records.clone();
        for account in accounts {
            for instant in instants {
                questions.push_str(&format!("balance,{account},,,{instant},\n"));
            }
        }
        let asked = instants.iter().map(|instant| format!("--at={instant}"));
        let asked: Vec<String> = asked.collect();

        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("events.csv"), &questions).unwrap();
        for policy in POLICIES {
            let run = |arguments: &[&str]| {
                let mut command = gpu_credit();
                let command = command.current_dir(folder.path()).args(arguments);
                stdout(&command.output().unwrap())
            };
            let replayed = run(&["replay", "events.csv", "--policy", policy]);
            let db = ["--db", policy];
            run(&["import", "events.csv", "--policy", policy, db[0], db[1]]);
            let mut arguments = vec!["balance", "--format", "csv", db[0], db[1]];
            arguments.extend(asked.iter().map(String::as_str));
            assert_same(&run(&arguments), &replayed, &format!("{name}, {policy}"));
            let checked = run(&["check", "--instants", "4", db[0], db[1]]);
            assert!(
                checked.starts_with("sound: "),
                "{name}, {policy}: {checked}"
            );
        }
    }
}
