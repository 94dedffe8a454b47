//! Times as people type and read them.
//!
//! A store keeps integers and does not know their unit. Who says it with `--unit` may type RFC 3339,
//! and is shown it in tables; CSV and JSON stay what the store holds.

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

#[derive(Args, Default)]
pub(crate) struct TimeArguments {
    /// The unit of the timestamps: with it, times may be typed as RFC 3339 or as now, and tables
    /// show them as RFC 3339
    #[arg(long, value_enum, env = "GPU_CREDIT_UNIT", hide_env_values = true)]
    pub(crate) unit: Option<Unit>,
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

impl TimeArguments {
    /// An instant as typed for an option.
    pub(crate) fn instant(&self, option: &str, typed: &str) -> anyhow::Result<i64> {
        if let Ok(instant) = typed.parse() {
            return Ok(instant);
        }
        let Some(unit) = self.unit else {
            bail!(
                "{option}: found {typed:?}, expected {INTEGER}; with --unit also RFC 3339, as in \
                 2026-01-31T12:00:00Z, or now"
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
            return Ok(Some(length));
        }
        let Some(unit) = self.unit else {
            bail!("{option}: found {typed:?}, expected {LENGTH}; with --unit also one such as 30d");
        };
        let nanoseconds = by_clock(typed).with_context(|| {
            format!("{option}: found {typed:?}, expected {LENGTH}, or one such as 30d or 12h")
        })?;
        let length = in_units(nanoseconds, unit)
            .and_then(|units| i64::try_from(units).ok())
            .and_then(|units| u64::try_from(units).ok())
            .with_context(|| {
                format!("{option}: {typed:?} is no whole number of the unit from 0 on in range")
            })?;
        Ok(Some(length))
    }

    /// An instant for people: the last one there is never comes.
    pub(crate) fn show(&self, instant: i64) -> String {
        if instant == i64::MAX {
            return "never".to_owned();
        }
        let by_calendar = self.unit.and_then(|unit| unit.timestamp(instant));
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

    const PLAIN: TimeArguments = TimeArguments { unit: None };

    fn in_unit(unit: Unit) -> TimeArguments {
        TimeArguments { unit: Some(unit) }
    }

    #[test]
    fn integers_are_what_they_are_in_every_unit() {
        for times in [PLAIN, in_unit(Unit::S), in_unit(Unit::Ns)] {
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
        assert!(PLAIN.instant("--at", typed).is_err());
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
        assert!(PLAIN.length("--expiration", "30d").is_err());
        assert!(PLAIN.length("--expiration", "9223372036854775808").is_err());
    }

    #[test]
    fn what_is_refused_says_what_was_expected() {
        let error = PLAIN.instant("--at", "now").unwrap_err().to_string();
        assert!(
            error.starts_with("--at: found \"now\", expected an integer"),
            "{error}"
        );
        assert!(error.contains("--unit"), "{error}");
    }
}
