//! Help that helps: every page has an example, and the examples work.

use std::process::Command;

use crate::{gpu_credit, run, stderr, stdout};

/// In an order in which the examples of the later ones find what those of the earlier ones make.
const PAGES: [&str; 43] = [
    "",
    "help",
    "account",
    "generate",
    "replay",
    "verify",
    "import",
    "account create",
    "help policies",
    "accounts",
    "grant",
    "help ids",
    "help units",
    "help output",
    "use",
    "change",
    "authorise",
    "settle",
    "release",
    "holds",
    "run",
    "stop",
    "balance",
    "spendable",
    "runs-dry",
    "statement",
    "draws",
    "history",
    "plot",
    "retract",
    "revoke",
    "close",
    "check",
    "export",
    "copy",
    "token make",
    "token list",
    "token",
    "token revoke",
    "serve",
    "completions",
    "man",
    "account delete",
];

/// What a page says.
fn page(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.as_slice() {
        ["help", _] => stdout(&run(&words, "")),
        _ => stdout(&run(&[&words[..], &["--help"]].concat(), "")),
    }
}

/// The command lines that a page shows, the long ones joined.
fn examples(page: &str) -> Vec<String> {
    let page = page.replace("\\\n", "");
    let lines = page.lines().map(str::trim_start);
    let examples = lines.filter(|line| line.starts_with("gpu-credit "));
    examples.map(ToOwned::to_owned).collect()
}

/// The id of the first token that is listed in a folder, if there is one.
fn token(folder: &tempfile::TempDir) -> String {
    let mut command = crate::gpu_credit();
    let listed = command
        .current_dir(folder.path())
        .args(["token", "list"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn every_command_and_topic_has_an_example_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let header = "JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State\n";
    std::fs::write(folder.path().join("jobs.txt"), header).unwrap();
    for name in PAGES {
        let page = page(name);
        // Of the program itself the first commands are the example.
        let (_, shown) = page
            .split_once(if name.is_empty() {
                "Start here:\n"
            } else {
                "Example:\n"
            })
            .expect(name);
        let (shown, _) = shown.split_once("\n\n").unwrap_or((shown, ""));
        let examples = examples(shown);
        assert!(!examples.is_empty(), "{name}");
        if name == "serve" {
            // They would serve until they are told to stop: serve.rs has them.
            continue;
        }
        for example in examples {
            let example = example.replace(
                "token revoke 3fb20c11",
                &format!("token revoke {}", token(&folder)),
            );
            let arguments = example.split_whitespace().take_while(|word| *word != ">");
            let output = crate::gpu_credit()
                .current_dir(folder.path())
                .args(arguments.skip(1))
                .output()
                .unwrap();
            assert_eq!(stderr(&output), "", "{example}");
            assert!(output.status.success(), "{example}");
        }
    }
}

#[test]
fn every_command_and_topic_is_in_the_list() {
    let help = page("");
    let (_, listed) = help.split_once("\nAccounts:\n").unwrap();
    let (commands, topics) = listed.split_once("gpu-credit help with\n").unwrap();
    let (topics, _) = topics.split_once("\n\n").unwrap();
    let names = |text: &str| {
        let rows = text.lines().filter_map(|line| line.strip_prefix("  "));
        let names = rows.filter_map(|row| row.split_whitespace().next());
        names.map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let (commands, topics) = (names(commands), names(topics));
    assert_eq!((commands.len(), topics.len()), (32, 4));
    for command in commands {
        let is_known = PAGES
            .iter()
            .any(|name| name.split(' ').next() == Some(&command));
        assert!(is_known, "{command}");
    }
    for topic in topics {
        assert!(PAGES.contains(&format!("help {topic}").as_str()), "{topic}");
    }
}

#[test]
fn help_is_had_in_both_ways_and_what_is_no_command_is_named() {
    assert_eq!(
        page("account create"),
        stdout(&run(&["help", "account", "create"], ""))
    );
    let wrong = run(&["help", "unit"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        stderr(&wrong),
        "gpu-credit: there is no command and no topic \"unit\"; `gpu-credit --help` lists them\n"
    );
}

#[test]
fn a_shell_takes_the_completions_and_man_the_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(&["completions", shell], ""));
        assert!(script.contains("runs-dry"), "{shell}");
    }
    let script = stdout(&run(&["completions", "bash"], ""));
    if let Ok(output) = Command::new("bash").args(["-n", "-c", &script]).output() {
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let page = stdout(&run(&["man"], ""));
    assert!(page.contains(".TH gpu-credit 1"), "{page}");
    let page = stdout(&run(&["man", "account", "create"], ""));
    assert!(page.contains(".TH gpu-credit-account-create 1"), "{page}");
    assert!(page.contains("gpu\\-credit help policies"), "{page}");
    let wrong = run(&["man", "nothing"], "");
    assert!(stderr(&wrong).contains("there is no command \"nothing\""));
}

#[test]
fn the_version_is_printed() {
    let version = stdout(&run(&["--version"], ""));
    assert_eq!(
        version,
        format!("gpu-credit {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_names_every_shape_and_policy() {
    let help = stdout(&run(&["generate", "--help"], ""));
    for shape in gpu_credit_workload::Shape::ALL {
        assert!(help.contains(shape.as_str()), "{shape}");
    }
    let help = stdout(&run(&["replay", "--help"], ""));
    for word in ["carry", "forfeit", "indexed", "list", "heap", "csv", "json"] {
        assert!(help.contains(word), "{word}");
    }
}

/// The variables of the environment were shown as if they had to be typed.
#[test]
fn the_usage_has_no_options_that_nobody_has_typed() {
    let usage = |arguments: &[&str]| {
        let output = gpu_credit()
            .args(arguments)
            .env("GPU_CREDIT_UNIT", "s")
            .env("GPU_CREDIT_DB", "x.redb")
            .output()
            .unwrap();
        let said = stderr(&output);
        let usage = said.lines().find(|line| line.starts_with("Usage: "));
        usage.unwrap().to_owned()
    };
    assert_eq!(
        usage(&["use", "acme"]),
        "Usage: gpu-credit use --at <TIME> <ACCOUNT> <AMOUNT>"
    );
    assert_eq!(
        usage(&["use", "acme", "--unit", "s"]),
        "Usage: gpu-credit use --at <TIME> --unit <UNIT> <ACCOUNT> <AMOUNT>"
    );
    // What one of the options of a change has to be was not in it.
    let change = usage(&["change", "acme"]);
    assert!(
        change.ends_with("change [OPTIONS] <ACCOUNT> <USAGE> --amount <AMOUNT>"),
        "{change}"
    );
}
