//! Settlement: levels and checkpoints brought up to date after writes.
//!
//! [`settle`](GrantTimeline::settle) does two things. What late writes have unsettled before the
//! frontier is **repaired**, one write after the other: replay from the last sound checkpoint, and
//! stop where the state is the remembered one. Then the frontier [moves forward](super::frontier):
//! replay without looking back, for nothing was known there.
//!
//! While a repair replays, `x` is how far the new balance is from the remembered one: what the
//! late writes shifted on their own, and what has changed in lapses since. Levels from the
//! current boundary on are still the old ones, so that the old balance at the end of a later
//! epoch is what the tree says less `x`.
//!
//! * **Early stop.** At a checkpoint whose remainders are the new ones with `x = 0`, or wherever
//!   `x = 0` and nothing is left under `Carry`, all later levels stand. Only the writes passed so
//!   far are done: the next repair starts from the checkpoint before the next unsettled boundary.
//!   (Stopping for good at the first agreement with two writes pending is wrong.)
//! * **Deficit jump.** While old and new balance are both at or below zero, nothing is left of any
//!   grant in either world and nothing can lapse: jump to the first epoch that ends with a tree
//!   balance above `min(0, x)`. Checkpoints in between remember that nothing is left, and stay
//!   sound.
//!
//! A checkpoint is kept about every `max(spacing, live / 4)` boundaries, by the number of grants
//! that have something left there, which keeps memory linear in the number of boundaries.

use std::collections::BTreeMap;

use super::boundary::Key;
use super::checkpoint::Checkpoints;
use super::live::Live;
use super::tree::{Boundary, Position};
use super::{GrantTimeline, wrapping};
use crate::Overdraft;
use crate::usage::UsageIndex;

/// What settling has done since the account was opened: how much work writes have caused.
///
/// ```
/// use gpu_credit::GpuCredit;
///
/// let mut account = GpuCredit::new();
/// for day in 0..1_000 {
///     account.add_credit("daily", 10, day * 86_400, 86_399)?;
/// }
/// account.subtract(5, 999 * 86_400)?;
/// account.settle();
/// let before = account.settlement();
/// account.subtract(3, 500 * 86_400 + 7)?; // a late write, half a thousand days back
/// account.settle();
/// let after = account.settlement();
/// // It was repaired within a few boundaries, of the thousand that follow.
/// assert_eq!(after.early_stops - before.early_stops, 1);
/// assert!(after.boundaries_replayed - before.boundaries_replayed < 100);
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettlementStatistics {
    /// Boundaries replayed, repairs and moves of the frontier together.
    pub boundaries_replayed: u64,
    /// Checkpoints written, new ones and old ones whose remainders had changed.
    pub checkpoints_written: u64,
    /// Repairs of late writes that were begun.
    pub repairs: u64,
    /// Repairs that ended where the new state met the remembered one.
    pub early_stops: u64,
    /// Jumps over stretches of deficit.
    pub jumps: u64,
}

/// How many boundaries ahead of the replay the grants that start are asked for.
pub(super) const LOOKAHEAD: usize = 12;

/// A repair, or a move of the frontier, under way.
pub(super) struct Run {
    /// The boundary that comes next.
    pub(super) at: Position,
    /// What is live just before it.
    pub(super) live: Live,
    /// All usage before it.
    pub(super) used: u64,
    /// Boundaries since the last checkpoint.
    pub(super) since: usize,
    /// How far the balance is from the remembered one: the `x` of the module's page.
    shifted: i128,
    /// Whether the chunk has changed and its sums have not.
    is_stale: bool,
    /// By how much the levels from here to the end of the chunk are still to be lifted.
    lift: u64,
}

impl Run {
    /// The level of the epoch in which it stands, before any usage of it.
    #[inline]
    pub(super) fn level(&self) -> u64 {
        self.used.wrapping_add(wrapping(self.live.balance()))
    }

    /// Whether nothing is left of any grant, neither now nor as remembered.
    #[inline]
    fn owes_twice(&self, balance: i128) -> bool {
        balance <= self.shifted.min(0)
    }
}

/// How a repair leaves a chunk.
enum Passage {
    /// At its end.
    Through,
    /// For good: all that is later stands, or is behind the frontier.
    Done,
    /// Where nothing is left of any grant, neither now nor as remembered.
    Owing,
}

