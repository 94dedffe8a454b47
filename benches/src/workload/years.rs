//! Three years of one account, in random posting order: the workload of queries and of loads.

use gpu_credit_workload::random::Random;

use super::{Entry, Grant, History};

const DAY: u64 = 86_400;

/// Length of the history.
pub const YEARS_SECONDS: i64 = 3 * 365 * 86_400;

/// Usage amounts are from 1 to this.
const USAGE_MAX: u64 = 999;

/// Usage is this part of what is granted.
const LOAD_PERCENT: u64 = 95;

/// Grants of 7, 30 and 90 days and usage of 1 to 999 units, all at random seconds of three years.
pub fn years(seed: u64, usage_count: usize, grant_count: usize) -> History {
    let mut random = Random::new(seed);
    let usage: Vec<Entry> = (0..usage_count)
        .map(|_| {
            (
                random.between(0, YEARS_SECONDS - 1),
                1 + random.below(USAGE_MAX),
            )
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
        expiration: days * DAY - 1,
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
    let mut random = Random::new(seed ^ 0x7175_6573_7469_6f6e);
    (0..count)
        .map(|_| random.between(0, history.seconds - 1))
        .collect()
}
