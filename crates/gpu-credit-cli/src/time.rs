//! Times as people type and read them.
//!
//! A store keeps integers, and remembers their unit once somebody has said it with `--unit`. Times may
//! then be typed as RFC 3339, and tables show them so; CSV and JSON stay what the store holds.

use std::cell::OnceCell;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use gpu_credit_store::{Error, Store, TimeUnit};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Zoned};

#[derive(Args, Default)]
pub(crate) struct TimeArguments {
    /// The unit of times typed as integers: s, ms, us or ns. The store keeps the first one (see
    /// gpu-credit help units)
    #[arg(
        id = "unit",
        long,
        value_name = "UNIT",
        value_enum,
        help_heading = "Store",
        env = "GPU_CREDIT_UNIT",
        hide_env_values = true,
        hide_possible_values = true
    )]
    said: Option<Unit>,
    /// That of the store, once it is open.
    #[arg(skip)]
    held: OnceCell<Unit>,
}

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
}

/// How to type an instant or a length for which no unit is needed.
const INTEGER: &str = "an integer from -9223372036854775808 to 9223372036854775807";
const LENGTH: &str = "an integer from 0 to 9223372036854775807, or never";
/// Why nothing else can be typed.
const NO_UNIT_FOR_CALENDAR: &str = "the store has no unit of time yet, and a calendar needs one; say it \
                                    once with --unit s, ms, us or ns";
const NO_UNIT: &str =
    "the store has no unit of time yet; say it once with --unit s, ms, us or ns, and it may be";

impl TimeArguments {
    /// Learns the unit of a store; one that has none keeps the one that was said.
    pub(crate) fn learn(&self, store: &Store) -> Result<(), Error> {
        let held = match (store.time_unit()?, self.said) {
            (Some(held), _) => Some(held),
            (None, Some(said)) => {
                store.set_time_unit(said.into())?;
                Some(said.into())
            }
            (None, None) => None,
        };
        if let Some(held) = held {
            // It is learned once.
            let _ = self.held.set(held.into());
        }
        Ok(())
    }

    /// Whether a unit was said, to a store that has none yet.
    pub(crate) fn is_first(&self, store: &Store) -> Result<bool, Error> {
        Ok(self.said.is_some() && store.time_unit()?.is_none())
    }

    /// Learns the unit of a store that cannot be written; of one that has none, what was said.
    pub(crate) fn show_in_unit_of(&self, store: &Store) -> Result<(), Error> {
        let kept = store.time_unit()?.map(Unit::from);
        if let Some(unit) = kept.or(self.said) {
            let _ = self.held.set(unit);
        }
        Ok(())
    }

    /// The unit of the store's times.
    pub(crate) fn unit(&self) -> Option<Unit> {
        self.held.get().copied()
    }

    /// An instant as typed for an option.
    pub(crate) fn instant(&self, option: &str, typed: &str) -> anyhow::Result<i64> {
        if let Ok(instant) = typed.parse() {
            return self.converted(option, instant);
        }
        let Some(unit) = self.unit() else {
            bail!(
                "{option}: found {typed:?}, expected {INTEGER}: {NO_UNIT} also RFC 3339, as in \
                 2026-01-31T12:00:00Z, a date, or now"
            );
        };
        let nanoseconds = if typed == "now" {
            let now = Timestamp::now().as_nanosecond();
            now - now.rem_euclid(unit.nanoseconds())
        } else {
            by_calendar(typed)
                .with_context(|| {
                    format!(
                        "{option}: found {typed:?}, expected {INTEGER}, RFC 3339, as in \
                         2026-01-31T12:00:00Z, a date, or now"
                    )
                })?
                .as_nanosecond()
        };
        in_units(nanoseconds, unit)
            .and_then(|units| i64::try_from(units).ok())
            .with_context(|| format!("{option}: {typed:?} is no whole number of the unit in range"))
    }

    /// The length of a window as typed for an option; `None` for a window without end.
    pub(crate) fn length(&self, option: &str, typed: &str) -> anyhow::Result<Option<u64>> {
        if typed == "never" {
            return Ok(None);
        }
        if let Ok(length) = typed.parse::<u64>() {
            ensure!(
                i64::try_from(length).is_ok(),
                "{option}: found {typed:?}, expected {LENGTH}"
            );
            let length = self.converted(option, length.cast_signed())?;
            return Ok(Some(length.unsigned_abs()));
        }
        self.in_store_units(option, typed).map(Some)
    }

