//! Many grants with a number of them live at once: the workload of settlement.

use gpu_credit_workload::random::Random;

use super::{Entry, Grant, History};

/// Seconds from one grant to the next, on average.
pub const ARRIVAL_SECONDS: u64 = 1_000;

/// Grants are of 500 to 1,500 units.
const GRANT_MIN: u64 = 500;
const GRANT_MAX: u64 = 1_500;

/// Late writes post and retract small usage, of 5 to 50 units.
const SMALL_MIN: u64 = 5;
const SMALL_MAX: u64 = 50;

/// Large usage entries for each grant, which make up the load beside a small one.
const LARGE_A_GRANT: usize = 7;

/// If a history has long grants, one grant in so many is one: it lives for a tenth of the history
/// and has the units of 50 others.
const LONG_ONE_IN: u64 = 100;
const LONG_WORTH: u64 = 50;

/// What a history of many grants is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// How many grants.
    pub grants: usize,
    /// How many are live at once, on average; the long ones not counted.
    pub live: u64,
    /// Usage in percent of what is granted.
    pub load_percent: u64,
    /// Whether one grant in a hundred lives for a tenth of the history.
    pub has_long: bool,
}

impl Mix {
    /// Grants that start and usage that falls at random seconds.
    pub fn history(&self, seed: u64) -> History {
        let mut random = Random::new(seed);
        let grants: Vec<Grant> = (0..self.grants).map(|_| self.grant(&mut random)).collect();
        let granted: u64 = grants.iter().map(|grant| grant.amount).sum();
        let mut usage: Vec<Entry> = (0..self.grants)
            .map(|_| self.small_usage(&mut random))
            .collect();
        let small: u64 = usage.iter().map(|entry| entry.1).sum();
        let rest = (granted * self.load_percent / 100).saturating_sub(small);
        let large_count = self.grants * LARGE_A_GRANT;
        let mean = rest / (large_count as u64).max(1);
        usage.extend((0..large_count).map(|_| {
            let amount = random.below(2 * mean + 1);
            (self.instant(&mut random), amount)
        }));
        History {
            grants,
            usage,
            removable: self.grants,
            seconds: self.seconds(),
        }
    }

    /// A random grant of this history.
    pub fn grant(&self, random: &mut Random) -> Grant {
        let amount = GRANT_MIN + random.below(GRANT_MAX - GRANT_MIN + 1);
        let start = self.instant(random);
        let length = self.live * ARRIVAL_SECONDS;
        let varied = length / 2 + random.below(length + 1);
        if self.has_long && random.chance(1, LONG_ONE_IN) {
            return Grant {
                amount: amount * LONG_WORTH,
                start,
                expiration: self.seconds().unsigned_abs() / 10,
            };
        }
        Grant {
            amount,
            start,
            expiration: varied.saturating_sub(1),
        }
    }

    /// Random small usage of this history.
    pub fn small_usage(&self, random: &mut Random) -> Entry {
        let amount = SMALL_MIN + random.below(SMALL_MAX - SMALL_MIN + 1);
        (self.instant(random), amount)
    }

    /// Length of the history.
    pub fn seconds(&self) -> i64 {
        i64::try_from(self.grants as u64 * ARRIVAL_SECONDS).unwrap_or(i64::MAX)
    }

    fn instant(&self, random: &mut Random) -> i64 {
        random.between(0, self.seconds() - 1)
    }
}
