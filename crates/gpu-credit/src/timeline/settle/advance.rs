//! Advancing the frontier: levels and checkpoints of boundaries that have none yet.
//!
//! It goes chunk by chunk, reads the usage of each epoch from the index, and brings the sums above
//! a chunk up to date as it leaves it. What is live where it stops is kept, so that a stream in
//! time order passes each boundary once.

use std::ops::ControlFlow;

use super::super::boundary::Key;
use super::super::known::Reached;
use super::super::resume;
use super::super::tree::Boundary;
use super::run::Passing;
use super::{Budget, LOOKAHEAD, Run, Settling};
use crate::all_usage::{AllUsage, AllUsageWalk};

impl Settling<'_> {
    /// Advances to the epoch of `time`, as far as the budget allows.
    pub(super) fn advance(&mut self, usage: &AllUsage, time: i64, budget: &mut Budget) {
        let frontier = self.known.frontier();
        let run = match self.known.take_reached() {
            Some(reached) => {
                let mut run = Run::new(self.tree, self.tree.find(frontier), reached.live);
                run.since = reached.since;
                Some(run)
            }
            None => self.run_in_epoch(frontier, budget),
        };
        let Some(mut run) = run else {
            return;
        };
        let mut walk = usage.walk();
        run.used = walk.before(frontier.time);
        let ends = match self.leave(&mut run, &mut walk, time, budget) {
            ControlFlow::Break(ends) => ends,
            ControlFlow::Continue(()) => loop {
                let passage = self.pass_chunk(&mut run, &mut walk, time, budget);
                self.tree.refresh(run.at);
                match (passage, self.tree.next_chunk(run.at)) {
                    (ControlFlow::Continue(()), Some(next)) => run.at = next,
                    (ControlFlow::Continue(()), None) => break None,
                    (ControlFlow::Break(ends), _) => break ends,
                }
            },
        };
        let key = self.tree.get(run.at).key();
        let reached = Reached {
            live: run.live,
            since: run.since,
        };
        self.known.advance(key, ends, reached);
    }

    /// Draws the usage of the epoch in which `run` stands. Breaks off if that is the epoch of `time`, or
    /// if the budget is spent, with the time at which it ends.
    fn leave(
        &mut self,
        run: &mut Run,
        walk: &mut AllUsageWalk<'_>,
        time: i64,
        budget: &mut Budget,
    ) -> ControlFlow<Option<i64>> {
        let end = match self.tree.next_time(run.at) {
            Some(end) if end <= time && !budget.is_spent() => end,
            end => return ControlFlow::Break(end),
        };
        budget.spend(1);
        let usage = walk.before(end) - run.used;
        self.tree.chunk_mut(run.at).boundaries[run.at.index].usage = usage;
        run.draw(usage, self.overdraft);
        run.at.index += 1;
        ControlFlow::Continue(())
    }

    /// Moves on through the chunk in which `run` stands just before a boundary. Breaks off in the epoch
    /// of `time`, or when the budget is spent, with the time at which that epoch ends.
    fn pass_chunk(
        &mut self,
        run: &mut Run,
        walk: &mut AllUsageWalk<'_>,
        time: i64,
        budget: &mut Budget,
    ) -> ControlFlow<Option<i64>> {
        let opening = self.tree.opening(run.at).level;
        let next_chunk = self.tree.next_chunk(run.at);
        let chunk_end = next_chunk.map(|next| self.tree.get(next).time);
        let boundaries = &mut self.tree.chunk_mut(run.at).boundaries;
        let before = run.at.index.checked_sub(1);
        let mut advance = Advance {
            opening,
            chunk_end,
            walk,
            used: run.used,
            live: before.map_or(0, |before| boundaries[before].live),
        };
        let coming = boundaries[run.at.index..].iter().take(LOOKAHEAD - 1);
        self.grants.prefetch(coming);
        while run.at.index < boundaries.len() {
            let coming = &mut boundaries[run.at.index..];
            let key = coming[0].key();
            let spacing = self.checkpoint_spacing;
            let kept = run.keep_checkpoint(self.checkpoints, key, false, spacing);
            self.statistics.checkpoints_written += u64::from(kept);
            // The epochs that end by then.
            let mut count = coming[1..].partition_point(|next| next.time <= time);
            if count + 1 == coming.len() && chunk_end.is_some_and(|end| end <= time) {
                count += 1;
            }
            let count = count.min(run.room(spacing)).min(budget.left());
            if count == 0 {
                run.enter(self.grants, &mut coming[0], opening);
                coming[0].live = advance.live + key.handle.live_change();
                self.statistics.boundaries_replayed += 1;
                return ControlFlow::Break(advance.end(coming, 0));
            }
            let passed = run.pass(self.grants, self.overdraft, coming, count, &mut advance);
            budget.spend(passed);
            self.statistics.boundaries_replayed += passed as u64;
        }
        ControlFlow::Continue(())
    }

    /// A replay that stands in the epoch of `key`, all before it sound; `None` if the budget does
    /// not allow that. Then there is a checkpoint nearer to it.
    fn run_in_epoch(&mut self, key: Key, budget: &mut Budget) -> Option<Run> {
        let start = resume::before(self.tree, self.checkpoints, self.overdraft, key);
        if !budget.allows_copy(start.remainders()) {
            return None;
        }
        let mut run = Run::new(self.tree, start.at, start.live(self.grants));
        let at = self.tree.find(key);
        if self.approach(&mut run, at, budget).is_break() {
            return None;
        }
        self.grants.apply(key, &mut run.live);
        run.since = run.since.saturating_add(1);
        Some(run)
    }
}

/// How the frontier advances through a chunk.
struct Advance<'a, 'u> {
    /// The level where the chunk opens.
    opening: u64,
    /// When the next chunk begins.
    chunk_end: Option<i64>,
    walk: &'a mut AllUsageWalk<'u>,
    /// All usage before the boundary that comes.
    used: u64,
    /// Live grants before it, less those where the chunk opens.
    live: i32,
}

impl Advance<'_, '_> {
    /// When the epoch ends that opens at a place.
    #[inline(always)]
    fn end(&self, coming: &[Boundary], place: usize) -> Option<i64> {
        let next = coming.get(place + 1);
        next.map(|next| next.time).or(self.chunk_end)
    }
}

impl Passing for Advance<'_, '_> {
    #[inline(always)]
    fn enter(&mut self, coming: &mut [Boundary], place: usize, level: u64) {
        let end = self.end(coming, place);
        let used = end.map_or(self.used, |end| self.walk.before(end));
        let boundary = &mut coming[place];
        self.live += boundary.handle.live_change();
        boundary.level = level.wrapping_sub(self.opening);
        boundary.live = self.live;
        boundary.usage = used - self.used;
        self.used = used;
    }

    #[inline(always)]
    fn stops(&self, _: u64) -> bool {
        false
    }
}
