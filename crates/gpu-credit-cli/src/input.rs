//! Events from a file or standard input, with errors that name it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow};
use gpu_credit::Error;
use gpu_credit_workload::{Event, EventError, EventReader};

use crate::progress::Progress;

/// The events of one file.
pub(crate) struct Input {
    name: String,
    events: EventReader<'static>,
    progress: Progress,
}

impl Input {
    /// Opens a file, or standard input for `-`. Where `progress` is asked for, input that takes
    /// long gets a bar on standard error if that is a terminal.
    pub(crate) fn open(path: &Path, progress: bool) -> anyhow::Result<Self> {
        let (name, input, length): (_, Box<dyn Read + Send>, _) = if path == Path::new("-") {
            ("standard input".to_owned(), Box::new(io::stdin()), None)
        } else {
            let name = one_line(&path.to_string_lossy());
            let file = File::open(path).with_context(|| format!("{name}: cannot be opened"))?;
            let metadata = file.metadata().ok().filter(Metadata::is_file);
            (
                name,
                Box::new(file),
                metadata.map(|metadata| metadata.len()),
            )
        };
        let progress = match progress {
            true => Progress::of(length),
            false => Progress::hidden(),
        };
        let events = EventReader::read_ahead(progress.watch(input));
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
        let column = match error {
            Error::WindowTooLong { .. } => ", column expiration",
            Error::GrantsTooLarge { .. } | Error::UsageTooLarge { .. } => ", column amount",
            _ => "",
        };
        anyhow!("{}: line {}{column}: {error}", self.name, self.line())
    }
}

/// The text without the control characters that would make it several lines.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn names_stay_on_one_line() {
        assert_eq!(one_line("month\n of \"é\".csv"), "month\\n of \"é\".csv");
    }
}
