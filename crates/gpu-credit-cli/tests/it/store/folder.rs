//! A folder to work in, and the store of it.

use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use super::Place;
use crate::{gpu_credit, stderr, stdout};

/// A folder to work in.
pub(crate) struct Folder {
    directory: TempDir,
    /// The place of the store.
    pub(crate) place: Place,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            place: Place::new(),
        }
    }

    /// With an account `acme`: 100 in [0, 30] and 50 in [10, 20], and 30 used at 12.
    pub(crate) fn with_account() -> Self {
        let folder = Self::new();
        folder.ok("account create acme");
        folder.ok("grant acme 100 --at 0 --expiration 30 --credit-id march --id g1");
        folder.ok("grant acme 50 --at 10 --expiration 10 --credit-id trial --id g2");
        folder.ok("use acme 30 --at 12 --id u1");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs a command line; words are parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Output {
        let mut command = gpu_credit();
        command.envs(self.place.variables(line));
        let words = line.split_whitespace();
        command
            .current_dir(self.path())
            .args(words)
            .output()
            .unwrap()
    }

    /// What a command that must succeed silently writes.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        stdout(&self.run(line))
    }

    /// What a command that must be refused says, in one line.
    #[track_caller]
    pub(crate) fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{line}");
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = stderr(&output);
        assert!(
            said.starts_with("gpu-credit: ") && said.ends_with('\n'),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        self.with_name_of_file(said.trim_end())
    }

    /// A message that names the store, as if it were a file.
    pub(crate) fn with_name_of_file(&self, said: &str) -> String {
        self.place.with_name_of_file(said)
    }

    /// Runs a command that must succeed and write to a file; it may say what it left out.
    #[track_caller]
    pub(crate) fn quiet(&self, line: &str) {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", stderr(&output));
        assert_eq!(output.stdout, b"", "{line}");
    }

    /// The rows of an answer in JSON.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Vec<serde_json::Value> {
        let answer = self.ok(&format!("{line} --format json"));
        let rows = answer.lines().map(serde_json::from_str);
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// The same of a command that notes something on standard error.
    #[track_caller]
    pub(crate) fn noted(&self, line: &str) -> (String, String) {
        let output = self.run(line);
        let said = crate::stderr(&output);
        assert!(
            output.status.success() && said.starts_with("note: "),
            "{said}"
        );
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// The header and the rows of an answer in CSV.
    #[track_caller]
    pub(crate) fn csv(&self, line: &str) -> (Vec<String>, Vec<csv::StringRecord>) {
        let answer = self.ok(&format!("{line} --format csv"));
        let mut reader = csv::Reader::from_reader(answer.as_bytes());
        let header = reader.headers().unwrap().iter().map(ToOwned::to_owned);
        let header = header.collect();
        (header, reader.records().collect::<Result<_, _>>().unwrap())
    }

    /// The whole journal, as the program exports it.
    #[track_caller]
    pub(crate) fn journal(&self) -> String {
        self.ok("export")
    }
}
