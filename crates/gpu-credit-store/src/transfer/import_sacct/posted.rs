//! What a store has of the jobs of a file: each account's history is read once.

use std::ops::ControlFlow;

use gpu_credit::MeteredUsage;
use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;

use super::{Job, JobName};
use crate::metered::has_ended_before;
use crate::transfer::sacct::{JobEnd, PostedEnd, PostedJob, imported_end};
use crate::transfer::{ImportStep, PostedBy, tell};
use crate::{
    AccountKey, Change, Entry, Error, ImportError, OtherZone, RecordId, Revision, Storage, Store,
    TimeUnit,
};

/// How many entries are read between two looks at whether the import is given up.
const READ_AT_ONCE: u64 = 1_024;
/// Time zones differ by whole quarters of an hour, and by 26 hours at most.
const ZONE_STEP_SECONDS: i64 = 900;
const ZONES_SECONDS_MAX: i64 = 26 * 3_600;

/// A job as it is posted, and what made it so.
#[derive(Clone, Copy)]
pub(super) struct Posted {
    pub(super) job: PostedJob,
    pub(super) by: PostedBy,
}

/// An account's history as far as the jobs of a file go.
pub(super) struct AccountJobs<'f> {
    /// The rows of the file, by their ids.
    rows: HashMap<RecordId, &'f Job>,
    /// The same by cluster and number.
    numbers: HashMap<String, Vec<&'f Job>>,
    /// The jobs of the file, and those that have a provisional end.
    posted: HashMap<RecordId, Posted>,
    /// What else is posted under the ids of jobs of the file.
    others: HashMap<RecordId, (Change, PostedBy)>,
    /// Jobs that differ from one of the file in the time zone alone.
    shifted: HashMap<RecordId, &'f Job>,
    /// The job that was read last.
    last: Option<(RecordId, Posted)>,
    unit: TimeUnit,
}