    /// How long a grant is live, as typed for `--for`: its expiration, both ends included; `None` for a
    /// window without end.
    pub(crate) fn live_for(&self, typed: &str) -> anyhow::Result<Option<u64>> {
        let length = self.length("--for", typed)?;
        ensure!(
            length != Some(0),
            "--for: found {typed:?}, expected a length above 0"
        );
        Ok(length.map(|length| length - 1))
    }

    /// The instant after a length as typed for `--for`, from `start` on.
    pub(crate) fn end_after(&self, start: i64, typed: &str) -> anyhow::Result<i64> {
        let length = self.length("--for", typed)?;
        let end = length.and_then(|length| start.checked_add_unsigned(length));
        end.filter(|end| *end > start).with_context(|| {
            format!("--for: found {typed:?}, expected a length above 0 that ends in range")
        })
    }

    /// An instant as typed for an option, by the calendar of a time zone: there, a date begins at
    /// midnight.
    pub(crate) fn zoned(&self, option: &str, typed: &str, zone: TimeZone) -> anyhow::Result<Zoned> {
        let Some(unit) = self.unit() else {
            bail!("{option}: {NO_UNIT_FOR_CALENDAR}");
        };
        if typed.parse::<Timestamp>().is_err()
            && let Ok(local) = typed.parse::<DateTime>()
        {
            return Ok(local.to_zoned(zone)?);
        }
        let instant = self.instant(option, typed)?;
        let timestamp = unit.timestamp(instant);
        let timestamp = timestamp
            .with_context(|| format!("{option}: the calendar does not reach {typed:?}"))?;
        Ok(timestamp.to_zoned(zone))
    }

    /// An instant of the calendar, in the unit of the store.
    pub(crate) fn of_timestamp(&self, option: &str, timestamp: Timestamp) -> anyhow::Result<i64> {
        let units = self
            .unit()
            .and_then(|unit| in_units(timestamp.as_nanosecond(), unit));
        units
            .and_then(|units| i64::try_from(units).ok())
            .with_context(|| {
                format!("{option}: {timestamp} is no whole number of the unit in range")
            })
    }

    /// An integer in the unit that was said, in that of the store.
    fn converted(&self, option: &str, typed: i64) -> anyhow::Result<i64> {
        let (Some(said), Some(held)) = (self.said, self.unit()) else {
            return Ok(typed);
        };
        let (said, held) = (TimeUnit::from(said), TimeUnit::from(held));
        said.convert(typed, held).with_context(|| {
            format!(
                "{option}: found {typed} {said}, expected a whole number of {held}, the store's \
                 unit of time, in the range of 64 bits"
            )
        })
    }

    fn in_store_units(&self, option: &str, typed: &str) -> anyhow::Result<u64> {
        let Some(unit) = self.unit() else {
            bail!("{option}: found {typed:?}, expected {LENGTH}: {NO_UNIT} also one such as 30d");
        };
        let nanoseconds = by_clock(typed).with_context(|| {
            format!("{option}: found {typed:?}, expected {LENGTH}, or one such as 30d or 12h")
        })?;
        in_units(nanoseconds, unit)
            .and_then(|units| i64::try_from(units).ok())
            .and_then(|units| u64::try_from(units).ok())
            .with_context(|| {
                format!("{option}: {typed:?} is no whole number of the unit from 0 on in range")
            })
    }

    /// An instant for people: the last one there is never comes.
    pub(crate) fn show(&self, instant: i64) -> String {
        if instant == i64::MAX {
            return "never".to_owned();
        }
        let by_calendar = self.unit().and_then(|unit| unit.timestamp(instant));
        by_calendar.map_or_else(|| instant.to_string(), |timestamp| timestamp.to_string())
    }
}

fn by_calendar(typed: &str) -> anyhow::Result<Timestamp> {
    match typed.parse() {
        Ok(timestamp) => Ok(timestamp),
        // A date is the first instant of that day, in UTC.
        Err(error) => match typed.parse::<Date>() {
            Ok(date) if typed.len() == "2026-01-31".len() => {
                Ok(date.to_zoned(TimeZone::UTC)?.timestamp())
            }
            _ => Err(error.into()),
        },
    }
}

