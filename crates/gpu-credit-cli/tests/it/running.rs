//! The service as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A service that runs, until it is dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// The one that was printed, if one was.
    pub(crate) first_token: Option<String>,
}

impl Served {
    /// Over a store whose unit of time is the second.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        Self::start_in(folder, Some("s"), more)
    }

    /// Over a store that has this unit of time, unless it has another.
    pub(crate) fn start_in(folder: &Path, unit: Option<&str>, more: &[&str]) -> Self {
        let unit = unit.map(|unit| ["--unit", unit]);
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder)
            .env_remove("GPU_CREDIT_DB")
            .env_remove("GPU_CREDIT_SERVER")
            .env_remove("GPU_CREDIT_TOKENS")
            .env_remove("GPU_CREDIT_UNIT")
            .args(["serve", "--listen", "127.0.0.1:0", "--drain", "0s"])
            .args(["--rate", "1000000"])
            .args(unit.into_iter().flatten())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut first_token = None;
        let address = loop {
            let line = lines.next().expect("it says where it serves").unwrap();
            if let Some((_, token)) = line.split_once("the first token, which may do everything: ")
            {
                first_token = Some(token.to_owned());
            }
            if let Some(address) = line.strip_prefix("serving ") {
                break address.to_owned();
            }
        };
        Served {
            child,
            address,
            first_token,
        }
    }

    /// Asks it to stop, and waits for that: its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
