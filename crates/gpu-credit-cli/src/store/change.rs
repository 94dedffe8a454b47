//! `gpu-credit change`: gives a record another content, in its place.

use anyhow::{bail, ensure};
use clap::Args;
use gpu_credit_store::{Change, MeteredChange, Posting, RecordId, Refusal};

use super::OpenStore;
use super::job::{ensure_begins_before, ensure_in_order};
use super::post::PostArguments;
use super::window::WindowArguments;
use crate::integer::{amount, integer};
use crate::time::TimeArguments;

pub(crate) const USAGE: &str = "\
gpu-credit change [OPTIONS] <ACCOUNT> <USAGE> --amount <AMOUNT>
       gpu-credit change [OPTIONS] <ACCOUNT> <JOB>
           --rate <RATE>, --from <TIME>, --until <TIME>, or several of them
       gpu-credit change [OPTIONS] <ACCOUNT> <GRANT>
           --for <LENGTH>, --expires-at <TIME>, --expiration <LENGTH>
           or --priority <NUMBER>";

pub(crate) const HELP: &str = "\
Usage gets another amount; a job another rate, first tick or end; a grant
another end or another priority. Every answer is then as if it had been posted
so. The journal keeps both: --as-recorded gives the answers from before.

Example:
  gpu-credit change acme job-17 --amount 900";

#[derive(Args)]
pub(crate) struct ChangeArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The record id of a grant, of usage or of a job
    record: String,
    #[command(flatten)]
    to: ChangeTo,
}

#[derive(Args)]
struct ChangeTo {
    /// The amount of usage, an integer of the smallest unit
    #[arg(
        long,
        value_parser = amount(),
        allow_negative_numbers = true,
        conflicts_with_all = ["WindowArguments", "JobArguments", "priority"]
    )]
    amount: Option<u64>,
    /// The priority of a grant: a lower one is drawn from first
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = integer(i16::MIN, i16::MAX),
        allow_negative_numbers = true,
        conflicts_with_all = ["WindowArguments", "JobArguments"]
    )]
    priority: Option<i16>,
    #[command(flatten)]
    job: JobArguments,
    #[command(flatten)]
    window: WindowArguments,
}

/// What of a job changes: one of these, or several.
#[derive(Args)]
#[group(multiple = true, conflicts_with = "WindowArguments")]
struct JobArguments {
    /// What each tick of a job uses
    #[arg(long, value_parser = amount(), allow_negative_numbers = true)]
    rate: Option<u64>,
    /// The first tick of a job
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// The first tick after a job
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

impl JobArguments {
    /// What changes; `None` if nothing does.
    fn change(&self, times: &TimeArguments) -> anyhow::Result<Option<MeteredChange>> {
        let instant = |option, typed: &Option<String>| match typed {
            Some(typed) => times.instant(option, typed).map(Some),
            None => Ok(None),
        };
        let change = MeteredChange {
            rate: self.rate,
            from: instant("--from", &self.from)?,
            until: instant("--until", &self.until)?,
        };
        if let (Some(from), Some(until)) = (change.from, change.until) {
            ensure_in_order(times, from, until)?;
        }
        Ok((change != MeteredChange::default()).then_some(change))
    }
}

pub(crate) fn run(arguments: &ChangeArguments) -> anyhow::Result<bool> {
    let times = &arguments.post.rows.times;
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    arguments.post.run(|store, id| {
        let ChangeTo {
            amount,
            priority,
            job,
            window,
        } = &arguments.to;
        if let Some(priority) = priority {
            return Ok(Posting::change_priority(account, id, of, *priority));
        }
        if let Some(change) = job.change(times)? {
            if let (None, Some(until)) = (change.from, change.until) {
                let ids = (&of.into(), &id);
                ensure_begins_before(store, account, ids, ("--until", until))?;
            }
            return Ok(Posting::change_metered_usage(account, id, of, change));
        }
        ensure!(
            amount.is_some() || window.is_said(),
            "expected --amount, --rate, --from, --until, --for, --expires-at, \
             --expiration or --priority"
        );
        if let Some(amount) = amount {
            return Ok(Posting::change_usage(account, id, of, *amount));
        }
        // Only the end of a window is counted from its start.
        let start = match window.expires_at {
            Some(_) => start(store, account, of)?,
            None => 0,
        };
        let expiration = window.expiration(times, start)?;
        Ok(Posting::change_expiration(account, id, of, expiration))
    })
}

/// The first instant of a grant's window, if it is one and can be read.
pub(super) fn start_of(store: &OpenStore, account: &str, of: &RecordId) -> Option<i64> {
    match &store.remote {
        Some(remote) => remote.entry(account, of.as_str()).ok()??.start,
        None => start(store, account, of.as_str()).ok(),
    }
}

/// The first instant of a grant's window.
fn start(store: &OpenStore, account: &str, of: &str) -> anyhow::Result<i64> {
    if store.remote.is_some() {
        if let Some(start) = start_of(store, account, &of.into()) {
            return Ok(start);
        }
        // It says why there is none.
        store.fetch(&[account])?;
    }
    let entry = store.ask(|store| store.entry(account, &of.into()))?;
    let refusal = match entry.map(|entry| entry.change) {
        Some(Change::Grant { timestamp, .. }) => return Ok(timestamp),
        Some(_) => Refusal::NotAGrant(of.into()),
        None => Refusal::NoSuchRecord(of.into()),
    };
    let refusal = store.told_refusal(account, &refusal);
    bail!("{}: account {account:?}: {refusal}", store.name)
}
