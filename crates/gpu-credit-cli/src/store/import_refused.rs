//! What an import refuses, in the words of the program.

use std::borrow::Cow;
use std::fmt::Write;

use anyhow::anyhow;
use gpu_credit_store::{ChangedJob, Error, ImportError, Refusal};

use super::OpenStore;
use super::import::RowRules;
use crate::complain;
use crate::escape::printable;
use crate::input::column;

/// Why an import ended, with what to do next. A journal has no rules for single rows.
pub(super) fn refused(
    store: &OpenStore,
    file: &str,
    error: Error,
    rules: Option<&RowRules>,
) -> anyhow::Error {
    let Error::Import(import) = &error else {
        return store.explain(error);
    };
    if let Some(reason) = store.refused_row(&error) {
        let next = match rules.map(|rules| rules.skip_refused) {
            None => "",
            Some(false) => "; --skip-refused posts the other rows",
            Some(true) => "; a row without id is not left out: give rows ids",
        };
        return anyhow!("{file}: {reason}; nothing was posted{next}");
    }
    match &**import {
        ImportError::Stopped { .. } => {
            anyhow!("{file}: {import}; importing the file again goes on from there")
        }
        ImportError::Equal { .. } => {
            anyhow!("{file}: {import}; nothing was posted; --again posts them all the same")
        }
        ImportError::OtherUnit { unit, likely, .. } => anyhow!(
            "{file}: {import}; nothing was posted; --unit {likely} says so, and --any-time that {unit} is right"
        ),
        ImportError::Memory { .. } => {
            anyhow!("{file}: {import}; nothing was posted; --memory sets the limit")
        }
        ImportError::OtherZone(_) => {
            anyhow!("{file}: {import}; nothing was posted; --timezone names that of the file")
        }
        import => anyhow!("{file}: {import}; nothing was posted"),
    }
}

/// Says on standard error what was left out.
pub(super) fn warn_of_refused(store: &OpenStore, file: &str, refused: &[Error]) {
    for error in refused {
        let reason = store.refused_row(error);
        let reason = reason.unwrap_or_else(|| error.to_string());
        let line = format!("gpu-credit: {file}: {reason}; it is left out");
        complain(format_args!("{}", printable(&line)));
    }
}

impl OpenStore {
    /// Why a row is refused: the line, the id, and the command that helps if one does; `None` if it is not a
    /// row that is refused.
    fn refused_row(&self, error: &Error) -> Option<String> {
        let Error::Import(import) = error else {
            return None;
        };
        Some(match &**import {
            ImportError::Refused {
                line,
                error:
                    Error::Refused {
                        account,
                        id,
                        refusal,
                    },
            } => {
                let column = limited(refusal);
                let refusal = self.told_refusal(account, refusal);
                // An id that the import has made of the row says nothing to anybody.
                let id = match id.as_str().starts_with('~') {
                    true => String::new(),
                    false => format!(", id \"{id}\""),
                };
                format!("line {line}{column}: account {account:?}{id}: {refusal}")
            }
            ImportError::Refused { line, error } => format!("line {line}: {}", self.told(error)),
            ImportError::Events(error) if error.is_of_row() => import.to_string(),
            ImportError::Changed(changed) => changed.told(|instant| self.show(instant)),
            ImportError::ChangedJob(changed) => {
                let told = changed.told(|instant| self.show(instant));
                format!("{told}{}", self.command_that_helps(changed))
            }
            ImportError::Sacct(_) | ImportError::Line { .. } | ImportError::NotInUnit { .. } => {
                import.to_string()
            }
            _ => return None,
        })
    }

    /// How a job becomes what the file has; nothing if its books are closed.
    fn command_that_helps(&self, changed: &ChangedJob) -> String {
        let ChangedJob {
            account,
            id,
            row,
            standing,
            closed,
            ..
        } = changed;
        if closed.is_some() {
            return String::new();
        }
        let mut command = format!("gpu-credit change {} {}", word(account), word(id.as_str()));
        if row.rate != standing.rate {
            let _ = write!(command, " --rate {}", row.rate);
        }
        for (option, new, old) in [
            ("--from", row.from, standing.from),
            ("--until", row.until, standing.until),
        ] {
            if new != old {
                let _ = write!(command, " {option} {}", self.show(new));
            }
        }
        format!("; `{command}` makes it what the file has")
    }
}

/// A word as somebody types it to a shell.
fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/+@".contains(&byte);
    match text.bytes().all(is_plain) && !text.starts_with('-') {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', "'\\''")).into(),
    }
}

/// The column that a limit is about.
fn limited(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Limit(limit) => column(limit),
        _ => "",
    }
}
