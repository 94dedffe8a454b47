//! What people type for a time or a length that is no integer. Whoever types something else is told what
//! was expected.

use anyhow::Context;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, ToSpan};

/// An instant: RFC 3339, or a date, which is its first instant in UTC.
pub(crate) fn instant(typed: &str) -> Result<Timestamp, &'static str> {
    if let Ok(timestamp) = typed.parse() {
        return Ok(timestamp);
    }
    if typed.len() == "2026-01-31".len()
        && let Ok(date) = typed.parse::<Date>()
        && let Ok(start) = date.to_zoned(TimeZone::UTC)
    {
        return Ok(start.timestamp());
    }
    if begins_with_no_day(typed) {
        return Err(NO_SUCH_DAY);
    }
    Err(match typed.parse::<DateTime>() {
        Ok(_) => "a time zone behind it: Z for UTC, or an offset such as +02:00",
        Err(_) => "an integer, RFC 3339, as in 2026-01-31T12:00:00Z, a date, or now",
    })
}

/// What is expected instead of the thirtieth of February.
const NO_SUCH_DAY: &str = "another day: there is no such day";

/// Whether it begins like a date, of a day that no month has.
fn begins_with_no_day(typed: &str) -> bool {
    let Some(date) = typed.get(.."2026-01-31".len()) else {
        return false;
    };
    let is_date = date.bytes().enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date && date.parse::<Date>().is_err()
}

/// The first instant of a month, such as 2026-01, and that of the next, in UTC; `None` if it is none.
pub(crate) fn month(typed: &str) -> Option<(Timestamp, Timestamp)> {
    let is_month = typed.len() == "2026-01".len();
    let first: Date = format!("{typed}-01").parse().ok().filter(|_| is_month)?;
    let next = first.checked_add(1.month()).ok()?;
    let start = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    Some((start(first).ok()?, start(next).ok()?))
}

/// The nanoseconds of a length such as 30d, or of a time limit of Slurm. Months differ in length, and are
/// refused.
pub(crate) fn length(typed: &str) -> Result<i128, &'static str> {
    const EXPECTED: &str = "an integer, one such as 30d or 12h (7304484d at most), a time limit such as \
                            1-16:00:00, or never";
    if let Some(limit) = time_limit(typed) {
        return Ok(limit);
    }
    let span: Span = typed.parse().map_err(|_| EXPECTED)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("days, such as 30d: months and years differ in length");
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    Ok(duration.map_err(|_| EXPECTED)?.as_nanos())
}

/// The nanoseconds of a time limit as Slurm prints it: HH:MM:SS, or with days, D-HH, D-HH:MM and
/// D-HH:MM:SS. MM and MM:SS are not among them: what an integer is, and two numbers, others take for
/// something else.
fn time_limit(typed: &str) -> Option<i128> {
    let (days, clock) = match typed.split_once('-') {
        Some((days, clock)) => (Some(days), clock),
        None => (None, typed),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let is_limit = match days {
        Some(_) => (1..=3).contains(&parts.len()),
        None => parts.len() == 3,
    };
    let numbers = parts.iter().map(|digits| number(digits));
    let numbers: Vec<i128> = numbers.collect::<Option<_>>()?;
    let seconds = numbers
        .iter()
        .zip([3_600, 60, 1])
        .map(|(number, seconds)| number * seconds);
    let days = days.map_or(Some(0), number)?;
    is_limit.then(|| (days * 86_400 + seconds.sum::<i128>()) * 1_000_000_000)
}

/// Up to nine digits.
fn number(digits: &str) -> Option<i128> {
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// The time zone of a name as typed for `--timezone`; UTC if none is given.
pub(crate) fn time_zone(name: Option<&str>) -> anyhow::Result<TimeZone> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    TimeZone::get(name).ok().with_context(|| {
        format!("--timezone: found {name:?}, expected a name such as Europe/Berlin or UTC")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a library were shown, "failed to find offset component" among them.
    #[test]
    fn who_types_no_instant_is_told_what_is_missing() {
        for typed in ["2026-01-31T12:00:00", "2026-01-31 12:00"] {
            let expected = "a time zone behind it: Z for UTC, or an offset such as +02:00";
            assert_eq!(instant(typed), Err(expected));
        }
        for typed in ["", "tomorrow", "2026-1-1", "99999999999999999999"] {
            assert!(
                instant(typed).unwrap_err().starts_with("an integer"),
                "{typed}"
            );
        }
    }

    /// Whoever typed it was told to type a date.
    #[test]
    fn a_day_that_no_month_has_is_called_so() {
        for typed in [
            "2026-02-30",
            "2026-02-30T00:00:00Z",
            "2026-13-01",
            "2025-02-29",
        ] {
            assert_eq!(instant(typed), Err(NO_SUCH_DAY), "{typed}");
        }
        assert!(instant("2024-02-29").is_ok());
    }

    #[test]
    fn a_month_begins_and_ends_with_its_days() {
        let shown = |typed| month(typed).map(|(start, end)| format!("{start} {end}"));
        let expected = "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z".to_owned();
        assert_eq!(shown("2026-12"), Some(expected));
        for typed in [
            "",
            "2026",
            "2026-13",
            "2026-1",
            "2026-01-01",
            "26-01",
            "9999-12",
        ] {
            assert_eq!(month(typed), None, "{typed}");
        }
    }

    /// `--for 1-16:00:00`, as Slurm prints forty hours, was refused.
    #[test]
    fn a_time_limit_of_slurm_is_a_length() {
        let seconds = |typed| length(typed).map(|nanoseconds| nanoseconds / 1_000_000_000);
        for (typed, expected) in [
            ("1-16:00:00", 40 * 3_600),
            ("40:00:00", 40 * 3_600),
            ("00:30:05", 1_805),
            ("2-12", 60 * 3_600),
            ("0-00:05", 300),
            ("30-00:00:00", 30 * 86_400),
        ] {
            assert_eq!(seconds(typed), Ok(expected), "{typed}");
        }
        for typed in [
            "40:00",
            "1-",
            "1-2-3",
            "1-1:1:1:1",
            "1-1h",
            "9999999999:00:00",
        ] {
            assert!(length(typed).is_err(), "{typed}");
        }
    }

    /// `jiff::SpanRelativeTo::days_are_24_hours()` was shown.
    #[test]
    fn who_types_months_is_told_to_type_days() {
        for typed in ["1month", "2 months", "1y", "P1M"] {
            assert!(
                length(typed).unwrap_err().starts_with("days, such as"),
                "{typed}"
            );
        }
        for typed in ["", "long", "30x", "1.5"] {
            assert!(
                length(typed).unwrap_err().starts_with("an integer"),
                "{typed}"
            );
        }
    }
}
