//! Help that helps: every command has an example, and the examples work.

use crate::{run, stdout};

#[test]
fn every_command_has_an_example_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    // The examples of the others read what that of `generate` writes.
    for command in ["generate", "replay", "verify"] {
        let help = stdout(&run(&[command, "--help"], ""));
        let (_, example) = help.split_once("Example:\n").expect(command);
        let example = example.replace("\\\n", "");
        let arguments = example.split_whitespace().take_while(|word| *word != ">");
        let output = crate::gpu_credit()
            .current_dir(folder.path())
            .args(arguments.skip(1))
            .output()
            .unwrap();
        stdout(&output);
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
