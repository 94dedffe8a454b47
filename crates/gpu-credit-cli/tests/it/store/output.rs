//! Where `--output` leads: nothing replaces a store, nothing replaces a file without `--force`, and a file
//! appears whole or not at all.

use std::fs;
use std::path::Path;

use super::Folder;

/// Every command that writes a file, up to its name.
const WRITERS: [&str; 4] = [
    "export --output",
    "export --as events --output",
    "plot acme --output",
    "generate --shape late --usage 9 --grants 3 --queries 1 --output",
];

/// The files of a folder, in order.
fn files(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn nothing_replaces_a_store() {
    let folder = Folder::with_account();
    folder.ok("copy other.redb");
    let path = folder.path().join("gpu-credit.redb");
    fs::hard_link(&path, folder.path().join("hard.jsonl")).unwrap();
    let absolute = path.to_str().unwrap().to_owned();
    let mut names = vec![
        "gpu-credit.redb",
        "./gpu-credit.redb",
        &absolute,
        "other.redb",
        "hard.jsonl",
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, folder.path().join("soft.jsonl")).unwrap();
        names.push("soft.jsonl");
    }
    let (journal, before) = (folder.journal(), files(&folder));
    for name in names {
        for writer in WRITERS {
            for force in ["", "--force"] {
                let said = folder.refused(&format!("{writer} {name} {force}"));
                assert!(
                    said.ends_with("it is a store, which nothing replaces: name another file"),
                    "{said}"
                );
            }
        }
        let said = folder.refused(&format!("copy {name}"));
        assert!(
            said.ends_with("the file exists already; name another"),
            "{said}"
        );
    }
    assert_eq!(files(&folder), before);
    assert_eq!(folder.journal(), journal);
    assert_eq!(folder.ok("export --db other.redb"), journal);
}

#[test]
#[cfg(unix)]
fn standard_output_that_leads_to_a_store_is_refused() {
    let folder = Folder::with_account();
    let (path, journal) = (folder.path().join("gpu-credit.redb"), folder.journal());
    fs::copy(&path, folder.path().join("other.redb")).unwrap();
    let before = fs::read(&path).unwrap();
    let lines = ["--output -", "--output /dev/stdout --force", ""];
    let writers = WRITERS.map(|writer| writer.trim_end_matches("--output"));
    let mut all: Vec<String> = writers
        .iter()
        .flat_map(|writer| lines.map(|output| format!("{writer} {output}")))
        .collect();
    all.extend(["use acme 1 --at 5", "accounts --format csv"].map(ToOwned::to_owned));
    for line in all {
        let appended = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let line = format!("{line} --db other.redb");
        let arguments = match line.starts_with("generate") {
            true => line.trim_end_matches("--db other.redb"),
            false => &line,
        };
        let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder.path())
            .args(arguments.split_whitespace())
            .stdout(appended)
            .output()
            .unwrap();
        assert_eq!(
            crate::stderr(&output),
            "gpu-credit: standard output: it is a store, which nothing replaces\n",
            "{line}"
        );
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(fs::read(&path).unwrap() == before, "{line}");
    }
    assert_eq!(folder.ok("export --db other.redb"), journal);
}

#[test]
fn a_file_is_replaced_by_force_alone() {
    let folder = Folder::with_account();
    for (writer, number) in WRITERS.iter().zip(0..) {
        let name = format!("file-{number}");
        let path = folder.file(&name, "old");
        fs::hard_link(&path, folder.path().join("other")).unwrap();
        let said = folder.refused(&format!("{writer} {name}"));
        assert_eq!(
            said,
            format!(
                "gpu-credit: {name}: cannot be written: the file exists already: name another, or \
                 replace it with --force"
            )
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        folder.quiet(&format!("{writer} {name} --force"));
        assert!(fs::read(&path).unwrap().len() > 100, "{writer}");
        // The other name stays that of the old file.
        assert_eq!(fs::read(folder.path().join("other")).unwrap(), b"old");
        fs::remove_file(folder.path().join("other")).unwrap();
    }
    let said = folder.run("export --force");
    assert_eq!(said.status.code(), Some(2), "--force without a file");
    assert_eq!(files(&folder).len(), 5, "{:?}", files(&folder));
}

#[test]
#[cfg(unix)]
fn a_new_file_has_the_usual_permissions_and_a_replaced_one_those_it_had() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::with_account();
    let script = "umask 027 && exec \"$0\" export --output new.jsonl";
    let status = std::process::Command::new("sh")
        .args([
            "-c",
            script,
            assert_cmd::cargo::cargo_bin!("gpu-credit")
                .to_str()
                .unwrap(),
        ])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(mode(&folder.path().join("new.jsonl")), 0o640);

    let path = folder.file("private.jsonl", "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    folder.quiet("export --output private.jsonl --force");
    assert_eq!(mode(&path), 0o600);
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_replaced() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let folder = Folder::with_account();
    fs::create_dir(folder.path().join("folder")).unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    for writer in WRITERS {
        for (name, reason) in [
            ("folder", "it is a directory: name a file in it"),
            ("dangling", "it is a link to a file that is not there"),
            ("socket", "it is neither a file nor a pipe"),
            ("missing/file", "there is no such folder"),
        ] {
            for force in ["", "--force"] {
                let said = folder.refused(&format!("{writer} {name} {force}"));
                let expected = format!("gpu-credit: {name}: cannot be written: {reason}");
                assert_eq!(said, expected);
            }
        }
    }
    assert!(folder.refused("copy dangling").contains("exists already"));
    assert_eq!(
        files(&folder),
        ["dangling", "folder", "gpu-credit.redb", "socket"]
    );
}

#[test]
#[cfg(unix)]
fn standard_output_by_its_other_names_is_standard_output() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    for name in ["-", "/dev/stdout", "/dev/fd/1"] {
        assert_eq!(folder.ok(&format!("export --output {name}")), journal);
    }
    // As a file too: it is the shell that has replaced what was there.
    let script =
        "\"$0\" export --output /dev/stdout > out.jsonl && \"$0\" export --output - >> out.jsonl";
    let program = assert_cmd::cargo::cargo_bin!("gpu-credit");
    let status = std::process::Command::new("sh")
        .args(["-c", script, program.to_str().unwrap()])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success());
    let written = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert_eq!(written, journal.repeat(2));
}

