//! Stretches of time as callers name them.

use std::ops::{Bound, RangeBounds, RangeInclusive};

/// The first and the last instant of a range; `None` if it is empty.
#[allow(clippy::needless_pass_by_value, reason = "callers hand ranges over")]
pub(crate) fn closed(range: impl RangeBounds<i64>) -> Option<(i64, i64)> {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.checked_add(1)?,
        Bound::Unbounded => i64::MIN,
    };
    let to = match range.end_bound() {
        Bound::Included(to) => *to,
        Bound::Excluded(after) => after.checked_sub(1)?,
        Bound::Unbounded => i64::MAX,
    };
    (from <= to).then_some((from, to))
}

/// The same as one kind of range.
pub(crate) fn inclusive(range: impl RangeBounds<i64>) -> RangeInclusive<i64> {
    let (from, to) = closed(range).unwrap_or((i64::MAX, i64::MIN));
    from..=to
}

#[cfg(test)]
mod tests {
    use super::closed;
    use std::ops::Bound::{Excluded, Included, Unbounded};

    const FIRST: i64 = i64::MIN;
    const LAST: i64 = i64::MAX;

    #[test]
    fn every_kind_of_range() {
        assert_eq!(closed(..), Some((FIRST, LAST)));
        assert_eq!(closed(3..), Some((3, LAST)));
        assert_eq!(closed(3..4), Some((3, 3)));
        assert_eq!(closed(3..=4), Some((3, 4)));
        assert_eq!(closed(..4), Some((FIRST, 3)));
        assert_eq!(closed((Excluded(3), Included(4))), Some((4, 4)));
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "they are what is tested")]
    fn empty_ranges() {
        assert_eq!(closed(3..3), None);
        assert_eq!(closed(4..=3), None);
        assert_eq!(closed((Excluded(3), Excluded(4))), None);
        assert_eq!(closed(..FIRST), None);
        assert_eq!(closed((Excluded(LAST), Unbounded)), None);
        let mut exhausted = 3..=3;
        exhausted.next();
        assert_eq!(closed(exhausted), None);
    }

    #[test]
    fn the_ends_of_time() {
        assert_eq!(closed(LAST..=LAST), Some((LAST, LAST)));
        assert_eq!(closed(..=FIRST), Some((FIRST, FIRST)));
        assert_eq!(
            closed((Excluded(FIRST), Excluded(LAST))),
            Some((FIRST + 1, LAST - 1))
        );
    }
}
