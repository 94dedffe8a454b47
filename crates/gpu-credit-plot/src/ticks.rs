//! The marks of the time axis, at round numbers or round times.

use gpu_credit_store::TimeUnit;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A mark of the time axis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) at: i64,
    pub(crate) label: String,
}

const NANOSECONDS: i128 = 1_000_000_000;
const DAY: i128 = 86_400;
/// Steps by the clock and the calendar, in seconds.
const STEPS: [i128; 21] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    14 * DAY,
];
/// Steps by the calendar, in months.
const MONTHS: [i32; 15] = [
    1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000, 24_000,
];
const MONTH: i128 = 30 * DAY;

/// Marks for a range of time, about `count` at most.
pub(crate) fn ticks(range: (i64, i64), unit: Option<TimeUnit>, count: i128) -> Vec<Tick> {
    unit.and_then(|unit| by_calendar(range, unit, count))
        .unwrap_or_else(|| by_number(range, count))
}

/// Marks for a range of amounts, about `count` at most: whole numbers.
pub(crate) fn amounts((low, high): (i128, i128), count: i128) -> impl Iterator<Item = i128> {
    let step = round_step((high - low) / count);
    let first = low + (-low).rem_euclid(step);
    std::iter::successors(Some(first), move |amount| Some(amount + step))
        .take_while(move |amount| *amount <= high)
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn by_number((from, to): (i64, i64), count: i128) -> Vec<Tick> {
    let step = round_step((i128::from(to) - i128::from(from)) / count);
    let label = |at: i64| Some(at.to_string());
    multiples((from, to), step, label)
}

/// The least of 1, 2, 5, 10, 20 and so on that is more than `least`.
fn round_step(least: i128) -> i128 {
    let powers = std::iter::successors(Some(1_i128), |power| power.checked_mul(10));
    let mut steps =
        powers.flat_map(|power| [power, power.saturating_mul(2), power.saturating_mul(5)]);
    steps.find(|step| *step > least).unwrap_or(i128::MAX)
}

/// An instant by the calendar; `None` if the calendar does not reach.
pub(crate) fn timestamp(unit: TimeUnit, instant: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(instant) * i128::from(unit.nanoseconds())).ok()
}

/// `None` if the calendar does not reach, or the range is too short for its steps.
fn by_calendar((from, to): (i64, i64), unit: TimeUnit, count: i128) -> Option<Vec<Tick>> {
    let (first, last) = (timestamp(unit, from)?, timestamp(unit, to)?);
    let second = NANOSECONDS / i128::from(unit.nanoseconds());
    let span = i128::from(to) - i128::from(from);
    if span < 2 * second {
        return None;
    }
    let least = span / count;
    if let Some(step) = STEPS.into_iter().find(|step| step * second > least) {
        let format = match step {
            step if step >= DAY => "%Y-%m-%d",
            step if step >= 60 => "%Y-%m-%d %H:%M",
            _ => "%H:%M:%S",
        };
        let label = |at| Some(timestamp(unit, at)?.strftime(format).to_string());
        return Some(multiples((from, to), step * second, label));
    }
    let fits = |months: &i32| i128::from(*months) * MONTH * second > least;
    let months = MONTHS.into_iter().find(fits).unwrap_or(60_000);
    let month = |timestamp: Timestamp| {
        let date = timestamp.to_zoned(TimeZone::UTC).date();
        i32::from(date.year()) * 12 + i32::from(date.month()) - 1
    };
    let mut ticks = Vec::new();
    let mut index = month(first).div_euclid(months) * months;
    while index <= month(last) {
        if let Some(tick) = start_of_month(index, unit)
            && (from..=to).contains(&tick.at)
        {
            ticks.push(tick);
        }
        index += months;
    }
    Some(ticks)
}

/// Months are counted from that of January in the year 0.
fn start_of_month(index: i32, unit: TimeUnit) -> Option<Tick> {
    let year = i16::try_from(index.div_euclid(12)).ok()?;
    let month = i8::try_from(index.rem_euclid(12) + 1).ok()?;
    let date = Date::new(year, month, 1).ok()?;
    let timestamp = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Tick {
        at: i64::try_from(timestamp.as_nanosecond() / i128::from(unit.nanoseconds())).ok()?,
        label: date.to_string(),
    })
}

fn multiples(
    (from, to): (i64, i64),
    step: i128,
    label: impl Fn(i64) -> Option<String>,
) -> Vec<Tick> {
    let (from, to) = (i128::from(from), i128::from(to));
    let first = from + (-from).rem_euclid(step);
    let all = std::iter::successors(Some(first), |at| Some(at + step));
    let in_range = all.take_while(|at| *at <= to);
    in_range
        .filter_map(|at| i64::try_from(at).ok())
        .filter_map(|at| {
            Some(Tick {
                at,
                label: label(at)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (i64, i64), unit: Option<TimeUnit>) -> Vec<String> {
        let ticks = ticks(range, unit, 6);
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn numbers_are_round() {
        assert_eq!(labels((-7, 23), None), ["0", "10", "20"]);
        assert_eq!(labels((0, 1), None), ["0", "1"]);
        let all = ticks((i64::MIN, i64::MAX), None, 6);
        assert!((3..=7).contains(&all.len()), "{all:?}");
    }

    #[test]
    fn amounts_are_round() {
        let all: Vec<i128> = amounts((-105, 1_000), 8).collect();
        assert_eq!(all, [0, 200, 400, 600, 800, 1_000]);
        assert_eq!(amounts((0, 1), 8).collect::<Vec<_>>(), [0, 1]);
        let most = i128::from(i64::MAX);
        assert!((3..=9).contains(&amounts((-most, most), 8).count()));
    }

    #[test]
    fn times_are_round_in_every_unit() {
        for unit in TimeUnit::ALL {
            let second = 1_000_000_000 / unit.nanoseconds();
            let day = 86_400 * second;
            // From 2025-01-01 on.
            let start = 20_089 * day;
            assert_eq!(
                labels((start, start + day / 2), Some(unit)).last().unwrap(),
                "2025-01-01 12:00"
            );
            assert_eq!(
                labels((start - 1, start + 365 * day), Some(unit)),
                [
                    "2025-01-01",
                    "2025-04-01",
                    "2025-07-01",
                    "2025-10-01",
                    "2026-01-01"
                ]
            );
            assert_eq!(
                labels((start, start + 9 * second), Some(unit))[..2],
                ["00:00:00", "00:00:02"]
            );
        }
    }

    #[test]
    fn there_are_never_many() {
        for unit in TimeUnit::ALL.map(Some).into_iter().chain([None]) {
            for power in 0..62 {
                let found = labels((-3, (1_i64 << power) + 3), unit).len();
                assert!((1..=8).contains(&found), "{unit:?}, 2^{power}: {found}");
            }
        }
    }
}
