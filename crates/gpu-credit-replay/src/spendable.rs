//! What may be spent, found by trying: each try is a replay with one record more.

use std::ops::Range;

use crate::{Replay, Usage};

/// The largest amount that fits any account.
const LIMIT: u64 = i64::MAX.unsigned_abs();

/// What an account can pay for without taking from anything that is posted, planned usage
/// included. Every replay answers it, by bisection over replays.
pub trait Spendable: Replay + Clone {
    /// The largest amount that could be used at an instant, posted last.
    fn spendable_at(&self, timestamp: i64) -> u64 {
        largest(LIMIT, |amount| self.affords(Usage::at(amount, timestamp)))
    }

    /// The largest rate of a job over these ticks, posted last. `None`: there are no ticks, and the
    /// question is an error.
    fn spendable_rate(&self, ticks: Range<i64>) -> Option<u64> {
        let fits = |rate| self.affords(Usage::metered(rate, ticks.clone()));
        (ticks.start < ticks.end).then(|| largest(LIMIT, fits))
    }

    /// The first tick that a job of this rate, which starts at `from` and is posted last, could not
    /// pay for. `None`: there is no such tick before `i64::MAX`, at which no job runs.
    fn runs_dry(&self, rate: u64, from: i64) -> Option<i64> {
        if rate == 0 {
            return None;
        }
        let until = |ticks| from.saturating_add_unsigned(ticks);
        let fits = |ticks| self.affords(Usage::metered(rate, from..until(ticks)));
        let most = i64::MAX.abs_diff(from);
        let mut tried = 1; // Short jobs first, for replays that go through every tick.
        while tried < most && fits(tried) {
            tried = most.min(tried.saturating_mul(2));
        }
        let paid = largest(most.min(tried), fits);
        (paid < most).then(|| until(paid))
    }

    /// Whether usage, posted last, fits the limits, is drawn whole, and leaves the deficit and the
    /// sum of what was dropped as they are without it, at every instant.
    ///
    /// Both are looked at wherever anything can turn: if they are alike at both ends of a stretch of
    /// metered usage, they are alike within. That it is drawn whole follows: it adds to what is
    /// used, and what is used is drawn, owed or dropped.
    fn affords(&self, usage: Usage) -> bool {
        if !self.posted().admits(usage) {
            return false;
        }
        let mut with = self.clone();
        with.posted_mut().post_usage(usage);
        let instants = with.posted().turns();
        with.overdrawn_at(&instants) == self.overdrawn_at(&instants)
    }
}

impl<Account: Replay + Clone> Spendable for Account {}

/// The largest number up to `most` that fits, given that 0 fits and everything below what fits.
fn largest(most: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut fitting, mut most) = (0, most);
    while fitting < most {
        let middle = most - (most - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            most = middle - 1;
        }
    }
    fitting
}