impl GrantTimeline {
    /// Brings levels and checkpoints up to date, so far as questions up to `time` need them. O(1)
    /// where that is so already; else a repair for each unsettled write, and O(log live) for each
    /// boundary from the frontier to `time`.
    pub(crate) fn settle(&mut self, usage: &UsageIndex, time: i64) {
        while let Some((first, _)) = self.unsettled.first_key_value() {
            self.repair(*first);
        }
        if self.frontier.is_over(time) {
            self.move_frontier_forward(usage, time, usize::MAX);
        }
        self.build_epochs();
    }

    /// Repairs what the late write at `from` has unsettled, and what later ones have as far as the
    /// replay gets.
    fn repair(&mut self, from: Key) {
        self.statistics.repairs += 1;
        let mut run = self.run_from(from);
        loop {
            let passage = self.repair_chunk(&mut run, from);
            self.finish_chunk(&mut run);
            match passage {
                Passage::Done => return,
                Passage::Owing => self.jump(&mut run),
                Passage::Through => match self.tree.next_chunk(run.at) {
                    Some(next) => run.at = next,
                    None => return,
                },
            }
        }
    }

    /// Repairs the chunk in which `run` stands, from there on.
    fn repair_chunk(&mut self, run: &mut Run, from: Key) -> Passage {
        let opening = self.tree.opening(run.at).level;
        let mut upcoming = self.checkpoints.after(self.last_key_before(run.at));
        let mut write = self.unsettled.first_key_value().map(|(key, _)| *key);
        let frontier = self.frontier.key;
        let boundaries = &mut self.tree.chunk_mut(run.at).boundaries;
        let coming = boundaries[run.at.index..].iter().take(LOOKAHEAD - 1);
        self.grants.prefetch(coming);
        while let [boundary, later @ ..] = &mut boundaries[run.at.index..] {
            self.grants.prefetch(later.get(LOOKAHEAD - 2));
            let key = boundary.key();
            let due = upcoming == Some(key);
            if key > from {
                while write.is_some_and(|write| write < key) {
                    write = absorb(run, &mut self.unsettled);
                }
                if agrees(&self.checkpoints, run, due.then_some(key), self.overdraft) {
                    if due && is_dense(run, self.checkpoint_spacing) {
                        self.checkpoints.remove(key);
                    }
                    self.statistics.early_stops += 1;
                    run.lift = run.lift.wrapping_sub(wrapping(run.shifted));
                    run.is_stale |= run.shifted != 0;
                    return Passage::Done;
                }
            }
            if key >= from {
                let spacing = self.checkpoint_spacing;
                let kept = keep_checkpoint(&mut self.checkpoints, run, key, due, spacing);
                self.statistics.checkpoints_written += u64::from(kept);
            } else if due {
                run.since = 0;
            }
            if due {
                upcoming = self.checkpoints.after(key);
            }
            if write == Some(key) {
                write = absorb(run, &mut self.unsettled);
            }
            self.statistics.boundaries_replayed += 1;
            self.grants.apply(key, &mut run.live);
            pass(run, boundary, opening);
            run.at.index += 1;
            if key == frontier {
                return Passage::Done;
            }
            run.live.draw(boundary.usage, self.overdraft);
            run.used = run.used.wrapping_add(boundary.usage);
            // A jump pays if the next epoch, too, ends where both owe.
            if self.overdraft == Overdraft::Carry
                && key >= from
                && run.owes_twice(run.live.balance())
                && let [next, ..] = later
            {
                let level = opening.wrapping_add(next.level).wrapping_add(run.lift);
                let used = run.used.wrapping_add(next.usage);
                if run.owes_twice(i128::from(level) - i128::from(used)) {
                    return Passage::Owing;
                }
            }
        }
        Passage::Through
    }

    /// Lifts the rest of the chunk and brings the sums above it up to date. All later chunks are
    /// lifted by that.
    fn finish_chunk(&mut self, run: &mut Run) {
        if run.is_stale {
            self.tree.chunk_mut(run.at).lift(run.at.index, run.lift);
            self.tree.refresh(run.at);
        }
        run.is_stale = false;
        run.lift = 0;
    }

