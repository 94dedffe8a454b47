//! The grant timeline: what the level of each epoch is, and how it is brought up to date.
//!
//! A grant's window gives two boundaries; from one boundary to the next runs an *epoch*. Between
//! two boundaries no grant starts or ends, so draws go down one and the same list: what remains at
//! the end of an epoch depends only on the **sum** of its usage. The timeline therefore needs the
//! boundaries and one number for each epoch, never the usage records.
//!
//! ```text
//! boundaries   FIRST ─── start a ─── start b ─── end a ─── start c ─── end b ───▶
//! settled      ═════════════════════════════════╪ frontier
//! late writes                 ▲ unsettled
//! ```
//!
//! * Up to and at the **frontier** levels are known; from the frontier's own epoch on no usage is
//!   kept, and no later level: writes there cost nothing. If all is settled the frontier is the
//!   last boundary.
//! * A write before the frontier corrects the usage of one epoch, or adds or removes a boundary,
//!   and notes the first boundary that it **unsettles**. Too many of them move the frontier back
//!   instead.
//! * **Settling** repairs what is unsettled and advances the frontier. A write does a bounded part
//!   of it, up to the latest usage, so that an account stays settled on its own: every write in
//!   time order unless very many late ones came before, and of late writes that follow one another the
//!   1st, 2nd, 4th, 8th and 16th.
//! * A **question** about what is settled reads a level, from the **epoch table** if that answers,
//!   else from the tree; any other replays what a repair would replay, and stores nothing.
//!
//! | | reads | writes |
//! |---|---|---|
//! | [`boundary`] the order of events; [`live`] the draw rule, with [`ranked`]; [`grants`] the records | | |
//! | [`tree`] boundaries under sums; [`checkpoint`] remembered remainders; [`section`] runs of boundaries that a repair can skip; [`known`] what is settled; [`epoch_table`] levels laid out for questions | | |
//! | [`mod@write`] | all | tree, known |
//! | [`settle`] | all | tree, checkpoints, known, epoch table |
//! | [`plan`] | | what a write does, and then as it was |
//! | [`ask`] | all | nothing |
//!
//! [`resume`] says from where a replay can start, [`owing`] over what it can jump, [`mod@bytes`] how a timeline is written and read,
//! [`invariants`] what must hold.

pub(crate) mod boundary;
mod checkpoint;
pub(crate) mod epoch_table;
pub(crate) mod grants;
mod known;
pub(crate) mod live;
mod owing;
mod ranked;
mod section;
mod tree;

pub(crate) mod ask;
mod bytes;
pub(crate) mod plan;
mod resume;
pub(crate) mod settle;
mod write;
pub(crate) mod write_metered;

mod invariants;

use crate::all_usage::AllUsage;
use crate::options::{Options, Overdraft};
use crate::step_table::StepTable;
use ask::View;
use checkpoint::Checkpoints;
use epoch_table::{Epoch, EpochTable, Limit};
use grants::Grants;
use known::Known;
use settle::{SettlementStatistics, Settling};
use tree::BoundaryTree;

/// The epoch table is built anew only if it no longer answers for one in so many epochs.
const LOST_SHARE: usize = 16;

/// The grants of one account and the level of each epoch.
#[derive(Clone, Debug)]
pub(crate) struct GrantTimeline {
    pub(crate) grants: Grants,
    tree: BoundaryTree,
    checkpoints: Checkpoints,
    known: Known,
    table: Option<Box<EpochTable>>,
    /// The boundaries that had been replayed when the table was built.
    replayed_before: u64,
    /// The boundaries that there were then.
    len_before: usize,
    overdraft: Overdraft,
    checkpoint_spacing: usize,
    statistics: SettlementStatistics,
}

impl GrantTimeline {
    pub(crate) fn new(options: &Options) -> Self {
        GrantTimeline {
            grants: Grants::default(),
            tree: BoundaryTree::new(options.boundary_chunk.clamp(4, 256)),
            checkpoints: Checkpoints::default(),
            known: Known::new(),
            table: None,
            replayed_before: 0,
            len_before: 0,
            overdraft: options.overdraft,
            checkpoint_spacing: options.checkpoint_spacing.max(1),
            statistics: SettlementStatistics::default(),
        }
    }

    pub(crate) fn statistics(&self) -> SettlementStatistics {
        self.statistics
    }

    pub(crate) fn checkpoint_count(&self) -> usize {
        self.checkpoints.len()
    }

