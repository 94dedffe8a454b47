//! A replay under way that writes what it finds.

use super::super::boundary::Key;
use super::super::checkpoint::Checkpoints;
use super::super::live::Live;
use super::super::owing::Owing;
use super::super::tree::{Boundary, BoundaryTree, Position};
use super::super::wrapping;
use crate::options::Overdraft;

/// How many boundaries ahead of the replay the grants that start are asked for.
pub(in super::super) const LOOKAHEAD: usize = 12;

/// A replay that stands just before a boundary, or in the epoch that it opens.
///
/// While a repair replays, `shifted` is how far the new balance is from the remembered one: what
/// the late writes shifted on their own, and what has changed in lapses since. Levels from the
/// boundary on are still the old ones, so that the old balance at the end of a later epoch is what
/// the tree says less `shifted`.
pub(in super::super) struct Run {
    pub(super) at: Position,
    pub(super) live: Live,
    /// All usage before it.
    pub(super) used: u64,
    /// Boundaries since the last checkpoint.
    pub(super) since: usize,
    /// The last checkpoint may be far: the next boundary gets one.
    pub(super) is_far: bool,
    pub(super) shifted: i128,
    /// The boundary at which a stretch of late writes ends, as long as the replay is inside one:
    /// `shifted` says what holds from there on.
    pub(super) stretch: Option<Key>,
    /// Whether the chunk has changed and its sums have not.
    pub(super) is_stale: bool,
    /// By how much the levels from here to the end of the chunk are still to be lifted.
    pub(super) lift: u64,
    /// By how much all later levels have been lifted.
    pub(super) lifted: u64,
}

impl Run {
    pub(super) fn new(tree: &BoundaryTree, at: Position, live: Live) -> Self {
        Run {
            at,
            live,
            used: tree.used_before(at),
            since: 0,
            is_far: false,
            shifted: 0,
            stretch: None,
            is_stale: false,
            lift: 0,
            lifted: 0,
        }
    }

    /// The level of the epoch in which it stands, before any usage of it.
    #[inline]
    pub(super) fn level(&self) -> u64 {
        self.used.wrapping_add(wrapping(self.live.balance()))
    }

    /// Draws the usage of the epoch in which it stands.
    #[inline]
    pub(super) fn draw(&mut self, usage: u64, overdraft: Overdraft) {
        self.live.draw(usage, overdraft);
        self.used = self.used.wrapping_add(usage);
    }

    /// Whether nothing remains of any grant, neither now nor as remembered, now and at the end of
    /// the next epoch: then a jump pays. It has drawn the usage of the epoch in which it stands.
    #[inline]
    pub(super) fn owes_on(
        &self,
        overdraft: Overdraft,
        next: Option<&Boundary>,
        opening: u64,
    ) -> bool {
        let Some(owing) = Owing::new(overdraft, self.shifted) else {
            return false;
        };
        owing.contains(self.live.balance())
            && next.is_some_and(|next| {
                let level = opening.wrapping_add(next.level).wrapping_add(self.lift);
                let used = self.used.wrapping_add(next.usage);
                owing.contains(i128::from(level) - i128::from(used))
            })
    }

    /// Undoes the shift for all that is later: there the remembered balances stand.
    pub(super) fn settle_shift(&mut self) {
        self.is_stale |= self.shifted != 0;
        self.lift = self.lift.wrapping_sub(wrapping(self.shifted));
        self.shifted = 0;
    }

    /// Sets the level of a boundary to what the replay has found, the boundary being applied. By
    /// how much that changes it, all later ones change.
    #[inline]
    pub(super) fn pass(&mut self, boundary: &mut Boundary, opening: u64) {
        let old = opening.wrapping_add(boundary.level).wrapping_add(self.lift);
        let new = self.level();
        boundary.level = new.wrapping_sub(opening);
        self.since = self.since.saturating_add(1);
        if new != old {
            let change = i128::from(new) - i128::from(old);
            self.is_stale = true;
            self.lift = self.lift.wrapping_add(wrapping(change));
            self.shifted += change;
        }
    }

    /// Lifts the rest of the chunk and brings the sums above it up to date. All later chunks are
    /// lifted by that.
    pub(super) fn finish_chunk(&mut self, tree: &mut BoundaryTree) {
        if self.is_stale {
            tree.chunk_mut(self.at).lift(self.at.index, self.lift);
            tree.refresh(self.at);
        }
        self.lifted = self.lifted.wrapping_add(self.lift);
        self.is_stale = false;
        self.lift = 0;
    }

    /// Keeps, drops or adds a checkpoint before the boundary at `key`; `is_due` if there is one.
    /// Whether it was written.
    ///
    /// One is kept about every `max(spacing, live / 4)` boundaries, by the number of grants that
    /// have a remainder there, which keeps memory linear in the number of boundaries.
    #[inline]
    pub(super) fn keep_checkpoint(
        &mut self,
        checkpoints: &mut Checkpoints,
        key: Key,
        is_due: bool,
        spacing: usize,
    ) -> bool {
        if is_due && self.is_dense(spacing) {
            checkpoints.remove(key);
            return false;
        }
        if !is_due && !self.is_far && self.since < self.distance(spacing) {
            return false;
        }
        self.store_checkpoint(checkpoints, key);
        true
    }

    pub(super) fn store_checkpoint(&mut self, checkpoints: &mut Checkpoints, key: Key) {
        checkpoints.store(key, &self.live);
        self.since = 0;
        self.is_far = false;
    }

    /// Whether a checkpoint here would be needlessly close to the last one.
    #[inline]
    pub(super) fn is_dense(&self, spacing: usize) -> bool {
        self.since > 0 && !self.is_far && self.since < self.distance(spacing).div_ceil(2)
    }

    /// Boundaries from one checkpoint to the next.
    #[inline]
    fn distance(&self, spacing: usize) -> usize {
        spacing.max(self.live.len() / 4)
    }
}