/// Nanoseconds of a length such as 30d. Months differ in length, and are refused.
fn by_clock(typed: &str) -> anyhow::Result<i128> {
    let span: Span = typed.parse()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
    Ok(duration.as_nanos())
}

fn in_units(nanoseconds: i128, unit: Unit) -> Option<i128> {
    let is_whole = nanoseconds % unit.nanoseconds() == 0;
    is_whole.then(|| nanoseconds / unit.nanoseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> TimeArguments {
        TimeArguments::default()
    }

    fn in_unit(unit: Unit) -> TimeArguments {
        TimeArguments {
            said: None,
            held: unit.into(),
        }
    }

    #[test]
    fn integers_in_another_unit_than_the_store_has_are_converted_or_refused() {
        let times = TimeArguments {
            said: Some(Unit::Ms),
            held: Unit::S.into(),
        };
        assert_eq!(times.instant("--at", "-5000").unwrap(), -5);
        assert_eq!(times.length("--expiration", "5000").unwrap(), Some(5));
        assert_eq!(times.instant("--at", "1970-01-01T00:00:07Z").unwrap(), 7);
        let error = times.instant("--at", "5001").unwrap_err().to_string();
        assert!(
            error.starts_with("--at: found 5001 ms, expected a whole number of s"),
            "{error}"
        );
        let times = TimeArguments {
            said: Some(Unit::S),
            held: Unit::Ns.into(),
        };
        assert_eq!(times.instant("--at", "7").unwrap(), 7_000_000_000);
        assert!(times.instant("--at", &i64::MAX.to_string()).is_err());
    }

    #[test]
    fn integers_are_what_they_are_in_every_unit() {
        for times in [plain(), in_unit(Unit::S), in_unit(Unit::Ns)] {
            for instant in [i64::MIN, -1, 0, i64::MAX] {
                let typed = instant.to_string();
                assert_eq!(times.instant("--at", &typed).unwrap(), instant);
            }
            assert_eq!(times.length("--expiration", "30").unwrap(), Some(30));
            assert_eq!(times.length("--expiration", "never").unwrap(), None);
        }
    }

    #[test]
    fn a_calendar_time_is_exact_or_refused() {
        let typed = "2026-01-31T12:00:00.25Z";
        let milliseconds = in_unit(Unit::Ms).instant("--at", typed).unwrap();
        assert_eq!(milliseconds, 1_769_860_800_250);
        assert_eq!(in_unit(Unit::Ms).show(milliseconds), typed);
        assert!(in_unit(Unit::S).instant("--at", typed).is_err());
        assert!(plain().instant("--at", typed).is_err());
        assert!(in_unit(Unit::Ns).instant("--at", "3000-01-01").is_err());
        let zoned = in_unit(Unit::S).instant("--at", "2026-01-31T13:00:00+01:00");
        assert_eq!(zoned.unwrap(), 1_769_860_800);
        let date = in_unit(Unit::S).instant("--at", "2026-01-31");
        assert_eq!(date.unwrap(), 1_769_817_600);
    }

    #[test]
    fn a_length_is_exact_or_refused() {
        let length = |unit, typed| in_unit(unit).length("--expiration", typed).ok().flatten();
        assert_eq!(length(Unit::S, "30d"), Some(2_592_000));
        assert_eq!(length(Unit::Ms, "1h 30m"), Some(5_400_000));
        assert_eq!(length(Unit::S, "1500ms"), None);
        assert_eq!(length(Unit::S, "1 month"), None);
        assert_eq!(length(Unit::S, "-1h"), None);
        assert!(plain().length("--expiration", "30d").is_err());
        assert!(
            plain()
                .length("--expiration", "9223372036854775808")
                .is_err()
        );
    }

    #[test]
    fn what_is_refused_says_what_was_expected() {
        let error = plain().instant("--at", "now").unwrap_err().to_string();
        assert!(
            error.starts_with("--at: found \"now\", expected an integer"),
            "{error}"
        );
        assert!(error.contains("--unit"), "{error}");
    }
}
