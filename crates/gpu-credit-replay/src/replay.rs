//! What can be asked of a replay.

use crate::{Answer, Overdraft, Posted, Statement};

/// One account that answers every question by replaying its records from the first one.
///
/// Records are posted in any order, long before or long after they take effect. Times are in the
/// caller's unit, amounts in the smallest unit.
pub trait Replay {
    /// An account without records.
    fn new(overdraft: Overdraft) -> Self
    where
        Self: Sized;

    /// The records that stand.
    fn posted(&self) -> &Posted;

    /// The records that stand, to post and to retract.
    fn posted_mut(&mut self) -> &mut Posted;

    /// The balance at an instant and why it is what it is. O(n log n) for n records at or before
    /// it, times the live grants in the worst case of [`ListReplay`](crate::ListReplay).
    fn balance_at(&self, timestamp: i64) -> Answer;

    /// What is left of each grant whose window contains the instant, by posting number and in draw
    /// order: soonest end first, equal ends in posting order. Grants with nothing left are among
    /// them. Costs as much as [`balance_at`](Self::balance_at).
    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)>;

    /// Where everything went that was granted and used up to an instant. Costs as much as
    /// [`balance_at`](Self::balance_at).
    fn statement_at(&self, timestamp: i64) -> Statement;

    /// The balance at an instant, without the why. Costs as much as
    /// [`balance_at`](Self::balance_at).
    fn get_balance(&self, timestamp: i64) -> Option<u64> {
        self.balance_at(timestamp).balance
    }

    /// Posts a grant; see [`Posted::add_credit`].
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn add_credit(&mut self, amount: u64, timestamp: i64, expiration: u64) -> usize {
        self.posted_mut().add_credit(amount, timestamp, expiration)
    }

    /// Posts usage; see [`Posted::subtract`].
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn subtract(&mut self, amount: u64, timestamp: i64) {
        self.posted_mut().subtract(amount, timestamp);
    }

    /// Takes a grant back as if never posted; see [`Posted::retract_grant`].
    fn retract_grant(&mut self, grant: usize) -> bool {
        self.posted_mut().retract_grant(grant)
    }

    /// Takes one matching usage back as if never posted; see [`Posted::retract_usage`].
    fn retract_usage(&mut self, amount: u64, timestamp: i64) -> bool {
        self.posted_mut().retract_usage(amount, timestamp)
    }

    /// Takes the usage at a place back as if never posted; see [`Posted::retract_usage_at`].
    fn retract_usage_at(&mut self, place: usize) -> bool {
        self.posted_mut().retract_usage_at(place)
    }

    /// Changes the amount of one matching usage; see [`Posted::change_usage`].
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn change_usage(&mut self, amount: u64, timestamp: i64, new_amount: u64) -> bool {
        self.posted_mut()
            .change_usage(amount, timestamp, new_amount)
    }

    /// Changes the amount of the usage at a place; see [`Posted::change_usage_at`].
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn change_usage_at(&mut self, place: usize, new_amount: u64) -> bool {
        self.posted_mut().change_usage_at(place, new_amount)
    }

    /// Revokes a grant from an instant on; see [`Posted::revoke_grant`].
    fn revoke_grant(&mut self, grant: usize, from: i64) -> bool {
        self.posted_mut().revoke_grant(grant, from)
    }

    /// Gives a grant another window; see [`Posted::change_expiration`].
    fn change_expiration(&mut self, grant: usize, expiration: u64) -> bool {
        self.posted_mut().change_expiration(grant, expiration)
    }
}
