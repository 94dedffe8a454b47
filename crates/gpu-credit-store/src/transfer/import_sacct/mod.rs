//! Imports the output of `sacct`: jobs that are new, and ends that have moved or come.

mod importing;
mod posted;
mod told;

use std::io::BufRead;
use std::ops::ControlFlow;

use gpu_credit::{MeteredUsage, Overdraft};

use importing::Importing;
pub use told::{ChangedJob, OtherZone};

use super::refused::{REFUSED_BYTES, is_of_row};
use super::sacct::{PassedOver, SacctJob, SacctOptions, SacctReader};
use super::{ImportMode, ImportStep, tell};
use crate::{Error, ImportError, RecordId, Storage, Store, TimeUnit, rules};

/// Bytes of a job while it waits: itself, its entries, and what is known of it.
const JOB_BYTES: usize = 1_000;

/// How the output of `sacct` is imported.
#[derive(Clone, Debug)]
pub struct SacctImport {
    /// How it is read.
    pub read: SacctOptions,
    /// Whether it posts.
    pub mode: ImportMode,
    /// Whether rows that are refused are left out, and the others posted.
    pub skip_refused: bool,
    /// Whether accounts that are not there are opened; otherwise their jobs are refused.
    pub opens_accounts: bool,
    /// The policy of accounts that are not there; the others keep theirs.
    pub policy: Overdraft,
    /// The unit of time of a store that has none yet.
    pub unit: TimeUnit,
    /// Bytes of memory that it may take, about.
    pub memory_bytes_max: usize,
}

/// What an import of jobs did, or would do.
#[derive(Clone, Debug, Default)]
#[must_use = "rows that are refused may be left out"]
#[non_exhaustive]
pub struct SacctImported {
    /// Jobs that are new.
    pub posted: u64,
    /// Of these, the ones that still run.
    pub running: u64,
    /// Jobs whose end was provisional, and moved.
    pub moved: u64,
    /// Jobs that have ended since.
    pub closed: u64,
    /// Jobs of which nothing is new.
    pub known: u64,
    /// Jobs that differ from what is posted because they were corrected by hand, and stay so.
    pub corrected: Vec<JobName>,
    /// Rows that are refused, and left out, in order.
    pub refused: Vec<Error>,
    /// Accounts that are new, by name.
    pub opened: Vec<String>,
    /// Jobs with neither an end nor a time limit, of those that are new or moved: they end for now at the
    /// instant of the import.
    pub without_limit: u64,
    /// Jobs that use nothing: their nodes have none of the resource.
    pub without_use: u64,
    /// Jobs that have a provisional end, in the accounts and on the clusters of the output, and began before
    /// the last time in it, and are not in it.
    pub gone: Vec<JobName>,
    /// What was ignored.
    pub passed_over: PassedOver,
}

/// A job of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct JobName {
    /// The account.
    pub account: String,
    /// The id of the job's record.
    pub id: RecordId,
}

impl JobName {
    fn new(account: &str, id: &RecordId) -> Self {
        JobName {
            account: account.to_owned(),
            id: id.clone(),
        }
    }
}

impl<S: Storage> Store<S> {
    /// Posts the jobs of the output of `sacct --parsable2`, one metered record a job, under an id of
    /// cluster, number and time of submission: all of it or nothing, or all that is not refused if
    /// [`skip_refused`](SacctImport::skip_refused) is set. Accounts that are not there are
    /// opened. A job that runs gets a provisional end.
    ///
    /// The output may have grown, and may be older than one that was imported before: what is new is
    /// posted; an end that is provisional moves, or becomes final if the job has ended since; a final end
    /// is never moved, and what was corrected by hand, or retracted, stays so. What the entries are, their
    /// ids say: see [`sacct`](crate::sacct).
    ///
    /// It takes about 1,000 bytes of memory a job, and reads the history of each account of the output
    /// once. `progress` is told how far it is until it begins to write, and goes on, or gives up.
    ///
    /// # Errors
    /// If the output cannot be read, or says another rate, start or final end of a job than what is posted;
    /// if no job uses the resource, or jobs are posted already with times of another zone;
    /// if a record is refused, it is given up, or the storage fails. Nothing is posted.
    pub fn import_sacct(
        &self,
        input: impl BufRead,
        options: &SacctImport,
        mut progress: impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<SacctImported, Error> {
        rules::check_policy(options.policy).map_err(ImportError::Policy)?;
        let kept = self.time_unit()?;
        let unit = kept.unwrap_or(options.unit);
        let mut imported = SacctImported::default();
        let jobs = read(input, options, unit, &mut imported, &mut progress)?;
        let mut importing = Importing::new(self, unit, options, imported);
        importing.look_up(&jobs, &mut progress)?;
        for (done, job) in (1..).zip(&jobs) {
            importing.add(job)?;
            tell(&mut progress, ImportStep::Checked(done))?;
        }
        if options.mode == ImportMode::Post && kept.is_none() {
            self.set_time_unit(unit)?;
        }
        importing.submit()
    }
}

/// A job of the file.
struct Job {
    row: SacctJob,
    id: RecordId,
    /// In the unit of the store.
    usage: MeteredUsage,
}

/// Reads all jobs.
fn read(
    input: impl BufRead,
    options: &SacctImport,
    unit: TimeUnit,
    imported: &mut SacctImported,
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
) -> Result<Vec<Job>, Error> {
    let mut reader = SacctReader::new(input, &options.read)?;
    let mut jobs = Vec::new();
    loop {
        match reader.read() {
            Ok(None) => break,
            Ok(Some(row)) => match job(row, unit) {
                Ok(job) => jobs.push(job),
                Err(error) => imported.refuse(error.into(), options)?,
            },
            Err(error) => imported.refuse(error.into(), options)?,
        }
        tell(progress, ImportStep::Read(jobs.len() as u64))?;
        check_memory(&jobs, imported, options)?;
    }
    imported.passed_over = reader.passed_over();
    imported.without_use = jobs.iter().filter(|job| job.row.rate == 0).count() as u64;
    if imported.without_use == jobs.len() as u64 && !jobs.is_empty() {
        let resource = options.read.resource.clone();
        return Err(ImportError::NotUsed { resource }.into());
    }
    Ok(jobs)
}

fn job(row: SacctJob, unit: TimeUnit) -> Result<Job, ImportError> {
    let Some(usage) = row.usage(unit) else {
        return Err(ImportError::Line {
            line: row.line,
            problem: format!(
                "the job begins or ends out of range of 64 bits in {unit}, the store's unit of time"
            ),
        });
    };
    let id = row.id();
    Ok(Job { row, id, usage })
}

fn check_memory(
    jobs: &[Job],
    imported: &SacctImported,
    options: &SacctImport,
) -> Result<(), ImportError> {
    let rows = jobs.len() + imported.refused.len();
    let needed = jobs.len() * JOB_BYTES + imported.refused.len() * REFUSED_BYTES;
    let limit = options.memory_bytes_max;
    match needed > limit {
        true => Err(ImportError::Memory {
            line: jobs.last().map_or(0, |job| job.row.line),
            rows: rows as u64,
            needed,
            limit,
        }),
        false => Ok(()),
    }
}

impl SacctImported {
    /// Leaves a row out that is refused, or ends the import with it. What is no refusal ends it in any case.
    fn refuse(&mut self, error: Error, options: &SacctImport) -> Result<(), Error> {
        match options.skip_refused && is_of_row(&error) {
            true => self.refused.push(error),
            false => return Err(error),
        }
        Ok(())
    }
}
