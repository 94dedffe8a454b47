//! `gpu-credit run` and `stop`: jobs, which use the same at each tick for as long as they run.

use anyhow::ensure;
use clap::Args;
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Posting, RecordId, Sequence, Stopped};
use serde::Serialize;

use super::StoreArguments;
use super::post::PostArguments;
use super::result::ResultingBalance;
use crate::arguments::QuietArguments;
use crate::integer::amount;
use crate::rows::{Row, RowArguments, RowFormat, or_empty, or_none};
use crate::time::TimeArguments;

pub(crate) const RUN_HELP: &str = "\
The job uses --rate at each tick from --from on and before --until. A tick is
one unit of the store's time, such as a second. Post a job that still runs with
its planned end, such as its time limit: gpu-credit stop ends it, and
gpu-credit change --until gives it another end, also a later one. Posting again
with the same id does nothing, and says so; posting something else under it is
an error.

Example:
  gpu-credit run acme --rate 8 --from 2025-03-05T10:00:00Z \\
    --until 2025-03-07 --unit s --id job-18";

#[derive(Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// What each tick uses: with unit s, 8 GPUs use 8 GPU-seconds a second
    #[arg(long, value_parser = amount(), allow_negative_numbers = true)]
    rate: u64,
    /// The first tick
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// The first tick after the job: its end, or its planned end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: String,
}

pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    arguments.post.run(|_, id| {
        let from = times.instant("--from", &arguments.from)?;
        let until = times.instant("--until", &arguments.until)?;
        ensure_in_order(times, from, until)?;
        let rate = arguments.rate;
        let usage = MeteredUsage { rate, from, until };
        Ok(Posting::metered_usage(
            arguments.account.as_str(),
            id,
            usage,
        ))
    })
}

/// A job may end as it begins, and not before.
pub(super) fn ensure_in_order(times: &TimeArguments, from: i64, until: i64) -> anyhow::Result<()> {
    ensure!(
        from <= until,
        "--until: found {}, expected an instant not before --from, {}",
        times.show(until),
        times.show(from)
    );
    Ok(())
}

pub(crate) const STOP_HELP: &str = "\
The instant becomes the end of the job. A job that was stopped before, or has
ended by then, stays as it is, so that a retry never adds usage. The id of the
entry is that of the job with /stop after it. To correct an end in any way
there is gpu-credit change --until.

Example:
  gpu-credit stop acme job-18 --at 2025-03-05T14:32:00Z";

#[derive(Args)]
pub(crate) struct StopArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The record id of the job
    job: String,
    /// The first tick after the job
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
    #[command(flatten)]
    quiet: QuietArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct StoppedRow {
    account: String,
    record_id: String,
    /// The entry that stopped it; none if it had ended.
    sequence: Option<Sequence>,
    /// Its end; none if that was before the close of the books.
    until: Option<i64>,
    is_new: bool,
    /// At its end.
    balance: Option<u64>,
    status: Option<&'static str>,
    deficit: Option<u64>,
}

impl Row for StoppedRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "record_id",
        "sequence",
        "until",
        "is_new",
        "balance",
        "status",
        "deficit",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.clone(),
            or_empty(self.sequence),
            or_empty(self.until.map(|until| times.show(until))),
            self.is_new.to_string(),
            or_none(self.balance),
            or_empty(self.status),
            or_empty(self.deficit),
        ]
    }
}

pub(crate) fn stop(arguments: &StopArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_for(times)?;
    let at = times.instant("--at", &arguments.at)?;
    let (account, job) = (&arguments.account, RecordId::from(arguments.job.as_str()));
    let stopped = store.store.stop(account, &job, at);
    let stopped = stopped.map_err(|error| store.explain_without_id(error))?;
    store.ensure_in_place()?;
    if arguments.quiet.quiet {
        return Ok(());
    }
    let (sequence, until) = match stopped {
        Stopped::Now(sequence) => (Some(sequence), Some(at)),
        Stopped::Before { sequence, until } => (Some(sequence), Some(until)),
        Stopped::Ended { until } => (None, until),
    };
    let result = until.and_then(|until| ResultingBalance::at(&store, account, until));
    if arguments.rows.format == RowFormat::Table {
        let result = result.filter(|_| matches!(stopped, Stopped::Now(_)));
        let result = result.map_or_else(String::new, |result| result.sentence(times));
        let said = said(&job, at, stopped, times);
        return crate::say(format_args!("{said}{result}"));
    }
    arguments.rows.write([StoppedRow {
        account: account.clone(),
        record_id: arguments.job.clone(),
        sequence,
        until,
        is_new: matches!(stopped, Stopped::Now(_)),
        balance: result.and_then(|result| result.balance),
        status: result.map(|result| result.status),
        deficit: result.map(|result| result.deficit),
    }])
}

fn said(job: &RecordId, at: i64, stopped: Stopped, times: &TimeArguments) -> String {
    match stopped {
        Stopped::Now(sequence) => {
            let at = times.show(at);
            format!("{job} ends at {at}, posted as entry {sequence}, id {job}/stop")
        }
        Stopped::Before { sequence, until } => {
            let until = times.show(until);
            format!("{job} was stopped already at {until}, by entry {sequence}: nothing was done")
        }
        Stopped::Ended { until: Some(until) } => {
            let until = times.show(until);
            format!("{job} has its end at {until} already: nothing was done")
        }
        Stopped::Ended { until: None } => {
            format!("{job} ended before the books were closed: nothing was done")
        }
    }
}
