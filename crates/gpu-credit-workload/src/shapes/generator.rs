//! Makes the rows of a workload: whose they are, what they say, and in which order they arrive.

use super::shape::Shape;
use super::time::{Calendar, Window};
use super::{Events, Row, Workload};
use crate::events::Action;
use crate::random::Random;

/// Usage amounts are from 1 to this, except in `Shape::Extremes`.
const USAGE_MAX: u64 = 999;
const USAGE_MEAN: u64 = 500;

/// The rate of a job is a power of 2 with less than so many bits after its first.
const RATE_BITS: u64 = 7;
/// What a job uses on average, about: of the length that is its own, and between ties.
const JOB_MEAN: u64 = 340_000;
const JOB_MEAN_OF_TIES: u64 = 170_000;

/// A grant of a workload without usage, on average.
const GRANT_MEAN: u64 = 100_000;

/// Entries of a burst, at most, and seconds it takes.
const BURST_ENTRIES_MAX: u64 = 200;
const BURST_SECONDS_MAX: i64 = 60;

pub(super) fn generate(workload: &Workload) -> Events {
    let mut generator = Generator::new(workload);
    for place in 0..workload.grants {
        generator.add_grant(place);
    }
    for place in 0..workload.usage {
        generator.add_usage(place);
    }
    for _ in 0..workload.queries {
        generator.add_question();
    }
    generator.finish()
}

struct Generator<'a> {
    workload: &'a Workload,
    /// The shape, without its jobs.
    shape: Shape,
    has_jobs: bool,
    calendar: Calendar,
    random: Random,
    grant_mean: u64,
    /// What each account can still be posted: grants, and usage.
    grants_left: Vec<u64>,
    usage_left: Vec<u64>,
    burst: Burst,
    rows: Vec<Row>,
}

/// Usage of one account within a minute.
#[derive(Default)]
struct Burst {
    account: u32,
    time: i64,
    entries_left: u64,
}

impl<'a> Generator<'a> {
    fn new(workload: &'a Workload) -> Self {
        let accounts = workload.accounts.get();
        let without_jobs = workload.shape.with_jobs_of();
        let shape = without_jobs.unwrap_or(workload.shape);
        let grants_an_account = match shape {
            Shape::OneAccount => workload.grants,
            _ => workload.grants.div_ceil(accounts),
        };
        let full = vec![i64::MAX.unsigned_abs(); accounts as usize];
        Self {
            workload,
            shape,
            has_jobs: without_jobs.is_some(),
            calendar: Calendar::new(shape, grants_an_account),
            random: Random::new(workload.seed),
            grant_mean: grant_mean(workload),
            grants_left: full.clone(),
            usage_left: full,
            burst: Burst::default(),
            rows: Vec::new(),
        }
    }

    fn add_grant(&mut self, place: u32) {
        let accounts = self.workload.accounts.get();
        let (account, number) = match self.shape {
            Shape::OneAccount => (self.account(), place),
            _ => (place % accounts, place / accounts),
        };
        let Window {
            credit_id,
            start,
            expiration,
        } = self.calendar.window(number, &mut self.random);
        let left = self.grants_left[account as usize];
        let is_last = place + 1 == self.workload.grants;
        let amount = match self.shape {
            Shape::Extremes => extreme_amount(left, is_last, &mut self.random),
            _ => self.grant_mean / 2 + self.random.below(self.grant_mean + 1),
        };
        let amount = amount.min(left);
        self.grants_left[account as usize] -= amount;
        let arrival = self.calendar.grant_arrival(start, &mut self.random);
        let action = Action::Grant {
            credit_id,
            amount,
            timestamp: start,
            expiration,
            priority: self.priority(),
        };
        self.push(arrival, account, action);
    }

    fn priority(&mut self) -> i16 {
        let is_given = self.has_jobs && self.random.chance(1, 3);
        match self.shape {
            _ if !is_given => 0,
            Shape::Extremes => one_of(&[i16::MIN, -1, 0, 1, i16::MAX], &mut self.random),
            _ => one_of(&[-2, -1, 1, 2], &mut self.random),
        }
    }

