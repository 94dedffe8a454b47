//! Seeded histories of one account, and late writes to them.
//!
//! Times are seconds from 0 on. The rules of the ledger are not used here.

mod daily;
mod jobs;
mod late;
mod mixed;
mod worst;
mod years;

pub use daily::{DAY_TICKS, daily, daily_grant, daily_grants, daily_usage};
pub use jobs::{Job, Jobs};
pub use late::{LateWrites, Write};
pub use mixed::{ARRIVAL_SECONDS, Mix};
pub use worst::{domino_front, dominoes, nested, nested_grant};
pub use years::{
    Spread, YEARS_SECONDS, in_order, questions, questions_spread, years, years_spread,
};

/// Usage as `(timestamp, amount)`.
pub type Entry = (i64, u64);

/// A grant, live in `[start, start + expiration]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub start: i64,
    /// The last instant of the window, counted from `start`.
    pub expiration: u64,
}

impl Grant {
    /// The last instant of the window.
    pub fn end(&self) -> i64 {
        self.start.saturating_add_unsigned(self.expiration)
    }
}

/// The records of one account, each kind in posting order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The grants; their places are their posting numbers.
    pub grants: Vec<Grant>,
    /// The usage.
    pub usage: Vec<Entry>,
    /// How many of the first entries are small: late writes may retract them.
    pub removable: usize,
    /// Usage falls before this instant.
    pub seconds: i64,
}
