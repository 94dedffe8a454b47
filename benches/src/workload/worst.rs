//! The worst cases of settlement: windows that all nest, and a chain through all grants.

use gpu_credit_workload::random::Random;

use super::{Entry, Grant, History};

/// Usage entries for each nested grant.
const USAGE_A_GRANT: usize = 8;

/// Usage of nested windows in percent of what they grant.
const LOAD_PERCENT: u64 = 90;

/// Every window contains all that start later, so that in the middle all of them are live at once.
/// Usage falls anywhere.
pub fn nested(seed: u64, grant_count: usize) -> History {
    let mut random = Random::new(seed);
    let seconds = nested_seconds(grant_count);
    let grants: Vec<Grant> = (0..grant_count)
        .map(|number| window(seconds, 2 * number as u64, &mut random))
        .collect();
    let granted: u64 = grants.iter().map(|grant| grant.amount).sum();
    let usage_count = grant_count * USAGE_A_GRANT;
    let mean = granted * LOAD_PERCENT / 100 / (usage_count as u64).max(1);
    let usage = (0..usage_count)
        .map(|_| (random.between(0, seconds - 1), random.below(2 * mean + 1)))
        .collect();
    History {
        grants,
        usage,
        removable: grant_count,
        seconds,
    }
}

/// One more window that nests among those of [`nested`].
pub fn nested_grant(grant_count: usize, random: &mut Random) -> Grant {
    let start = 2 * random.below(grant_count as u64) + 1;
    window(nested_seconds(grant_count), start, random)
}

fn nested_seconds(grant_count: usize) -> i64 {
    4 * i64::try_from(grant_count).unwrap_or(i64::MAX / 4) + 4
}

fn window(seconds: i64, start: u64, random: &mut Random) -> Grant {
    Grant {
        amount: 500 + random.below(1_001),
        start: 0_i64.saturating_add_unsigned(start),
        expiration: seconds.unsigned_abs() - 2 * start,
    }
}

/// Seconds from one domino to the next.
const DOMINO_SECONDS: u64 = 10;

/// Dominoes: each grant lives a little longer than until the next starts, and its last unit is
/// drawn in that overlap. One more unit at the front makes every later grant pay one unit more for
/// its predecessor, to the end of the chain.
///
/// ```text
/// grant 0   ├──────────9──1┤
/// grant 1             ├──────────9──1┤
/// grant 2                       ├──────────9──1┤
/// ```
pub fn dominoes(grant_count: usize) -> History {
    let mut grants = Vec::with_capacity(grant_count);
    let mut usage = Vec::with_capacity(2 * grant_count);
    for number in 0..grant_count as u64 {
        let start = 0_i64.saturating_add_unsigned(number * DOMINO_SECONDS);
        grants.push(Grant {
            amount: 10,
            start,
            expiration: DOMINO_SECONDS + 4,
        });
        usage.push((start + 7, 9));
        usage.push((start + 12, 1));
    }
    History {
        grants,
        usage,
        removable: 0,
        seconds: 0_i64.saturating_add_unsigned((grant_count as u64 + 2) * DOMINO_SECONDS),
    }
}

/// Usage of one unit at the front, which changes every later draw.
pub fn domino_front() -> Entry {
    (6, 1)
}
