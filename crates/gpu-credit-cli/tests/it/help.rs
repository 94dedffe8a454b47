//! Help that helps: every command has an example, and the examples work.

use crate::{run, stdout};

/// In an order in which the examples of the later ones find what those of the earlier ones make.
const COMMANDS: [&str; 27] = [
    "",
    "account",
    "generate",
    "replay",
    "verify",
    "import",
    "account create",
    "accounts",
    "grant",
    "use",
    "change",
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
    "account delete",
];

#[test]
fn every_command_has_an_example_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let header = "JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State\n";
    std::fs::write(folder.path().join("jobs.txt"), header).unwrap();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = stdout(&run(&words, ""));
        let (_, examples) = help.split_once("Example:\n").expect(command);
        for example in examples.replace("\\\n", "").lines() {
            let arguments = example.split_whitespace().take_while(|word| *word != ">");
            let output = crate::gpu_credit()
                .current_dir(folder.path())
                .args(arguments.skip(1))
                .output()
                .unwrap();
            stdout(&output);
        }
    }
}

#[test]
fn every_command_is_in_the_list() {
    let help = stdout(&run(&["--help"], ""));
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    for command in listed.filter_map(|line| line.split_whitespace().next()) {
        let is_known = COMMANDS
            .iter()
            .any(|known| known.split(' ').next() == Some(command));
        assert!(is_known || command == "help", "{command}");
    }
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
