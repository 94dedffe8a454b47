//! Three years of one account that is used by jobs, three in ten of them posted late.

use gpu_credit_workload::random::Random;

use super::years::{YEARS_SECONDS, grants};
use super::{Entry, Grant, History};

const DAY: i64 = 86_400;

/// Jobs use from 1 unit a second to this.
const RATE_MAX: u64 = 64;

/// A job lasts from a minute to less than this many, each doubling as often as the next.
const MINUTES_LOG2_MAX: u64 = 13;

const LATE_PERCENT: u64 = 30;

/// A job is late by up to so many days.
const LATE_DAYS_MAX: i64 = 60;

/// `rate` units a second in `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Units a second.
    pub rate: u64,
    /// The first second.
    pub from: i64,
    /// The second after the last.
    pub until: i64,
}

impl Job {
    /// All that it uses.
    pub fn total(&self) -> u64 {
        self.rate * self.from.abs_diff(self.until)
    }

    /// All of it as usage at its first second.
    pub fn at_once(&self) -> Entry {
        (self.from, self.total())
    }
}

/// Jobs in posting order, and grants that pay most of them.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// The jobs, in posting order.
    pub jobs: Vec<Job>,
    /// The grants, in posting order.
    pub grants: Vec<Grant>,
}

impl Jobs {
    /// So many jobs that begin at random seconds of three years, and as many grants.
    pub fn new(seed: u64, job_count: usize, grant_count: usize) -> Self {
        let mut random = Random::new(seed ^ 0x6a6f_6273);
        let mut posted: Vec<(i64, Job)> = (0..job_count)
            .map(|_| {
                let job = job(&mut random);
                let is_late = random.below(100) < LATE_PERCENT;
                let late = random.between(DAY, LATE_DAYS_MAX * DAY);
                (job.from + if is_late { late } else { 0 }, job)
            })
            .collect();
        posted.sort_by_key(|(posted_at, _)| *posted_at);
        let jobs: Vec<Job> = posted.into_iter().map(|(_, job)| job).collect();
        let used = jobs.iter().map(Job::total).sum();
        let grants = grants(&mut random, grant_count, used);
        Self { jobs, grants }
    }

    /// The same account with all usage of each job at its first second.
    pub fn at_once(&self) -> History {
        History {
            grants: self.grants.clone(),
            usage: self.jobs.iter().map(Job::at_once).collect(),
            removable: 0,
            seconds: YEARS_SECONDS,
        }
    }

    /// A history with the same answers at some instants: what all jobs have used since the last
    /// instant before, as usage at each, and at each that is the last before a boundary.
    pub fn sampled(&self, instants: &[i64]) -> History {
        let mut instants = instants.to_vec();
        for grant in &self.grants {
            instants.extend([grant.start - 1, grant.end()]);
        }
        instants.sort_unstable();
        instants.dedup();
        let mut changes: Vec<(i64, i64)> = Vec::new();
        for job in &self.jobs {
            let rate = job.rate.cast_signed();
            changes.extend([(job.from, rate), (job.until, -rate)]);
        }
        changes.sort_unstable();
        let mut changes = changes.into_iter().peekable();
        // The rate that holds from `since` on, and what is used before that.
        let (mut since, mut rate, mut used, mut told) = (0, 0_i64, 0_i64, 0);
        let mut usage = Vec::with_capacity(instants.len());
        for instant in instants {
            while let Some((time, change)) = changes.next_if(|(time, _)| *time <= instant) {
                used += rate * (time - since);
                (since, rate) = (time, rate + change);
            }
            let through = used + rate * (instant + 1 - since);
            usage.push((instant, (through - told).unsigned_abs()));
            told = through;
        }
        History {
            usage,
            ..self.at_once()
        }
    }
}

fn job(random: &mut Random) -> Job {
    let least = 60 << random.below(MINUTES_LOG2_MAX);
    let seconds = random.between(least, 2 * least - 1);
    let from = random.between(0, YEARS_SECONDS - 1);
    Job {
        rate: 1 + random.below(RATE_MAX),
        from,
        until: from + seconds,
    }
}
