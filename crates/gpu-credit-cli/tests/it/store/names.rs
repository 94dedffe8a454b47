//! Names and ids that others have chosen: no terminal is steered by them, no spreadsheet computes them.

use std::ffi::OsStr;

use super::Folder;

/// What a terminal obeys, what turns the text, what looks like several lines, what is a formula.
const HOSTILE: [&str; 8] = [
    "\u{1b}]0;owned\u{7}\u{1b}[31m",
    "\u{9b}2J",
    "\u{202e}gnp.exe\u{2066}",
    "one\ntwo\rthree\u{2028}four",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "zero\u{200b}width\u{feff}",
];

fn is_printable(character: char) -> bool {
    let is_format = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !character.is_control() && !is_format
}

/// Lines of nothing but what is seen as itself.
#[track_caller]
fn assert_printable(text: &str, what: &str) {
    let odd = text
        .chars()
        .find(|character| *character != '\n' && !is_printable(*character));
    assert_eq!(odd, None, "{what}: {text:?}");
}

/// What a run says, wherever it says it.
fn said(folder: &Folder, arguments: &[&str]) -> String {
    let output = crate::gpu_credit()
        .current_dir(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Posts records of this name to an account of this name, with everything corrected, and returns what
/// the commands say.
fn post(folder: &Folder, name: &str) -> String {
    let grant = format!("grant {name}");
    let window = ["--at", "0", "--expiration", "9"];
    let lines: [&[&str]; 9] = [
        &["account", "create", name],
        &["account", "create", name],
        &["account", "create", name, "--policy", "forfeit"],
        &[
            &["grant", name, "5", "--credit-id", name, "--id", &grant][..],
            &window,
        ]
        .concat(),
        &["use", name, "7", "--at", "3", "--id", name],
        &["use", name, "7", "--at", "3", "--id", name],
        &["use", name, "8", "--at", "3", "--id", name],
        &["change", name, name, "--amount", "6"],
        &["retract", name, "no such record"],
    ];
    lines.into_iter().map(|line| said(folder, line)).collect()
}

/// Every question about an account of this name.
fn questions(name: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["accounts"],
        vec!["balance", "--at", "3"],
        vec!["balance", name, "--at", "3"],
        vec!["statement", name, "--at", "3"],
        vec!["draws", name, name],
        vec!["history", name],
    ]
}

#[test]
fn nothing_that_is_said_is_raw() {
    let folder = Folder::new();
    for name in HOSTILE {
        assert_printable(&post(&folder, name), "posting");
        for question in questions(name) {
            assert_printable(&said(&folder, &question), question[0]);
            let as_csv = [&question[..], &["--format", "csv", "--escape", "always"]].concat();
            assert_printable(&said(&folder, &as_csv), question[0]);
        }
        assert_printable(&said(&folder, &["plot", name]), "plot");
        let wrong: [&[&str]; 12] = [
            &[name],
            &["balance", name, "--at", name],
            &["balance", &format!("{name}?"), "--at", "1"],
            &["draws", name, &format!("{name}?")],
            &["statement", name, "--at", "1", "--grant", name],
            &["use", name, name, "--at", "1"],
            &["grant", name, "1", "--at", "1", "--expiration", name],
            &["balance", "--at", "1", "--unit", name],
            &["accounts", "--db", name],
            &["replay", name],
            &["export", "--output", &format!("missing/{name}")],
            &["account", "delete", name],
        ];
        for arguments in wrong {
            let said = said(&folder, arguments);
            assert_printable(&said, "an error");
            assert!(said.starts_with("gpu-credit: "), "{said}");
        }
        for (said, line) in [
            (
                "revoked",
                &["revoke", name, &format!("grant {name}"), "--from", "5"][..],
            ),
            (
                "closed",
                &["close", name, "--until", "1", "--id", "close"][..],
            ),
        ] {
            assert_printable(&self::said(&folder, line), said);
        }
    }
    assert_printable(&folder.ok("check"), "check");
    let path = folder.path().join("\u{1b}[31m.redb");
    let copy = said(&folder, &["copy", path.to_str().unwrap()]);
    assert_printable(&copy, "copy");
    assert!(copy.contains("\\u{1b}[31m.redb"), "{copy}");
    for name in HOSTILE {
        let deleted = said(
            &folder,
            &[
                "account",
                "delete",
                name,
                "--yes",
                "--id",
                &format!("{name}-"),
            ],
        );
        assert_printable(&deleted, "deletion");
        assert!(deleted.contains("deleted, id"), "{deleted}");
    }
}

#[test]
#[cfg(unix)]
fn what_is_typed_is_not_echoed_raw_even_if_it_is_no_text() {
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::with_account();
    for word in [&b"\x1b[31m\xff"[..], b"\xc2\x9b\xff", b"\xff"] {
        let word = OsStr::from_bytes(word);
        for before in [
            &["balance", "--at", "1"][..],
            &["use", "acme"],
            &[],
            &["replay"],
            &["accounts", "--db"],
        ] {
            let output = crate::gpu_credit()
                .current_dir(folder.path())
                .args(before)
                .arg(word)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{before:?}");
            assert_printable(&String::from_utf8(output.stderr).unwrap(), "an error");
        }
    }
    let output = crate::gpu_credit()
        .env("GPU_CREDIT_UNIT", "\u{1b}[31m\u{202e}")
        .args(["balance", "--at", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_printable(&crate::stderr(&output), "the environment");
}

#[test]
fn formulas_become_texts_in_csv_if_it_is_escaped() {
    let folder = Folder::new();
    for name in HOSTILE {
        post(&folder, name);
        for question in questions(name) {
            let always = [&question[..], &["--format", "csv", "--escape", "always"]].concat();
            let never = [&question[..], &["--format", "csv", "--escape", "never"]].concat();
            let (always, never) = (said(&folder, &always), said(&folder, &never));
            let cells = |text: &str| {
                // What standard error says behind the rows.
                let rows = text.split("\nnote: ").next().unwrap();
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .from_reader(rows.as_bytes());
                let rows = reader.records().map(Result::unwrap);
                rows.flat_map(|row| row.iter().map(ToOwned::to_owned).collect::<Vec<_>>())
                    .collect::<Vec<String>>()
            };
            for (escaped, exact) in cells(&always).iter().zip(cells(&never)) {
                assert!(
                    escaped.parse::<i128>().is_ok() || !escaped.starts_with(['=', '+', '-', '@']),
                    "{escaped}"
                );
                if exact.parse::<i128>().is_ok() {
                    assert_eq!(*escaped, exact, "a number stays a number");
                }
            }
            assert_eq!(cells(&always).len(), cells(&never).len());
            let is_named = never.contains(name) || never.contains(&name.replace('"', "\"\""));
            assert!(is_named, "{question:?}: {never}");
        }
    }
    let events = crate::file("usage,=1,,2,-5,\nbalance,=1,,,-5,\n");
    let replay = |escape| {
        crate::stdout(&crate::run(
            &["replay", "-", "--escape", escape],
            events.clone(),
        ))
    };
    assert!(replay("always").ends_with("\n'=1,-5,,inactive,2\n"));
    assert!(replay("never").ends_with("\n=1,-5,,inactive,2\n"));
    assert_eq!(
        replay("auto"),
        replay("never"),
        "standard output is no terminal"
    );
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::process::Command;

    use super::*;

    /// What a terminal is sent by a command that writes to it.
    fn shown(folder: &Folder, arguments: &[&str]) -> String {
        let controller =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)
                .unwrap();
        rustix::pty::grantpt(&controller).unwrap();
        rustix::pty::unlockpt(&controller).unwrap();
        let name = rustix::pty::ptsname(&controller, Vec::new()).unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder.path())
            .env_remove("GPU_CREDIT_DB")
            .env_remove("GPU_CREDIT_UNIT")
            .args(arguments)
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal)
            .spawn()
            .unwrap();
        let mut bytes = Vec::new();
        // It ends with an error once nobody has the other side open.
        let _ = File::from(controller).read_to_end(&mut bytes);
        child.wait().unwrap();
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn no_name_steers_it() {
        let folder = Folder::new();
        let mut events = String::new();
        for name in HOSTILE {
            post(&folder, name);
            let name = name.replace('"', "\"\"");
            events.push_str(&format!(
                "usage,\"{name}\",,1,5,\nbalance,\"{name}\",,,5,\n"
            ));
        }
        folder.file("events.csv", crate::file(&events));
        let files: [&[&str]; 6] = [
            &["export"],
            &["export", "--as", "events"],
            &["export", "--output", "/dev/stdout"],
            &["export", "--output", "/dev/stderr", "--as", "events"],
            &["replay", "events.csv"],
            &["replay", "events.csv", "--format", "json"],
        ];
        for line in files {
            let shown = shown(&folder, line);
            assert!(shown.len() > 300, "{shown}");
            assert_printable(&shown, "a file");
        }
        for name in HOSTILE {
            for question in questions(name) {
                for format in ["table", "csv", "json"] {
                    let line = [&question[..], &["--format", format]].concat();
                    let shown = shown(&folder, &line);
                    assert!(shown.len() > 50, "{shown}");
                    assert_printable(&shown, format);
                }
            }
            assert_printable(&shown(&folder, &["plot", name]), "plot");
        }
    }

    #[test]
    fn json_is_the_same_json() {
        let folder = Folder::new();
        for name in HOSTILE {
            post(&folder, name);
        }
        let values = |text: &str| {
            let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
            lines.collect::<Result<Vec<_>, _>>().unwrap()
        };
        for line in [
            "export",
            "accounts --format json",
            "balance --at 3 --format json",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(
                values(&shown(&folder, &words)),
                values(&folder.ok(line)),
                "{line}"
            );
        }
    }
}
