//! Times and lengths of time as `sacct` prints them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What stands for a time that is not known, or never came.
const NO_TIME: [&str; 3] = ["", "Unknown", "None"];

/// A time: local, with an offset, or seconds since 1970. `None` if there is none. The error is what
/// was expected.
pub(super) fn parse_time(value: &str, timezone: &TimeZone) -> Result<Option<Timestamp>, String> {
    if NO_TIME.contains(&value) {
        return Ok(None);
    }
    let time = parse(value, timezone)?;
    match time.subsec_nanosecond() {
        0 => Ok(Some(time)),
        _ => Err("a whole number of seconds".to_owned()),
    }
}

fn parse(value: &str, timezone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(seconds) = value.parse() {
        let time = Timestamp::from_second(seconds);
        return time.map_err(|_| "seconds since 1970 that the calendar reaches".to_owned());
    }
    if let Ok(time) = value.parse() {
        return Ok(time);
    }
    let local: Option<DateTime> = value.parse().ok().filter(|_| value.contains('T'));
    let local = local.ok_or("a time such as 2026-01-31T12:00:00, or Unknown")?;
    let instant = timezone.to_ambiguous_timestamp(local);
    instant.unambiguous().map_err(|_| {
        "a time that is there once, which this one is not when clocks change: run sacct with TZ=UTC, \
         and import its output with that time zone"
            .to_owned()
    })
}

/// Seconds of a time limit, `[DAYS-]HOURS:MINUTES:SECONDS` or `MINUTES:SECONDS`. `None` if there is
/// none. The error is what was expected.
pub(super) fn parse_limit(value: &str) -> Result<Option<i64>, String> {
    if NO_TIME.contains(&value) || ["UNLIMITED", "Partition_Limit"].contains(&value) {
        return Ok(None);
    }
    let limit = seconds(value).ok_or("a time limit such as 1-12:00:00, or UNLIMITED")?;
    Ok(Some(limit))
}

fn seconds(value: &str) -> Option<i64> {
    let (days, clock) = match value.split_once('-') {
        Some((days, clock)) => (number(days)?, clock),
        None => (0, value),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match *parts {
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        [minutes, seconds] if days == 0 => (0, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// Up to nine digits, so that no limit overflows.
fn number(digits: &str) -> Option<i64> {
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(value: &str, timezone: &str) -> Result<Option<i64>, String> {
        let timezone = TimeZone::get(timezone).unwrap();
        let time = parse_time(value, &timezone)?;
        Ok(time.map(Timestamp::as_second))
    }

    #[test]
    fn times_are_local_unless_they_say_otherwise() {
        let noon = 1_769_860_800;
        assert_eq!(time("2026-01-31T12:00:00", "UTC"), Ok(Some(noon)));
        let new_york = "America/New_York";
        assert_eq!(time("2026-01-31T07:00:00", new_york), Ok(Some(noon)));
        assert_eq!(time("2026-01-31T13:00:00+01:00", new_york), Ok(Some(noon)));
        assert_eq!(time("2026-01-31T13:00:00+0100", new_york), Ok(Some(noon)));
        assert_eq!(time("2026-01-31T12:00:00Z", new_york), Ok(Some(noon)));
        assert_eq!(time("1769860800", new_york), Ok(Some(noon)));
        for none in NO_TIME {
            assert_eq!(time(none, new_york), Ok(None));
        }
    }

    #[test]
    fn a_time_that_is_there_twice_or_never_is_refused() {
        let new_york = "America/New_York";
        assert!(time("2026-03-08T01:59:59", new_york).is_ok());
        for changed in ["2026-03-08T02:30:00", "2026-11-01T01:30:00"] {
            let error = time(changed, new_york).unwrap_err();
            assert!(error.contains("TZ=UTC"), "{error}");
        }
        for wrong in [
            "2026-01-31",
            "12:00:00",
            "2026-01-31T12:00:00.5",
            "soon",
            "99999999999999",
        ] {
            assert!(time(wrong, "UTC").is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_limits_are_seconds() {
        assert_eq!(parse_limit("1-12:00:01"), Ok(Some(129_601)));
        assert_eq!(parse_limit("08:30:00"), Ok(Some(30_600)));
        assert_eq!(parse_limit("30:00"), Ok(Some(1_800)));
        for none in ["UNLIMITED", "Partition_Limit", "", "Unknown"] {
            assert_eq!(parse_limit(none), Ok(None));
        }
        let longest = "999999999-999999999:999999999:999999999";
        assert!(parse_limit(longest).is_ok_and(|limit| limit > Some(0)));
        for wrong in [
            "1-",
            "1:2:3:4",
            "8h",
            "-1:00",
            "1-30:00",
            "0000000001:00",
            "+1:00",
        ] {
            assert!(parse_limit(wrong).is_err(), "{wrong}");
        }
    }
}
