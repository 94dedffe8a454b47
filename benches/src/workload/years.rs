//! Three years of one account, in random posting order: the workload of queries and of loads.

use gpu_credit_workload::random::Random;

use super::{Entry, Grant, History};

const DAY_SECONDS: i64 = 86_400;

/// Makes the questions of a seed other instants than its usage.
const QUESTIONS: u64 = 0x7175_6573_7469_6f6e;

/// Length of the history.
pub const YEARS_SECONDS: i64 = 3 * 365 * 86_400;

/// Usage amounts are from 1 to this.
const USAGE_MAX: u64 = 999;

/// Usage is this part of what is granted.
const LOAD_PERCENT: u64 = 95;

/// Usage records of a burst, on average.
const BURST: usize = 50;

/// The longest time from the first record of a burst to the last.
const BURST_SECONDS: i64 = 600;

/// How usage is spread over the three years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// At random seconds.
    Even,
    /// At random seconds from 9 to 17 o'clock on five days of seven.
    WorkingHours,
    /// In bursts of 50 records within ten minutes.
    Bursts,
    /// At random seconds of the last hundredth.
    LastHundredth,
}

impl Spread {
    /// A random instant, of an account of so much usage.
    fn time(self, random: &mut Random, seed: u64, usage_count: usize) -> i64 {
        match self {
            Self::Even => random.between(0, YEARS_SECONDS - 1),
            Self::WorkingHours => {
                let day = random.between(0, YEARS_SECONDS / DAY_SECONDS / 7 * 5 - 1);
                let hour = random.between(9 * 3_600, 17 * 3_600 - 1);
                (day / 5 * 7 + day % 5) * DAY_SECONDS + hour
            }
            Self::Bursts => {
                let burst = random.below((usage_count / BURST).max(1) as u64);
                let mut of_burst = Random::new(seed ^ burst.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let first = of_burst.between(0, YEARS_SECONDS - 1 - BURST_SECONDS);
                first + random.between(0, BURST_SECONDS)
            }
            Self::LastHundredth => random.between(YEARS_SECONDS / 100 * 99, YEARS_SECONDS - 1),
        }
    }
}

/// Grants of 7, 30 and 90 days and usage of 1 to 999 units, all at random seconds of three years.
pub fn years(seed: u64, usage_count: usize, grant_count: usize) -> History {
    years_spread(Spread::Even, seed, usage_count, grant_count)
}

/// The same, the usage spread otherwise.
pub fn years_spread(spread: Spread, seed: u64, usage_count: usize, grant_count: usize) -> History {
    let mut random = Random::new(seed);
    let usage: Vec<Entry> = (0..usage_count)
        .map(|_| {
            let time = spread.time(&mut random, seed, usage_count);
            (time, 1 + random.below(USAGE_MAX))
        })
        .collect();
    let used = usage.iter().map(|entry| entry.1).sum();
    History {
        grants: grants(&mut random, grant_count, used),
        usage,
        removable: 0,
        seconds: YEARS_SECONDS,
    }
}

/// Grants of 7, 30 and 90 days for so much usage.
pub(super) fn grants(random: &mut Random, count: usize, used: u64) -> Vec<Grant> {
    let granted = used * 100 / LOAD_PERCENT;
    let mean = (granted / (count as u64).max(1)).max(1);
    (0..count).map(|_| grant(random, mean)).collect()
}

fn grant(random: &mut Random, mean: u64) -> Grant {
    let days = [7, 30, 90][usize::try_from(random.below(3)).unwrap_or(0)];
    Grant {
        amount: mean / 2 + random.below(mean + 1),
        start: random.between(0, YEARS_SECONDS - 1),
        expiration: days * DAY_SECONDS.unsigned_abs() - 1,
    }
}

/// The same records, each kind in time order.
pub fn in_order(history: &History) -> History {
    let mut history = history.clone();
    history.grants.sort_by_key(|grant| grant.start);
    history.usage.sort_by_key(|entry| entry.0);
    history
}

/// Random instants of a history to ask about.
pub fn questions(seed: u64, history: &History, count: usize) -> Vec<i64> {
    let mut random = Random::new(seed ^ QUESTIONS);
    (0..count)
        .map(|_| random.between(0, history.seconds - 1))
        .collect()
}

/// Random instants to ask about, spread as the usage of the history is.
pub fn questions_spread(spread: Spread, seed: u64, history: &History, count: usize) -> Vec<i64> {
    let mut random = Random::new(seed ^ QUESTIONS);
    (0..count)
        .map(|_| spread.time(&mut random, seed, history.usage.len()))
        .collect()
}
