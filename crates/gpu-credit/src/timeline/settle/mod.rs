//! Settling: levels and checkpoints brought up to date after writes.
//!
//! What late writes have unsettled before the frontier is [repaired](repair), one write after the
//! other: replay from the last sound checkpoint, and stop where the state is the remembered one.
//! Then the frontier [advances](advance): replay without looking back, for nothing was known there.
//! Both are a [`Run`]: they find the next boundary at which anything is to be looked at (a checkpoint
//! that is there or due, a late write, the end of a chunk or of the budget), and one bare loop,
//! [`Run::pass`], goes up to it.
//!
//! [`GrantTimeline::settle`](super::GrantTimeline::settle) does all of it. A write does what a
//! [`Budget`] allows; what is left over stays unsettled, from a later boundary on, and the next
//! write goes on from there.

mod advance;
mod repair;
mod run;
mod skip;

use std::ops::ControlFlow;

use super::checkpoint::Checkpoints;
use super::epoch_table::EpochTable;
use super::grants::Grants;
use super::known::Known;
use super::tree::{BoundaryTree, Position};
use crate::all_usage::AllUsage;
use crate::options::Overdraft;
pub(super) use run::{LOOKAHEAD, Run};

/// A write may replay as many boundaries as so many chunks hold: 256, if chunks are of the usual size.
/// Small chunks suspend repairs in small tests.
const CHUNKS_A_WRITE: usize = 2;

/// Copying this many remainders takes as long as replaying one boundary.
const REMAINDERS_A_BOUNDARY: usize = 8;

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
/// let after = account.settlement();
/// // It was repaired within a few boundaries, of the thousand that follow.
/// assert_eq!(after.early_stops - before.early_stops, 1);
/// assert!(after.boundaries_replayed - before.boundaries_replayed < 100);
/// assert!(account.is_settled());
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettlementStatistics {
    /// Boundaries replayed by repairs and as the frontier advanced.
    pub boundaries_replayed: u64,
    /// Checkpoints written, new ones and old ones whose remainders had changed.
    pub checkpoints_written: u64,
    /// Repairs of late writes that were begun.
    pub repairs: u64,
    /// Repairs that ended where the new state met the remembered one.
    pub early_stops: u64,
    /// Jumps over stretches of deficit.
    pub jumps: u64,
    /// Sections of the timeline that repairs have skipped: only grants that outlive them differed.
    pub skips: u64,
}

/// How many boundaries may still be replayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// As many as it takes.
    const UNLIMITED: Budget = Budget(usize::MAX);

    #[inline]
    fn is_spent(self) -> bool {
        self.0 == 0
    }

    /// How many boundaries it allows.
    #[inline]
    fn left(self) -> usize {
        self.0
    }

    #[inline]
    fn spend(&mut self, boundaries: usize) {
        self.0 = self.0.saturating_sub(boundaries);
    }

    /// Whether it allows to copy so many remainders, which it then pays for.
    fn allows_copy(&mut self, remainders: usize) -> bool {
        let cost = remainders / REMAINDERS_A_BOUNDARY;
        self.spend(cost.min(self.0));
        !self.is_spent()
    }
}

/// The parts of a timeline that settling reads and writes.
pub(super) struct Settling<'a> {
    pub(super) grants: &'a Grants,
    pub(super) tree: &'a mut BoundaryTree,
    pub(super) checkpoints: &'a mut Checkpoints,
    pub(super) known: &'a mut Known,
    pub(super) table: Option<&'a mut EpochTable>,
    pub(super) statistics: &'a mut SettlementStatistics,
    pub(super) overdraft: Overdraft,
    pub(super) checkpoint_spacing: usize,
}

impl Settling<'_> {
    /// Settles all that questions up to `time` need.
    pub(super) fn settle(&mut self, usage: &AllUsage, time: i64) {
        let mut budget = Budget::UNLIMITED;
        while let Some(first) = self.known.first_unsettled()
            && first.time <= time
        {
            let begun = self.repair(first, time, &mut budget);
            assert!(begun.is_continue(), "the budget allows everything");
            let next = self.known.first_unsettled();
            assert!(next.is_none_or(|next| next > first), "a repair gets on");
        }
        let horizon = self.known.horizon();
        if horizon < time && self.known.is_beyond(horizon) {
            self.advance(usage, horizon, &mut budget);
        }
        if self.known.is_beyond(time) {
            self.keep_present();
            self.advance(usage, time, &mut budget);
        }
        self.known.restart_count();
    }

    /// Replays what is sound, from where `run` stands to just before the boundary at `to`. It breaks
    /// off if the budget does not allow that, and leaves a checkpoint nearer to it.
    fn approach(&mut self, run: &mut Run, to: Position, budget: &mut Budget) -> ControlFlow<()> {
        while run.at < to {
            let coming = self.tree.in_chunk(run.at, to).len();
            let count = coming.min(budget.left());
            let index = run.at.index;
            let boundaries = &mut self.tree.chunk_mut(run.at).boundaries[index..];
            self.grants.prefetch(boundaries.iter().take(LOOKAHEAD - 1));
            let (grants, overdraft) = (self.grants, self.overdraft);
            run.pass(grants, overdraft, boundaries, count, &mut ());
            budget.spend(count);
            self.statistics.boundaries_replayed += count as u64;
            if count < coming {
                run.store_checkpoint(self.checkpoints, boundaries[count].key());
                return ControlFlow::Break(());
            }
            if run.at < to {
                let next = self.tree.next_chunk(run.at);
                run.at = next.expect("there is a later boundary");
            }
        }
        ControlFlow::Continue(())
    }

    fn budget_of_a_write(&self) -> Budget {
        // A repair replays one boundary more, at which it leaves off.
        Budget(CHUNKS_A_WRITE * self.tree.width() - 1)
    }

    /// Keeps what is live here if the budget of a write does not allow to find it again.
    fn keep_present(&mut self) {
        let live = self.known.reached().map_or(0, |reached| reached.live.len());
        if !self.budget_of_a_write().allows_copy(live) {
            self.known.keep_present();
        }
    }

    /// Settles what it can up to the horizon, within the budget of one write. It breaks off if the
    /// budget does not even allow to begin.
    pub(super) fn keep_up(&mut self, usage: &AllUsage) -> ControlFlow<()> {
        let mut budget = self.budget_of_a_write();
        while let Some(first) = self.known.first_unsettled() {
            self.repair(first, i64::MAX, &mut budget)?;
            if budget.is_spent() {
                return ControlFlow::Continue(());
            }
        }
        let horizon = self.known.horizon();
        if self.known.is_beyond(horizon) {
            self.advance(usage, horizon, &mut budget);
        }
        ControlFlow::Continue(())
    }
}
