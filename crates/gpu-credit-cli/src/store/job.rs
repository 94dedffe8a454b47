//! `gpu-credit run` and `stop`: jobs, which use the same at each tick for as long as they run.

use anyhow::{bail, ensure};
use clap::Args;
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Account, Error, MeteredChange, Posting, RecordId, Revision, Stopped};
use serde::Serialize;

use super::explain::typed;
use super::post::PostArguments;
use super::remote::Failure;
use super::result::ResultingBalance;
use super::{OpenStore, StoreArguments};
use crate::arguments::QuietArguments;
use crate::integer::amount;
use crate::rows::{Row, RowArguments, RowFormat, or_empty, or_none};
use crate::time::TimeArguments;

pub(crate) const RUN_HELP: &str = "\
The job uses --rate at each tick from --from on and before --until. A tick is
one unit of the store's time, such as a second; --for says how long it runs in
place of --until. Post a job that still runs with its planned end, such as its
time limit: gpu-credit stop ends it, and gpu-credit change --until gives it
another end, also a later one. Posting again
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
    #[command(flatten)]
    end: EndArguments,
}

/// When a job ends: one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct EndArguments {
    /// The first tick after the job: its end, or its planned end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// How long it runs, such as 40h or Slurm's 1-16:00:00
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    runs_for: Option<String>,
}

impl EndArguments {
    /// The first tick after a job that begins at `from`.
    fn until(&self, times: &TimeArguments, from: i64) -> anyhow::Result<i64> {
        if let Some(typed) = &self.runs_for {
            return times.end_after(from, typed);
        }
        let typed = self.until.as_deref().unwrap_or_default();
        let until = times.instant("--until", typed)?;
        ensure_in_order(times, from, until)?;
        Ok(until)
    }
}

pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<bool> {
    let times = &arguments.post.rows.times;
    arguments.post.run(|_, id| {
        let from = times.instant("--from", &arguments.from)?;
        let until = arguments.end.until(times, from)?;
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

/// A job as it stands, from the close of the books on; `None` if nothing of it does.
fn standing(
    store: &OpenStore,
    account: &str,
    job: &RecordId,
) -> anyhow::Result<Option<MeteredUsage>> {
    let Some(entry) = store.ask(|store| store.entry(account, job))? else {
        return Ok(None);
    };
    store.ask(|store| {
        store.with_account(account, |account| {
            let job = account.metered_id(entry.revision)?;
            account.ledger().metered_usage(job)
        })
    })
}

/// Refuses an end before the job begins, of a correction that is not posted yet. An end before the close of
/// the books the store refuses.
pub(super) fn ensure_begins_before(
    store: &OpenStore,
    account: &str,
    (job, correction): (&RecordId, &RecordId),
    (option, until): (&str, i64),
) -> anyhow::Result<()> {
    store.fetch(&[account])?;
    ensure_fits(store, account, (job, correction), (option, until))
}

/// The same of what is here.
fn ensure_fits(
    store: &OpenStore,
    account: &str,
    (job, correction): (&RecordId, &RecordId),
    (option, until): (&str, i64),
) -> anyhow::Result<()> {
    let is_posted = store.ask(|store| store.entry(account, correction))?;
    if is_posted.is_some() {
        return Ok(());
    }
    let closed = store.ask(|store| store.with_account(account, Account::closed_until))?;
    let begins = standing(store, account, job)?.map(|job| job.from);
    match begins {
        Some(begins) if until < begins && closed.is_none_or(|closed| closed <= until) => bail!(
            "{option}: found {}, expected an instant not before the job begins, {}",
            store.show(until),
            store.show(begins)
        ),
        _ => Ok(()),
    }
}

pub(crate) const STOP_HELP: &str = "\
The instant becomes the end of the job, and is not before it begins. A job that
was stopped before, or has ended by then, stays as it is, so that a retry never
adds usage. The id of the entry is that of the job with /stop after it. To
correct an end in any way there is gpu-credit change --until.

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
    /// Check that nothing is wrong with it, and post nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    quiet: QuietArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct StoppedRow {
    account: String,
    record_id: String,
    /// The revision that stopped it; none if it had ended.
    revision: Option<Revision>,
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
        "revision",
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
            or_empty(self.revision),
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
    let stopped = match &store.remote {
        Some(remote) if !arguments.dry_run => match remote.stop(account, &job, at) {
            Ok(stopped) => stopped,
            Err(failure) => return Err(refused(&store, account, &job, (at, failure))),
        },
        _ => stopped(&store, account, &job, (at, arguments.dry_run))?,
    };
    store.ensure_in_place()?;
    if arguments.quiet.quiet {
        return Ok(());
    }
    let until = match stopped {
        Stopped::Now(_) => Some(at),
        Stopped::Before { until, .. } => Some(until),
        Stopped::Ended { until } => until,
    };
    let result = until.filter(|_| !arguments.dry_run);
    let result = result.and_then(|until| ResultingBalance::at(&store, account, until));
    if arguments.rows.format == RowFormat::Table {
        let said = said(arguments, (at, until), stopped);
        let result = result.filter(|_| matches!(stopped, Stopped::Now(_)));
        let result = result.map_or_else(String::new, |result| result.sentence(times));
        return crate::say(format_args!("{said}{result}"));
    }
    arguments.rows.write([StoppedRow {
        account: account.clone(),
        record_id: arguments.job.clone(),
        revision: match stopped {
            Stopped::Now(revision) | Stopped::Before { revision, .. } => Some(revision),
            Stopped::Ended { .. } => None,
        },
        until,
        is_new: matches!(stopped, Stopped::Now(_)),
        balance: result.and_then(|result| result.balance),
        status: result.map(|result| result.status),
        deficit: result.map(|result| result.deficit),
    }])
}

/// Why a service refuses to stop a job: as it is said of a file, if the same is wrong with it here.
fn refused(
    store: &OpenStore,
    account: &str,
    job: &RecordId,
    (at, failure): (i64, Failure),
) -> anyhow::Error {
    if failure.may_be_of_store() && store.fetch(&[account]).is_ok() {
        let id = RecordId::from(format!("{job}/stop"));
        if failure.is("before-start")
            && let Err(error) = ensure_fits(store, account, (job, &id), ("--at", at))
        {
            return error;
        }
        if let Err(error) = store.store().stop(account, job, at)
            && failure.says(&error)
        {
            return store.explain_without_id(error);
        }
    }
    failure.told(&store.name)
}

/// Stops a job at an instant, or only tries that.
fn stopped(
    store: &OpenStore,
    account: &str,
    job: &RecordId,
    (at, dry_run): (i64, bool),
) -> anyhow::Result<Stopped> {
    let id = RecordId::from(format!("{job}/stop"));
    ensure_begins_before(store, account, (job, &id), ("--at", at))?;
    let runs = standing(store, account, job)?.is_some_and(|job| at < job.until);
    let is_stopped = store.ask(|store| store.entry(account, &id))?.is_some();
    let stopped = match dry_run && runs && !is_stopped {
        true => would_stop(store, account, job, at),
        // If it is not to be stopped, nothing is posted.
        false => store.store().stop(account, job, at),
    };
    stopped.map_err(|error| store.explain_without_id(error))
}

/// What would come of stopping a job that runs.
fn would_stop(store: &OpenStore, account: &str, job: &RecordId, at: i64) -> Result<Stopped, Error> {
    let change = MeteredChange {
        until: Some(at),
        ..MeteredChange::default()
    };
    let id = format!("{job}/stop");
    let posting = Posting::change_metered_usage(account, id, job.clone(), change);
    let outcomes = store.store().dry_run(vec![posting])?;
    let revision = outcomes[0].revision();
    Ok(Stopped::Now(revision.expect("a change deletes no account")))
}

/// What came of stopping a job at an instant, and its end now.
fn said(arguments: &StopArguments, (at, until): (i64, Option<i64>), stopped: Stopped) -> String {
    let (job, times) = (&arguments.job, &arguments.rows.times);
    match (stopped, until.map(|until| times.show(until))) {
        (Stopped::Now(_), _) if arguments.dry_run => {
            let at = times.show(at);
            format!("nothing is wrong with it; nothing was posted: {job} would end at {at}")
        }
        (Stopped::Now(revision), _) => {
            let at = times.show(at);
            format!("{job} ends at {at}, posted as revision {revision}, id {job}/stop")
        }
        (Stopped::Before { revision, .. }, Some(end)) => {
            let (account, id) = (typed(&arguments.account), typed(job));
            let advice = match until == Some(at) {
                true => String::new(),
                false => format!(
                    "; `gpu-credit change{account}{id} --until {}` gives it that end",
                    times.show(at)
                ),
            };
            format!(
                "{job} was stopped already by revision {revision}, and ends at {end}: nothing was done{advice}"
            )
        }
        (Stopped::Before { revision, .. }, None) => {
            format!("{job} was stopped already by revision {revision}: nothing was done")
        }
        (Stopped::Ended { .. }, Some(end)) => {
            format!("{job} has its end at {end} already: nothing was done")
        }
        (Stopped::Ended { .. }, None) => {
            format!("{job} ended before the books were closed: nothing was done")
        }
    }
}
