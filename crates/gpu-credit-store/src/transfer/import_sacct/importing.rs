//! What an import posts of the jobs of a file, checked job by job before anything is posted.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit::MeteredUsage;
use hashbrown::{HashMap, HashSet};

use super::posted::{AccountJobs, Coverage, Found, Posted};
use super::{ChangedJob, Job, JobName, SacctImport, SacctImported};
use crate::draft::Request;
use crate::standing::Standing;
use crate::store::OPENING_ID;
use crate::transfer::appending::heads;
use crate::transfer::sacct::{Decision, JobChange, JobEnd, JobStep, PostedJob, decide};
use crate::transfer::{ImportMode, ImportStep, PostedBy, refused};
use crate::{
    Change, ChangedRow, Error, Head, ImportError, MeteredChange, Posting, RecordId, Refusal,
    Revision, Storage, Store, TimeUnit, Totals, rules,
};

/// An import under way: what is known of the jobs of the file, and what is to be posted.
pub(super) struct Importing<'s, S: Storage> {
    store: &'s Store<S>,
    unit: TimeUnit,
    options: &'s SacctImport,
    /// Those of the file, as the entries to come leave them.
    accounts: HashMap<String, Account>,
    /// What is posted of each job, by account and id, the entries to come included.
    jobs: HashMap<(String, RecordId), Posted>,
    /// What else is posted under their ids.
    others: HashMap<(String, RecordId), (Change, PostedBy)>,
    /// The ids of the entries to come, by account.
    new_ids: HashSet<(String, RecordId)>,
    batch: Batch,
    imported: SacctImported,
}

/// An account of the file.
#[derive(Clone, Copy, Default)]
struct Account {
    /// Whether it is there, or an entry to come opens it.
    is_open: bool,
    totals: Totals,
}

impl<'s, S: Storage> Importing<'s, S> {
    pub(super) fn new(
        store: &'s Store<S>,
        unit: TimeUnit,
        options: &'s SacctImport,
        imported: SacctImported,
    ) -> Self {
        Importing {
            store,
            unit,
            options,
            accounts: HashMap::new(),
            jobs: HashMap::new(),
            others: HashMap::new(),
            new_ids: HashSet::new(),
            batch: Batch::default(),
            imported,
        }
    }

    /// Looks up all jobs, and how those stand that are there.
    pub(super) fn look_up(
        &mut self,
        jobs: &[Job],
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut by_account: HashMap<&str, Vec<&Job>> = HashMap::new();
        for job in jobs {
            let account = by_account.entry(job.row.account.as_str());
            account.or_default().push(job);
        }
        let mut by_account: Vec<(&str, Vec<&Job>)> = by_account.into_iter().collect();
        by_account.sort_unstable_by_key(|(name, _)| *name);
        let names: Vec<Arc<str>> = by_account.iter().map(|(name, _)| (*name).into()).collect();
        let coverage = Coverage::of(jobs);
        for ((name, jobs), head) in by_account.into_iter().zip(heads(self.store, &names)?) {
            let Some(head) = head else {
                self.accounts.insert(name.to_owned(), Account::default());
                continue;
            };
            self.look_up_in(&head, &jobs, &coverage, progress)?;
        }
        Ok(())
    }

    fn look_up_in(
        &mut self,
        head: &Head,
        jobs: &[&Job],
        coverage: &Coverage<'_>,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let name = &*head.account.name;
        let account = Account {
            is_open: true,
            totals: head.totals,
        };
        self.accounts.insert(name.to_owned(), account);
        let mut found = AccountJobs::new(jobs, self.unit);
        found.read(self.store, &head.account, progress)?;
        let Found {
            posted,
            others,
            gone,
        } = found.finish(head.totals.closed, coverage, name)?;
        let posted = posted.into_iter();
        self.jobs
            .extend(posted.map(|(id, posted)| ((name.to_owned(), id), posted)));
        let others = others.into_iter();
        self.others
            .extend(others.map(|(id, other)| ((name.to_owned(), id), other)));
        self.imported.gone.extend(gone);
        Ok(())
    }

