//! The entries of an import, one after the other.

use std::io::{BufRead, BufReader, Read};

use gpu_credit::MeteredUsage;
use gpu_credit_store::Posting;
use gpu_credit_workload::{Action, Event, EventError, EventReader};

use super::lines::{Limited, unreadable};
use super::{Format, Problem};
use crate::access::{Caller, Verb};
use crate::entry::NewEntry;
use crate::problem::kinds;
use crate::read::parse;
use crate::resources::batches::admitted;

/// An entry, or why there is none, and on which line it stands.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) posting: Result<Posting, Problem>,
    /// Whether the next row can be read.
    pub(super) goes_on: bool,
}

pub(super) enum Rows<'r> {
    Entries(Entries<'r>),
    Events(Box<EventReader<'r>>),
}

pub(super) struct Entries<'r> {
    input: BufReader<Limited<Box<dyn Read + Send + 'r>>>,
    line: u64,
    text: Vec<u8>,
}

impl<'r> Rows<'r> {
    pub(super) fn new(format: Format, input: Box<dyn Read + Send + 'r>) -> Result<Self, Problem> {
        let input = Limited::new(input);
        Ok(match format {
            Format::Entries => Rows::Entries(Entries {
                input: BufReader::new(input),
                line: 0,
                text: Vec::new(),
            }),
            Format::Events => {
                let events = EventReader::new(input).map_err(|error| of_event(&error))?;
                Rows::Events(Box::new(events))
            }
        })
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self, caller: &Caller) -> Option<Row> {
        match self {
            Rows::Entries(entries) => entries.next(caller),
            Rows::Events(events) => event(events, caller),
        }
    }
}

impl Entries<'_> {
    fn next(&mut self, caller: &Caller) -> Option<Row> {
        loop {
            self.line += 1;
            self.text.clear();
            let line = self.line;
            let read = self.input.read_until(b'\n', &mut self.text);
            match read {
                Ok(0) => return None,
                Ok(_) if self.text.trim_ascii().is_empty() => continue,
                Ok(_) => {}
                Err(error) => {
                    return Some(Row {
                        line,
                        posting: Err(unreadable(&error, line)),
                        goes_on: false,
                    });
                }
            }
            let posting = parse::<NewEntry>(&self.text);
            let posting = posting.and_then(|entry| admitted(caller, entry));
            return Some(Row {
                line,
                posting: posting.map_err(|problem| problem.with("line", line)),
                goes_on: true,
            });
        }
    }
}

fn event(events: &mut EventReader<'_>, caller: &Caller) -> Option<Row> {
    let read = events.read()?;
    let (posting, goes_on) = match read {
        Ok(event) => (posting(&event), true),
        Err(error) => {
            let line = error.line();
            let goes_on = error.is_of_row();
            if goes_on {
                events.go_on();
            }
            let posting = Err(of_event(&error));
            return Some(Row {
                line,
                posting,
                goes_on,
            });
        }
    };
    let line = events.line();
    let posting = posting.and_then(|(verb, posting)| {
        caller.may(verb, &posting.account)?;
        Ok(posting)
    });
    Some(Row {
        line,
        posting: posting.map_err(|problem| problem.with("line", line)),
        goes_on,
    })
}

fn posting(event: &Event<'_>) -> Result<(Verb, Posting), Problem> {
    let wrong = |detail| Problem::new(&kinds::BAD_LINE, detail);
    let id = event
        .id
        .ok_or_else(|| wrong("expected an id: over HTTP each row of a CSV file has one, by which it is known when it is sent again"));
    let account = event.account;
    Ok(match event.action {
        Action::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => {
            let grant = Posting::grant(account, id?, credit_id, amount, timestamp, expiration);
            (Verb::Grant, grant.priority(priority))
        }
        Action::Usage { amount, timestamp } => {
            (Verb::Use, Posting::usage(account, id?, amount, timestamp))
        }
        Action::Metered { rate, from, until } => {
            let usage = MeteredUsage { rate, from, until };
            (Verb::Use, Posting::metered_usage(account, id?, usage))
        }
        Action::Balance { .. } => return Err(wrong("expected a grant or usage, not a question")),
    })
}

fn of_event(error: &EventError) -> Problem {
    Problem::new(&kinds::BAD_LINE, error.to_string()).with("line", error.line())
}
