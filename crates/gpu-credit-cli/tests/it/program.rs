//! The program, to be run.

use std::process::Output;

use assert_cmd::Command;

/// The program, to be given arguments.
pub(crate) fn gpu_credit() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
    // Whoever runs the tests may use the program.
    command
        .env_remove("GPU_CREDIT_DB")
        .env_remove("GPU_CREDIT_SERVER")
        .env_remove("GPU_CREDIT_TOKEN")
        .env_remove("GPU_CREDIT_TOKEN_FILE")
        .env_remove("GPU_CREDIT_CA_CERTIFICATE")
        .env_remove("GPU_CREDIT_TOKENS")
        .env_remove("GPU_CREDIT_UNIT");
    command
}

/// Runs the program on a text as standard input.
pub(crate) fn run(arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
    let input = input.into();
    gpu_credit()
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap()
}

/// What a run that must succeed silently writes to standard output.
#[track_caller]
pub(crate) fn stdout(output: &Output) -> String {
    assert_eq!(stderr(output), "");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An events file of these rows.
pub(crate) fn file(rows: &str) -> String {
    format!("kind,account,credit_id,amount,timestamp,expiration\n{rows}")
}
