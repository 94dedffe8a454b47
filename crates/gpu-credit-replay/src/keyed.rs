//! The keyed calculator of the classic exercise, which answers by the order of the calls.

use std::collections::HashMap;

/// Credits by id, for calls in time order: a call sees what was called before it and nothing else.
///
/// Each id is an account with the policy [`Forfeit`](crate::Overdraft::Forfeit), as long as times
/// never go back from one call to the next, each credit is added at its start, and at one instant
/// before anything is used. If calls leave that order, this answers by the order of the calls.
/// The limits are the caller's to keep: the credits of an id add up to at most `i64::MAX`.
///
/// ```
/// use gpu_credit_replay::KeyedCalculator;
///
/// let mut calculator = KeyedCalculator::new();
/// calculator.add_credit("openai", 10, 10, 30);
/// calculator.use_credit("openai", 20, 4);
/// assert_eq!(calculator.get_balance("openai", 20), Some(6));
/// calculator.use_credit("openai", 30, 100); // clears all credits of the id
/// assert_eq!(calculator.get_balance("openai", 30), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyedCalculator {
    credits: HashMap<String, Vec<Credit>>,
}

/// What is left of one credit, and when it may be used.
#[derive(Clone, Copy, Debug)]
struct Credit {
    remaining: u64,
    start: i64,
    end: i64,
}

impl KeyedCalculator {
    /// A calculator without credits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds credit to an id, live in `[timestamp, timestamp + expiration]`.
    ///
    /// # Panics
    ///
    /// When the window ends after `i64::MAX`, which the caller rules out.
    pub fn add_credit(&mut self, id: &str, amount: u64, timestamp: i64, expiration: u64) {
        let end = timestamp
            .checked_add_unsigned(expiration)
            .expect("a window ends at most at i64::MAX");
        let credits = self.credits.entry(id.to_owned()).or_default();
        credits.push(Credit {
            remaining: amount,
            start: timestamp,
            end,
        });
    }

    /// Uses credit of an id, soonest expiry first. Using more than there is clears all credits of
    /// the id.
    pub fn use_credit(&mut self, id: &str, timestamp: i64, amount: u64) {
        let Some(credits) = self.credits.get_mut(id) else {
            return;
        };
        credits.sort_by_key(|credit| credit.end);
        let mut uncovered = amount;
        for credit in credits
            .iter_mut()
            .filter(|credit| credit.is_live(timestamp))
        {
            let paid = uncovered.min(credit.remaining);
            credit.remaining -= paid;
            uncovered -= paid;
        }
        if uncovered > 0 {
            credits.clear();
        }
    }

    /// What is left of an id's live credits. `None`: nothing.
    pub fn get_balance(&self, id: &str, timestamp: i64) -> Option<u64> {
        let credits = self.credits.get(id)?.iter();
        let live = credits.filter(|credit| credit.is_live(timestamp));
        let balance = live.map(|credit| credit.remaining).sum();
        (balance > 0).then_some(balance)
    }
}

impl Credit {
    fn is_live(&self, timestamp: i64) -> bool {
        self.start <= timestamp && timestamp <= self.end
    }
}
