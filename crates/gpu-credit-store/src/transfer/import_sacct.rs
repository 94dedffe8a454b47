//! Imports the output of `sacct`: jobs that are new, and ends that have moved or come.

use std::cell::Cell;
use std::io::BufRead;
use std::ops::ControlFlow;

use gpu_credit::{MeteredUsage, Overdraft};
use hashbrown::{HashMap, HashSet};

use super::appending::heads;
use super::sacct::{
    JobChange, JobEnd, PassedOver, PostedJob, SacctJob, SacctOptions, SacctReader, end_id, steps,
};
use super::{ChangedRow, ImportMode, ImportStep, PostedBy, tell};
use crate::draft::Request;
use crate::metered::has_ended_before;
use crate::standing::Standing;
use crate::store::OPENING_ID;
use crate::{
    AccountKey, Change, Entry, Error, ImportError, Journal, MeteredChange, Posting, RecordId,
    Store, TimeUnit,
};

/// Bytes of a job while it waits: itself, its entries, and what is known of it.
const JOB_BYTES: usize = 1_000;

/// How the output of `sacct` is imported.
#[derive(Clone, Debug)]
pub struct SacctImport {
    /// How it is read.
    pub read: SacctOptions,
    /// Whether it posts.
    pub mode: ImportMode,
    /// The policy of accounts that are not there; the others keep theirs.
    pub policy: Overdraft,
    /// The unit of time of a store that has none yet.
    pub unit: TimeUnit,
    /// Bytes of memory that it may take, about.
    pub memory_bytes_max: usize,
}

/// What an import of jobs did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Accounts that are new.
    pub accounts: u64,
    /// What was ignored.
    pub passed_over: PassedOver,
}

impl<J: Journal> Store<J> {
    /// Posts the jobs of the output of `sacct --parsable2`, one metered record a job, under an id of
    /// cluster, number and time of submission: all of it or nothing. Accounts that are not there are
    /// opened. A job that runs gets a provisional end.
    ///
    /// The output may have grown, and may be older than one that was imported before: what is new is
    /// posted; an end that is provisional moves, or becomes final if the job has ended since; a final end
    /// is never moved, and neither is one that was corrected by hand. What the entries are, their ids say:
    /// see [`sacct`](crate::sacct). A job that was retracted stays so.
    ///
    /// It takes about 1,000 bytes of memory a job, and a few look-ups for each that is known. `progress` is told
    /// how far it is until it begins to write, and goes on, or gives up.
    ///
    /// # Errors
    /// If the output cannot be read, or says another rate, start or final end of a job than what is posted;
    /// if a record is refused, it is given up, or the storage fails. Nothing is posted.
    pub fn import_sacct(
        &self,
        input: impl BufRead,
        options: &SacctImport,
        mut progress: impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<SacctImported, Error> {
        let kept = self.time_unit()?;
        let unit = kept.unwrap_or(options.unit);
        let mut reader = SacctReader::new(input, &options.read)?;
        let mut jobs = Vec::new();
        while let Some(job) = reader.read()? {
            jobs.push(job);
            tell(&mut progress, ImportStep::Read(jobs.len() as u64))?;
            let needed = jobs.len() * JOB_BYTES;
            if needed > options.memory_bytes_max {
                let (line, rows) = (jobs.last().map_or(0, |job| job.line), jobs.len() as u64);
                let limit = options.memory_bytes_max;
                return Err(ImportError::Memory {
                    line,
                    rows,
                    needed,
                    limit,
                }
                .into());
            }
        }
        let mut importing = Importing {
            store: self,
            unit,
            policy: options.policy,
            accounts: HashMap::new(),
            states: HashMap::new(),
            new_ids: HashSet::new(),
            batch: Batch::default(),
            imported: SacctImported {
                passed_over: reader.passed_over(),
                ..SacctImported::default()
            },
        };
        importing.look_up(&jobs)?;
        for (done, job) in (1..).zip(&jobs) {
            importing.add(job)?;
            tell(&mut progress, ImportStep::Checked(done))?;
        }
        let Importing {
            batch,
            mut imported,
            ..
        } = importing;
        if options.mode == ImportMode::Post && kept.is_none() {
            self.set_time_unit(unit)?;
        }
        let opened = batch.submit(self, options.mode)?;
        imported.accounts = opened;
        Ok(imported)
    }
}

/// What is to be posted, each with its line.
#[derive(Default)]
struct Batch {
    postings: Vec<Posting>,
    lines: Vec<u64>,
}

impl Batch {
    fn push(&mut self, line: u64, posting: Posting) {
        self.postings.push(posting);
        self.lines.push(line);
    }

