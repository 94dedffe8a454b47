//! When the engine starts threads, and what it does if it may not: in a process of its own, which is
//! this test binary once more.

#![cfg(all(target_os = "linux", feature = "rayon"))]

use std::os::unix::process::CommandExt;
use std::process::Command;

use gpu_credit::{GpuCredit, Record};

/// Runs one of the ignored tests below in a process of its own, started by `command`.
fn run_alone(mut command: Command, name: &str) {
    command.args([
        "--exact",
        &format!("threads::{name}"),
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    let output = command.output().expect("the process starts");
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    print!("{stdout}");
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{stderr}"
    );
}

fn this_binary() -> std::path::PathBuf {
    std::env::current_exe().expect("a test knows its file")
}

fn thread_count() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|count| count.trim().parse().ok())
        .expect("the status counts threads")
}

fn load(account: &mut GpuCredit, count: u64) {
    let usage = (0..count).map(|at| Record::usage(1, (at * 7_919 % count).cast_signed()));
    account.extend(usage).unwrap();
}

/// Asks what many entries and many questions add up to.
fn check_load(count: u64) {
    let mut account = GpuCredit::new();
    account
        .add_credit("all", count, 0, i64::MAX.unsigned_abs())
        .unwrap();
    load(&mut account, count);
    let questions: Vec<i64> = (0..count.cast_signed()).rev().collect();
    let balances = account.get_balances(&questions);
    let expected = questions
        .iter()
        .map(|time| Some(count - 1 - time.cast_unsigned()));
    assert!(balances.into_iter().eq(expected));
}

#[test]
fn few_records_start_no_thread() {
    run_alone(Command::new(this_binary()), "alone_with_few_records");
}

/// The 257th usage builds the tree.
#[test]
#[ignore = "it counts the threads of its process"]
fn alone_with_few_records() {
    let before = thread_count();
    let mut account = GpuCredit::new();
    for at in 0..300 {
        account.subtract(1, at).unwrap();
    }
    load(&mut account, 5_000);
    assert_eq!(account.get_balances(&[7; 20_000]).len(), 20_000);
    assert_eq!(thread_count(), before, "threads of few records");
    check_load(100_000);
    // At most one for each processor, and not one if there is but one.
    println!("{} threads, and {before} before", thread_count());
}

/// As a user who may have no second process or thread. A limit does not bind root, so root becomes
/// somebody else.
#[test]
fn a_process_without_threads_does_all_work() {
    let file = this_binary();
    if (as_nobody("test").arg("-x").arg(&file).status()).is_ok_and(|status| status.success()) {
        let mut command = as_nobody("prlimit");
        command.arg("--nproc=1:1").arg(file);
        run_alone(command, "alone_without_threads");
    } else {
        println!("skipped: another user may not run {file:?}");
    }
}

/// A program that runs as somebody who is not root.
fn as_nobody(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if is_root() {
        command.gid(61_234).uid(61_234);
    }
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

#[test]
#[ignore = "it needs a process that may start no thread"]
fn alone_without_threads() {
    let started = std::thread::Builder::new().spawn(|| ());
    match started {
        Ok(_) => println!("skipped: the limit does not bind this process"),
        Err(error) => println!("no thread: {error}"),
    }
    check_load(100_000);
}
