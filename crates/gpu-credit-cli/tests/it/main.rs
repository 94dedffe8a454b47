//! The program as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
#[cfg(unix)]
mod documents;
mod exit_codes;
mod generate;
mod help;
mod kill;
mod real_files;
mod replay;
mod store;
mod verify;

use std::process::Output;

use assert_cmd::Command;

/// The program, to be given arguments.
fn gpu_credit() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
    // Whoever runs the tests may use the program.
    command
        .env_remove("GPU_CREDIT_DB")
        .env_remove("GPU_CREDIT_UNIT");
    command
}

/// Runs the program on a text as standard input.
fn run(arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
    let input = input.into();
    gpu_credit()
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap()
}

/// What a run that must succeed silently writes to standard output.
#[track_caller]
fn stdout(output: &Output) -> String {
    assert_eq!(stderr(output), "");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An events file of these rows.
fn file(rows: &str) -> String {
    format!("kind,account,credit_id,amount,timestamp,expiration\n{rows}")
}

const ENGINES: [&str; 3] = ["indexed", "list", "heap"];
