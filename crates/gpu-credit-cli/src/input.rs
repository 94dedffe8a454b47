//! Events from a file or standard input, with errors that name it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use gpu_credit::{Error, Overdraft};
use gpu_credit_workload::{Event, EventError, EventReader};

use crate::escape::printable;
use crate::progress::Progress;

/// An events file and how to take it.
#[derive(Args)]
pub(crate) struct EventsArguments {
    /// The events file, plain or gzip; - for standard input
    pub(crate) file: PathBuf,
    /// The policy of every account: carry, carry:C or forfeit (see gpu-credit help policies)
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    pub(crate) policy: Overdraft,
}

/// The events of one file.
pub(crate) struct Input {
    name: String,
    events: EventReader<'static>,
    progress: Progress,
}

impl Input {
    /// Opens a file, or standard input for `-`. If `progress` is asked for, input that takes
    /// long gets a bar on standard error if that is a terminal.
    pub(crate) fn open(path: &Path, progress: bool) -> anyhow::Result<Self> {
        let Source {
            name,
            bytes,
            length,
        } = Source::open(path)?;
        let progress = match progress {
            true => Progress::of(length),
            false => Progress::hidden(),
        };
        let events = EventReader::read_ahead(progress.watch(bytes));
        Self::new(name, events, progress)
    }

    fn new(
        name: String,
        events: Result<EventReader<'static>, EventError>,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let events = events.map_err(|error| anyhow!("{name}: {error}"))?;
        Ok(Self {
            name,
            events,
            progress,
        })
    }

    /// A text as if it were a file.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> anyhow::Result<Self> {
        let events = EventReader::new(io::Cursor::new(text.to_owned()));
        Self::new("a text".to_owned(), events, Progress::hidden())
    }

    /// The name for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The line of the last event.
    pub(crate) fn line(&self) -> u64 {
        self.events.line()
    }

    /// The next event; `None` at the end.
    #[inline]
    pub(crate) fn read(&mut self) -> anyhow::Result<Option<Event<'_>>> {
        match self.events.read() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(anyhow!("{}: {error}", self.name)),
        }
    }

    /// Takes the bar away, to make room for other words.
    pub(crate) fn hide_progress(&self) {
        self.progress.clear();
    }

    /// Names the place of the last event, which a ledger refused.
    pub(crate) fn refused(&self, error: Error) -> anyhow::Error {
        let column = column(&error);
        anyhow!("{}: line {}{column}: {error}", self.name, self.line())
    }
}

/// The column that a limit of the ledger is about, for messages.
pub(crate) fn column(error: &Error) -> &'static str {
    match error {
        Error::WindowTooLong { .. } => ", column expiration",
        Error::GrantsTooLarge { .. }
        | Error::UsageTooLarge { .. }
        | Error::MeteredUsageTooLarge { .. } => ", column amount",
        _ => "",
    }
}

/// The bytes of a file, or of standard input.
pub(crate) struct Source {
    /// For messages.
    pub(crate) name: String,
    pub(crate) bytes: Box<dyn Read + Send>,
    /// How many bytes there are, if that is known.
    pub(crate) length: Option<u64>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self {
                name: "standard input".to_owned(),
                bytes: Box::new(io::stdin()),
                length: None,
            });
        }
        let name = printable(&path.to_string_lossy()).into_owned();
        let file = File::open(path).with_context(|| format!("{name}: cannot be opened"))?;
        let metadata = file.metadata().ok();
        let is_directory = metadata.as_ref().is_some_and(Metadata::is_dir);
        ensure!(
            !is_directory,
            "{name}: cannot be read: it is a directory: name a file in it"
        );
        let metadata = metadata.filter(Metadata::is_file);
        Ok(Self {
            name,
            bytes: Box::new(file),
            length: metadata.map(|metadata| metadata.len()),
        })
    }
}
