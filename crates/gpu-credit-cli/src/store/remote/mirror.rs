//! Journals of a service, in a store in memory.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;

use anyhow::anyhow;
use gpu_credit_store::{Error, ImportOptions};

use super::connection::Connection;
use super::failure::Failure;
use super::{Remote, path};
use crate::store::{FileStore, Store};

/// What a line of an entry begins with, and the line of the unit of time.
const ENTRY: &[u8] = b"{\"sequence\":";
const UNIT: &[u8] = b"{\"time_unit\":";

/// Bytes of a line, at most: more than any entry has.
const LINE_BYTES: u64 = 16 << 20;

impl Remote {
    /// A store in memory that has the accounts of these names, all if there are none, as they are now.
    pub(super) fn mirror(&self, names: &[&str]) -> Result<Store, Failure> {
        let store = self.empty()?;
        let pending = match names {
            [] => VecDeque::from(["/v1/export".to_owned()]),
            names => {
                let mut names = names.to_vec();
                names.sort_unstable();
                names.dedup();
                names
                    .into_iter()
                    .map(|name| path(name, "/export"))
                    .collect()
            }
        };
        let mut journals = Journals {
            connection: &self.connection,
            pending,
            current: None,
            entries: 0,
            line: Vec::new(),
            read: 0,
            failure: None,
        };
        let input = BufReader::with_capacity(1 << 16, &mut journals);
        let options = ImportOptions::default();
        let imported = store.import_journal(input, &options, |_| ControlFlow::Continue(()));
        match (journals.failure.take(), imported) {
            (Some(failure), _) => Err(failure),
            (None, imported) => imported
                .map(|_| store)
                .map_err(|error| self.unreadable(&error)),
        }
    }

    /// A store in memory that knows the unit of time, and has nothing.
    pub(super) fn empty(&self) -> Result<Store, Failure> {
        let store = FileStore::in_memory().map_err(|error| self.unreadable(&error))?;
        if let Some(unit) = self.unit {
            let set = store.set_time_unit(unit);
            set.map_err(|error| self.unreadable(&error))?;
        }
        Ok(store.into_any())
    }

    /// Writes the journal of all accounts that the token reaches.
    pub(crate) fn export(&self, mut output: impl Write) -> Result<(), Failure> {
        let mut journal = self.connection.read("/v1/export")?;
        let mut bytes = vec![0; 1 << 16];
        loop {
            let count = journal.read(&mut bytes).map_err(|error| {
                let name = self.name();
                anyhow!("{name}: the journal is cut short: {error}; export again")
            })?;
            if count == 0 {
                output.flush().map_err(anyhow::Error::new)?;
                return Ok(());
            }
            output
                .write_all(&bytes[..count])
                .map_err(anyhow::Error::new)?;
        }
    }

    fn unreadable(&self, error: &Error) -> Failure {
        Failure::Other(anyhow!(
            "{}: its journal cannot be read: {error}",
            self.name()
        ))
    }
}

/// Journals that are read one after another, as one: entries are numbered in the order in which they come.
struct Journals<'c> {
    connection: &'c Connection,
    /// Those that are still to be asked for.
    pending: VecDeque<String>,
    current: Option<BufReader<Box<dyn Read>>>,
    /// Entries so far.
    entries: u64,
    /// The line that is read, and how much of it was taken.
    line: Vec<u8>,
    read: usize,
    /// Why it came to an end.
    failure: Option<Failure>,
}

impl Journals<'_> {
    /// Reads the next line; none at the end.
    fn next_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.read = 0;
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.pending.pop_front() else {
                    return Ok(());
                };
                match self.connection.read(&path) {
                    Ok(journal) => self.current = Some(BufReader::with_capacity(1 << 16, journal)),
                    // The store that lacks it says so.
                    Err(failure) if failure.is("no-such-account") => {}
                    Err(failure) => {
                        self.failure = Some(failure);
                        return Err(io::Error::other("the service refuses it"));
                    }
                }
                continue;
            };
            let mut bounded = current.take(LINE_BYTES);
            if bounded.read_until(b'\n', &mut self.line)? == 0 {
                self.current = None;
                continue;
            }
            if bounded.limit() == 0 && !self.line.ends_with(b"\n") {
                let error = format!("a line has more than {} MiB", LINE_BYTES >> 20);
                return Err(io::Error::other(error));
            }
            if !self.line.starts_with(UNIT) {
                self.number();
                return Ok(());
            }
            self.line.clear();
        }
    }

    /// Gives an entry its number.
    fn number(&mut self) {
        let Some(rest) = self.line.strip_prefix(ENTRY) else {
            return;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.entries += 1;
        let number = self.entries.to_string().into_bytes();
        let place = ENTRY.len()..ENTRY.len() + digits;
        self.line.splice(place, number);
    }
}

impl Read for Journals<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            self.next_line()?;
        }
        let rest = &self.line[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}
