//! The raw figures of a run, kept by date with machine, commit and command.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::arguments::{RecordArguments, RunArguments};
use crate::machine;
use crate::outcome::Case;
use crate::printed::output_of;
use crate::table;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it ended.
    pub(crate) date: Timestamp,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) commit: String,
    pub(crate) command: String,
    pub(crate) seed: u64,
    pub(crate) is_quick: bool,
    pub(crate) cases: Vec<Case>,
}

/// What another bench prints.
#[derive(Deserialize)]
struct Measured {
    seed: u64,
    is_quick: bool,
    cases: Vec<Case>,
}

impl Record {
    pub(crate) fn new(arguments: &RunArguments, cases: Vec<Case>) -> Result<Self> {
        let mut command = "cargo run --release -p gpu-credit-benches --bin compare".to_owned();
        let rest: Vec<String> = std::env::args().skip(1).collect();
        if !rest.is_empty() {
            command = format!("{command} -- {}", rest.join(" "));
        }
        Ok(Self {
            date: Timestamp::from_second(Timestamp::now().as_second())?,
            processor: machine::processor(),
            cores: machine::cores(),
            commit: machine::commit(),
            command,
            seed: arguments.seed,
            is_quick: arguments.is_quick(),
            cases,
        })
    }

    /// What another bench has measured, which prints its cases.
    ///
    /// # Errors
    /// If it cannot be run, fails, or prints something else.
    pub(crate) fn printed(arguments: &RecordArguments) -> Result<Self> {
        let text = output_of(&arguments.command)?;
        let Measured {
            seed,
            is_quick,
            cases,
        } = serde_json::from_str(&text).context("its output is not that of a bench")?;
        for case in &cases {
            let row = &case.row;
            ensure!(
                table::PEERS.iter().any(|known| known.id == row),
                "there is no row {row} of other benches"
            );
            ensure!(case.parties.len() > 1, "{row}: nothing to compare with");
        }
        Ok(Self {
            date: Timestamp::from_second(Timestamp::now().as_second())?,
            processor: machine::processor(),
            cores: machine::cores(),
            commit: machine::commit(),
            command: arguments.command.join(" "),
            seed,
            is_quick,
            cases,
        })
    }

    /// The machine, as the page names it.
    pub(crate) fn machine(&self) -> String {
        format!("{}, {} cores", self.processor, self.cores)
    }

    /// Writes a new file into a folder, never over another.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let day = self.date.strftime("%Y-%m-%d");
        let name = format!("{day}-{}", self.commit);
        let names =
            std::iter::once(name.clone()).chain((2..).map(|count| format!("{name}-{count}")));
        let mut paths = names.map(|name| folder.join(name).with_extension("json"));
        let path = paths
            .find(|path| !path.exists())
            .context("no name is free")?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// All records of a folder, the oldest first.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(&path)?;
            let record = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            records.push(record);
        }
    }
    records.sort_by_key(|record| record.date);
    Ok(records)
}
