//! The records of one account, as they were posted.

/// A grant as it stands: live in `[start, end]`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub start: i64,
    /// The last instant of the window. `i64::MAX`: it never lapses.
    pub end: i64,
    /// Whether the window ends there because the grant was revoked: what is left is then revoked
    /// and does not lapse.
    pub revoked: bool,
}

/// Usage as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// In the smallest unit.
    pub amount: u64,
    /// When it took effect.
    pub timestamp: i64,
}

/// A grant as it was posted, and what has become of it.
#[derive(Clone, Copy, Debug)]
struct Granted {
    amount: u64,
    start: i64,
    end: i64,
    revoked_from: Option<i64>,
}

impl Granted {
    /// The grant as it stands; `None` where it was revoked before it started.
    fn standing(self) -> Option<Grant> {
        let end = match self.revoked_from {
            Some(from) if from <= self.start => return None,
            Some(from) => from - 1,
            None => self.end,
        };
        Some(Grant {
            amount: self.amount,
            start: self.start,
            end,
            revoked: self.revoked_from.is_some(),
        })
    }
}

/// The grants and the usage of one account in posting order, within the limits of the law.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// By posting number; a retracted grant leaves its place empty, so that no number is reused.
    grants: Vec<Option<Granted>>,
    usage: Vec<Usage>,
    granted: u64,
    used: u64,
}

impl Posted {
    /// The grants that are ever live, each with its posting number, in posting order: not those
    /// that are retracted, nor those revoked from their start on.
    pub fn grants(&self) -> impl Iterator<Item = (usize, Grant)> {
        let numbered = self.grants.iter().enumerate();
        numbered.filter_map(|(number, grant)| Some((number, (*grant)?.standing()?)))
    }

    /// The usage that stands, in posting order.
    pub fn usage(&self) -> &[Usage] {
        &self.usage
    }

    /// Posts a grant that is live in `[timestamp, timestamp + expiration]`, and returns its posting
    /// number: 0, 1, 2 and so on, never reused.
    ///
    /// # Panics
    ///
    /// When the window ends after `i64::MAX`, or all grants add up to more than that. The reference
    /// has no errors of its own; the caller posts only what the law admits.
    pub fn add_credit(&mut self, amount: u64, timestamp: i64, expiration: u64) -> usize {
        let end = timestamp
            .checked_add_unsigned(expiration)
            .expect("a window ends at most at i64::MAX");
        self.granted = sum_within_limit(self.granted, amount);
        self.grants.push(Some(Granted {
            amount,
            start: timestamp,
            end,
            revoked_from: None,
        }));
        self.grants.len() - 1
    }

    /// Posts usage at an instant.
    ///
    /// # Panics
    ///
    /// When all usage adds up to more than `i64::MAX`; see [`add_credit`](Self::add_credit).
    pub fn subtract(&mut self, amount: u64, timestamp: i64) {
        self.used = sum_within_limit(self.used, amount);
        self.usage.push(Usage { amount, timestamp });
    }

    /// Takes a grant back as if never posted. `false`: there is none of this number.
    pub fn retract_grant(&mut self, grant: usize) -> bool {
        match self.grants.get_mut(grant).and_then(Option::take) {
            Some(Granted { amount, .. }) => {
                self.granted -= amount;
                true
            }
            None => false,
        }
    }

    /// Takes the latest posted usage of this amount at this instant back as if never posted.
    /// `false`: there is none. O(n).
    pub fn retract_usage(&mut self, amount: u64, timestamp: i64) -> bool {
        let place = self.latest_place(Usage { amount, timestamp });
        place.is_some_and(|place| self.retract_usage_at(place))
    }

    /// Takes the usage at a place in [`usage`](Self::usage) back as if never posted. `false`: there
    /// is none. O(n).
    pub fn retract_usage_at(&mut self, place: usize) -> bool {
        if place >= self.usage.len() {
            return false;
        }
        self.used -= self.usage.remove(place).amount;
        true
    }

    /// Changes the amount of the latest posted usage of this amount at this instant, in its place.
    /// `false`: there is none. O(n).
    ///
    /// # Panics
    ///
    /// When all usage adds up to more than `i64::MAX`; see [`add_credit`](Self::add_credit).
    pub fn change_usage(&mut self, amount: u64, timestamp: i64, new_amount: u64) -> bool {
        let place = self.latest_place(Usage { amount, timestamp });
        place.is_some_and(|place| self.change_usage_at(place, new_amount))
    }

    /// Changes the amount of the usage at a place in [`usage`](Self::usage). `false`: there is none.
    ///
    /// # Panics
    ///
    /// When all usage adds up to more than `i64::MAX`; see [`add_credit`](Self::add_credit).
    pub fn change_usage_at(&mut self, place: usize, new_amount: u64) -> bool {
        let Some(posted) = self.usage.get_mut(place) else {
            return false;
        };
        self.used = sum_within_limit(self.used - posted.amount, new_amount);
        posted.amount = new_amount;
        true
    }

    fn latest_place(&self, usage: Usage) -> Option<usize> {
        self.usage.iter().rposition(|posted| *posted == usage)
    }

    /// Revokes a grant from an instant on: its window then ends the instant before. `false`: there
    /// is none of this number, its window ends before, or it is revoked as early already.
    pub fn revoke_grant(&mut self, grant: usize, from: i64) -> bool {
        let Some(Some(granted)) = self.grants.get_mut(grant) else {
            return false;
        };
        let from = from.max(granted.start);
        if from > granted.end || granted.revoked_from.is_some_and(|present| present <= from) {
            return false;
        }
        granted.revoked_from = Some(from);
        true
    }

    /// Gives a grant another window: `[start, start + expiration]`. `false`: there is none of this
    /// number, it is revoked, or the window would end after `i64::MAX`.
    pub fn change_expiration(&mut self, grant: usize, expiration: u64) -> bool {
        let Some(Some(granted)) = self.grants.get_mut(grant) else {
            return false;
        };
        let end = granted.start.checked_add_unsigned(expiration);
        match end {
            Some(end) if granted.revoked_from.is_none() => {
                granted.end = end;
                true
            }
            _ => false,
        }
    }
}

/// Every sum that a replay takes is part of a sum checked here, so none of them can overflow.
fn sum_within_limit(total: u64, amount: u64) -> u64 {
    total
        .checked_add(amount)
        .filter(|&sum| i64::try_from(sum).is_ok())
        .expect("grants and usage each add up to at most i64::MAX")
}
