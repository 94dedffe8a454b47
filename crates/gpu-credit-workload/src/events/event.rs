//! One row of the events file.

/// A record of an account, or a question to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    /// The account's name; never empty.
    pub account: &'a str,
    /// What names the record within its account, if anything does; never empty, and never there for
    /// a question.
    pub id: Option<&'a str>,
    /// What happens to it.
    pub action: Action<'a>,
}

/// What happens to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action<'a> {
    /// Credit that is live in `[timestamp, timestamp + expiration]`, both ends included.
    Grant {
        /// Metadata.
        credit_id: &'a str,
        /// In the smallest unit, at most `i64::MAX`.
        amount: u64,
        /// The first instant of the window.
        timestamp: i64,
        /// The last instant of the window, counted from `timestamp`.
        expiration: u64,
        /// Lower is drawn first.
        priority: i16,
    },
    /// Usage at an instant.
    Usage {
        /// In the smallest unit, at most `i64::MAX`.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Metered usage: `rate` units at each tick of `[from, until)`. If `until` is not later than `from`,
    /// it is nothing.
    Metered {
        /// In the smallest unit, at most `i64::MAX`.
        rate: u64,
        /// The first tick.
        from: i64,
        /// The first tick that is no longer used.
        until: i64,
    },
    /// The question what the balance is, given the rows before this one.
    Balance {
        /// The instant asked about.
        timestamp: i64,
    },
}

impl Action<'_> {
    /// The word of the `kind` column.
    pub fn kind(&self) -> &'static str {
        match self {
            Action::Grant { .. } => "grant",
            Action::Usage { .. } | Action::Metered { .. } => "usage",
            Action::Balance { .. } => "balance",
        }
    }

    /// The time it bears; of metered usage, the first tick.
    pub fn timestamp(&self) -> i64 {
        match *self {
            Action::Grant { timestamp, .. }
            | Action::Usage { timestamp, .. }
            | Action::Balance { timestamp } => timestamp,
            Action::Metered { from, .. } => from,
        }
    }
}
