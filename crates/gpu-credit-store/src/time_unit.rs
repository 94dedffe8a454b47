//! The unit of time that a store remembers.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Storage, Store};

/// What one step of a store's timestamps is. Timestamps count from the beginning of 1970, UTC.
///
/// The engine and the rules know no unit. A store remembers one for whoever types and reads times.
///
/// ```
/// use gpu_credit_store::TimeUnit;
///
/// assert_eq!(TimeUnit::Milliseconds.convert(12_000, TimeUnit::Seconds), Some(12));
/// assert_eq!(TimeUnit::Milliseconds.convert(12_001, TimeUnit::Seconds), None);
/// assert_eq!("ms".parse(), Ok(TimeUnit::Milliseconds));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeUnit {
    /// 10^-9 s.
    Nanoseconds,
    /// 10^-6 s.
    Microseconds,
    /// 10^-3 s.
    Milliseconds,
    /// 1 s.
    Seconds,
}

impl TimeUnit {
    /// All of them, the finest first.
    pub const ALL: [TimeUnit; 4] = [
        TimeUnit::Nanoseconds,
        TimeUnit::Microseconds,
        TimeUnit::Milliseconds,
        TimeUnit::Seconds,
    ];

    /// The symbol: `s`, `ms`, `us` or `ns`.
    pub fn as_str(self) -> &'static str {
        match self {
            TimeUnit::Nanoseconds => "ns",
            TimeUnit::Microseconds => "us",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Seconds => "s",
        }
    }

    /// How many nanoseconds it has.
    pub fn nanoseconds(self) -> i64 {
        match self {
            TimeUnit::Nanoseconds => 1,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Milliseconds => 1_000_000,
            TimeUnit::Seconds => 1_000_000_000,
        }
    }

    /// A time, or a length of time, in another unit; `None` if it is no whole number there, or too
    /// large.
    pub fn convert(self, time: i64, to: TimeUnit) -> Option<i64> {
        let (from, to) = (self.nanoseconds(), to.nanoseconds());
        if from >= to {
            return time.checked_mul(from / to);
        }
        let steps = to / from;
        (time % steps == 0).then_some(time / steps)
    }

    /// The number by which a file knows it: the power of ten of its steps in a second.
    fn number(self) -> u64 {
        match self {
            TimeUnit::Nanoseconds => 9,
            TimeUnit::Microseconds => 6,
            TimeUnit::Milliseconds => 3,
            TimeUnit::Seconds => 0,
        }
    }

    fn of_number(number: u64) -> Option<Self> {
        TimeUnit::ALL
            .into_iter()
            .find(|unit| unit.number() == number)
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for TimeUnit {
    type Err = UnknownTimeUnit;

    fn from_str(symbol: &str) -> Result<Self, UnknownTimeUnit> {
        TimeUnit::ALL
            .into_iter()
            .find(|unit| unit.as_str() == symbol)
            .ok_or(UnknownTimeUnit)
    }
}

/// No unit of time has this symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected s, ms, us or ns")]
pub struct UnknownTimeUnit;

/// The note under which the unit is kept.
const NOTE: &str = "time unit";

impl<S: Storage> Store<S> {
    /// The unit of the store's timestamps; `None` if nobody has said it yet. O(1).
    ///
    /// # Errors
    /// If the journal fails, or knows a unit that this version does not.
    pub fn time_unit(&self) -> Result<Option<TimeUnit>, Error> {
        match self.reader().note(NOTE)? {
            None => Ok(None),
            Some(number) => Ok(Some(known(number)?)),
        }
    }

    /// Says the unit of the store's timestamps, for good: saying the same again does nothing. On
    /// return it is durable. Timestamps that are there stay as they are.
    ///
    /// ```
    /// use gpu_credit_store::{Store, TimeUnit};
    ///
    /// let store = Store::in_memory()?;
    /// assert_eq!(store.time_unit()?, None);
    /// store.set_time_unit(TimeUnit::Seconds)?;
    /// assert_eq!(store.time_unit()?, Some(TimeUnit::Seconds));
    /// assert!(store.set_time_unit(TimeUnit::Milliseconds).is_err());
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the store has another unit, or the journal fails.
    pub fn set_time_unit(&self, unit: TimeUnit) -> Result<(), Error> {
        // Most stores have one: nothing is written then.
        let kept = match self.time_unit()? {
            Some(kept) => kept,
            None => known(self.storage()?.keep_note(NOTE, unit.number())?)?,
        };
        match kept == unit {
            true => Ok(()),
            false => Err(Error::OtherTimeUnit { kept, said: unit }),
        }
    }
}

fn known(number: u64) -> Result<TimeUnit, Error> {
    TimeUnit::of_number(number).ok_or(Error::UnknownTimeUnit(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_is_exact_or_none() {
        for from in TimeUnit::ALL {
            for to in TimeUnit::ALL {
                for time in [i64::MIN, -1_000_000_000, -1, 0, 1, 7_000, i64::MAX] {
                    let exact = i128::from(time) * i128::from(from.nanoseconds());
                    let steps = i128::from(to.nanoseconds());
                    let expected = match exact % steps {
                        0 => i64::try_from(exact / steps).ok(),
                        _ => None,
                    };
                    assert_eq!(from.convert(time, to), expected, "{time} {from} in {to}");
                }
            }
        }
    }

    #[test]
    fn a_unit_is_known_by_its_number_and_its_symbol() {
        for unit in TimeUnit::ALL {
            assert_eq!(TimeUnit::of_number(unit.number()), Some(unit));
            assert_eq!(unit.to_string().parse(), Ok(unit));
        }
        assert_eq!(TimeUnit::of_number(1), None);
        assert_eq!("h".parse::<TimeUnit>(), Err(UnknownTimeUnit));
    }
}
