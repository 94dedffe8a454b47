//! `--as-recorded`: the point of the journal that a query is about.

use std::ops::ControlFlow;

use anyhow::{Context, ensure};
use clap::Args;
use gpu_credit_store::{Account, Sequence, Store};
use jiff::Timestamp;

use super::OpenStore;
use crate::time::calendar;

#[derive(Args)]
pub(crate) struct RecordedArguments {
    /// Answer as if nothing had been posted after this entry, or after this instant: a number that
    /// history lists, or a TIME by the clock of the machine that posted
    #[arg(long, value_name = "SEQUENCE OR TIME", value_parser = point, allow_hyphen_values = true)]
    as_recorded: Option<Point>,
}

#[derive(Clone, Copy, Debug)]
enum Point {
    Entry(Sequence),
    Instant(Timestamp),
}

fn point(typed: &str) -> Result<Point, String> {
    if let Ok(number) = typed.parse() {
        return Ok(Point::Entry(Sequence::new(number)));
    }
    match typed {
        "now" => Ok(Point::Instant(Timestamp::now())),
        _ => calendar::instant(typed).map(Point::Instant).map_err(|_| {
            "expected the sequence of an entry, RFC 3339, as in 2026-01-31T12:00:00Z, or a date"
                .to_owned()
        }),
    }
}

impl OpenStore {
    /// An account as a query sees it.
    pub(crate) fn account(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Account> {
        let sequence = self.sequence(name, recorded)?;
        self.ask(|store| store.as_recorded(name, sequence))
    }

    /// The accounts of these names, or all that were open then if there are none, each with the last entry
    /// that the query sees.
    pub(crate) fn accounts_as_recorded(
        &self,
        names: &[String],
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Vec<(String, Sequence)>> {
        if !names.is_empty() {
            let named = names.iter();
            return named
                .map(|name| Ok((name.clone(), self.sequence(name, recorded)?)))
                .collect();
        }
        let mut open = Vec::new();
        for account in self.ask(Store::accounts)? {
            if let Some(sequence) = self.sequence_if_open(&account.name, recorded)? {
                open.push((account.name.to_string(), sequence));
            }
        }
        Ok(open)
    }

    /// The last entry that a query about an account sees, if it is one of others.
    pub(crate) fn sequence(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Sequence> {
        self.sequence_if_open(name, recorded)?.with_context(|| {
            format!(
                "{}: account {name:?} was not open yet: `gpu-credit history {name}` lists its entries",
                self.name
            )
        })
    }

    /// The same; `None` if the account was not open by then.
    pub(crate) fn sequence_if_open(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Option<Sequence>> {
        let Some(point) = recorded.as_recorded else {
            return Ok(Some(Sequence::END));
        };
        let last = self.store.last_sequence();
        match point {
            Point::Entry(sequence) => {
                ensure!(
                    sequence <= last,
                    "--as-recorded: found {sequence}, and the last entry of the store is {last}"
                );
                let opened = self.ask(|store| store.head(name))?.account.opened;
                Ok((opened <= sequence).then_some(sequence))
            }
            Point::Instant(instant) => {
                ensure!(
                    instant <= Timestamp::now(),
                    "--as-recorded: found {instant}, which is still to come"
                );
                self.last_posted_by(name, instant)
            }
        }
    }

    /// The last entry of an account that was posted by then. O(entries): clocks may be turned back.
    fn last_posted_by(&self, name: &str, instant: Timestamp) -> anyhow::Result<Option<Sequence>> {
        let mut last = None;
        self.ask(|store| {
            store.visit_history(name, Sequence::START, |entry| {
                if entry.recorded_at <= instant.as_millisecond() {
                    last = Some(entry.sequence);
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(last)
    }
}
