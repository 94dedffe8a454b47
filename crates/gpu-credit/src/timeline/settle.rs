//! Settlement: levels and checkpoints brought up to date after writes.
//!
//! [`settle`](GrantTimeline::settle) does two things. What late writes have unsettled before the
//! frontier is **repaired**, one write after the other: replay from the last sound checkpoint, and
//! stop where the state is the remembered one. Then the frontier is **extended** to the end:
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

use super::boundary::Key;
use super::live::Live;
use super::tree::Position;
use super::{Frontier, GrantTimeline, wrapping};
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
pub struct SettlementStatistics {
    /// Boundaries replayed, repairs and extensions together.
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

/// How things stand in the epoch of the frontier, before any usage of it.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    live: Live,
    /// Boundaries since the last checkpoint.
    since: usize,
}

impl Reached {
    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.live.memory_used()
    }
}

/// A repair or an extension under way.
struct Run {
    /// The boundary that comes next.
    at: Position,
    /// What is live just before it.
    live: Live,
    /// All usage before it.
    used: u64,
    /// Boundaries since the last checkpoint.
    since: usize,
    /// Whether the chunk has changed and its sums have not.
    is_stale: bool,
    /// By how much the levels from here to the end of the chunk are still to be lifted.
    lift: u64,
}

impl Run {
    fn balance(&self) -> i128 {
        self.live.balance()
    }
}

impl GrantTimeline {
    /// Brings every level and checkpoint up to date. O(1) where all is settled; else a repair for
    /// each unsettled write, and O((m - f) log live) for the boundaries behind the frontier `f`.
    pub(crate) fn settle(&mut self, usage: &UsageIndex) {
        while let Some((first, _)) = self.unsettled.first_key_value() {
            self.repair(*first);
        }
        self.extend(usage, i64::MAX, usize::MAX);
    }

    /// Repairs what the late write at `from` has unsettled, and what later ones have as far as the
    /// replay gets.
    fn repair(&mut self, from: Key) {
        self.statistics.repairs += 1;
        let mut run = self.run_from(from);
        let mut shifted: i128 = 0;
        let mut upcoming = self.checkpoints.after(self.last_key_before(run.at));
        loop {
            let key = self.tree.get(run.at).key();
            let due = upcoming == Some(key);
            if key > from {
                while let Some(write) = self.unsettled.first_entry()
                    && *write.key() < key
                {
                    shifted += write.remove();
                }
                if self.agrees(&run, key, due, shifted) {
                    self.statistics.early_stops += 1;
                    run.lift = run.lift.wrapping_sub(wrapping(shifted));
                    run.is_stale |= shifted != 0;
                    break;
                }
            }
            if key >= from {
                self.keep_checkpoint(&mut run, key, due);
            } else if due {
                run.since = 0;
            }
            if due {
                upcoming = self.checkpoints.after(key);
            }
            shifted += self.unsettled.remove(&key).unwrap_or(0);
            shifted += self.pass(&mut run, key);
            if self.frontier.is_some_and(|frontier| frontier.key == key) {
                run.at.index += 1;
                break;
            }
            run.live.draw(self.tree.get(run.at).usage, self.overdraft);
            let Some(next) = self.tree.next(run.at) else {
                // What struck behind the last boundary has nothing later to unsettle.
                self.unsettled.clear();
                run.at.index += 1;
                break;
            };
            if !next.same_chunk(run.at) {
                self.finish_chunk(&mut run, next);
            }
            run.at = next;
            if key >= from && self.may_jump(&run, shifted) {
                match self.jump(&mut run, shifted) {
                    Some(to) => upcoming = self.checkpoints.after(self.last_key_before(to)),
                    None => return,
                }
            }
        }
        let end = run.at;
        self.finish_chunk(&mut run, end);
    }

    /// Whether all that is later stands as remembered, `key` being the next boundary.
    fn agrees(&self, run: &Run, key: Key, due: bool, shifted: i128) -> bool {
        if self.overdraft == Overdraft::Carry {
            if shifted != 0 {
                return false;
            }
            if run.balance() <= 0 {
                return true;
            }
        }
        due && self.checkpoints.agrees(key, &run.live)
    }