    /// Posts all, or tries all; how many accounts that opens.
    fn submit<J: Journal>(self, store: &Store<J>, mode: ImportMode) -> Result<u64, Error> {
        let is_opening = |posting: &Posting| matches!(posting.change, Change::OpenAccount { .. });
        let openings: Vec<bool> = self.postings.iter().map(is_opening).collect();
        let submitted = store.submit(Request {
            postings: self.postings,
            is_trial: mode == ImportMode::DryRun,
        });
        let outcomes =
            submitted.map_err(|(place, error)| match (error, self.lines.get(place)) {
                (error @ (Error::Journal(_) | Error::Interrupted), _) | (error, None) => error,
                (error, Some(line)) => ImportError::Refused { line: *line, error }.into(),
            })?;
        let opened = outcomes.iter().zip(openings);
        let opened = opened.filter(|(outcome, is_opening)| outcome.is_new() && *is_opening);
        Ok(opened.count() as u64)
    }
}

/// An import under way: what is known of the jobs of the file, and what is to be posted.
struct Importing<'s, J: Journal> {
    store: &'s Store<J>,
    unit: TimeUnit,
    policy: Overdraft,
    /// Those of the file; `None` for one that is not there, and not to be opened yet.
    accounts: HashMap<String, Option<AccountKey>>,
    /// What is posted of each job, by account and id, the entries to come included.
    states: HashMap<(String, RecordId), (PostedJob, PostedBy)>,
    /// The ids of the entries to come, by account.
    new_ids: HashSet<(String, RecordId)>,
    batch: Batch,
    imported: SacctImported,
}

