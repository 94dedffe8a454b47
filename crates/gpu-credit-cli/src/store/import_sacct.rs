//! `gpu-credit import --from sacct`: posts the jobs of a Slurm cluster.

use std::fmt::Write;
use std::io::BufRead;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use gpu_credit_store::sacct::{Payer, Resource, SacctOptions};
use gpu_credit_store::{ImportMode, SacctImport, SacctImported, TimeUnit};
use jiff::Timestamp;

use super::import::{ImportArguments, refused};
use super::{OpenStore, counted};
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

/// Posts the jobs of a text; what is to be said of it.
pub(super) fn import(
    arguments: &ImportArguments,
    text: impl BufRead,
    file: &str,
    store: &OpenStore,
    mode: ImportMode,
) -> anyhow::Result<String> {
    let options = SacctImport {
        read: arguments.sacct.options()?,
        mode,
        policy: arguments.policy,
        unit: arguments.unit.map_or(TimeUnit::Seconds, TimeUnit::from),
        memory_bytes_max: arguments.memory,
    };
    let imported = store
        .store
        .import_sacct(text, &options, |_| ControlFlow::Continue(()));
    let imported = imported.map_err(|error| refused(store, file, error))?;
    Ok(summary(&imported, mode))
}

fn summary(imported: &SacctImported, mode: ImportMode) -> String {
    let SacctImported {
        posted,
        running,
        moved,
        closed,
        known,
        accounts,
        passed_over,
    } = imported;
    let said = match mode {
        ImportMode::Post => "",
        ImportMode::DryRun => "nothing was posted; it would be ",
    };
    let jobs = counted(*posted, "job", "jobs");
    let accounts = counted(*accounts, "account", "accounts");
    let mut summary = format!("{said}{jobs} posted, of which {running} running, {accounts} opened");
    if *closed + *moved > 0 {
        let _ = write!(
            summary,
            "; {closed} ended since, {moved} given another provisional end"
        );
    }
    let _ = write!(summary, "; {known} there already");
    let steps = counted(passed_over.steps, "step", "steps");
    let not_started = counted(passed_over.not_started, "job", "jobs");
    let _ = write!(
        summary,
        "; ignored: {steps}, {not_started} that did not start"
    );
    summary
}