impl<'f> AccountJobs<'f> {
    /// Of an account to which the file has these jobs.
    pub(super) fn new(jobs: &[&'f Job], unit: TimeUnit) -> Self {
        let mut numbers: HashMap<String, Vec<&Job>> = HashMap::new();
        for job in jobs {
            let number = format!("{}/{}", job.row.cluster, job.row.number);
            numbers.entry(number).or_default().push(job);
        }
        AccountJobs {
            rows: jobs.iter().map(|job| (job.id.clone(), *job)).collect(),
            numbers,
            posted: HashMap::new(),
            others: HashMap::new(),
            shifted: HashMap::new(),
            last: None,
            unit,
        }
    }

    /// Reads the account's history. O(entries)
    pub(super) fn read<S: Storage>(
        &mut self,
        store: &Store<S>,
        account: &AccountKey,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let (mut entries, mut told) = (0, Ok(()));
        store.visit_history(&account.name, Revision::START, |entry| {
            self.add(entry);
            entries += 1;
            if entries % READ_AT_ONCE == 0 {
                told = tell(progress, ImportStep::Checked(0));
            }
            match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        Ok(told?)
    }

    fn add(&mut self, entry: Entry) {
        let by = PostedBy::Revision(entry.revision);
        if let Change::MeteredUsage { rate, from, until } = entry.change {
            let usage = MeteredUsage { rate, from, until };
            let job = PostedJob::new(usage);
            self.post(entry.id, usage, Posted { job, by });
            return;
        }
        if let Some(job) = entry.change.corrects() {
            self.correct(job, &entry, by);
        }
        if self.rows.contains_key(&entry.id) {
            self.others.insert(entry.id, (entry.change, by));
        }
    }

    fn post(&mut self, id: RecordId, usage: MeteredUsage, posted: Posted) {
        if self.rows.contains_key(&id) {
            self.posted.insert(id, posted);
            return;
        }
        if let Some((number, submit)) = id.as_str().rsplit_once('/')
            && let Some(jobs) = self.numbers.get(number)
            && let Ok(submit) = submit.parse()
            && let Some(job) = jobs.iter().find(|job| self.is_shifted(job, submit, usage))
        {
            self.shifted.insert(id.clone(), job);
        }
        self.last = Some((id, posted));
    }

    fn correct(&mut self, id: &RecordId, entry: &Entry, by: PostedBy) {
        if let Change::RetractRecord { .. } = entry.change {
            self.shifted.remove(id);
        }
        // A provisional end is posted with the job, so right behind it.
        if imported_end(id, &entry.id) == Some(PostedEnd::Provisional)
            && let Some((_, posted)) = self.last.take_if(|(last, _)| last == id)
        {
            self.posted.insert(id.clone(), posted);
        }
        let Some(posted) = self.posted.get_mut(id) else {
            return;
        };
        posted.job.correct(id, &entry.id, &entry.change);
        posted.by = by;
        if !self.rows.contains_key(id) && !is_provisional(&posted.job) {
            self.posted.remove(id);
        }
    }

    /// Whether a job of the file is one that is posted, with all its times in another zone.
    fn is_shifted(&self, job: &Job, submit: Timestamp, usage: MeteredUsage) -> bool {
        let shift = job.row.submit.as_second() - submit.as_second();
        let is_of_zones =
            shift != 0 && shift % ZONE_STEP_SECONDS == 0 && shift.abs() <= ZONES_SECONDS_MAX;
        let shift = TimeUnit::Seconds.convert(shift, self.unit);
        let from = shift.and_then(|shift| usage.from.checked_add(shift));
        is_of_zones && job.usage.rate == usage.rate && from == Some(job.usage.from)
    }

    /// What was found, if the books are closed so far.
    pub(super) fn finish(
        self,
        closed: Option<i64>,
        coverage: &Coverage<'_>,
        account: &str,
    ) -> Result<Found, Error> {
        let is_new = |(_, job): &(&RecordId, &&Job)| !self.posted.contains_key(&job.id);
        let shifted = self.shifted.iter().filter(is_new);
        if let Some((posted, job)) = shifted.min_by_key(|(_, job)| job.row.line) {
            let other = OtherZone {
                line: job.row.line,
                account: account.to_owned(),
                id: job.id.clone(),
                posted: posted.clone(),
            };
            return Err(ImportError::OtherZone(Box::new(other)).into());
        }
        let (mut posted, mut gone) = (Vec::new(), Vec::new());
        let is_past = |usage| closed.is_some_and(|closed| has_ended_before(usage, closed));
        for (id, mut job) in self.posted {
            job.job.is_fixed = job.job.standing.is_some_and(is_past);
            if self.rows.contains_key(&id) {
                posted.push((id, job));
            } else if !job.job.is_fixed && coverage.has(&id, &job.job) {
                gone.push(JobName::new(account, &id));
            }
        }
        gone.sort_unstable();
        Ok(Found {
            posted,
            others: self.others,
            gone,
        })
    }
}

/// What an account has of the jobs of a file.
pub(super) struct Found {
    /// The jobs of the file that are posted.
    pub(super) posted: Vec<(RecordId, Posted)>,
    /// What else is posted under their ids.
    pub(super) others: HashMap<RecordId, (Change, PostedBy)>,
    /// Jobs whose end is provisional, and that the file should have and has not.
    pub(super) gone: Vec<JobName>,
}

fn is_provisional(job: &PostedJob) -> bool {
    job.end == PostedEnd::Provisional && job.standing.is_some()
}

/// What a file would have: the jobs of its clusters that run, of those that began before it was printed.
pub(super) struct Coverage<'f> {
    clusters: HashSet<&'f str>,
    /// The last start or end that the file has.
    last: i64,
}

impl<'f> Coverage<'f> {
    pub(super) fn of(jobs: &'f [Job]) -> Self {
        let last = jobs.iter().map(|job| match job.row.end {
            JobEnd::Final => job.usage.until,
            JobEnd::TimeLimit | JobEnd::Now => job.usage.from,
        });
        Coverage {
            clusters: jobs.iter().map(|job| job.row.cluster.as_str()).collect(),
            last: last.max().unwrap_or(i64::MIN),
        }
    }

    fn has(&self, id: &RecordId, job: &PostedJob) -> bool {
        let cluster = id.as_str().rsplitn(3, '/').nth(2);
        let is_of_cluster = cluster.is_some_and(|cluster| self.clusters.contains(cluster));
        let began = |usage: MeteredUsage| usage.from <= self.last;
        is_of_cluster && is_provisional(job) && job.standing.is_some_and(began)
    }
}
