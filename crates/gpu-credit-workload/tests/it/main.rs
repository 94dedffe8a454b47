//! The events file and the workloads, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_files;
mod good_files;
mod shapes;
mod small;

use gpu_credit_workload::EventReader;

/// Every row of a file as text, and the error it ends with, if any.
fn read(file: &[u8]) -> (Vec<String>, Option<String>) {
    let mut rows = Vec::new();
    let mut events = match EventReader::new(file) {
        Ok(events) => events,
        Err(error) => return (rows, Some(error.to_string())),
    };
    while let Some(event) = events.read() {
        match event {
            Ok(event) => rows.push(format!("{event:?}")),
            Err(error) => {
                let error = error.to_string();
                assert!(events.read().is_none(), "a row after the error {error}");
                return (rows, Some(error));
            }
        }
    }
    (rows, None)
}

/// A file of these lines after the header.
fn file(lines: &str) -> String {
    format!("{}\n{lines}", gpu_credit_workload::events::HEADER)
}
