//! `gpu-credit spendable` and `runs-dry`: what may still be used, and until when.

use clap::Args;
use serde::Serialize;

use super::{RecordedArguments, StoreArguments};
use crate::integer::amount;
use crate::rows::{Row, RowArguments, or_empty, or_none};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
The most that could be used at that instant, drawn whole, without making any
deficit or anything dropped greater, now or later. Usage, jobs and holds that
are recorded for later count: so it is never more than the balance, and may be
less. With --for it is the highest rate of a job that runs for so long: what
each tick may use.
  held        the sum of the holds that are open then
  available   the balance with those as usage at their starts

Example:
  gpu-credit spendable acme --at 2025-03-06 --unit s
  gpu-credit spendable acme --at 2025-03-06 --for 40h --unit s";

#[derive(Args)]
pub(crate) struct SpendableArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The instant; with --for the first tick of the job
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    at: String,
    /// How long a job runs, to ask for its rate
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    runs_for: Option<String>,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct SpendableRow {
    account: String,
    timestamp: i64,
    /// The end of the job, if a rate is asked for.
    until: Option<i64>,
    spendable: u64,
    balance: Option<u64>,
    held: u64,
    available: u64,
}

impl Row for SpendableRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "timestamp",
        "until",
        "spendable",
        "balance",
        "held",
        "available",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.timestamp),
            or_empty(self.until.map(|until| times.show(until))),
            self.spendable.to_string(),
            or_none(self.balance),
            self.held.to_string(),
            self.available.to_string(),
        ]
    }
}

pub(crate) fn spendable(arguments: &SpendableArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_to_ask_for(times)?;
    let timestamp = times.instant("--at", &arguments.at)?;
    let until = match &arguments.runs_for {
        Some(typed) => Some(times.end_after(timestamp, typed)?),
        None => None,
    };
    store.fetch(&[&arguments.account])?;
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let row = store.ask_account(&account, |account| {
        Ok(SpendableRow {
            account: arguments.account.clone(),
            timestamp,
            until,
            spendable: match until {
                Some(until) => account.spendable_rate(timestamp..until)?,
                None => account.spendable(timestamp)?,
            },
            balance: account.get_balance(timestamp)?,
            held: account.held(timestamp)?,
            available: account.available(timestamp)?,
        })
    })?;
    arguments.rows.write([row])
}

pub(crate) const RUNS_DRY_HELP: &str = "\
The first tick at which recorded usage, jobs with their planned ends among it,
is not drawn whole when it happens. With --rate: the first tick that one more
job, of that rate and without end, could not draw whole. It is none if there is
no such tick. The status and the deficit are those of the account at --from, as
in gpu-credit balance: an account that is overdrawn has run dry before.

Example:
  gpu-credit runs-dry acme --from 2025-03-01 --unit s
  gpu-credit runs-dry acme --from 2025-03-06 --rate 8 --unit s";

#[derive(Args)]
pub(crate) struct RunsDryArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The first tick to look at; with --rate the first tick of the job
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    from: String,
    /// What each tick of one more job uses
    #[arg(long, value_parser = amount(), allow_negative_numbers = true)]
    rate: Option<u64>,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct RunsDryRow {
    account: String,
    from: i64,
    rate: Option<u64>,
    runs_dry: Option<i64>,
    /// At the first tick to look at.
    status: &'static str,
    deficit: u64,
}

impl Row for RunsDryRow {
    const HEADER: &'static [&'static str] =
        &["account", "from", "rate", "runs_dry", "status", "deficit"];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.from),
            or_empty(self.rate),
            or_none(self.runs_dry.map(|tick| times.show(tick))),
            self.status.to_owned(),
            self.deficit.to_string(),
        ]
    }
}

pub(crate) fn runs_dry(arguments: &RunsDryArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_to_ask_for(times)?;
    let from = times.instant("--from", &arguments.from)?;
    store.fetch(&[&arguments.account])?;
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let runs_dry = store.ask_account(&account, |account| match arguments.rate {
        Some(rate) => Ok(account.runs_dry(rate, from)?),
        None => Ok(account.first_uncovered(from)?),
    })?;
    let answer = store.ask_account(&account, |account| Ok(account.balance_at(from)?))?;
    arguments.rows.write([RunsDryRow {
        account: arguments.account.clone(),
        from,
        rate: arguments.rate,
        runs_dry,
        status: answer.status.as_str(),
        deficit: answer.deficit,
    }])
}
