//! The frontier on its way forward: levels and checkpoints of boundaries that have none yet.
//!
//! It goes chunk by chunk, reads the usage of each epoch from the index, and brings the sums above a
//! chunk up to date as it leaves it. Where it stops it remembers what is live, so that a stream in
//! time order passes each boundary once.

use std::ops::ControlFlow;

use super::boundary::Key;
use super::live::Live;
use super::settle::{LOOKAHEAD, Run, keep_checkpoint};
use super::{Frontier, GrantTimeline};
use crate::usage::{UsageIndex, Walk};

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

impl GrantTimeline {
    /// Moves the frontier forward to the epoch of `time`, by at most so many boundaries.
    pub(super) fn move_frontier_forward(&mut self, usage: &UsageIndex, time: i64, most: usize) {
        let mut run = match self.reached.take() {
            Some(reached) => {
                let at = self.tree.find(self.frontier.key);
                let mut run = self.run(at, reached.live);
                run.since = reached.since;
                run
            }
            None => self.run_to(self.frontier.key),
        };
        let mut walk = usage.walk();
        run.used = walk.before(self.frontier.key.time);
        let mut budget = most;
        let epoch_end = loop {
            let passage = self.pass_chunk(&mut run, &mut walk, time, &mut budget);
            self.tree.refresh(run.at);
            match (passage, self.tree.next_chunk(run.at)) {
                (ControlFlow::Continue(()), Some(next)) => run.at = next,
                (ControlFlow::Continue(()), None) => break None,
                (ControlFlow::Break(epoch_end), _) => break epoch_end,
            }
        };
        let key = self.tree.get(run.at).key();
        self.frontier = Frontier { key, epoch_end };
        self.reached = Some(Reached {
            live: run.live,
            since: run.since,
        });
    }

    /// Moves on through the chunk in which `run` stands. Breaks off in the epoch of `time`, or where
    /// the budget is spent, with the time at which that epoch ends.
    fn pass_chunk(
        &mut self,
        run: &mut Run,
        walk: &mut Walk<'_>,
        time: i64,
        budget: &mut usize,
    ) -> ControlFlow<Option<i64>> {
        let opening = self.tree.opening(run.at).level;
        let next_chunk = self.tree.next_chunk(run.at);
        let chunk_end = next_chunk.map(|next| self.tree.get(next).time);
        let boundaries = &mut self.tree.chunk_mut(run.at).boundaries;
        let before = run.at.index.checked_sub(1);
        let mut live = before.map_or(0, |before| boundaries[before].live);
        let coming = boundaries[run.at.index..].iter().take(LOOKAHEAD - 1);
        self.grants.prefetch(coming);
        while let [boundary, later @ ..] = &mut boundaries[run.at.index..] {
            self.grants.prefetch(later.get(LOOKAHEAD - 2));
            let key = boundary.key();
            if key > self.frontier.key {
                let spacing = self.checkpoint_spacing;
                let kept = keep_checkpoint(&mut self.checkpoints, run, key, false, spacing);
                self.statistics.checkpoints_written += u64::from(kept);
                self.statistics.boundaries_replayed += 1;
                self.grants.apply(key, &mut run.live);
                boundary.level = run.level().wrapping_sub(opening);
                boundary.live = live + key.handle.live_change();
                run.since += 1;
            }
            live = boundary.live;
            let end = later.first().map(|next| next.time).or(chunk_end);
            if *budget == 0 || end.is_none_or(|end| end > time) {
                return ControlFlow::Break(end);
            }
            *budget -= 1;
            let used = end.map_or(run.used, |end| walk.before(end));
            boundary.usage = used - run.used;
            run.live.draw(boundary.usage, self.overdraft);
            run.used = used;
            run.at.index += 1;
        }
        ControlFlow::Continue(())
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
            self.grants.apply(self.tree.get(next).key(), &mut run.live);
            run.since += 1;
            run.at = next;
        }
        run
    }
}
