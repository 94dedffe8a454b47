//! What other benches print, kept beside the records: those of the store and of the Python package
//! measure in programs of their own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::arguments::KeepArguments;
use crate::machine;

/// What a bench has printed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Printed {
    pub(crate) title: String,
    /// When it ended.
    pub(crate) date: Timestamp,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) commit: String,
    pub(crate) command: String,
    pub(crate) lines: Vec<String>,
}

impl Printed {
    /// Runs a bench to its end.
    ///
    /// # Errors
    /// If it cannot be run, or fails: a bench fails if an answer is wrong.
    pub(crate) fn by(arguments: &KeepArguments) -> Result<Self> {
        let text = output_of(&arguments.command)?;
        Ok(Self {
            title: arguments.title.clone(),
            date: Timestamp::from_second(Timestamp::now().as_second())?,
            processor: machine::processor(),
            cores: machine::cores(),
            commit: machine::commit(),
            command: arguments.command.join(" "),
            lines: text.lines().map(str::to_owned).collect(),
        })
    }

    /// Writes it into a folder, over a file of the same name.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(name).with_extension("json");
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    }
}

/// What a command prints; its standard error passes through.
///
/// # Errors
/// If it cannot be run, or fails.
pub(crate) fn output_of(command: &[String]) -> Result<String> {
    let words = || command.join(" ");
    let [program, rest @ ..] = command else {
        anyhow::bail!("there is no command");
    };
    let output = Command::new(program)
        .args(rest)
        .stderr(Stdio::inherit())
        .output()
        .with_context(words)?;
    ensure!(output.status.success(), "{}: {}", words(), output.status);
    String::from_utf8(output.stdout).with_context(words)
}

/// All of a folder, by name; nothing if there is no folder.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Printed>> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let paths: std::io::Result<Vec<_>> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut paths = paths.with_context(|| folder.display().to_string())?;
    paths.sort_unstable();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path)?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    };
    paths.iter().map(read).collect()
}