    /// Adds what is to be posted of a job, or leaves it out if it is refused.
    pub(super) fn add(&mut self, job: &Job) -> Result<(), Error> {
        match self.try_add(job) {
            Ok(()) => Ok(()),
            Err(error) => self.imported.refuse(error, self.options),
        }
    }

    /// The same; if it is an error nothing is added.
    fn try_add(&mut self, job: &Job) -> Result<(), Error> {
        let name = &job.row.account;
        let key = (name.clone(), job.id.clone());
        if let Some((posted, place)) = self.others.get(&key) {
            let changed = ChangedRow {
                line: job.row.line,
                account: name.clone(),
                id: job.id.clone(),
                row: job.usage.into(),
                posted: posted.clone(),
                place: *place,
            };
            return Err(ImportError::Changed(Box::new(changed)).into());
        }
        let posted = self.jobs.get(&key).copied();
        let steps = match self.decide(job, posted.as_ref())? {
            Decision::Post(steps) => steps,
            Decision::LeaveByHand => {
                self.imported.corrected.push(JobName::new(name, &job.id));
                return Ok(());
            }
        };
        let by = PostedBy::Line(job.row.line);
        let mut after = posted.unwrap_or_else(|| Posted {
            job: PostedJob::new(job.usage),
            by,
        });
        let account = self.accounts.get(name).copied().unwrap_or_default();
        if !account.is_open && !self.options.opens_accounts {
            let (line, error) = (job.row.line, Error::NoSuchAccount(name.clone()));
            return Err(ImportError::Refused { line, error }.into());
        }
        let mut totals = account.totals;
        let mut postings = Vec::new();
        for JobStep { id, change } in &steps {
            let change = posting_of(&job.id, *change);
            let posting = Posting::new(name.clone(), id.clone(), change);
            let admitted = admitted(totals, after.job.standing, &posting);
            let refused = |refusal| refused(job.row.line, name, id, refusal);
            totals = admitted.map_err(refused)?;
            after.job.correct(&job.id, id, &posting.change);
            after.by = by;
            postings.push(posting);
        }
        self.count(job, &steps);
        if !postings.is_empty() {
            self.open(job);
            let account = self.accounts.entry(name.clone()).or_default();
            account.totals = totals;
        }
        for posting in postings {
            self.new_ids.insert((name.clone(), posting.id.clone()));
            self.batch.push(job.row.line, posting);
        }
        self.jobs.insert(key, after);
        Ok(())
    }

    fn decide(&self, job: &Job, posted: Option<&Posted>) -> Result<Decision, Error> {
        let failure = Cell::new(None);
        let is_known = |entry: &RecordId| {
            let key = (job.row.account.clone(), entry.clone());
            if self.new_ids.contains(&key) {
                return true;
            }
            match self.store.entry(&job.row.account, entry) {
                Ok(entry) => entry.is_some(),
                Err(Error::NoSuchAccount(_)) => false,
                Err(error) => {
                    failure.set(Some(error));
                    false
                }
            }
        };
        let (row, usage) = (&job.row, job.usage);
        let decided = decide(
            row,
            usage,
            self.unit,
            posted.map(|posted| &posted.job),
            is_known,
        );
        if let Some(error) = failure.take() {
            return Err(error);
        }
        decided.map_err(|standing| {
            let by = posted.map_or(PostedBy::Opening, |posted| posted.by);
            self.changed(job, standing, by)
        })
    }

