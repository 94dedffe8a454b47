//! Daily windows, one after the other, each with enough for its own day.

use super::{Entry, Grant, History};

/// Ticks of a day, and units that are granted for it.
pub const DAY_TICKS: i64 = 10;
const DAY_UNITS: u64 = 10;

/// Units that are used a day.
const DAY_USED: u64 = 5;

/// A grant for each of some days, and usage at its first tick.
pub fn daily(days: usize) -> History {
    History {
        usage: (0..days).map(daily_usage).collect(),
        ..daily_grants(days)
    }
}

/// A grant for each of some days, without usage.
pub fn daily_grants(days: usize) -> History {
    History {
        grants: (0..days).map(daily_grant).collect(),
        usage: Vec::new(),
        removable: 0,
        seconds: first_tick(days),
    }
}

/// The grant of a day, counted from 0.
pub fn daily_grant(day: usize) -> Grant {
    Grant {
        amount: DAY_UNITS,
        start: first_tick(day),
        expiration: DAY_TICKS.unsigned_abs() - 1,
    }
}

/// The usage of a day, counted from 0.
pub fn daily_usage(day: usize) -> Entry {
    (first_tick(day), DAY_USED)
}

fn first_tick(day: usize) -> i64 {
    0_i64.saturating_add_unsigned(day as u64 * DAY_TICKS.unsigned_abs())
}