#[test]
#[cfg(unix)]
fn answers_do_not_go_into_the_file_they_are_read_from() {
    let folder = Folder::new();
    let text = crate::file("usage,a,,1,5,\nbalance,a,,,5,\n");
    let path = folder.file("events.csv", &text);
    for script in [
        "\"$0\" replay events.csv >> events.csv",
        "\"$0\" replay - < events.csv >> events.csv",
    ] {
        let program = assert_cmd::cargo::cargo_bin!("gpu-credit");
        let output = std::process::Command::new("sh")
            .args(["-c", script, program.to_str().unwrap()])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{script}");
        assert!(
            crate::stderr(&output).contains("it is also standard output"),
            "{script}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

/// Processes that are ended, or overtaken, while they write.
#[cfg(unix)]
mod while_it_is_written {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Takes a while to write a file.
    const LONG: &str =
        "generate --shape late --usage 400000 --grants 3 --queries 1 --output long.csv.gz";

    /// Starts the long command, and waits until it writes.
    fn start(folder: &Folder, arguments: &str) -> Child {
        let child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder.path())
            .args(LONG.split(' ').chain(arguments.split_whitespace()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while unfinished(folder) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        child
    }

    fn unfinished(folder: &Folder) -> usize {
        let of_ours = |name: &&String| name.ends_with(".unfinished");
        files(folder).iter().filter(of_ours).count()
    }

    #[test]
    fn a_signal_leaves_nothing_behind() {
        for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
            let folder = Folder::new();
            let mut child = start(&folder, "");
            // It listens from shortly after on.
            thread::sleep(Duration::from_millis(20));
            let sent = Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status();
            assert!(sent.unwrap().success());
            assert_eq!(child.wait().unwrap().signal(), Some(number));
            assert_eq!(files(&folder), Vec::<String>::new());
        }
    }

    #[test]
    fn what_a_kill_leaves_is_cleared_by_the_next_command() {
        let folder = Folder::new();
        let mut child = start(&folder, "");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(unfinished(&folder), 1);
        folder.quiet("generate --shape late --usage 1 --grants 1 --queries 1 --output short.csv");
        assert_eq!(files(&folder), ["short.csv"]);
    }

    #[test]
    fn what_another_process_is_writing_is_not_cleared() {
        let folder = Folder::new();
        let mut child = start(&folder, "");
        for number in 0..3 {
            folder.quiet(&format!(
                "generate --shape late --usage 1 --grants 1 --queries 1 --output {number}.csv"
            ));
        }
        assert!(child.wait().unwrap().success());
        assert_eq!(files(&folder), ["0.csv", "1.csv", "2.csv", "long.csv.gz"]);
    }

    #[test]
    fn a_file_or_a_store_that_appears_meanwhile_stays() {
        let refused = |folder: &Folder, child: Child| {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(files(folder), ["long.csv.gz"]);
            crate::stderr(&output)
        };
        let folder = Folder::new();
        let child = start(&folder, "");
        let path = folder.file("long.csv.gz", "mine");
        assert!(refused(&folder, child).contains("the file exists already"));
        assert_eq!(fs::read(path).unwrap(), b"mine");

        let folder = Folder::new();
        let child = start(&folder, "--force");
        folder.ok("account create acme --db long.csv.gz");
        assert!(refused(&folder, child).contains("it is a store"));
        folder.ok("check --db long.csv.gz");
    }

    #[test]
    fn a_disk_that_fills_up_leaves_nothing_behind() {
        let folder = Folder::new();
        let old = folder.file("old.csv", "old");
        for line in [
            LONG,
            "generate --shape late --usage 9000 --grants 3 --queries 1 --output old.csv --force",
        ] {
            let script = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {line}");
            let program = assert_cmd::cargo::cargo_bin!("gpu-credit");
            let output = Command::new("sh")
                .args(["-c", &script, program.to_str().unwrap()])
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2));
            let said = crate::stderr(&output);
            assert!(
                said.contains(": cannot be written: File too large"),
                "{said}"
            );
            assert_eq!(files(&folder), ["old.csv"]);
            assert_eq!(fs::read(&old).unwrap(), b"old");
        }
    }
}
