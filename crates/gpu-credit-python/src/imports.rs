//! Files of others, into the store, and its journal, out of it.

use std::fs::{File, remove_file};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::PathBuf;

use gpu_credit_store::sacct::{NoResource, Payer, SacctOptions};
use gpu_credit_store::{
    Error, ImportMode, ImportOptions, Imported, JobName, SacctImport, SacctImported, TimeUnit,
};
use jiff::tz::TimeZone;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::instant::{Instant, Time};
use crate::policy::Policy;
use crate::shared::Interrupt;
use crate::store::{DurableStore, time_unit};
use crate::words;

#[pymethods]
impl DurableStore {
    /// Post the records of an events file, plain or gzip, in their order, all or nothing. Its columns are
    /// kind, account, credit_id, amount, timestamp and expiration; id, until and priority may follow.
    /// Accounts that are not open are opened with the policy; with None their rows are refused.
    ///
    /// A row with an id is posted once, however often it is imported; with other content it is a
    /// ValueError. A file without ids that begins with all rows of one imported before continues it: what
    /// follows is posted. Any other row without id has to differ from those imported before, unless again is
    /// true. unit is that of the file, if it is not that of the store: times are converted exactly. With
    /// skip_refused rows with ids that are refused are left out and listed, and the others posted. With
    /// dry_run all is checked, and nothing posted.
    ///
    /// Raises ValueError that names the line, and OSError if the file cannot be read. Ctrl-C, or another signal
    /// whose handler raises, ends it within a second, and nothing is posted.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> events = path.with_name("events.csv")
    /// >>> text = "kind,account,credit_id,amount,timestamp,expiration,id,until\n"
    /// >>> _ = events.write_text(text + "usage,tiger,,8,5,,job-17,45\n")
    /// >>> with CreditStore(path) as store:
    /// ...     store.import_events(events)
    /// ...     store.import_events(events)
    /// Imported(posted=2, already_posted=0, opened=['tiger'], questions=0, continued=0, refused=[])
    /// Imported(posted=0, already_posted=1, opened=[], questions=0, continued=0, refused=[])
    #[pyo3(signature = (path, *, policy = Some(Policy::CARRY), again = false, unit = None, skip_refused = false, dry_run = false),
           text_signature = "($self, path, *, policy='carry', again=False, unit=None, skip_refused=False, dry_run=False)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn import_events<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        policy: Option<Policy>,
        again: bool,
        unit: Option<&str>,
        skip_refused: bool,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = ImportOptions {
            mode: mode(dry_run),
            policy: policy.unwrap_or(Policy::CARRY).0,
            opens_accounts: policy.is_some(),
            skip_refused,
            again,
            unit: unit.map(time_unit).transpose()?,
            ..ImportOptions::default()
        };
        let file = File::open(path)?;
        let done = self.ask_interruptibly(py, |store, interrupt| {
            store.import_events(file, &options, |_| interrupt.flow())
        })?;
        imported(py, done)
    }

    /// Post the entries of a journal that export_journal, or the gpu-credit program, has written: all or nothing.
    /// Entries that are here already, under their ids, are passed over. An empty store becomes what was
    /// exported, numbers and times of recording included. unit is that of a journal that says none. With
    /// dry_run all is checked, and nothing posted.
    ///
    /// Raises ValueError that names the line, and OSError if the file cannot be read. Ctrl-C, or another signal
    /// whose handler raises, ends it within a second, and nothing is posted.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> journal, copy = path.with_name("journal.jsonl"), path.with_name("copy.redb")
    /// >>> with CreditStore(path.with_name("panda.redb")) as store, CreditStore(copy) as other:
    /// ...     store.subtract("panda", "job-17", amount=8, timestamp=5) if store.open_account("panda") else None
    /// ...     store.export_journal(journal)
    /// ...     other.import_journal(journal).posted, other.account("panda").equals(store.account("panda"))
    /// True
    /// 2
    /// (2, True)
    #[pyo3(signature = (path, *, unit = None, dry_run = false))]
    fn import_journal<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        unit: Option<&str>,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = ImportOptions {
            mode: mode(dry_run),
            unit: unit.map(time_unit).transpose()?,
            ..ImportOptions::default()
        };
        let file = BufReader::new(File::open(path)?);
        let done = self.ask_interruptibly(py, |store, interrupt| {
            store.import_journal(file, &options, |_| interrupt.flow())
        })?;
        imported(py, done)
    }

    /// Write all entries as JSON lines to a new file, as of one moment, and return how many they are.
    ///
    /// Raises OSError if there is such a file, or it cannot be written. Ctrl-C, or another signal whose handler
    /// raises, ends it within a second, and no file is left.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.export_journal(path.with_name("ada.jsonl"))
    /// 1
    fn export_journal(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        let file = File::create_new(&path)?;
        let exported = self.ask_interruptibly(py, |store, interrupt| {
            let failed = |error: io::Error| Error::Export(error.into());
            let mut output = BufWriter::new(Output { file, interrupt });
            let count = store.export_journal(&mut output, |_| ())?;
            output.flush().map_err(failed)?;
            output.get_ref().file.sync_all().map_err(failed)?;
            Ok(count)
        });
        if exported.is_err() {
            let _ = remove_file(path);
        }
        exported
    }

    /// Post the jobs of a Slurm cluster, all or nothing, from a file that `sacct --parsable2 --allusers` has
    /// written, with at least the columns JobIDRaw, Cluster, Account, User, Submit, Start, End, AllocTRES and
    /// State: one metered record a job. It uses the resource, "gpu", "cpu", "billing" or another of
    /// AllocTRES, at each second, and is paid by the account of payer, "account" or "user". Times are those of
    /// a timezone such as "Europe/Berlin". A job that runs ends at its Timelimit if there is one, else at now,
    /// in seconds since 1970.
    ///
    /// The output grown since is imported again: what is new is posted, and provisional ends move or become
    /// final. A final end is never moved, and nothing is charged twice. Any other difference is a ValueError
    /// that shows both; with skip_refused such a row, and any other that is refused, is left out and listed, and
    /// the others are posted. unit is that of a store that has none yet.
    ///
    /// Raises ValueError that names the line, and OSError if the file cannot be read. Ctrl-C, or another signal
    /// whose handler raises, ends it within a second, and nothing is posted.
    ///
    /// >>> jobs = path.with_name("jobs.txt")
    /// >>> _ = jobs.write_text("""JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State
    /// ... 17|tiger|vision|ada|2026-01-05T08:00:00|2026-01-05T09:00:00|2026-01-05T10:00:00|gres/gpu=8|COMPLETED
    /// ... """)
    /// >>> with CreditStore(path) as store:
    /// ...     store.import_sacct(jobs).posted
    /// ...     store.account("vision").used
    /// 1
    /// 28800
    #[pyo3(signature = (path, *, policy = Some(Policy::CARRY), timezone = "UTC", now = None, resource = "gpu", payer = "account", unit = "s", skip_refused = false, dry_run = false),
           text_signature = "($self, path, *, policy='carry', timezone='UTC', now=None, resource='gpu', payer='account', unit='s', skip_refused=False, dry_run=False)")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn import_sacct<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        policy: Option<Policy>,
        timezone: &str,
        now: Option<Instant>,
        resource: &str,
        payer: &str,
        unit: &str,
        skip_refused: bool,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let unknown = |what, found: &str, error: String| {
            PyValueError::new_err(format!("{what} {found:?}: {error}"))
        };
        let read = SacctOptions {
            timezone: TimeZone::get(timezone)
                .map_err(|error| unknown("timezone", timezone, error.to_string()))?,
            now: match now {
                None => jiff::Timestamp::now(),
                Some(now) => {
                    let seconds = now.at(|| Ok(Some(TimeUnit::Seconds)))?;
                    jiff::Timestamp::from_second(seconds)
                        .map_err(|error| unknown("now", &seconds.to_string(), error.to_string()))?
                }
            },
            resource: resource
                .parse()
                .map_err(|error: NoResource| unknown("resource", resource, error.to_string()))?,
            payer: match payer {
                "account" => Payer::Account,
                "user" => Payer::User,
                _ => {
                    let expected = "expected account or user".to_owned();
                    return Err(unknown("payer", payer, expected));
                }
            },
        };
        let options = SacctImport {
            read,
            mode: mode(dry_run),
            skip_refused,
            opens_accounts: policy.is_some(),
            policy: policy.unwrap_or(Policy::CARRY).0,
            unit: time_unit(unit)?,
            memory_bytes_max: ImportOptions::default().memory_bytes_max,
        };
        let file = BufReader::new(File::open(path)?);
        let imported = self.ask_interruptibly(py, |store, interrupt| {
            store.import_sacct(file, &options, |_| interrupt.flow())
        })?;
        sacct_imported(py, imported)
    }
}

