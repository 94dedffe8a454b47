//! Which snapshots of an account stay: at doubling ages, so that [`Store::as_recorded`] finds one near.
//!
//! [`Store::as_recorded`]: crate::Store::as_recorded

use crate::Revision;

/// Snapshots that an account has at most.
const SNAPSHOTS_MAX: usize = 12;
/// One goes if the next older one is at most so many times as old as the next newer one.
const RATIO: u64 = 4;

/// Those to drop, of the revisions that there are snapshots of, in order. The newest and the oldest stay.
pub(super) fn to_drop(revisions: &[Revision]) -> Vec<Revision> {
    let Some(newest) = revisions.last() else {
        return Vec::new();
    };
    let age = |revision: Revision| newest.get() - revision.get();
    let mut kept: Vec<Revision> = revisions.iter().rev().copied().collect();
    // From the newest on: each goes that is not needed between its neighbours.
    let mut place = 1;
    while place + 1 < kept.len() {
        match age(kept[place + 1]) <= RATIO.saturating_mul(age(kept[place - 1])) {
            true => drop(kept.remove(place)),
            false => place += 1,
        }
    }
    while kept.len() > SNAPSHOTS_MAX {
        // Between ages that differ least, one is missed least.
        let between = 2..kept.len() - 1;
        let spared = between.min_by_key(|place| age(kept[place + 1]) / age(kept[place - 1]).max(1));
        kept.remove(spared.expect("there are more than a few"));
    }
    let is_dropped = |revision: &&Revision| !kept.contains(revision);
    revisions.iter().filter(is_dropped).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the snapshots that stay there is one at most so many times as old as any revision is.
    #[test]
    fn there_are_at_most_twelve_and_each_age_has_one_near() {
        for (from, share, farthest) in [
            (10, 8, 4),
            (65_536, 8, 4),
            (1_000_000_000, 1_000, 4),
            // So many of so different ages that twelve are few.
            (1, 1_000_000, 8),
        ] {
            let mut kept: Vec<Revision> = Vec::new();
            let mut revision: u64 = 1;
            for _ in 0..10_000 {
                if revision > 1 << 40 {
                    break;
                }
                kept.push(Revision::new(revision));
                let dropped = to_drop(&kept);
                kept.retain(|revision| !dropped.contains(revision));
                assert!(kept.len() <= SNAPSHOTS_MAX, "{kept:?}");
                assert_eq!(kept.first(), Some(&Revision::new(1)));
                assert_eq!(kept.last(), Some(&Revision::new(revision)));
                let ages = kept.iter().rev().map(|kept| revision - kept.get());
                let ages: Vec<u64> = ages.skip(1).collect();
                for pair in ages.windows(2) {
                    assert!(pair[1] <= farthest * pair[0], "{kept:?}");
                }
                revision += from.max(revision / share);
            }
        }
    }
}
