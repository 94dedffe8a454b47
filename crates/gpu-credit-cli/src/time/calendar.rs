//! What people type for a time or a length that is no integer. Whoever types something else is told what
//! was expected.

use anyhow::Context;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

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
    Err(match typed.parse::<DateTime>() {
        Ok(_) => "a time zone behind it: Z for UTC, or an offset such as +02:00",
        Err(_) => "an integer, RFC 3339, as in 2026-01-31T12:00:00Z, a date, or now",
    })
}

/// The nanoseconds of a length such as 30d. Months differ in length, and are refused.
pub(super) fn length(typed: &str) -> Result<i128, &'static str> {
    const EXPECTED: &str = "an integer, one such as 30d or 12h (7304484d at most), or never";
    let span: Span = typed.parse().map_err(|_| EXPECTED)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("days, such as 30d: months and years differ in length");
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    Ok(duration.map_err(|_| EXPECTED)?.as_nanos())
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
        for typed in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-02-30T00:00:00Z",
            "99999999999999999999",
        ] {
            assert!(
                instant(typed).unwrap_err().starts_with("an integer"),
                "{typed}"
            );
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
