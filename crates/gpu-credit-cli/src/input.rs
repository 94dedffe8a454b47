//! Events from a file or standard input, with errors that name it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use gpu_credit::Error;
use gpu_credit_workload::{Event, EventReader};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The events of one file.
pub(crate) struct Input {
    name: String,
    events: EventReader<Watched>,
}

impl Input {
    /// Opens a file, or standard input for `-`. Where `progress` is asked for, input that takes
    /// long gets a bar on standard error if that is a terminal.
    pub(crate) fn open(path: &Path, progress: bool) -> anyhow::Result<Self> {
        let (name, input, length): (_, Box<dyn Read>, _) = if path == Path::new("-") {
            ("standard input".to_owned(), Box::new(io::stdin()), None)
        } else {
            let name = one_line(&path.to_string_lossy());
            let file = File::open(path).with_context(|| format!("{name}: cannot be opened"))?;
            let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file);
            (
                name,
                Box::new(file),
                metadata.map(|metadata| metadata.len()),
            )
        };
        Self::new(name, Watched::new(input, length, progress))
    }

    fn new(name: String, input: Watched) -> anyhow::Result<Self> {
        let events = EventReader::new(input).map_err(|error| anyhow!("{name}: {error}"))?;
        Ok(Self { name, events })
    }

    /// A text as if it were a file.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> anyhow::Result<Self> {
        let bytes = Box::new(io::Cursor::new(text.to_owned()));
        Self::new("a text".to_owned(), Watched::new(bytes, None, false))
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

/// How long input may take before progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Input that shows how far it has been read, once that takes long.
struct Watched {
    input: Box<dyn Read>,
    bar: ProgressBar,
    /// When to show the bar, while it is not shown.
    due: Option<Instant>,
}

impl Watched {
    fn new(input: Box<dyn Read>, length: Option<u64>, progress: bool) -> Self {
        let template = match length {
            Some(_) => "{bar:40} {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {bytes}",
        };
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let due = progress.then(|| Instant::now() + PATIENCE);
        Self { input, bar, due }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.bar.inc(count as u64);
        if self.due.is_some_and(|due| Instant::now() >= due) {
            self.due = None;
            // It stays hidden where standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Ok(count)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn names_stay_on_one_line() {
        assert_eq!(one_line("month\n of \"é\".csv"), "month\\n of \"é\".csv");
    }
}
