//! Metered usage of a small account: what has been metered when the rate changes.

use crate::rates::Job;

/// The instants at which the rate may change, those of every job among them, and what has been
/// metered before each.
pub(super) fn changes(jobs: &[Job]) -> Vec<(i64, u64)> {
    let rises = jobs.iter().flat_map(|job| {
        let rise = if job.total() == 0 { 0 } else { job.rate };
        [(job.from, rise), (job.until, rise.wrapping_neg())]
    });
    let mut rises: Vec<(i64, u64)> = rises.collect();
    rises.sort_unstable_by_key(|(time, _)| *time);
    let mut changes: Vec<(i64, u64)> = Vec::with_capacity(rises.len());
    let mut rate = 0_u64;
    for (time, rise) in rises {
        match changes.last() {
            Some((last, _)) if *last == time => {}
            Some((last, metered)) => {
                // Both are below 2^63: the limits of an account say so.
                let more = rate * time.abs_diff(*last);
                changes.push((time, metered + more));
            }
            None => changes.push((time, 0)),
        }
        rate = rate.wrapping_add(rise);
    }
    changes
}

/// A change of rate: how far it is from the origin, and what has been metered before it.
pub(super) type Change = (u64, u64);

/// What has been metered so many ticks after a change, if the rate changes next at `next`, not sooner.
#[inline]
pub(super) fn metered_after(last: Change, next: Change, ticks: u64) -> u64 {
    let rate = (next.1 - last.1) / (next.0 - last.0);
    last.1 + rate * ticks
}
