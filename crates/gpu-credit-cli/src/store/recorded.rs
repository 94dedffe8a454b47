//! `--as-recorded`: the revision of an account that a query is about.

use std::ops::ControlFlow;

use anyhow::{Context, bail, ensure};
use clap::Args;
use gpu_credit_store::{Account, Revision, Store};
use jiff::Timestamp;

use super::OpenStore;
use crate::time::calendar;

#[derive(Args)]
pub(crate) struct RecordedArguments {
    /// Answer as if nothing had been posted after this revision of the account, or after this instant:
    /// a number that history lists, or a TIME by the clock of the machine that posted
    #[arg(long, value_name = "REVISION OR TIME", value_parser = point, allow_hyphen_values = true)]
    as_recorded: Option<Point>,
}

#[derive(Clone, Copy, Debug)]
enum Point {
    Revision(Revision),
    Instant(Timestamp),
}

fn point(typed: &str) -> Result<Point, String> {
    if let Ok(number) = typed.parse() {
        return Ok(Point::Revision(Revision::new(number)));
    }
    match typed {
        "now" => Ok(Point::Instant(Timestamp::now())),
        _ => calendar::instant(typed).map(Point::Instant).map_err(|_| {
            "expected the revision of an account, RFC 3339, as in 2026-01-31T12:00:00Z, or a date"
                .to_owned()
        }),
    }
}

impl RecordedArguments {
    /// Whether the answer is about all that is posted.
    pub(super) fn is_now(&self) -> bool {
        self.as_recorded.is_none()
    }

    /// Refuses a revision if it is asked about several accounts: each has revisions of its own.
    fn ensure_applies_to(&self, accounts: usize) -> anyhow::Result<()> {
        match self.as_recorded {
            Some(Point::Revision(revision)) if accounts != 1 => bail!(
                "--as-recorded: found revision {revision}, and each account has revisions of its own: \
                 name one account, or give a TIME"
            ),
            _ => Ok(()),
        }
    }
}

impl OpenStore {
    /// An account as a query sees it.
    pub(crate) fn account(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Account> {
        let revision = self.revision(name, recorded)?;
        self.ask(|store| store.as_recorded(name, revision))
    }

    /// The accounts of these names, or all that were open then if there are none, each with the revision
    /// that the query sees.
    pub(crate) fn accounts_as_recorded(
        &self,
        names: &[String],
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Vec<(String, Revision)>> {
        recorded.ensure_applies_to(names.len())?;
        if !names.is_empty() {
            let named = names.iter();
            return named
                .map(|name| Ok((name.clone(), self.revision(name, recorded)?)))
                .collect();
        }
        let mut open = Vec::new();
        for account in self.ask(Store::accounts)? {
            if let Some(revision) = self.revision_if_open(&account.name, recorded)? {
                open.push((account.name.to_string(), revision));
            }
        }
        Ok(open)
    }

    /// The revision of an account that a query sees.
    pub(crate) fn revision(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Revision> {
        self.revision_if_open(name, recorded)?.with_context(|| {
            format!(
                "{}: account {name:?} was not open yet: `gpu-credit history {name}` lists its entries",
                self.name
            )
        })
    }

    /// The same; `None` if the account was not open by then.
    fn revision_if_open(
        &self,
        name: &str,
        recorded: &RecordedArguments,
    ) -> anyhow::Result<Option<Revision>> {
        match recorded.as_recorded {
            None => Ok(Some(self.ask(|store| store.head(name))?.revision)),
            Some(Point::Revision(revision)) => Ok(Some(revision)),
            Some(Point::Instant(instant)) => {
                ensure!(
                    instant <= Timestamp::now(),
                    "--as-recorded: found {instant}, which is still to come"
                );
                self.last_posted_by(name, instant)
            }
        }
    }

    /// The last revision of an account that was posted by then. O(entries posted by then).
    fn last_posted_by(&self, name: &str, instant: Timestamp) -> anyhow::Result<Option<Revision>> {
        let mut last = None;
        self.ask(|store| {
            store.visit_history(name, Revision::START, |entry| {
                if entry.recorded_at > instant.as_millisecond() {
                    return ControlFlow::Break(());
                }
                last = Some(entry.revision);
                ControlFlow::Continue(())
            })
        })?;
        Ok(last)
    }
}
