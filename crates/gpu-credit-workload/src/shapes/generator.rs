//! Makes the rows of a workload: whose they are, what they say, and in which order they arrive.

use super::shape::Shape;
use super::time::{Calendar, Window};
use super::{Events, Row, Workload};
use crate::events::Action;
use crate::random::Random;

/// Usage amounts are from 1 to this, except in `Shape::Extremes`.
const USAGE_MAX: u64 = 999;
const USAGE_MEAN: u64 = 500;

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
        let grants_an_account = match workload.shape {
            Shape::OneAccount => workload.grants,
            _ => workload.grants.div_ceil(accounts),
        };
        let full = vec![i64::MAX.unsigned_abs(); accounts as usize];
        Self {
            workload,
            calendar: Calendar::new(workload.shape, grants_an_account),
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
        let (account, number) = match self.workload.shape {
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
        let amount = match self.workload.shape {
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
        };
        self.push(arrival, account, action);
    }

    fn add_usage(&mut self, place: u32) {
        let (account, timestamp) = match self.workload.shape {
            Shape::Bursty => self.burst(),
            _ => (self.account(), self.calendar.instant(&mut self.random)),
        };
        let left = self.usage_left[account as usize];
        let is_last = place + 1 == self.workload.usage;
        let amount = match self.workload.shape {
            Shape::Extremes => extreme_amount(left, is_last, &mut self.random),
            _ => 1 + self.random.below(USAGE_MAX),
        };
        let amount = amount.min(left);
        self.usage_left[account as usize] -= amount;
        let arrival = self.calendar.usage_arrival(timestamp, &mut self.random);
        self.push(arrival, account, Action::Usage { amount, timestamp });
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
        if self.workload.shape == Shape::OneAccount && self.random.chance(15, 16) {
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
    let usage = u64::from(workload.usage) * USAGE_MEAN;
    match usage * 100 / load_percent / u64::from(workload.grants.max(1)) {
        0 if workload.usage == 0 => GRANT_MEAN,
        mean => mean.max(1),
    }
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
