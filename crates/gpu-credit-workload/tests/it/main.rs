//! The events file and the workloads, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_files;
mod good_files;
mod shapes;
mod small;

use std::io::{self, Cursor, Read};

use gpu_credit_workload::{EventError, EventReader};

/// Every row of a file as text, and the error it ends with, if any: the same however the bytes
/// come.
fn read(file: &[u8]) -> (Vec<String>, Option<String>) {
    let at_once = read_at_once(file);
    let drop_by_drop = read_events(EventReader::new(Drops {
        bytes: file,
        interrupted: false,
    }));
    assert_eq!(at_once, drop_by_drop, "{}", file.escape_ascii());
    let ahead = read_events(EventReader::read_ahead(Cursor::new(file.to_vec())));
    assert_eq!(at_once, ahead, "{}", file.escape_ascii());
    at_once
}

/// The same for one way in which bytes come: how much can be read of what is damaged depends on it.
fn read_at_once(file: &[u8]) -> (Vec<String>, Option<String>) {
    read_events(EventReader::new(file))
}

fn read_events(events: Result<EventReader<'_>, EventError>) -> (Vec<String>, Option<String>) {
    let mut rows = Vec::new();
    let mut events = match events {
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

/// Gives one byte at a time, so that no row is in a buffer whole, and is interrupted before each.
struct Drops<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(1);
        self.bytes.read(&mut buffer[..length])
    }
}

/// A file of these lines after the header.
fn file(lines: &str) -> String {
    format!("{}\n{lines}", gpu_credit_workload::events::HEADER)
}
