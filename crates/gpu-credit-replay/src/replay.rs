//! What can be asked of a replay.

use std::ops::{Range, RangeInclusive};

use crate::{Answer, Overdraft, Overdrawn, Posted, Statement, Usage};

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

    /// The balance at an instant and why it is what it is. O(n log n) for n records, times the live
    /// grants and the running jobs in the worst case of [`ListReplay`](crate::ListReplay);
    /// [`TickReplay`](crate::TickReplay) goes through every tick.
    fn balance_at(&self, timestamp: i64) -> Answer;

    /// What is left of each grant whose window contains the instant, by posting number and in draw
    /// order: lowest priority first, then soonest end, then posting order. Grants with nothing left
    /// are among them. Costs as much as [`balance_at`](Self::balance_at).
    fn remainders_at(&self, timestamp: i64) -> Vec<(usize, u64)>;

    /// Where everything went that was granted and used up to an instant. Costs as much as
    /// [`balance_at`](Self::balance_at).
    fn statement_at(&self, timestamp: i64) -> Statement;

    /// What is owed and what was dropped at each of some instants, which are in strictly increasing
    /// order. One replay for all of them.
    fn overdrawn_at(&self, instants: &[i64]) -> Vec<Overdrawn>;

    /// The ticks at which usage that stands is not drawn whole when it falls, as runs in the order
    /// of time; they may touch and overlap. Costs as much as [`balance_at`](Self::balance_at).
    fn uncovered(&self) -> Vec<RangeInclusive<i64>>;

    /// The first tick of a range at which usage that stands is not drawn whole when it falls: when
    /// the account runs dry.
    fn first_uncovered(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let uncovered = self.uncovered().into_iter();
        let within = |run: RangeInclusive<i64>| {
            let first = *run.start().max(range.start());
            (first <= *run.end().min(range.end())).then_some(first)
        };
        uncovered.filter_map(within).min()
    }

    /// All usage up to an instant.
    fn used_at(&self, timestamp: i64) -> u64 {
        self.statement_at(timestamp).used
    }

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

    /// Posts a grant with a priority.
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn add_credit_with_priority(
        &mut self,
        amount: u64,
        timestamp: i64,
        expiration: u64,
        priority: i16,
    ) -> usize {
        let grant = self.add_credit(amount, timestamp, expiration);
        self.change_priority(grant, priority);
        grant
    }

    /// Posts usage at an instant.
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn subtract(&mut self, amount: u64, timestamp: i64) {
        self.posted_mut().post_usage(Usage::at(amount, timestamp));
    }

    /// Posts metered usage: `rate` units at each tick of a range.
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn meter(&mut self, rate: u64, ticks: Range<i64>) {
        self.posted_mut().post_usage(Usage::metered(rate, ticks));
    }

    /// Takes a grant back as if never posted; see [`Posted::retract_grant`].
    fn retract_grant(&mut self, grant: usize) -> bool {
        self.posted_mut().retract_grant(grant)
    }

    /// Takes the latest posted usage of this amount at this instant back as if never posted.
    /// `false`: there is none. O(n).
    fn retract_usage(&mut self, amount: u64, timestamp: i64) -> bool {
        let place = self.posted().latest_place(Usage::at(amount, timestamp));
        place.is_some_and(|place| self.retract_usage_at(place))
    }

    /// Takes the usage at a place back as if never posted; see [`Posted::retract_usage_at`].
    fn retract_usage_at(&mut self, place: usize) -> bool {
        self.posted_mut().retract_usage_at(place)
    }

    /// Changes the amount of the latest posted usage of this amount at this instant, in its place.
    /// `false`: there is none. O(n).
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn change_usage(&mut self, amount: u64, timestamp: i64, new_amount: u64) -> bool {
        let place = self.posted().latest_place(Usage::at(amount, timestamp));
        place.is_some_and(|place| self.change_usage_at(place, new_amount))
    }

    /// Changes the amount, or the rate, of the usage at a place. `false`: there is none.
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn change_usage_at(&mut self, place: usize, new_amount: u64) -> bool {
        let posted = self.posted().usage().get(place).copied();
        posted.is_some_and(|posted| {
            let amount = new_amount;
            self.replace_usage_at(place, Usage { amount, ..posted })
        })
    }

    /// Puts another record in the place of the usage at a place; see [`Posted::replace_usage_at`].
    ///
    /// # Panics
    ///
    /// When a limit is passed, which the caller rules out.
    fn replace_usage_at(&mut self, place: usize, new: Usage) -> bool {
        self.posted_mut().replace_usage_at(place, new)
    }

    /// Revokes a grant from an instant on; see [`Posted::revoke_grant`].
    fn revoke_grant(&mut self, grant: usize, from: i64) -> bool {
        self.posted_mut().revoke_grant(grant, from)
    }

    /// Gives a grant another window; see [`Posted::change_expiration`].
    fn change_expiration(&mut self, grant: usize, expiration: u64) -> bool {
        self.posted_mut().change_expiration(grant, expiration)
    }

    /// Gives a grant another priority; see [`Posted::change_priority`].
    fn change_priority(&mut self, grant: usize, priority: i16) -> bool {
        self.posted_mut().change_priority(grant, priority)
    }
}
