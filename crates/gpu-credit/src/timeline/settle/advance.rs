//! Advancing the frontier: levels and checkpoints of boundaries that have none yet.
//!
//! It goes chunk by chunk, reads the usage of each epoch from the index, and brings the sums above
//! a chunk up to date as it leaves it. What is live where it stops is kept, so that a stream in
//! time order passes each boundary once.

use std::ops::ControlFlow;

use super::super::boundary::Key;
use super::super::known::Reached;
use super::super::resume;
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
        let ends = loop {
            let passage = self.pass_chunk(&mut run, &mut walk, time, budget);
            self.tree.refresh(run.at);
            match (passage, self.tree.next_chunk(run.at)) {
                (ControlFlow::Continue(()), Some(next)) => run.at = next,
                (ControlFlow::Continue(()), None) => break None,
                (ControlFlow::Break(ends), _) => break ends,
            }
        };
        let key = self.tree.get(run.at).key();
        let reached = Reached {
            live: run.live,
            since: run.since,
        };
        self.known.advance(key, ends, reached);
    }

    /// Moves on through the chunk in which `run` stands. Breaks off in the epoch of `time`, or when
    /// the budget is spent, with the time at which that epoch ends.
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
        let frontier = self.known.frontier();
        let boundaries = &mut self.tree.chunk_mut(run.at).boundaries;
        let before = run.at.index.checked_sub(1);
        let mut live = before.map_or(0, |before| boundaries[before].live);
        let coming = boundaries[run.at.index..].iter().take(LOOKAHEAD - 1);
        self.grants.prefetch(coming);
        while let [boundary, later @ ..] = &mut boundaries[run.at.index..] {
            self.grants.prefetch(later.get(LOOKAHEAD - 2));
            let key = boundary.key();
            if key > frontier {
                let spacing = self.checkpoint_spacing;
                let kept = run.keep_checkpoint(self.checkpoints, key, false, spacing);
                self.statistics.checkpoints_written += u64::from(kept);
                self.statistics.boundaries_replayed += 1;
                self.grants.apply(key, &mut run.live);
                boundary.level = run.level().wrapping_sub(opening);
                boundary.live = live + key.handle.live_change();
                run.since = run.since.saturating_add(1);
            }
            live = boundary.live;
            let end = later.first().map(|next| next.time).or(chunk_end);
            if budget.is_spent() || end.is_none_or(|end| end > time) {
                return ControlFlow::Break(end);
            }
            budget.spend(1);
            let used = end.map_or(run.used, |end| walk.before(end));
            boundary.usage = used - run.used;
            run.draw(boundary.usage, self.overdraft);
            run.at.index += 1;
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
        let mut run = Run::new(self.tree, start.at, start.live());
        let at = self.tree.find(key);
        if self.approach(&mut run, at, budget).is_break() {
            return None;
        }
        self.grants.apply(key, &mut run.live);
        run.since = run.since.saturating_add(1);
        Some(run)
    }
}
