//! `gpu-credit import --from sacct`: posts the jobs of a Slurm cluster.

use std::fmt::Write;
use std::io::BufRead;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use gpu_credit_store::sacct::{Payer, Resource, SacctOptions};
use gpu_credit_store::{ImportMode, JobName, SacctImport, SacctImported, TimeUnit};
use jiff::Timestamp;

use super::import::{ImportArguments, first, opened_accounts};
use super::import_refused::refused;
use super::{OpenStore, counted};
use crate::complain;
use crate::time::calendar::{self, time_zone};

#[derive(Args)]
pub(crate) struct SacctArguments {
    /// The program that wrote the file: sacct
    #[arg(long, value_enum, value_name = "PROGRAM", hide_possible_values = true, conflicts_with_all = ["again", "batches"])]
    from: Option<Program>,
    /// The time zone of the times in the file, such as Europe/Berlin; UTC if not given
    #[arg(long, value_name = "NAME", requires = "from")]
    timezone: Option<String>,
    /// The end for now of a job with neither an end nor a time limit, as RFC 3339; now if not given
    #[arg(long, value_name = "TIME", requires = "from", value_parser = timestamp)]
    now: Option<Timestamp>,
    /// What a job uses at each second: gpu, cpu, billing, or another resource that AllocTRES lists
    #[arg(long, requires = "from", default_value = "gpu")]
    resource: Resource,
    /// The column that names the account of a job: account or user
    #[arg(long, value_enum, hide_possible_values = true, value_name = "COLUMN", requires = "from", default_value_t = PayerColumn::Account)]
    payer: PayerColumn,
}

#[derive(Clone, Copy, ValueEnum)]
enum Program {
    /// The accounting of Slurm: sacct --parsable2
    Sacct,
}

#[derive(Clone, Copy, ValueEnum)]
enum PayerColumn {
    /// Account
    Account,
    /// User
    User,
}

impl SacctArguments {
    pub(super) fn is_sacct(&self) -> bool {
        self.from.is_some()
    }

    fn options(&self) -> anyhow::Result<SacctOptions> {
        Ok(SacctOptions {
            timezone: time_zone(self.timezone.as_deref())?,
            now: self.now.unwrap_or_else(Timestamp::now),
            resource: self.resource.clone(),
            payer: match self.payer {
                PayerColumn::Account => Payer::Account,
                PayerColumn::User => Payer::User,
            },
        })
    }
}

fn timestamp(typed: &str) -> Result<Timestamp, String> {
    let expected = |_| "expected RFC 3339, as in 2026-01-31T12:00:00Z, or a date".to_owned();
    calendar::instant(typed).map_err(expected)
}

/// Posts the jobs of a text.
pub(super) fn import(
    arguments: &ImportArguments,
    text: impl BufRead,
    file: &str,
    store: &OpenStore,
    mode: ImportMode,
) -> anyhow::Result<SacctImported> {
    let options = SacctImport {
        read: arguments.sacct.options()?,
        mode,
        skip_refused: arguments.rules.skip_refused,
        opens_accounts: !arguments.rules.no_new_accounts,
        policy: arguments.policy,
        unit: arguments.unit.map_or(TimeUnit::Seconds, TimeUnit::from),
        memory_bytes_max: arguments.store.memory_of_import(),
    };
    let imported = store
        .store()
        .import_sacct(text, &options, |_| ControlFlow::Continue(()));
    imported.map_err(|error| refused(store, file, error, Some(&arguments.rules)))
}

/// Says on standard error which jobs are missing.
pub(super) fn warn_of_missing(imported: &SacctImported, file: &str) {
    if !imported.gone.is_empty() {
        let jobs = counted(imported.gone.len() as u64, "job", "jobs");
        complain(format_args!(
            "gpu-credit: {file}: {jobs} with a provisional end should be in it, and {} not: {}; sacct \
             --duplicates prints jobs that were requeued, and `gpu-credit change ACCOUNT ID --until TIME` ends one",
            if imported.gone.len() == 1 {
                "is"
            } else {
                "are"
            },
            names(&imported.gone)
        ));
    }
}

fn names(jobs: &[JobName]) -> String {
    first(jobs.iter().map(|job| format!("{} {}", job.account, job.id)))
}

/// What was done, in one line.
pub(super) fn summary(
    imported: &SacctImported,
    arguments: &ImportArguments,
    mode: ImportMode,
) -> String {
    let resource = &arguments.sacct.resource;
    let SacctImported {
        posted,
        running,
        moved,
        closed,
        known,
        corrected,
        refused,
        opened,
        without_limit,
        without_use,
        passed_over,
        ..
    } = imported;
    let mut summary = match mode {
        ImportMode::Post => String::new(),
        ImportMode::DryRun => "nothing was posted; it would be ".to_owned(),
    };
    let jobs = counted(*posted, "job", "jobs");
    let _ = write!(summary, "{jobs} posted, of which {running} running");
    if *without_limit > 0 {
        let jobs = counted(
            *without_limit,
            "job without a time limit ends",
            "jobs without a time limit end",
        );
        let _ = write!(summary, ", {jobs} for now at this import");
    }
    let policy = arguments.policy;
    let opened = opened.iter().map(|name| (name.as_str(), policy));
    let _ = write!(summary, ", {}", opened_accounts(opened));
    if *closed + *moved > 0 {
        let _ = write!(
            summary,
            "; {closed} ended since, {moved} given another provisional end"
        );
    }
    let known = counted(*known, "job was", "jobs were");
    let _ = write!(summary, "; {known} there already");
    if !corrected.is_empty() {
        let (count, names) = (corrected.len(), names(corrected));
        let _ = write!(summary, "; {count} left as corrected by hand: {names}");
    }
    if *without_use > 0 {
        let jobs = counted(*without_use, "job uses", "jobs use");
        let _ = write!(summary, "; {jobs} no {resource}");
    }
    if !refused.is_empty() {
        let _ = write!(summary, "; {} refused", refused.len());
    }
    let steps = counted(passed_over.steps, "step", "steps");
    let not_started = counted(passed_over.not_started, "job", "jobs");
    let _ = write!(
        summary,
        "; ignored: {steps}, {not_started} that did not start"
    );
    summary
}
