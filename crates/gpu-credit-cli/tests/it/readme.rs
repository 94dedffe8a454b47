//! The README's commands run, and say what it says.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{gpu_credit, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands between fences of this kind, in order.
fn blocks<'t>(text: &'t str, kind: &str) -> Vec<&'t str> {
    let fence = format!("```{kind}\n");
    let blocks = text.split(fence.as_str()).skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect()
}

#[test]
fn its_commands_run_and_say_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("examples")).unwrap();
    for example in fs::read_dir(root().join("examples")).unwrap() {
        let example = example.unwrap();
        let copy = folder.path().join("examples").join(example.file_name());
        fs::copy(example.path(), copy).unwrap();
    }

    let lines = blocks(&readme, "sh").into_iter().flat_map(str::lines);
    let mut answers = String::new();
    let mut commands = 0;
    for line in lines.filter(|line| line.starts_with("gpu-credit ")) {
        let output = gpu_credit()
            .current_dir(folder.path())
            .args(line.split(' ').skip(1))
            .output()
            .unwrap();
        answers.push_str(&stdout(&output));
        commands += 1;
    }
    assert!(commands > 5, "{commands}");
    for said in blocks(&readme, "text") {
        assert!(answers.contains(said), "no command says\n{said}");
    }
}

#[test]
fn its_plot_is_the_one_that_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("(docs/plots/account-1.svg)"));
    let run = |arguments: &[&str]| {
        let mut command = gpu_credit();
        let output = command.current_dir(folder.path()).args(arguments).output();
        stdout(&output.unwrap())
    };
    let events = root().join("examples/events.csv");
    run(&["import", events.to_str().unwrap()]);
    let drawn = run(&["plot", "account-1", "--unit", "s"]);
    let kept = fs::read_to_string(root().join("docs/plots/account-1.svg")).unwrap();
    assert!(
        drawn == kept,
        "docs/plots/account-1.svg is not what the command draws"
    );
}