fn imported(py: Python<'_>, done: Imported) -> PyResult<Bound<'_, PyAny>> {
    let Imported {
        posted,
        already_posted,
        opened,
        questions,
        continued,
        refused,
        ..
    } = done;
    let opened: Vec<String> = opened.into_iter().map(|account| account.name).collect();
    let refused = reasons(&refused);
    let done = (
        posted,
        already_posted,
        opened,
        questions,
        continued,
        refused,
    );
    words::imported_class(py)?.call1(done)
}

/// Why rows were left out, with their lines.
fn reasons(refused: &[Error]) -> Vec<String> {
    refused.iter().map(ToString::to_string).collect()
}

fn sacct_imported(py: Python<'_>, done: SacctImported) -> PyResult<Bound<'_, PyAny>> {
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
        gone,
        passed_over,
        ..
    } = done;
    let (steps, not_started) = (passed_over.steps, passed_over.not_started);
    let names = |jobs: Vec<JobName>| -> Vec<(String, String)> {
        let jobs = jobs.into_iter();
        jobs.map(|job| (job.account, job.id.to_string())).collect()
    };
    let refused = reasons(&refused);
    let jobs = (posted, running, moved, closed, known).into_pyobject(py)?;
    let named = (names(corrected), refused, opened, names(gone)).into_pyobject(py)?;
    let counts = (without_limit, without_use, steps, not_started).into_pyobject(py)?;
    let all = jobs.as_sequence().concat(named.as_sequence())?;
    let all = all.concat(counts.as_sequence())?.to_tuple()?;
    words::sacct_imported_class(py)?.call1(all)
}

/// A file to which nothing is written any more once nobody waits for it.
struct Output<'a> {
    file: File,
    interrupt: &'a Interrupt,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interrupt.is_set() {
            return Err(io::Error::other("the export was given up"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn mode(dry_run: bool) -> ImportMode {
    match dry_run {
        true => ImportMode::DryRun,
        false => ImportMode::Post,
    }
}