    /// Passes a boundary: its level is set to what the replay finds. Returns by how much that
    /// changes it and all later ones.
    fn pass(&mut self, run: &mut Run, key: Key) -> i128 {
        self.statistics.boundaries_replayed += 1;
        self.apply(&mut run.live, key);
        let opening = self.tree.opening(run.at).level;
        let boundary = &mut self.tree.chunk_mut(run.at).boundaries[run.at.index];
        let old = opening.wrapping_add(boundary.level).wrapping_add(run.lift);
        let new = run.used.wrapping_add(wrapping(run.live.balance()));
        boundary.level = new.wrapping_sub(opening);
        run.used = run.used.wrapping_add(boundary.usage);
        run.since += 1;
        let change = i128::from(new) - i128::from(old);
        run.is_stale |= change != 0;
        run.lift = run.lift.wrapping_add(wrapping(change));
        change
    }

    /// Lifts the rest of a chunk, from `end` on if that is in it, and brings the sums above it up
    /// to date. All later chunks are lifted by that.
    fn finish_chunk(&mut self, run: &mut Run, end: Position) {
        if run.is_stale {
            if end.same_chunk(run.at) {
                self.tree.chunk_mut(run.at).lift(end.index, run.lift);
            }
            self.tree.refresh(run.at);
        }
        run.is_stale = false;
        run.lift = 0;
    }

    /// Whether it pays to look for a jump: old and new balance are at or below zero at the end of
    /// the last epoch, and at the end of the next one.
    fn may_jump(&self, run: &Run, shifted: i128) -> bool {
        if self.overdraft != Overdraft::Carry || run.balance() > shifted.min(0) {
            return false;
        }
        let boundary = self.tree.get(run.at);
        let opening = self.tree.opening(run.at).level;
        let level = opening.wrapping_add(boundary.level).wrapping_add(run.lift);
        let used = run.used.wrapping_add(boundary.usage);
        i128::from(level) - i128::from(used) <= shifted.min(0)
    }

    /// Jumps to the next boundary from which anything may differ; `None` where there is none.
    fn jump(&mut self, run: &mut Run, shifted: i128) -> Option<Position> {
        self.statistics.jumps += 1;
        let end = run.at;
        self.finish_chunk(run, end);
        let write = self.unsettled.first_key_value().map(|(key, _)| *key);
        let frontier = self.frontier.map(|frontier| frontier.key);
        let limit = [write, frontier].into_iter().flatten().min();
        let limit = limit.map(|key| {
            let at = self.tree.find(key);
            // A write may have struck where its boundary has been removed since.
            if self.tree.get(at).key() < key { self.tree.next(at).unwrap_or(at) } else { at }
        });
        let limit = limit.filter(|limit| *limit >= run.at);
        let found = self.tree.first_at_least(run.at, limit, shifted.min(0) + 1);
        run.at = found.or(limit)?;
        run.used = self.tree.used_before(run.at);
        run.live = Live::new(&[], self.deficit_before(run.at));
        run.since = self.checkpoint_spacing.div_ceil(2);
        Some(run.at)
    }

