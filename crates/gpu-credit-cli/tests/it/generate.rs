//! `gpu-credit generate`: files of a shape, the same for the same arguments.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use flate2::read::GzDecoder;

use crate::{gpu_credit, run, stderr, stdout};

const ARGUMENTS: [&str; 13] = [
    "generate",
    "--shape",
    "late",
    "--seed",
    "7",
    "--accounts",
    "3",
    "--usage",
    "200",
    "--grants",
    "20",
    "--queries",
    "10",
];

#[test]
fn the_same_arguments_make_the_same_file_wherever_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let expected = stdout(&run(&ARGUMENTS, ""));
    assert_eq!(expected.lines().count(), 231);

    let path = folder.path().join("events.csv");
    stdout(
        &gpu_credit()
            .args(ARGUMENTS)
            .arg("--output")
            .arg(&path)
            .output()
            .unwrap(),
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);

    let path = folder.path().join("events.csv.gz");
    stdout(
        &gpu_credit()
            .args(ARGUMENTS)
            .arg("--output")
            .arg(&path)
            .output()
            .unwrap(),
    );
    let mut text = String::new();
    GzDecoder::new(fs::File::open(&path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, expected);

    // A file that is there is replaced if it must be, and nothing is left beside it.
    stdout(
        &gpu_credit()
            .args(ARGUMENTS)
            .arg("--force")
            .arg("--output")
            .arg(&path)
            .output()
            .unwrap(),
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_file_with_ids_is_replayed_and_verified_like_the_one_without() {
    let plain = stdout(&run(&ARGUMENTS, ""));
    let with_ids = stdout(&run(&[&ARGUMENTS[..], &["--ids"]].concat(), ""));
    let without_ids: String = with_ids
        .lines()
        .map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0))
        .collect();
    assert_eq!(without_ids, plain);
    let ids = with_ids.lines().skip(1).filter(|line| !line.ends_with(','));
    assert_eq!(ids.count(), 220, "records have ids, questions have none");
    for command in ["replay", "verify"] {
        let answers = stdout(&run(&[command, "-"], plain.as_str()));
        assert_eq!(stdout(&run(&[command, "-"], with_ids.as_str())), answers);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_one_line() {
    let output = gpu_credit()
        .args(ARGUMENTS)
        .args(["--output", "not/there/events.csv"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.starts_with("gpu-credit: not/there/events.csv: cannot be written: "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_a_device_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.csv");
    let link = folder.path().join("link.csv");
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    stdout(
        &gpu_credit()
            .args(ARGUMENTS)
            .arg("--force")
            .arg("--output")
            .arg(&link)
            .output()
            .unwrap(),
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().starts_with("kind,"));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_ne!(
        mode & 0o777,
        0o600,
        "it has the permissions of any new file"
    );

    stdout(
        &gpu_credit()
            .args(ARGUMENTS)
            .args(["--output", "/dev/null"])
            .output()
            .unwrap(),
    );
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
        .args([
            "generate", "--shape", "steady", "--usage", "100000", "--grants", "1",
        ])
        .args(["--queries", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_example_that_ships_is_what_its_command_generates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/events.csv");
    let arguments = [
        &[
            "generate",
            "--shape",
            "late",
            "--seed",
            "1",
            "--accounts",
            "8",
        ][..],
        &["--usage", "3000", "--grants", "48", "--queries", "240"],
    ];
    let generated = stdout(&run(&arguments.concat(), ""));
    assert!(
        fs::read_to_string(path).unwrap() == generated,
        "the example differs"
    );
}
