//! Search where nearly every probe misses the caches.

/// How many items stand between two probes of the first round, and are looked at in the second.
const STRIDE: usize = 16;

/// What `partition_point` answers, in two rounds instead of a chain. The probes of a round wait for
/// no other, so that their cache misses overlap: among up to 256 items that costs less than half
/// of seven misses one after the other, and no more if there are none.
#[inline]
pub(super) fn partition_point<T>(items: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    let strides = items.iter().step_by(STRIDE);
    let strides = strides.filter(|item| is_before(item)).count();
    let from = strides.saturating_sub(1) * STRIDE;
    from + count_within(&items[from..], is_before)
}

/// The same, in one round if the answer is near `guess`.
#[inline]
pub(super) fn partition_point_near<T>(
    items: &[T],
    guess: usize,
    is_before: impl Fn(&T) -> bool,
) -> usize {
    let last_stride = items.len().saturating_sub(STRIDE);
    let from = guess.saturating_sub(STRIDE / 2).min(last_stride);
    let count = count_within(&items[from..], &is_before);
    if (count > 0 || from == 0) && (count < STRIDE || from == last_stride) {
        from + count
    } else {
        partition_point(items, is_before)
    }
}

#[inline]
fn count_within<T>(items: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    let stride = items.iter().take(STRIDE);
    stride.filter(|item| is_before(item)).count()
}

/// Where `time` would be among `len` items that are spread evenly from `start` to `end`.
#[inline]
pub(super) fn interpolate(time: i64, start: i64, end: i64, len: usize) -> usize {
    let whole = end.abs_diff(start);
    let passed = time.abs_diff(start).min(whole);
    // No more than 32 bits, so that the product fits.
    let shift = 32_u32.saturating_sub(whole.leading_zeros());
    let share = (passed >> shift) * len as u64 / (whole >> shift).max(1);
    usize::try_from(share).unwrap_or(len)
}

#[cfg(test)]
mod tests {
    use super::{interpolate, partition_point, partition_point_near};

    #[test]
    fn every_search_answers_as_the_slice_does() {
        for len in [0, 1, 5, 16, 17, 40, 256] {
            let items: Vec<usize> = (0..len).collect();
            for bound in 0..=len {
                let is_before = |item: &usize| *item < bound;
                assert_eq!(partition_point(&items, is_before), bound, "of {len}");
                for guess in 0..=len {
                    let found = partition_point_near(&items, guess, is_before);
                    assert_eq!(found, bound, "of {len}, near {guess}");
                }
            }
        }
    }

    #[test]
    fn a_guess_is_where_even_spacing_would_have_it() {
        assert_eq!(interpolate(5, 0, 10, 100), 50);
        assert_eq!(interpolate(0, i64::MIN, i64::MAX, 100), 50);
        assert_eq!(interpolate(10, 0, 10, 100), 100);
        assert_eq!(interpolate(3, 3, 3, 100), 0);
        assert_eq!(interpolate(i64::MAX, i64::MIN, i64::MAX, 256), 256);
    }
}
