//! Times as people type and read them.
//!
//! A store keeps integers, and remembers their [`unit`] once somebody has said it with `--unit`. Times may
//! then be typed by the [`calendar`], and tables show them so; CSV and JSON stay what the store holds.

pub(crate) mod calendar;
mod unit;

use std::cell::OnceCell;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use gpu_credit_store::{Error, TimeUnit};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::store::Store;
pub(crate) use unit::{Unit, show};

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
    /// Take times for what they are, also those that look like times in another unit
    #[arg(long, help_heading = "Store")]
    any_time: bool,
    /// That of the store, once it is open.
    #[arg(skip)]
    held: OnceCell<Unit>,
}

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

    /// The unit that a time needs which was typed by the calendar.
    fn needed_unit(&self, option: &str, typed: &str) -> anyhow::Result<Unit> {
        self.unit().with_context(|| {
            format!(
                "{option}: {typed:?} needs the store's unit of time, and it has none yet: add --unit s \
                 (or ms, us, ns), or set GPU_CREDIT_UNIT, once"
            )
        })
    }

    /// An instant as typed for an option.
    pub(crate) fn instant(&self, option: &str, typed: &str) -> anyhow::Result<i64> {
        if let Ok(instant) = typed.parse() {
            self.refuse_other_unit(option, instant)?;
            return self.converted(option, instant);
        }
        let now = Timestamp::now();
        let timestamp = match typed {
            "now" => Ok(now),
            _ => calendar::instant(typed),
        };
        let timestamp = timestamp.map_err(|expected| no_instant(option, typed, expected))?;
        let unit = self.needed_unit(option, typed)?;
        let nanoseconds = match typed {
            // The tick that has begun.
            "now" => now.as_nanosecond() - now.as_nanosecond().rem_euclid(unit.nanoseconds()),
            _ => timestamp.as_nanosecond(),
        };
        let units = unit.of_nanoseconds(nanoseconds);
        units
            .and_then(|units| i64::try_from(units).ok())
            .with_context(|| not_whole(option, typed, unit))
    }

    /// The length of a window as typed for an option; `None` for a window without end.
    pub(crate) fn length(&self, option: &str, typed: &str) -> anyhow::Result<Option<u64>> {
        if typed == "never" {
            return Ok(None);
        }
        if let Ok(length) = typed.parse::<i64>() {
            ensure!(
                length >= 0,
                "{option}: found {typed:?}, expected an integer from 0 to {}, or never",
                i64::MAX
            );
            let length = self.converted(option, length)?;
            return Ok(Some(length.unsigned_abs()));
        }
        let nanoseconds = calendar::length(typed)
            .map_err(|expected| anyhow!("{option}: found {typed:?}, expected {expected}"))?;
        let unit = self.needed_unit(option, typed)?;
        let units = unit.of_nanoseconds(nanoseconds);
        let units = units.and_then(|units| i64::try_from(units).ok());
        let units = units.and_then(|units| u64::try_from(units).ok());
        units
            .map(Some)
            .with_context(|| not_whole(option, typed, unit))
    }

    /// How long a grant is active, as typed for `--for`: its expiration, both ends included; `None` for a
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
            format!("--for: found {typed:?}, expected a length above 0 with an end that fits into 64 bits")
        })
    }

    /// An instant as typed for an option, by the calendar of a time zone: there, a date begins at
    /// midnight.
    pub(crate) fn zoned(&self, option: &str, typed: &str, zone: TimeZone) -> anyhow::Result<Zoned> {
        let unit = self.needed_unit(option, typed)?;
        if typed.parse::<Timestamp>().is_err()
            && let Ok(local) = typed.parse::<DateTime>()
        {
            let zoned = local.to_zoned(zone).ok();
            return zoned
                .with_context(|| format!("{option}: the calendar does not reach {typed:?}"));
        }
        let instant = self.instant(option, typed)?;
        let timestamp = unit.timestamp(instant);
        let timestamp = timestamp
            .with_context(|| format!("{option}: the calendar does not reach {typed:?}"))?;
        Ok(timestamp.to_zoned(zone))
    }

    /// An instant of the calendar, in the unit of the store.
    pub(crate) fn of_timestamp(&self, option: &str, timestamp: Timestamp) -> anyhow::Result<i64> {
        let typed = timestamp.to_string();
        let unit = self.needed_unit(option, &typed)?;
        let units = unit.of_nanoseconds(timestamp.as_nanosecond());
        units
            .and_then(|units| i64::try_from(units).ok())
            .with_context(|| not_whole(option, &typed, unit))
    }

    /// Refuses an integer that is no likely time in its unit, and one in another.
    fn refuse_other_unit(&self, option: &str, typed: i64) -> anyhow::Result<()> {
        let unit = self.said.or(self.unit()).map(TimeUnit::from);
        let other = unit.and_then(|unit| Some((unit, unit.likely_other(typed)?)));
        match other.filter(|_| !self.any_time) {
            Some((unit, other)) => bail!(
                "{option}: found {typed} {unit}, which is no likely time, and would be {} in {other}: --unit \
                 {other} says so, and --any-time that {unit} is right",
                show(Some(other.into()), typed)
            ),
            None => Ok(()),
        }
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

    /// An instant for people: the last one there is never comes.
    pub(crate) fn show(&self, instant: i64) -> String {
        show(self.unit(), instant)
    }
}

