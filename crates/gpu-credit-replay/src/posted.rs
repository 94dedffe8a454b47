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
}

/// Usage as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// In the smallest unit.
    pub amount: u64,
    /// When it took effect.
    pub timestamp: i64,
}

/// The grants and the usage of one account in posting order, within the limits of the law.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// By posting number; a retracted grant leaves its place empty, so that no number is reused.
    grants: Vec<Option<Grant>>,
    usage: Vec<Usage>,
    granted: u64,
    used: u64,
}

impl Posted {
    /// The grants that stand, each with its posting number, in posting order.
    pub fn grants(&self) -> impl Iterator<Item = (usize, Grant)> {
        let numbered = self.grants.iter().enumerate();
        numbered.filter_map(|(number, grant)| grant.map(|grant| (number, grant)))
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
        self.grants.push(Some(Grant {
            amount,
            start: timestamp,
            end,
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
            Some(Grant { amount, .. }) => {
                self.granted -= amount;
                true
            }
            None => false,
        }
    }

    /// Takes the latest posted usage of this amount at this instant back as if never posted.
    /// `false`: there is none. O(n).
    pub fn retract_usage(&mut self, amount: u64, timestamp: i64) -> bool {
        let usage = Usage { amount, timestamp };
        match self.usage.iter().rposition(|posted| *posted == usage) {
            Some(place) => {
                self.usage.remove(place);
                self.used -= amount;
                true
            }
            None => false,
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
