//! The units in which a store may count time.

use clap::ValueEnum;
use gpu_credit_store::TimeUnit;
use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// Seconds since 1970
    S,
    /// Milliseconds since 1970
    Ms,
    /// Microseconds since 1970
    Us,
    /// Nanoseconds since 1970
    Ns,
}

impl From<Unit> for TimeUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::S => TimeUnit::Seconds,
            Unit::Ms => TimeUnit::Milliseconds,
            Unit::Us => TimeUnit::Microseconds,
            Unit::Ns => TimeUnit::Nanoseconds,
        }
    }
}

impl From<TimeUnit> for Unit {
    fn from(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::Seconds => Unit::S,
            TimeUnit::Milliseconds => Unit::Ms,
            TimeUnit::Microseconds => Unit::Us,
            TimeUnit::Nanoseconds => Unit::Ns,
        }
    }
}

impl Unit {
    pub(crate) fn nanoseconds(self) -> i128 {
        match self {
            Unit::S => 1_000_000_000,
            Unit::Ms => 1_000_000,
            Unit::Us => 1_000,
            Unit::Ns => 1,
        }
    }

    /// An instant by the calendar; `None` if the calendar does not reach.
    pub(crate) fn timestamp(self, instant: i64) -> Option<Timestamp> {
        Timestamp::from_nanosecond(i128::from(instant) * self.nanoseconds()).ok()
    }

    /// So many nanoseconds in this unit; `None` if that is not exact.
    pub(super) fn of_nanoseconds(self, nanoseconds: i128) -> Option<i128> {
        let is_whole = nanoseconds % self.nanoseconds() == 0;
        is_whole.then(|| nanoseconds / self.nanoseconds())
    }
}

/// An instant for people, by the calendar if its unit is known: the last one there is never comes.
pub(crate) fn show(unit: Option<Unit>, instant: i64) -> String {
    if instant == i64::MAX {
        return "never".to_owned();
    }
    let by_calendar = unit.and_then(|unit| unit.timestamp(instant));
    by_calendar.map_or_else(|| instant.to_string(), |timestamp| timestamp.to_string())
}
