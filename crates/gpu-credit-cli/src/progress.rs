//! How far the input has been read, for those who wait at a terminal.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long input may take before it gets a bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a sign of life is given if nothing is known of how long it takes.
const TICK: Duration = Duration::from_millis(100);

/// A bar on standard error, once reading takes long and if that is a terminal. It goes away when
/// dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// When to show the bar, if ever.
    due: Option<Instant>,
    /// What comes after the input, if that takes long too.
    then: Option<&'static str>,
}

impl Progress {
    /// A bar for input of so many bytes, if that is known.
    pub(crate) fn of(length: Option<u64>) -> Self {
        let template = match length {
            Some(_) => "{bar:40} {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {bytes}",
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let hidden = ProgressDrawTarget::hidden();
        Self {
            bar: ProgressBar::with_draw_target(length, hidden).with_style(style),
            due: Some(Instant::now() + PATIENCE),
            then: None,
        }
    }

    /// A word for what comes once all of the input is read.
    pub(crate) fn followed_by(mut self, word: &'static str) -> Self {
        self.then = Some(word);
        self
    }

    /// For steps that are [said](Self::say).
    pub(crate) fn of_steps() -> Self {
        let mut progress = Self::hidden();
        progress.bar = ProgressBar::no_length();
        show_steps(&progress.bar, "copying");
        progress
    }

    /// None at all.
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            due: None,
            then: None,
        }
    }

    /// The input, with its reading shown.
    pub(crate) fn watch<R: Read>(&self, input: R) -> Watched<R> {
        Watched {
            input,
            bar: self.bar.clone(),
            due: self.due,
            then: self.then,
        }
    }

    /// Says how far what comes after the input is.
    pub(crate) fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Shows a bar for what is said, with a word until something is.
fn show_steps(bar: &ProgressBar, word: &'static str) {
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
        bar.set_message(word);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
    }
}

/// Input whose reading is shown.
pub(crate) struct Watched<R> {
    input: R,
    bar: ProgressBar,
    due: Option<Instant>,
    then: Option<&'static str>,
}

impl<R> Watched<R> {
    /// All is read: what comes now gives signs of life.
    fn finish(&mut self) {
        if let Some(word) = self.then.take() {
            show_steps(&self.bar, word);
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if self.due.is_some_and(|due| Instant::now() >= due) {
            self.due = None;
            // It stays hidden if standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(count as u64);
        if count == 0 && !buffer.is_empty() {
            self.finish();
        }
        Ok(count)
    }
}
