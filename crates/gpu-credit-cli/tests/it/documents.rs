//! The shell of the documents runs, and answers what they say.
//!
//! In a document with blocks marked `sh`, these are one script, run beside a copy of `examples`; each
//! block marked `text` is in what it prints. A block marked `shell` is not run. A plot that the script
//! draws is the one in `docs/plots`, if the document shows it. Slurm's `sbatch` is a stand-in.

use std::env::{join_paths, split_paths, var_os};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_shell_of_documents_runs_and_answers_what_they_say() {
    let mut documents = vec![root().join("README.md")];
    markdown_in(&root().join("docs"), &mut documents);
    let mut commands = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let script = blocks(&text, "sh").concat();
        if script.is_empty() {
            continue;
        }
        commands += script.matches("gpu-credit ").count();
        let folder = folder_with_examples();
        let answers = run(&script, folder.path(), &document);
        for said in blocks(&text, "text") {
            let document = document.display();
            assert!(
                answers.contains(said),
                "{document}: no command says\n{said}\nbut\n{answers}"
            );
        }
        compare_plots(&text, folder.path());
    }
    assert!(commands > 10, "{commands}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn markdown_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// What stands between fences of this kind, in order.
fn blocks<'t>(text: &'t str, kind: &str) -> Vec<&'t str> {
    let fence = format!("```{kind}\n");
    let blocks = text.split(fence.as_str()).skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect()
}

fn folder_with_examples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("examples")).unwrap();
    for example in fs::read_dir(root().join("examples")).unwrap() {
        let example = example.unwrap();
        let copy = folder.path().join("examples").join(example.file_name());
        fs::copy(example.path(), copy).unwrap();
    }
    folder
}

/// A stand-in for Slurm's command that submits a job, in a folder of its own.
fn folder_with_sbatch(folder: &Path) -> PathBuf {
    let commands = folder.join("commands");
    fs::create_dir(&commands).unwrap();
    let sbatch = commands.join("sbatch");
    fs::write(&sbatch, "#!/bin/sh\necho Submitted batch job 77\n").unwrap();
    fs::set_permissions(&sbatch, Permissions::from_mode(0o755)).unwrap();
    commands
}

/// What a script prints that must succeed, command by command.
fn run(script: &str, folder: &Path, document: &Path) -> String {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", path_with(&folder_with_sbatch(folder)))
        .env_remove("GPU_CREDIT_DB")
        .env_remove("GPU_CREDIT_SERVER")
        .env_remove("GPU_CREDIT_UNIT")
        .output()
        .unwrap();
    let [answers, errors] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let document = document.display();
    assert!(
        output.status.success(),
        "{document}: after\n{answers}\nits script fails: {errors}"
    );
    answers.into_owned()
}

/// The search path of commands: these, the program, and all others.
fn path_with(commands: &Path) -> OsString {
    let program = Path::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
    let others = var_os("PATH").unwrap_or_default();
    let folders = [commands.to_owned(), program.parent().unwrap().to_owned()];
    join_paths(folders.into_iter().chain(split_paths(&others))).unwrap()
}

fn compare_plots(text: &str, folder: &Path) {
    for plot in fs::read_dir(folder).unwrap() {
        let plot = plot.unwrap();
        let name = plot.file_name().into_string().unwrap();
        if !name.ends_with(".svg") || !text.contains(&format!("plots/{name})")) {
            continue;
        }
        let kept = fs::read_to_string(root().join("docs/plots").join(&name)).unwrap();
        let drawn = fs::read_to_string(plot.path()).unwrap();
        assert!(drawn == kept, "docs/plots/{name} is not what is drawn");
    }
}