    /// Jumps to the next boundary from which anything may differ, or to the next late write, or to
    /// the frontier.
    fn jump(&mut self, run: &mut Run) {
        self.statistics.jumps += 1;
        let write = self.unsettled.first_key_value().map(|(key, _)| *key);
        let limit = write.map_or(self.frontier.key, |write| write.min(self.frontier.key));
        let limit = self.first_from(limit);
        let least = run.shifted.min(0) + 1;
        let to = (self.tree.first_at_least(run.at, limit, least)).unwrap_or(limit);
        let live = self.owing_before(to).unwrap_or_default();
        *run = Run {
            shifted: run.shifted,
            ..self.run_owing(to, live)
        };
    }

    /// The first boundary from `key` on, or the last of all: a write may have struck where its
    /// boundary has been removed since.
    fn first_from(&self, key: Key) -> Position {
        let at = self.tree.find(key);
        if self.tree.get(at).key() == key {
            at
        } else {
            self.tree.next(at).unwrap_or(at)
        }
    }

    /// A replay that stands just before the first boundary from `from` on, or at the last
    /// checkpoint before it; all before `from` sound.
    fn run_from(&self, from: Key) -> Run {
        let at = self.first_from(from);
        if let Some(live) = self.owing_before(at) {
            return self.run_owing(at, live);
        }
        let (at, live) = self.remembered_before(self.tree.get(self.last_before(from)).key());
        self.run(at, live)
    }

    /// A replay that stands just before a boundary where nothing is left of any grant. It may be
    /// far from a checkpoint, so the next boundary gets one.
    fn run_owing(&self, at: Position, live: Live) -> Run {
        Run {
            since: self.checkpoint_spacing,
            ..self.run(at, live)
        }
    }

    pub(super) fn run(&self, at: Position, live: Live) -> Run {
        Run {
            at,
            live,
            used: self.tree.used_before(at),
            since: 0,
            shifted: 0,
            is_stale: false,
            lift: 0,
        }
    }

    /// A key before the boundary at `at` and not before the one ahead of it.
    fn last_key_before(&self, at: Position) -> Key {
        let before = self.tree.previous(at).unwrap_or(Position::FIRST);
        self.tree.get(before).key()
    }
}

/// Takes the first unsettled write into account; the key of the next one.
fn absorb(run: &mut Run, unsettled: &mut BTreeMap<Key, i128>) -> Option<Key> {
    run.shifted += unsettled.pop_first().map_or(0, |(_, shift)| shift);
    unsettled.first_key_value().map(|(key, _)| *key)
}

/// Whether all that is later stands as remembered, `run` being just before a boundary; `due` is its
/// key if it has a checkpoint.
#[inline]
fn agrees(checkpoints: &Checkpoints, run: &Run, due: Option<Key>, overdraft: Overdraft) -> bool {
    if overdraft == Overdraft::Carry {
        if run.shifted != 0 {
            return false;
        }
        if run.live.balance() <= 0 {
            return true;
        }
    }
    due.is_some_and(|key| checkpoints.agrees(key, &run.live))
}

/// Sets the level of a boundary to what the replay has found, the boundary being applied. By how
/// much that changes it, all later ones change.
#[inline]
fn pass(run: &mut Run, boundary: &mut Boundary, opening: u64) {
    let old = opening.wrapping_add(boundary.level).wrapping_add(run.lift);
    let new = run.level();
    boundary.level = new.wrapping_sub(opening);
    run.since += 1;
    if new != old {
        let change = i128::from(new) - i128::from(old);
        run.is_stale = true;
        run.lift = run.lift.wrapping_add(wrapping(change));
        run.shifted += change;
    }
}

/// Keeps, drops or adds a checkpoint before the boundary at `key`; `due` if there is one. Whether
/// it was written.
#[inline]
pub(super) fn keep_checkpoint(
    checkpoints: &mut Checkpoints,
    run: &mut Run,
    key: Key,
    due: bool,
    spacing: usize,
) -> bool {
    if due && is_dense(run, spacing) {
        checkpoints.remove(key);
        return false;
    }
    let written = due || run.since >= spacing.max(run.live.len() / 4);
    if written {
        checkpoints.store(key, &run.live);
        run.since = 0;
    }
    written
}

/// Whether a checkpoint here would be needlessly close to the last one.
#[inline]
fn is_dense(run: &Run, spacing: usize) -> bool {
    run.since > 0 && run.since * 2 < spacing.max(run.live.len() / 4)
}
