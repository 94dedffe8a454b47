//! Running sums in two steps, so that one more amount changes few of them.
//!
//! ```text
//! place      0   1   2  ...  15 | 16  17 ...
//! within     sums before the place, counted from the start of its span of 16
//! spans      sum before the span
//! ```

use super::layout::SPAN;

/// 16 times nothing, then 16 times everything: 16 from the right place on are the mask for "after
/// place p".
const MASKS: [u64; 2 * SPAN] = {
    let mut masks = [0; 2 * SPAN];
    let mut at = SPAN;
    while at < 2 * SPAN {
        masks[at] = u64::MAX;
        at += 1;
    }
    masks
};

/// The sum of all places before `place`.
#[inline]
pub(super) fn before(within: &[u64], spans: &[u64], place: usize) -> u64 {
    within[place] + spans[place / SPAN]
}

/// Adds `amount` to what stands at `place`.
#[inline]
pub(super) fn add(within: &mut [u64], spans: &mut [u64], place: usize, amount: u64) {
    add_within(within, place, amount);
    for sum in &mut spans[place / SPAN + 1..] {
        *sum = sum.wrapping_add(amount);
    }
}

/// The same where the spans are few, without a branch.
#[inline]
pub(super) fn add_to_few<const N: usize>(
    within: &mut [u64],
    spans: &mut [u64; N],
    place: usize,
    amount: u64,
) {
    add_within(within, place, amount);
    for (span, sum) in spans.iter_mut().enumerate() {
        *sum = sum.wrapping_add(if span > place / SPAN { amount } else { 0 });
    }
}

#[inline]
fn add_within(within: &mut [u64], place: usize, amount: u64) {
    let masks = &MASKS[SPAN - 1 - place % SPAN..][..SPAN];
    let span = &mut within.as_chunks_mut::<SPAN>().0[place / SPAN];
    for (sum, mask) in span.iter_mut().zip(masks) {
        *sum = sum.wrapping_add(amount & mask);
    }
}

/// Subtracts `amount` from what stands at `place`.
pub(super) fn subtract(within: &mut [u64], spans: &mut [u64], place: usize, amount: u64) {
    add(within, spans, place, amount.wrapping_neg());
}

/// Writes all sums anew. Places behind the totals keep a sum of no meaning.
pub(super) fn write(within: &mut [u64], spans: &mut [u64], totals: impl Iterator<Item = u64>) {
    let mut sum = 0;
    for (place, total) in totals.enumerate() {
        if place % SPAN == 0 {
            spans[place / SPAN] = sum;
        }
        within[place] = sum - spans[place / SPAN];
        sum += total;
    }
}
