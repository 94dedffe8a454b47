//! `gpu-credit close`: closes the books of accounts.

use anyhow::{Context, ensure};
use clap::Args;
use gpu_credit_store::{Posting, Revision};

use super::explain::typed;
use super::import::first;
use super::period::typed_month;
use super::post::{PostArguments, Posted};
use super::{OpenStore, counted};
use crate::confirm::confirm;
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
From then on, records, corrections and queries before that instant are refused.
Answers after it stay as they are, and --as-recorded still gives earlier ones:
the program names the revision that has the statement of what is closed. The
books of several accounts are closed together, or none. This cannot be undone.
On a terminal it asks; elsewhere it needs --yes.

Example:
  gpu-credit close acme --until 2025-02-01 --yes --unit s
  gpu-credit close --all --month 2025-01 --yes";

#[derive(Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The names of accounts
    #[arg(
        value_name = "ACCOUNT",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    accounts: Vec<String>,
    /// All accounts
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    until: Until,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Until when: one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Until {
    /// The first instant that stays open
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// The last month that is closed, in UTC: such as 2026-01
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
}

impl Until {
    /// The first instant that stays open.
    fn get(&self, times: &TimeArguments) -> anyhow::Result<i64> {
        if let Some(month) = &self.month {
            let (_, end) = typed_month(month)?;
            return times.of_timestamp("--month", end);
        }
        let until = self.until.as_deref();
        times.instant("--until", until.context("expected --until or --month")?)
    }
}

pub(crate) fn run(arguments: &CloseArguments) -> anyhow::Result<bool> {
    let (post, times) = (&arguments.post, &arguments.post.rows.times);
    if !arguments.yes && !post.dry_run {
        // Nobody else waits for the answer: the store is closed by then.
        let books = arguments.books(&post.store.open_to_ask_for(times)?)?;
        confirm(
            format_args!(
                "Close {books}? Records, corrections and queries before that are refused from then on, \
                 and this cannot be undone."
            ),
            format_args!("closing {books} cannot be undone"),
        )?;
    }
    let posted = post.post(|store, id| {
        let until = arguments.until.get(times)?;
        let postings = arguments.named(store)?.into_iter();
        let postings = postings.map(|name| Posting::close_books(name, id.clone(), until));
        Ok(postings.collect())
    })?;
    post.report(posted, |all| {
        let lines = all.iter().map(|posted| {
            let name = match all.len() {
                1 => String::new(),
                _ => format!("{}: ", posted.posting.account),
            };
            format!(
                "{name}{}{}",
                post.sentence(posted),
                closed_statement(posted)
            )
        });
        lines.collect()
    })
}

impl CloseArguments {
    fn named(&self, store: &OpenStore) -> anyhow::Result<Vec<String>> {
        if !self.all {
            return Ok(self.accounts.clone());
        }
        let accounts = store.names()?;
        ensure!(!accounts.is_empty(), "--all: the store has no account");
        Ok(accounts)
    }

    /// What is to be closed, for people.
    fn books(&self, store: &OpenStore) -> anyhow::Result<String> {
        let until = store.show(self.until.get(&self.post.rows.times)?);
        let accounts = self.named(store)?;
        if let [account] = accounts.as_slice() {
            let revision = store.revision_now(account)?;
            return Ok(format!(
                "the books of account {account:?} before {until}, which are at revision {revision} now,"
            ));
        }
        let count = counted(accounts.len() as u64, "account", "accounts");
        let names = first(accounts.iter());
        Ok(format!("the books of {count} ({names}) before {until}"))
    }
}

/// How to ask for the statement of what is closed.
fn closed_statement(posted: &Posted) -> String {
    let before = posted.outcome.revision().map(Revision::get);
    let Some(before) = before.and_then(|revision| revision.checked_sub(1)) else {
        return String::new();
    };
    let name = typed(&posted.posting.account);
    format!("; `gpu-credit statement{name} --as-recorded {before}` has what is closed")
}
