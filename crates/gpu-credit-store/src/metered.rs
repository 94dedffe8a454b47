//! Metered usage beside the close of the books: which ticks are before it, and which stay.

use gpu_credit::MeteredUsage;

/// What it uses in all. O(1)
pub(crate) fn total(usage: MeteredUsage) -> u128 {
    let ticks = match usage.from < usage.until {
        true => usage.until.abs_diff(usage.from),
        false => 0,
    };
    u128::from(usage.rate) * u128::from(ticks)
}

/// The part of it before an instant; `None` if nothing is used before it.
pub(crate) fn part_before(usage: MeteredUsage, instant: i64) -> Option<MeteredUsage> {
    let until = usage.until.min(instant);
    let part = MeteredUsage { until, ..usage };
    (total(part) > 0).then_some(part)
}

/// The part of it from an instant on, perhaps nothing.
pub(crate) fn part_from(usage: MeteredUsage, instant: i64) -> MeteredUsage {
    let from = usage.from.max(instant);
    MeteredUsage { from, ..usage }
}

/// Whether it has used something and come to its end before an instant: no correction of it can leave
/// the ticks before that instant as they are, but one that changes nothing.
pub(crate) fn has_ended_before(usage: MeteredUsage, instant: i64) -> bool {
    usage.until < instant && total(usage) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(rate: u64, from: i64, until: i64) -> MeteredUsage {
        MeteredUsage { rate, from, until }
    }

    #[test]
    fn the_parts_before_and_from_an_instant_on_are_all_of_it() {
        for (from, until) in [(0, 9), (-5, 5), (4, 4), (9, 3), (i64::MIN, i64::MAX)] {
            for rate in [0, 1, u64::MAX] {
                let all = usage(rate, from, until);
                for instant in [i64::MIN, -5, 0, 4, 5, 9, i64::MAX] {
                    let before = part_before(all, instant).map_or(0, total);
                    let rest = total(part_from(all, instant));
                    assert_eq!(before + rest, total(all), "{all:?} at {instant}");
                }
            }
        }
    }

    #[test]
    fn what_ends_at_an_instant_can_still_go_on_from_it() {
        assert!(has_ended_before(usage(1, 0, 4), 5));
        assert!(!has_ended_before(usage(1, 0, 5), 5));
        assert!(!has_ended_before(usage(0, 0, 4), 5), "it has used nothing");
        assert!(!has_ended_before(usage(1, 4, 4), 5), "it has used nothing");
    }
}
