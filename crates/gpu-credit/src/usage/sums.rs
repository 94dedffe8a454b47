//! Running sums in two steps, so that one more amount changes few of them.
//!
//! ```text
//! index      0   1   2  ...  15 | 16  17 ...
//! within     sums before the index, counted from the start of its span of 16
//! spans      sum before the span
//! ```

use super::layout::SPAN;

/// 16 times nothing, then 16 times everything: 16 from the right one on are the mask for "after
/// index i".
const MASKS: [u64; 2 * SPAN] = {
    let mut masks = [0; 2 * SPAN];
    let mut at = SPAN;
    while at < 2 * SPAN {
        masks[at] = u64::MAX;
        at += 1;
    }
    masks
};

/// The sum of all numbers before `index`.
#[inline]
pub(super) fn before(within: &[u64], spans: &[u64], index: usize) -> u64 {
    within[index] + spans[index / SPAN]
}

/// Adds `amount` to what stands at `index`.
#[inline]
pub(super) fn add(within: &mut [u64], spans: &mut [u64], index: usize, amount: u64) {
    add_within(within, index, amount);
    for sum in &mut spans[index / SPAN + 1..] {
        *sum = sum.wrapping_add(amount);
    }
}

/// The same for few spans, without a branch.
#[inline]
pub(super) fn add_to_few<const N: usize>(
    within: &mut [u64],
    spans: &mut [u64; N],
    index: usize,
    amount: u64,
) {
    add_within(within, index, amount);
    for (span, sum) in spans.iter_mut().enumerate() {
        *sum = sum.wrapping_add(if span > index / SPAN { amount } else { 0 });
    }
}

#[inline]
fn add_within(within: &mut [u64], index: usize, amount: u64) {
    let masks = &MASKS[SPAN - 1 - index % SPAN..][..SPAN];
    let span = &mut within.as_chunks_mut::<SPAN>().0[index / SPAN];
    for (sum, mask) in span.iter_mut().zip(masks) {
        *sum = sum.wrapping_add(amount & mask);
    }
}

/// Subtracts `amount` from what stands at `index`.
pub(super) fn subtract(within: &mut [u64], spans: &mut [u64], index: usize, amount: u64) {
    add(within, spans, index, amount.wrapping_neg());
}

/// Writes all sums anew. What is beyond the totals keeps a sum of no meaning.
pub(super) fn write(within: &mut [u64], spans: &mut [u64], totals: impl Iterator<Item = u64>) {
    let mut sum = 0;
    for (index, total) in totals.enumerate() {
        if index % SPAN == 0 {
            spans[index / SPAN] = sum;
        }
        within[index] = sum - spans[index / SPAN];
        sum += total;
    }
}
