//! A replay under way that writes what it finds.

use super::super::boundary::Key;
use super::super::checkpoint::Checkpoints;
use super::super::grants::Grants;
use super::super::live::Live;
use super::super::owing::Owing;
use super::super::section::Start;
use super::super::tree::{Boundary, BoundaryTree, Position};
use super::super::wrapping;
use super::skip::InSection;
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
    /// Whether the chunk has changed and its sums have not. It has if `lift` is not 0.
    pub(super) is_stale: bool,
    /// By how much the levels from here to the end of the chunk are still to be lifted.
    pub(super) lift: i128,
    /// By how much all later levels have been lifted since the epoch table was told.
    pub(super) lifted: u64,
    /// Between which times levels have not all been lifted by the same amount since then: what opens
    /// later has been lifted by `lifted`, and nothing before.
    pub(super) moved: Option<(i64, i64)>,
    /// The section that a repair replays.
    pub(super) section: Option<InSection>,
    /// The grants that outlive the section and have started since it was last brought up to date.
    pub(super) starts: Vec<Start>,
}

/// What a replay does with the boundaries that it passes.
pub(super) trait Passing {
    /// Takes note of the level of the epoch that opens at a place of those that come.
    fn enter(&mut self, coming: &mut [Boundary], place: usize, level: u64);

    /// Whether to stop after that epoch: nothing remains of any grant, and so much is owed.
    fn stops(&self, deficit: u64) -> bool;
}

/// A replay of what is sound.
impl Passing for () {
    #[inline(always)]
    fn enter(&mut self, _: &mut [Boundary], _: usize, _: u64) {}

    #[inline(always)]
    fn stops(&self, _: u64) -> bool {
        false
    }
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
            moved: None,
            section: None,
            starts: Vec::new(),
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
                let level = opening.wrapping_add(next.level);
                let level = level.wrapping_add(wrapping(self.lift));
                let used = self.used.wrapping_add(next.usage);
                owing.contains(i128::from(level) - i128::from(used))
            })
    }

    /// Undoes the shift for all that opens from `time` on: there the remembered balances stand.
    pub(super) fn settle_shift(&mut self, time: i64) {
        if self.shifted != 0 {
            self.moved(time, time);
            self.lift -= self.shifted;
            self.shifted = 0;
        }
    }

    /// Goes through so many boundaries, of those that come in a chunk: applies each, shows its place
    /// and its level to `passing`, and draws the usage of its epoch. It stops after an epoch at whose
    /// end nothing remains of any grant, if `passing` says so. How many it has gone through.
    #[inline(never)]
    pub(super) fn pass(
        &mut self,
        grants: &Grants,
        overdraft: Overdraft,
        coming: &mut [Boundary],
        count: usize,
        passing: &mut impl Passing,
    ) -> usize {
        let mut passed = 0;
        while passed < count {
            grants.prefetch(coming.get(passed + LOOKAHEAD - 1));
            self.apply(grants, coming[passed].key());
            passing.enter(coming, passed, self.level());
            self.draw(coming[passed].usage, overdraft);
            passed += 1;
            if self.live.remaining() == 0 && passing.stops(self.live.deficit()) {
                break;
            }
        }
        self.at.index += passed;
        self.since = self.since.saturating_add(passed);
        passed
    }

    #[inline(always)]
    fn apply(&mut self, grants: &Grants, key: Key) {
        let left = self.live.outliving();
        grants.apply(key, &mut self.live);
        if self.live.outliving() != left {
            self.starts.push(Start { key, left });
        }
    }

    /// Enters the epoch of a boundary, and sets its level, in a chunk that opens at the level `opening`.
    pub(super) fn enter(&mut self, grants: &Grants, boundary: &mut Boundary, opening: u64) {
        self.apply(grants, boundary.key());
        boundary.level = self.level().wrapping_sub(opening);
        self.since = self.since.saturating_add(1);
    }

    /// Takes note of the levels of some boundaries that have been set, of which the last was `old` and is
    /// `new`: by how much that changes it, all later ones change. `has_moved` if not all had been lifted
    /// as the one before them.
    #[inline]
    pub(super) fn levels_set(
        &mut self,
        boundaries: &[Boundary],
        has_moved: bool,
        old: u64,
        new: u64,
    ) {
        let lift = i128::from(new) - i128::from(old);
        self.shifted += lift - self.lift;
        self.lift = lift;
        if has_moved && let (Some(first), Some(last)) = (boundaries.first(), boundaries.last()) {
            self.moved(first.time, last.time);
        }
    }

    fn moved(&mut self, from: i64, to: i64) {
        self.is_stale = true;
        let from = self.moved.map_or(from, |(first, _)| first);
        self.moved = Some((from, to));
    }

    /// Lifts the rest of the chunk and brings the sums above it up to date. All later chunks are
    /// lifted by that.
    pub(super) fn finish_chunk(&mut self, tree: &mut BoundaryTree) {
        if self.is_stale {
            tree.chunk_mut(self.at)
                .lift(self.at.index, wrapping(self.lift));
            tree.refresh(self.at);
        }
        self.lifted = self.lifted.wrapping_add(wrapping(self.lift));
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

    /// How many boundaries may pass until the next checkpoint; the one that comes, at least.
    #[inline]
    pub(super) fn room(&self, spacing: usize) -> usize {
        self.distance(spacing).saturating_sub(self.since).max(1)
    }

    /// Boundaries from one checkpoint to the next.
    #[inline]
    fn distance(&self, spacing: usize) -> usize {
        spacing.max(self.live.len() / 4)
    }
}
