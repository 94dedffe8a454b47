//! `gpu-credit spendable` and `runs-dry`: what may still be used, and until when.

use clap::Args;
use serde::Serialize;

use super::post::amount_parser;
use super::{RecordedArguments, StoreArguments};
use crate::rows::{Row, RowArguments, or_empty, or_none};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
The most that could be used at that instant so that it is drawn whole and nothing
else is owed or dropped for it, also nothing of what is planned for later: so it
is never more than the balance, and less if the future is planned. With --for it is
the largest rate of a job that runs for so long: what each tick may use.

Example:
  gpu-credit spendable acme --at 2025-03-06 --unit s
  gpu-credit spendable acme --at 2025-03-06 --for 40h --unit s";

#[derive(Args)]
pub(crate) struct SpendableArguments {
    #[command(flatten)]
    store: StoreArguments,
    account: String,
    /// The instant, or the first tick of the job
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
    /// How long a job would run, to be told its largest rate
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
}

impl Row for SpendableRow {
    const HEADER: &'static [&'static str] = &["account", "timestamp", "until", "spendable"];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.timestamp),
            or_empty(self.until.map(|until| times.show(until))),
            self.spendable.to_string(),
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
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let spendable = store.ask(|_| match until {
        Some(until) => account.spendable_rate(timestamp..until),
        None => Ok(account.spendable(timestamp)?),
    })?;
    arguments.rows.write([SpendableRow {
        account: arguments.account.clone(),
        timestamp,
        until,
        spendable,
    }])
}

pub(crate) const RUNS_DRY_HELP: &str = "\
When the account runs dry: the first tick at which usage that is posted, jobs with
their planned ends among it, is not paid whole as it falls. With --rate the first
tick that one more job of that rate, from then on, could not pay; none if it never
runs dry.

Example:
  gpu-credit runs-dry acme --from 2025-03-01 --unit s
  gpu-credit runs-dry acme --from 2025-03-06 --rate 8 --unit s";

#[derive(Args)]
pub(crate) struct RunsDryArguments {
    #[command(flatten)]
    store: StoreArguments,
    account: String,
    /// The first tick asked about, or used by the job
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// What each tick of one more job would use
    #[arg(long, value_parser = amount_parser(), allow_negative_numbers = true)]
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
}

impl Row for RunsDryRow {
    const HEADER: &'static [&'static str] = &["account", "from", "rate", "runs_dry"];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.from),
            or_empty(self.rate),
            or_none(self.runs_dry.map(|tick| times.show(tick))),
        ]
    }
}

pub(crate) fn runs_dry(arguments: &RunsDryArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_to_ask_for(times)?;
    let from = times.instant("--from", &arguments.from)?;
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let runs_dry = store.ask(|_| match arguments.rate {
        Some(rate) => Ok(account.runs_dry(rate, from)?),
        None => Ok(account.first_unpaid(from)?),
    })?;
    arguments.rows.write([RunsDryRow {
        account: arguments.account.clone(),
        from,
        rate: arguments.rate,
        runs_dry,
    }])
}