impl<J: Journal> Importing<'_, J> {
    /// Looks up all jobs, and how those stand that are there.
    fn look_up(&mut self, jobs: &[SacctJob]) -> Result<(), Error> {
        for job in jobs {
            self.accounts.entry_ref(job.account.as_str()).or_default();
        }
        let names: Vec<std::sync::Arc<str>> = self
            .accounts
            .keys()
            .map(|name| name.as_str().into())
            .collect();
        for (name, head) in names.iter().zip(heads(self.store, &names)?) {
            self.accounts
                .insert(name.to_string(), head.map(|head| head.account));
        }
        let known = jobs.iter().filter_map(|job| {
            let account = self.accounts.get(&job.account)?.clone()?;
            Some((job, (account, job.id())))
        });
        let (jobs, asked): (Vec<&SacctJob>, Vec<(AccountKey, RecordId)>) = known.unzip();
        let found = self.store.journal().find_many(&asked)?;
        for (job, entry) in jobs.into_iter().zip(found) {
            if let Some(entry) = entry {
                let posted = self.posted(job, &entry)?;
                let key = (job.account.clone(), entry.id);
                self.states
                    .insert(key, (posted, PostedBy::Entry(entry.sequence)));
            }
        }
        Ok(())
    }

    /// What is posted of a job.
    fn posted(&self, job: &SacctJob, entry: &Entry) -> Result<PostedJob, Error> {
        let name = &*entry.account.name;
        let Change::MeteredUsage { rate, from, until } = entry.change else {
            let by = PostedBy::Entry(entry.sequence);
            return Err(changed(job, self.usage(job)?, entry.change.clone(), by));
        };
        let posted = MeteredUsage { rate, from, until };
        let end = self.store.entry(name, &end_id(&entry.id))?;
        let closed = end.and_then(|end| match end.change {
            Change::ChangeMeteredUsage { until, .. } => until,
            _ => None,
        });
        let (standing, books) = self.store.with_account(name, |account| {
            let standing = account.standing(entry.sequence, &entry.change);
            (standing, account.closed_until())
        })?;
        let standing = match standing {
            Some(Standing::Metered(usage)) => Some(usage),
            _ => None,
        };
        let is_past = |usage| books.is_some_and(|books| has_ended_before(usage, books));
        Ok(PostedJob {
            posted,
            standing,
            closed,
            is_fixed: standing.is_some_and(is_past),
        })
    }

    /// Adds what is to be posted of a job.
    fn add(&mut self, job: &SacctJob) -> Result<(), Error> {
        let id = job.id();
        let usage = self.usage(job)?;
        let key = (job.account.clone(), id.clone());
        let state = self.states.get(&key).copied();
        let failure = Cell::new(None);
        let is_known = |entry: &RecordId| {
            let key = (job.account.clone(), entry.clone());
            if self.new_ids.contains(&key) {
                return true;
            }
            match self.store.entry(&job.account, entry) {
                Ok(entry) => entry.is_some(),
                Err(Error::NoSuchAccount(_)) => false,
                Err(error) => {
                    failure.set(Some(error));
                    false
                }
            }
        };
        let posted = state.as_ref().map(|(posted, _)| posted);
        let steps = steps(job, usage, self.unit, posted, is_known);
        if let Some(error) = failure.take() {
            return Err(error);
        }
        let new = PostedJob {
            posted: usage,
            standing: Some(usage),
            closed: None,
            is_fixed: false,
        };
        let (mut posted, by) = state.unwrap_or((new, PostedBy::Line(job.line)));
        let steps = steps.map_err(|posted| changed(job, usage, posted.into(), by))?;
        self.count(job, &steps);
        for step in steps {
            let change = match step.change {
                JobChange::Post(usage) => {
                    self.open(job);
                    usage.into()
                }
                JobChange::MoveEnd { until } | JobChange::Close { until } => {
                    posted.standing = posted.standing.map(|usage| MeteredUsage { until, ..usage });
                    if let JobChange::Close { .. } = step.change {
                        posted.closed = Some(until);
                    }
                    let MeteredChange { rate, from, .. } = MeteredChange::default();
                    Change::ChangeMeteredUsage {
                        of: id.clone(),
                        rate,
                        from,
                        until: Some(until),
                    }
                }
            };
            self.new_ids.insert((job.account.clone(), step.id.clone()));
            let posting = Posting::new(job.account.clone(), step.id, change);
            self.batch.push(job.line, posting);
        }
        self.states.insert(key, (posted, by));
        Ok(())
    }

    /// A job in the unit of the store.
    fn usage(&self, job: &SacctJob) -> Result<MeteredUsage, ImportError> {
        let usage = job.usage(self.unit);
        usage.ok_or_else(|| ImportError::Line {
            line: job.line,
            problem: format!(
                "the job begins or ends out of range of 64 bits in {}, the store's unit of time",
                self.unit
            ),
        })
    }

    fn count(&mut self, job: &SacctJob, steps: &[super::sacct::JobStep]) {
        let counted = match steps.first().map(|step| step.change) {
            None => &mut self.imported.known,
            Some(JobChange::Post(_)) => &mut self.imported.posted,
            Some(JobChange::MoveEnd { .. }) => &mut self.imported.moved,
            Some(JobChange::Close { .. }) => &mut self.imported.closed,
        };
        *counted += 1;
        if let Some(JobChange::Post(_)) = steps.first().map(|step| step.change) {
            self.imported.running += u64::from(job.end != JobEnd::Final);
        }
    }

    /// Opens the account of a job before its first entry, if it is not there.
    fn open(&mut self, job: &SacctJob) {
        let key = (job.account.clone(), RecordId::from(OPENING_ID));
        let is_there = self.accounts.get(&job.account).is_some_and(Option::is_some);
        if !is_there && self.new_ids.insert(key) {
            let opening = Posting::open_account(job.account.clone(), OPENING_ID, self.policy);
            self.batch.push(job.line, opening);
        }
    }
}

/// The file says something else of a job than what is posted.
fn changed(job: &SacctJob, usage: MeteredUsage, posted: Change, place: PostedBy) -> Error {
    let changed = ChangedRow {
        line: job.line,
        account: job.account.clone(),
        id: job.id(),
        row: usage.into(),
        posted,
        place,
    };
    ImportError::Changed(Box::new(changed)).into()
}
