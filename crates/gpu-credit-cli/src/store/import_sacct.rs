//! `gpu-credit import --from sacct`: posts the jobs of a Slurm cluster.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io::BufRead;
use std::ops::ControlFlow;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use gpu_credit_store::sacct::{Payer, Resource, SacctOptions};
use gpu_credit_store::{
    ChangedJob, Error, ImportError, ImportMode, JobName, SacctImport, SacctImported, TimeUnit,
};
use jiff::Timestamp;

use super::import::{ImportArguments, limited, refused};
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
    /// Leave out rows that are refused, and post the others; standard error lists them, and the exit code is 3
    #[arg(long, requires = "from")]
    skip_refused: bool,
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
        skip_refused: arguments.sacct.skip_refused,
        policy: arguments.policy,
        unit: arguments.unit.map_or(TimeUnit::Seconds, TimeUnit::from),
        memory_bytes_max: arguments.memory,
    };
    let imported = store
        .store
        .import_sacct(text, &options, |_| ControlFlow::Continue(()));
    imported.map_err(|error| match store.refused_row(&error) {
        Some(reason) => {
            anyhow!("{file}: {reason}; nothing was posted; --skip-refused posts the other rows")
        }
        None => refused(store, file, error),
    })
}

impl OpenStore {
    /// Why a row is refused: the line, the id, and the command that helps if one does; `None` if it is not a
    /// row that is refused.
    fn refused_row(&self, error: &Error) -> Option<String> {
        let Error::Import(import) = error else {
            return None;
        };
        Some(match &**import {
            ImportError::Refused {
                line,
                error:
                    Error::Refused {
                        account,
                        id,
                        refusal,
                    },
            } => {
                let column = limited(refusal);
                let refusal = self.told_refusal(account, refusal);
                format!("line {line}{column}: account {account:?}, id \"{id}\": {refusal}")
            }
            ImportError::Changed(changed) => changed.told(|instant| self.show(instant)),
            ImportError::ChangedJob(changed) => {
                let told = changed.told(|instant| self.show(instant));
                format!("{told}{}", self.command_that_helps(changed))
            }
            ImportError::Sacct(_) | ImportError::Line { .. } | ImportError::Refused { .. } => {
                import.to_string()
            }
            _ => return None,
        })
    }

    /// How a job becomes what the file has; nothing if its books are closed.
    fn command_that_helps(&self, changed: &ChangedJob) -> String {
        let ChangedJob {
            account,
            id,
            row,
            standing,
            closed,
            ..
        } = changed;
        if closed.is_some() {
            return String::new();
        }
        let mut command = format!("gpu-credit change {} {}", word(account), word(id.as_str()));
        if row.rate != standing.rate {
            let _ = write!(command, " --rate {}", row.rate);
        }
        for (option, new, old) in [
            ("--from", row.from, standing.from),
            ("--until", row.until, standing.until),
        ] {
            if new != old {
                let _ = write!(command, " {option} {}", self.show(new));
            }
        }
        format!("; `{command}` makes it what the file has")
    }
}

/// A word as somebody types it to a shell.
fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/+@".contains(&byte);
    match text.bytes().all(is_plain) && !text.starts_with('-') {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', "'\\''")).into(),
    }
}

/// Says on standard error what was refused, and which jobs are missing.
pub(super) fn warn(imported: &SacctImported, file: &str, store: &OpenStore) {
    for error in &imported.refused {
        let reason = store.refused_row(error);
        let reason = reason.unwrap_or_else(|| error.to_string());
        complain(format_args!("gpu-credit: {file}: {reason}; it is left out"));
    }
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

/// Names that are shown of many.
const NAMED_MAX: usize = 10;

/// The first names, and how many more there are.
fn first<N: fmt::Display>(names: impl ExactSizeIterator<Item = N>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let mut list = names
        .take(NAMED_MAX)
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        let _ = write!(list, " and {more} more");
    }
    list
}

fn names(jobs: &[JobName]) -> String {
    first(jobs.iter().map(|job| format!("{} {}", job.account, job.id)))
}

/// What was done, in one line.
pub(super) fn summary(
    imported: &SacctImported,
    arguments: &SacctArguments,
    mode: ImportMode,
) -> String {
    let resource = &arguments.resource;
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
        gone: _,
        passed_over,
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
    let accounts = counted(opened.len() as u64, "account", "accounts");
    let _ = write!(summary, ", {accounts} opened");
    if !opened.is_empty() {
        let _ = write!(summary, " ({})", first(opened.iter()));
    }
    if *closed + *moved > 0 {
        let _ = write!(
            summary,
            "; {closed} ended since, {moved} given another provisional end"
        );
    }
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