fn no_instant(option: &str, typed: &str, expected: &str) -> anyhow::Error {
    let digits = typed.strip_prefix('-').unwrap_or(typed);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match is_integer {
        true => anyhow!(
            "{option}: found {typed:?}, expected an integer from {} to {}",
            i64::MIN,
            i64::MAX
        ),
        false => anyhow!("{option}: found {typed:?}, expected {expected}"),
    }
}

fn not_whole(option: &str, typed: &str, unit: Unit) -> String {
    let unit = TimeUnit::from(unit);
    format!(
        "{option}: found {typed:?}, expected a whole number of {unit}, the store's unit of time, in \
         the range of 64 bits"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> TimeArguments {
        TimeArguments::default()
    }

    fn in_unit(unit: Unit) -> TimeArguments {
        TimeArguments {
            held: unit.into(),
            ..plain()
        }
    }

    #[test]
    fn integers_in_another_unit_than_the_store_has_are_converted_or_refused() {
        let times = TimeArguments {
            said: Some(Unit::Ms),
            held: Unit::S.into(),
            ..plain()
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
            ..plain()
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

    /// Milliseconds were read as seconds, of the year 58052.
    #[test]
    fn a_time_that_looks_like_one_in_another_unit_is_refused() {
        let refused = |unit, typed| {
            in_unit(unit)
                .instant("--at", typed)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(Unit::S, "1769860800250"),
            "--at: found 1769860800250 s, which is no likely time, and would be 2026-01-31T12:00:00.25Z in \
             ms: --unit ms says so, and --any-time that s is right"
        );
        let said = refused(Unit::Ms, "1769860800");
        assert!(
            said.starts_with("--at: found 1769860800 ms, which is no likely time"),
            "{said}"
        );
        let times = TimeArguments {
            any_time: true,
            ..in_unit(Unit::S)
        };
        assert_eq!(
            times.instant("--at", "1769860800250").unwrap(),
            1_769_860_800_250
        );
        let times = TimeArguments {
            said: Some(Unit::Ms),
            ..in_unit(Unit::S)
        };
        assert_eq!(
            times.instant("--at", "1769860800000").unwrap(),
            1_769_860_800
        );
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
        assert_eq!(
            error,
            "--at: \"now\" needs the store's unit of time, and it has none yet: add --unit s (or ms, us, \
             ns), or set GPU_CREDIT_UNIT, once"
        );
        let times = in_unit(Unit::S);
        for (typed, expected) in [
            (
                "9223372036854775808",
                "an integer from -9223372036854775808 to",
            ),
            ("2026-01-31T12:00:00", "a time zone behind it"),
            ("2026-01-31T12:00:00.5Z", "a whole number of s"),
            ("soon", "an integer, RFC 3339"),
        ] {
            let error = times.instant("--at", typed).unwrap_err().to_string();
            let expected = format!("--at: found {typed:?}, expected {expected}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