    /// The most boundaries in a chunk.
    pub(crate) fn boundary_chunk(&self) -> usize {
        self.tree.width()
    }

    /// Boundaries from one checkpoint to the next, at least.
    pub(crate) fn checkpoint_spacing(&self) -> usize {
        self.checkpoint_spacing
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.known.is_settled()
    }

    /// The timeline to be asked.
    #[inline]
    pub(crate) fn ask<'a>(&'a self, usage: &'a AllUsage) -> View<'a> {
        View {
            grants: &self.grants,
            tree: &self.tree,
            checkpoints: &self.checkpoints,
            known: &self.known,
            overdraft: self.overdraft,
            usage,
        }
    }

    /// The limit of each epoch, if the epoch table knows that of `time` as it was built. O(1)
    #[inline]
    pub(crate) fn laid_out_at(&self, time: i64) -> Option<&StepTable<Limit>> {
        self.table.as_ref()?.as_built_at(time)
    }

    /// The limit of the epoch of `time`, if the epoch table answers. O(1) if epochs are spread
    /// evenly, else O(log m).
    #[inline]
    pub(crate) fn limit(&self, time: i64) -> Option<Limit> {
        self.table.as_ref()?.limit(time)
    }

    /// The epoch of `time`; `None` if it is not settled. O(log m).
    #[inline]
    pub(crate) fn epoch(&self, usage: &AllUsage, time: i64) -> Option<Epoch> {
        let table = self.table.as_ref();
        let epoch = table.and_then(|table| table.epoch_without_holes(time));
        epoch.or_else(|| self.epoch_elsewhere(usage, time))
    }

    #[inline(never)]
    fn epoch_elsewhere(&self, usage: &AllUsage, time: i64) -> Option<Epoch> {
        let epoch = self.table.as_ref().and_then(|table| table.epoch(time));
        epoch.or_else(|| self.ask(usage).settled_epoch(time))
    }

    /// Brings levels and checkpoints up to date, so far as questions up to `time` need them. O(1)
    /// if they are; else a repair for each unsettled write, and O(log live) for each boundary from
    /// the frontier to `time`.
    pub(crate) fn settle(&mut self, usage: &AllUsage, time: i64) {
        self.settling().settle(usage, time);
        if let Some(table) = &mut self.table {
            table.set_unsettled(self.known.first_unsettled().map(|first| first.time));
        }
        if self.is_settled() && self.is_table_worth_building() {
            self.build_table();
        }
    }

    fn settling(&mut self) -> Settling<'_> {
        Settling {
            grants: &self.grants,
            tree: &mut self.tree,
            checkpoints: &mut self.checkpoints,
            known: &mut self.known,
            table: self.table.as_deref_mut(),
            statistics: &mut self.statistics,
            overdraft: self.overdraft,
            checkpoint_spacing: self.checkpoint_spacing,
        }
    }

    /// Whether the table has lost much, and building it costs a small part of what has been replayed since:
    /// as many boundaries as there are; or as many as have come, if the others are no more. O(1) as long as
    /// little has been replayed, else O(log m).
    fn is_table_worth_building(&self) -> bool {
        let len = self.tree.len();
        let replayed = self.statistics.boundaries_replayed - self.replayed_before;
        let replayed = usize::try_from(replayed).unwrap_or(usize::MAX);
        let come = len.saturating_sub(self.len_before);
        // The boundary at the beginning of time is never replayed.
        replayed > 0 && replayed.saturating_add(come) >= len - 1 && {
            let lost = self.table.as_ref().map_or(len, |table| table.lost_len());
            come + lost > len / LOST_SHARE
        }
    }

    /// O(m).
    fn build_table(&mut self) {
        self.replayed_before = self.statistics.boundaries_replayed;
        self.len_before = self.tree.len();
        let epochs = || {
            let epochs = self.tree.epochs();
            epochs.map(|(time, live, level)| (time, Limit::new(live > 0, level)))
        };
        let relaid = self.table.take().and_then(|table| table.relaid(epochs()));
        let table = relaid.or_else(|| EpochTable::new(self.tree.len(), epochs()));
        self.table = table.map(Box::new);
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.grants.memory_used()
            + self.tree.memory_used()
            + self.checkpoints.memory_used()
            + self.known.memory_used()
            + self.table.as_ref().map_or(0, |table| table.memory_used())
    }
}

/// A difference as it is added to a wrapping sum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn wrapping(difference: i128) -> u64 {
    difference as u64
}