    /// Moves the frontier forward to the epoch of `time`, at most `budget` boundaries.
    pub(super) fn extend(&mut self, usage: &UsageIndex, time: i64, budget: usize) {
        let Some(frontier) = self.frontier else {
            return;
        };
        let mut run = match self.reached.take() {
            Some(reached) => {
                let mut run = self.run(self.tree.find(frontier.key), reached.live);
                run.since = reached.since;
                run
            }
            None => self.run_to(frontier.key),
        };
        let mut walk = usage.walk();
        let mut before = walk.before(frontier.key.time);
        let mut budget = budget;
        self.frontier = loop {
            let key = self.tree.get(run.at).key();
            let next = self.tree.next(run.at);
            let epoch_end = next.map(|next| self.tree.get(next).time);
            let is_last = epoch_end.is_some_and(|end| end > time) || budget == 0;
            if let Some(end) = epoch_end
                && is_last
            {
                break Some(Frontier {
                    key,
                    epoch_end: Some(end),
                });
            }
            let used = epoch_end.map_or(usage.total(), |end| walk.before(end));
            let boundary = &mut self.tree.chunk_mut(run.at).boundaries[run.at.index];
            boundary.usage = used - before;
            run.live.draw(used - before, self.overdraft);
            (before, run.used) = (used, used);
            let Some(next) = next else {
                break None;
            };
            let live = self.tree.get(run.at).live;
            let same_chunk = next.same_chunk(run.at);
            if !same_chunk {
                self.tree.refresh(run.at);
            }
            run.at = next;
            let key = self.tree.get(next).key();
            self.keep_checkpoint(&mut run, key, false);
            self.statistics.boundaries_replayed += 1;
            self.apply(&mut run.live, key);
            let level = run.used.wrapping_add(wrapping(run.live.balance()));
            let level = level.wrapping_sub(self.tree.opening(next).level);
            let boundary = &mut self.tree.chunk_mut(next).boundaries[next.index];
            boundary.level = level;
            boundary.live = if same_chunk { live } else { 0 } + key.handle.live_change();
            run.since += 1;
            budget -= 1;
        };
        self.tree.refresh(run.at);
        self.reached = self.frontier.map(|_| Reached {
            live: run.live,
            since: run.since,
        });
    }

    /// A replay that stands just before a boundary at or before `from`, all before it sound.
    fn run_from(&self, from: Key) -> Run {
        let start = self.tree.find(from);
        let at = if self.tree.get(start).key() == from {
            start
        } else {
            self.tree.next(start).unwrap_or(start)
        };
        if self.overdraft == Overdraft::Carry && self.balance_before(at) <= 0 {
            let mut run = self.run(at, Live::new(&[], self.deficit_before(at)));
            run.since = self.checkpoint_spacing.div_ceil(2);
            return run;
        }
        let sound = self.tree.get(self.last_before(from)).key();
        match self.checkpoints.at_or_before(sound) {
            Some((key, lefts)) => {
                let at = self.tree.find(key);
                self.run(at, Live::new(lefts, self.deficit_before(at)))
            }
            None => self.run(Position::FIRST, Live::default()),
        }
    }

    /// A replay that stands in the epoch of `key`, all before it sound.
    fn run_to(&mut self, key: Key) -> Run {
        let (at, live) = self.remembered(key);
        let mut run = self.run(at, live);
        run.since = 1;
        while self.tree.get(run.at).key() < key
            && let Some(next) = self.tree.next(run.at)
        {
            let usage = self.tree.get(run.at).usage;
            run.live.draw(usage, self.overdraft);
            run.used = run.used.wrapping_add(usage);
            self.statistics.boundaries_replayed += 1;
            self.apply(&mut run.live, self.tree.get(next).key());
            run.since += 1;
            run.at = next;
        }
        run
    }

    fn run(&self, at: Position, live: Live) -> Run {
        Run {
            at,
            live,
            used: self.tree.used_before(at),
            since: 0,
            is_stale: false,
            lift: 0,
        }
    }

    /// Keeps, drops or adds a checkpoint before the boundary at `key`; `due` if there is one.
    fn keep_checkpoint(&mut self, run: &mut Run, key: Key, due: bool) {
        let spacing = self.checkpoint_spacing.max(run.live.len() / 4);
        if due && run.since * 2 < spacing && run.since > 0 {
            self.checkpoints.remove(key);
        } else if due || run.since >= spacing {
            self.checkpoints.store(key, &run.live);
            self.statistics.checkpoints_written += 1;
            run.since = 0;
        }
    }

    /// A key before the boundary at `at` and not before the one ahead of it.
    fn last_key_before(&self, at: Position) -> Key {
        let before = self.tree.previous(at).unwrap_or(Position::FIRST);
        self.tree.get(before).key()
    }
}
