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

    /// The unit in which a time is likely to be, if it is not this one: the time is then of 2000 to 2099,
    /// and in this unit before 1980 or after 9999. No two units have likely times in common.
    ///
    /// ```
    /// use gpu_credit_store::TimeUnit;
    ///
    /// // Milliseconds of 2026, read as seconds.
    /// assert_eq!(TimeUnit::Seconds.likely_other(1_769_860_800_250), Some(TimeUnit::Milliseconds));
    /// assert_eq!(TimeUnit::Seconds.likely_other(1_769_860_800), None);
    /// assert_eq!(TimeUnit::Seconds.likely_other(30), None);
    /// ```
    pub fn likely_other(self, time: i64) -> Option<TimeUnit> {
        const YEARS_1970_TO: [i64; 4] = [315_532_800, 946_684_800, 4_102_444_800, 253_402_300_800];
        let [of_1980, of_2000, of_2100, of_10000] = YEARS_1970_TO;
        let second = |unit: TimeUnit| time.div_euclid(1_000_000_000 / unit.nanoseconds());
        let is_likely = |unit: &TimeUnit| (of_2000..of_2100).contains(&second(*unit));
        match (of_1980..of_10000).contains(&second(self)) {
            true => None,
            false => TimeUnit::ALL.into_iter().find(is_likely),
        }
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
    fn a_likely_time_is_likely_in_one_unit() {
        // The first of 1980, 2000, 2026, 2100 and 2500, and what comes before some.
        for second in [
            315_532_800,
            946_684_800,
            1_767_225_600,
            4_102_444_799,
            4_102_444_800,
            9_223_372_036,
        ] {
            for unit in TimeUnit::ALL {
                let time = second * (1_000_000_000 / unit.nanoseconds());
                assert_eq!(unit.likely_other(time), None, "{second} {unit}");
                for other in TimeUnit::ALL.into_iter().filter(|other| *other != unit) {
                    let is_likely = (946_684_800..4_102_444_800).contains(&second);
                    let expected = is_likely.then_some(unit);
                    assert_eq!(other.likely_other(time), expected, "{time} {other}");
                }
            }
        }
        for unit in TimeUnit::ALL {
            for time in [i64::MIN, -1_769_860_800, -1, 0, 86_400_000, i64::MAX] {
                assert_eq!(unit.likely_other(time), None, "{time} {unit}");
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
