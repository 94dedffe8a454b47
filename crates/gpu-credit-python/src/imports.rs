//! Files of others, into the store.

use std::fs::File;
use std::path::PathBuf;

use gpu_credit_store::{ImportMode, ImportOptions, Imported};
use pyo3::prelude::*;

use crate::policy::Policy;
use crate::store::{DurableStore, time_unit};
use crate::words;

#[pymethods]
impl DurableStore {
    /// Post the records of an events file, plain or gzip, in their order, all or nothing. Its columns are
    /// kind, account, credit_id, amount, timestamp and expiration; id may follow, and what else such a file
    /// may have.
    /// Accounts that are not open are opened with the policy.
    ///
    /// A row with an id is posted once, however often it is imported; with other content it is a
    /// ValueError. A file without ids that begins with all rows of one imported before continues it: what
    /// follows is posted. Any other row without id has to differ from those imported before, unless again is
    /// true. unit is that of the file, if it is not that of the store: times are converted exactly. With
    /// dry_run all is checked, and nothing posted.
    ///
    /// Raises ValueError that names the line, and OSError if the file cannot be read. A signal, such as
    /// Ctrl-C, is seen when it is done.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> events = path.with_name("events.csv")
    /// >>> text = "kind,account,credit_id,amount,timestamp,expiration,id\n"
    /// >>> _ = events.write_text(text + "usage,tiger,,8,5,,job-17\n")
    /// >>> with CreditStore(path) as store:
    /// ...     store.import_events(events)
    /// ...     store.import_events(events)
    /// Imported(posted=2, already_posted=0, accounts=1, questions=0, continued=0)
    /// Imported(posted=0, already_posted=1, accounts=0, questions=0, continued=0)
    #[pyo3(signature = (path, *, policy = Policy::CARRY, again = false, unit = None, dry_run = false),
           text_signature = "($self, path, *, policy='carry', again=False, unit=None, dry_run=False)")]
    fn import_events<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        policy: Policy,
        again: bool,
        unit: Option<&str>,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = ImportOptions {
            mode: mode(dry_run),
            policy: policy.0,
            again,
            unit: unit.map(time_unit).transpose()?,
            ..ImportOptions::default()
        };
        let file = File::open(path)?;
        let imported = self.ask(py, |store| store.import_events(file, &options, |_| ()))?;
        let Imported {
            posted,
            already_posted,
            accounts,
            questions,
            continued,
        } = imported;
        let numbers = (posted, already_posted, accounts, questions, continued);
        words::imported_class(py)?.call1(numbers)
    }
}

fn mode(dry_run: bool) -> ImportMode {
    match dry_run {
        true => ImportMode::DryRun,
        false => ImportMode::Post,
    }
}