    /// The file says something else of a job than what is posted.
    fn changed(&self, job: &Job, standing: MeteredUsage, by: PostedBy) -> Error {
        let MeteredUsage { rate, from, until } = job.usage;
        let as_in_file = Change::ChangeMeteredUsage {
            of: job.id.clone(),
            rate: Some(rate),
            from: Some(from),
            until: Some(until),
        };
        let account = self.accounts.get(&job.row.account);
        let closed = account.and_then(|account| account.totals.closed);
        let corrected = Standing::Metered(standing).corrected(&as_in_file, Revision::START, closed);
        let changed = ChangedJob {
            line: job.row.line,
            account: job.row.account.clone(),
            id: job.id.clone(),
            row: job.usage,
            standing,
            by,
            closed: closed.filter(|_| corrected.is_err()),
        };
        ImportError::ChangedJob(Box::new(changed)).into()
    }

    fn count(&mut self, job: &Job, steps: &[JobStep]) {
        let first = steps.first().map(|step| step.change);
        let counted = match first {
            None => &mut self.imported.known,
            Some(JobChange::Post(_)) => &mut self.imported.posted,
            Some(JobChange::MoveEnd { .. }) => &mut self.imported.moved,
            Some(JobChange::Close { .. }) => &mut self.imported.closed,
        };
        *counted += 1;
        if let Some(JobChange::Post(_)) = first {
            self.imported.running += u64::from(job.row.end != JobEnd::Final);
        }
        let has_no_limit = first.is_some() && job.row.end == JobEnd::Now;
        self.imported.without_limit += u64::from(has_no_limit);
    }

    /// Opens the account of a job before its first entry, if it is not there.
    fn open(&mut self, job: &Job) {
        let account = self.accounts.entry_ref(job.row.account.as_str());
        let account = account.or_default();
        if !account.is_open {
            account.is_open = true;
            let (name, policy) = (job.row.account.clone(), self.options.policy);
            let opening = Posting::open_account(name, OPENING_ID, policy);
            self.batch.push(job.row.line, opening);
        }
    }

    /// Posts all, or tries all.
    pub(super) fn submit(mut self) -> Result<SacctImported, Error> {
        self.imported.opened = self.batch.submit(self.store, self.options.mode)?;
        self.imported.opened.sort_unstable();
        Ok(self.imported)
    }
}

/// What a step of a job posts.
fn posting_of(job: &RecordId, change: JobChange) -> Change {
    let until = match change {
        JobChange::Post(usage) => return usage.into(),
        JobChange::MoveEnd { until } | JobChange::Close { until } => until,
    };
    let MeteredChange { rate, from, .. } = MeteredChange::default();
    Change::ChangeMeteredUsage {
        of: job.clone(),
        rate,
        from,
        until: Some(until),
    }
}

/// The totals of an account once an entry of a job is posted that stands so.
fn admitted(
    totals: Totals,
    standing: Option<MeteredUsage>,
    posting: &Posting,
) -> Result<Totals, Refusal> {
    rules::check_texts(posting)?;
    match (posting.change.corrects(), standing) {
        (Some(_), Some(usage)) => {
            let before = Standing::Metered(usage);
            let after = before.corrected(&posting.change, Revision::START, totals.closed)?;
            rules::corrected(totals, before, after)
        }
        _ => rules::posted(totals, &posting.change),
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

    /// Posts all, or tries all; the accounts that that opens.
    fn submit<S: Storage>(self, store: &Store<S>, mode: ImportMode) -> Result<Vec<String>, Error> {
        let opening = |posting: &Posting| match posting.change {
            Change::OpenAccount { .. } => Some(posting.account.clone()),
            _ => None,
        };
        let openings: Vec<Option<String>> = self.postings.iter().map(opening).collect();
        let submitted = store.submit(Request {
            postings: self.postings,
            is_trial: mode == ImportMode::DryRun,
            ..Request::default()
        });
        let outcomes =
            submitted.map_err(|(place, error)| match (error, self.lines.get(place)) {
                (error @ (Error::Journal(_) | Error::Interrupted), _) | (error, None) => error,
                (error, Some(line)) => ImportError::Refused { line: *line, error }.into(),
            })?;
        let outcomes = outcomes.iter().zip(openings);
        let new = outcomes.filter_map(|(outcome, opening)| opening.filter(|_| outcome.is_new()));
        Ok(new.collect())
    }
}
