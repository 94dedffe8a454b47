//! Bad input ends with exit code 2 and one line on standard error.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{ENGINES, file, gpu_credit, run, stderr};

/// Checks what both commands that read a file say about this one on standard input.
#[track_caller]
fn check(input: impl Into<Vec<u8>>, expected: &str) {
    let input = input.into();
    for command in ["replay", "verify"] {
        let output = run(&[command, "-"], input.clone());
        let expected = format!("gpu-credit: standard input: {expected}\n");
        assert_eq!(stderr(&output), expected, "{command}");
        assert_eq!(output.status.code(), Some(2), "{command}");
    }
}

#[test]
fn a_negative_amount() {
    check(
        file("usage,a,,-3,5,\n"),
        "line 2, column amount: found \"-3\", expected an integer from 0 to 9223372036854775807",
    );
}

#[test]
fn a_fractional_amount() {
    check(
        file("usage,a,,1,5,\nusage,a,,0.5,5,\n"),
        "line 3, column amount: found \"0.5\", expected an integer from 0 to 9223372036854775807",
    );
}

#[test]
fn a_number_past_its_range() {
    check(
        file("balance,a,,,9223372036854775808,\n"),
        "line 2, column timestamp: found \"9223372036854775808\", expected an integer from \
         -9223372036854775808 to 9223372036854775807",
    );
    check(
        file("grant,a,x,1,10,9223372036854775798\n"),
        "line 2, column expiration: found \"9223372036854775798\", expected an integer from 0 to \
         9223372036854775797, for a window from 10 that ends by 9223372036854775807",
    );
}

#[test]
fn a_missing_column() {
    check(
        file("usage,a,,1,5\n"),
        "line 2, column expiration: missing, found 5 of the 6 columns \
         kind,account,credit_id,amount,timestamp,expiration",
    );
}

#[test]
fn an_unknown_kind() {
    check(
        file("refund,a,,1,5,\n"),
        "line 2, column kind: found \"refund\", expected grant, usage or balance",
    );
}

#[test]
fn an_account_without_a_name() {
    check(
        file("usage,,,1,5,\n"),
        "line 2, column account: found \"\", expected the name of an account in UTF-8",
    );
}

#[test]
fn another_header() {
    check(
        "kind,account,id,amount,timestamp,expiration\n",
        "line 1, column credit_id: found \"id\", expected the header \
         kind,account,credit_id,amount,timestamp,expiration",
    );
}

#[test]
fn an_empty_file() {
    check(
        "",
        "line 1: the file is empty, expected the header \
         kind,account,credit_id,amount,timestamp,expiration",
    );
}

#[test]
fn not_utf8() {
    check(
        [file("usage,").as_bytes(), b"\xff,,1,5,\n"].concat(),
        "line 2, column account: found \"\\xff\", expected the name of an account in UTF-8",
    );
}

#[test]
fn a_truncated_gzip() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(file("usage,a,,1,5,\n").as_bytes()).unwrap();
    let mut gzip = gzip.finish().unwrap();
    gzip.truncate(gzip.len() - 1);
    check(
        gzip,
        "line 2: cannot be read: the gzip data ends early, expected the rest of it",
    );
}

#[test]
fn a_total_past_what_a_ledger_holds() {
    let rows = file("usage,a,,9223372036854775807,5,\nusage,b,,1,5,\nusage,a,,1,5,\n");
    for engine in ENGINES {
        let output = run(&["replay", "-", "--engine", engine], rows.clone());
        assert_eq!(output.status.code(), Some(2), "{engine}");
        assert_eq!(
            stderr(&output),
            "gpu-credit: standard input: line 4, column amount: usage of 1 does not fit: other \
             usage adds up to 9223372036854775807, and all of it to 9223372036854775807 at most\n",
            "{engine}"
        );
    }
    check(
        file("grant,a,,9223372036854775807,5,0\nbalance,a,,,5,\ngrant,a,,2,5,0\n"),
        "line 4, column amount: a grant of 2 does not fit: grants add up to 9223372036854775807 \
         already, and 9223372036854775807 at most",
    );
}

#[test]
fn answers_before_the_bad_line_are_out() {
    let output = run(
        &["replay", "-"],
        file("grant,a,,7,5,0\nbalance,a,,,5,\nbalance,a\n"),
    );
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "account,timestamp,balance,status,deficit\na,5,7,available,0\n"
    );
}

#[test]
fn a_file_that_is_not_there() {
    let output = gpu_credit()
        .args(["replay", "not/there.csv"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.starts_with("gpu-credit: not/there.csv: cannot be opened: "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_file_that_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = gpu_credit()
        .arg("replay")
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_name_of_two_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two\nlines.csv");
    fs::write(&path, "").unwrap();
    let output = gpu_credit().arg("replay").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.contains("two\\nlines.csv: line 1: the file is empty"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn wrong_usage() {
    let cases: [&[&str]; 7] = [
        &["replay"],
        &["replay", "a", "b"],
        &["replay", "-", "--policy", "none"],
        &["replay", "-", "--engine", "keyed"],
        &["settle"],
        &[
            "generate",
            "--shape",
            "round",
            "--usage",
            "1",
            "--grants",
            "1",
            "--queries",
            "1",
        ],
        &[
            "generate",
            "--shape",
            "ties",
            "--usage",
            "-1",
            "--grants",
            "1",
            "--queries",
            "1",
        ],
    ];
    for arguments in cases {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert!(stderr(&output).starts_with("gpu-credit: "), "{arguments:?}");
    }
}