    fn add_usage(&mut self, place: u32) {
        let is_last = place + 1 == self.workload.usage;
        if self.has_jobs && !is_last && self.random.chance(7, 8) {
            return self.add_job();
        }
        let (account, timestamp) = match self.shape {
            Shape::Bursty => self.burst(),
            _ => (self.account(), self.calendar.instant(&mut self.random)),
        };
        let left = self.usage_left[account as usize];
        let amount = match self.shape {
            Shape::Extremes => extreme_amount(left, is_last, &mut self.random),
            _ => 1 + self.random.below(USAGE_MAX),
        };
        let amount = amount.min(left);
        self.usage_left[account as usize] -= amount;
        let arrival = self.calendar.usage_arrival(timestamp, &mut self.random);
        self.push(arrival, account, Action::Usage { amount, timestamp });
    }

    fn add_job(&mut self) {
        let account = self.account();
        let (from, until) = self.calendar.job(&mut self.random);
        let ticks = if from < until {
            from.abs_diff(until)
        } else {
            0
        };
        let left = self.usage_left[account as usize];
        // A job without ticks may have any rate.
        let most = left.checked_div(ticks).unwrap_or(left);
        let rate = match self.shape {
            Shape::Extremes => extreme_amount(most, false, &mut self.random),
            _ => 1 << self.random.below(RATE_BITS),
        };
        let rate = rate.min(most);
        self.usage_left[account as usize] -= rate * ticks;
        let arrival = self.calendar.usage_arrival(from, &mut self.random);
        self.push(arrival, account, Action::Metered { rate, from, until });
    }

    fn add_question(&mut self) {
        let account = self.account();
        let (arrival, timestamp) = self.calendar.question(&mut self.random);
        self.push(arrival, account, Action::Balance { timestamp });
    }

    fn push(&mut self, arrival: i64, account: u32, action: Action<'static>) {
        self.rows.push(Row {
            arrival,
            account,
            action,
        });
    }

    /// Any account, or mostly the one.
    fn account(&mut self) -> u32 {
        if self.shape == Shape::OneAccount && self.random.chance(15, 16) {
            return 0;
        }
        let accounts = u64::from(self.workload.accounts.get());
        u32::try_from(self.random.below(accounts)).expect("accounts are counted in 32 bits")
    }

    /// Account and time of the next entry of a burst.
    fn burst(&mut self) -> (u32, i64) {
        if self.burst.entries_left == 0 {
            self.burst = Burst {
                account: self.account(),
                time: self.calendar.instant(&mut self.random),
                entries_left: 1 + self.random.below(BURST_ENTRIES_MAX),
            };
        }
        self.burst.entries_left -= 1;
        let time = self.burst.time + self.random.between(0, BURST_SECONDS_MAX - 1);
        (self.burst.account, time)
    }

    fn finish(mut self) -> Events {
        // Stable: what arrives at one instant stays in the order grants, usage, questions.
        self.rows.sort_by_key(|row| row.arrival);
        let count = self.workload.accounts.get();
        let digits = count.to_string().len();
        Events {
            accounts: (1..=count)
                .map(|number| format!("account-{number:0digits$}"))
                .collect(),
            rows: self.rows,
        }
    }
}

/// The mean of the grants that makes usage the shape's part of what is granted.
fn grant_mean(workload: &Workload) -> u64 {
    let load_percent = match workload.shape {
        Shape::Overload => 200,
        Shape::Steady => 80,
        _ => 95,
    };
    let mean = match workload.shape {
        Shape::Jobs => JOB_MEAN,
        Shape::JobTies => JOB_MEAN_OF_TIES,
        _ => USAGE_MEAN,
    };
    let usage = u64::from(workload.usage) * mean;
    match usage * 100 / load_percent / u64::from(workload.grants.max(1)) {
        0 if workload.usage == 0 => GRANT_MEAN,
        mean => mean.max(1),
    }
}

fn one_of(priorities: &[i16], random: &mut Random) -> i16 {
    let place = usize::try_from(random.below(priorities.len() as u64));
    priorities[place.expect("less than the number of priorities")]
}

/// Nothing, or up to a sixteenth of what is left, or at last all of it: so a total reaches the
/// limit exactly, and does not pass it.
fn extreme_amount(left: u64, is_last: bool, random: &mut Random) -> u64 {
    if is_last {
        return left;
    }
    let bits = (u64::BITS - left.leading_zeros()).saturating_sub(4);
    random.magnitude(bits)
}
