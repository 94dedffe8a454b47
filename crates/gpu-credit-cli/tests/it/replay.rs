//! `gpu-credit replay`: the answers, their forms, and where they go.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::{ENGINES, file, gpu_credit, run, stderr, stdout};

/// Every status, a deficit beside each, and accounts that are not yet seen.
const ROWS: &str = "\
balance,late,,,20,
usage,late,,4,5,
balance,late,,,20,
grant,late,first,3,10,10
balance,late,,,10,
balance,late,,,30,
grant,late,second,4,15,10
balance,late,,,15,
balance,late,,,10,
balance,other,,,10,
usage,late,,3,16,
balance,late,,,16,
";

const CARRY: &str = "\
account,timestamp,balance,status,deficit
late,20,,inactive,0
late,20,,inactive,4
late,10,,overdrawn,1
late,30,,inactive,1
late,15,3,available,0
late,10,,overdrawn,1
other,10,,inactive,0
late,16,0,available,0
";

const FORFEIT: &str = "\
account,timestamp,balance,status,deficit
late,20,,inactive,0
late,20,,inactive,0
late,10,3,available,0
late,30,,inactive,0
late,15,7,available,0
late,10,3,available,0
other,10,,inactive,0
late,16,4,available,0
";

#[test]
fn questions_are_answered_at_their_point_of_the_file() {
    for engine in ENGINES {
        for (policy, expected) in [("carry", CARRY), ("forfeit", FORFEIT)] {
            let arguments = ["replay", "-", "--engine", engine, "--policy", policy];
            let output = run(&arguments, file(ROWS));
            assert_eq!(stdout(&output), expected, "{engine}, {policy}");
        }
    }
    assert_eq!(
        stdout(&run(&["replay", "-"], file(ROWS))),
        CARRY,
        "the defaults"
    );
}

#[test]
fn nothing_left_is_spent_under_forfeit() {
    let rows = file("grant,a,,5,0,9\nusage,a,,5,3,\nbalance,a,,,3,\nbalance,a,,,10,\n");
    for engine in ENGINES {
        let arguments = ["replay", "-", "--policy", "forfeit", "--engine", engine];
        let answers = stdout(&run(&arguments, rows.clone()));
        let expected = "account,timestamp,balance,status,deficit\na,3,,spent,0\na,10,,inactive,0\n";
        assert_eq!(answers, expected, "{engine}");
    }
}

#[test]
fn json_is_an_object_on_a_line() {
    let rows =
        file("grant,\"a \"\"b\"\"\",,5,-3,9\nbalance,\"a \"\"b\"\"\",,,-3,\nbalance,c,,,0,\n");
    let output = run(&["replay", "-", "--format", "json"], rows);
    assert_eq!(
        stdout(&output),
        "{\"account\":\"a \\\"b\\\"\",\"timestamp\":-3,\"balance\":5,\"status\":\"available\",\"deficit\":0}\n\
         {\"account\":\"c\",\"timestamp\":0,\"balance\":null,\"status\":\"inactive\",\"deficit\":0}\n"
    );
}

#[test]
fn names_are_quoted_where_they_must_be() {
    let output = run(&["replay", "-"], file("balance,\"a,b\",,,1,\n"));
    assert!(stdout(&output).ends_with("\n\"a,b\",1,,inactive,0\n"));
}

#[test]
fn a_header_alone_has_no_answers() {
    let output = run(&["replay", "-"], file(""));
    assert_eq!(
        stdout(&output),
        "account,timestamp,balance,status,deficit\n"
    );
    let output = run(&["replay", "-", "--format", "json"], file(""));
    assert_eq!(stdout(&output), "");
}

#[test]
fn a_file_is_read_like_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    std::fs::write(&path, file(ROWS).replace('\n', "\r\n")).unwrap();
    let output = gpu_credit().arg("replay").arg(&path).output().unwrap();
    assert_eq!(stdout(&output), CARRY);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    std::fs::write(&path, file(&"balance,a,,,1,\n".repeat(100_000))).unwrap();
    for format in ["csv", "json"] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .arg("replay")
            .arg(&path)
            .args(["--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(stderr(&output), "", "{format}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
}
