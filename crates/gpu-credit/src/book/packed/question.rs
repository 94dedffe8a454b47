//! The balance of a small account at an instant, step by step.
//!
//! Each step reads what the one before it has found: the head, some fences if there are many, a block of
//! each series. Of many questions each can take a step while the others wait for memory.

use std::ops::Range;

use super::Packed;
use super::layout::{Layout, epoch_key};
use super::metered::metered_after;
use super::series::Series;
use crate::answer::{Answer, answer};
use crate::options::Overdraft;
use crate::timeline::ask::Standing;
use crate::usage::prefetch::{LINE, prefetch};

/// A question under way.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Question<'a> {
    bytes: &'a [u8],
    overdraft: Overdraft,
    /// How far the instant is from the origin; `None` if it is earlier.
    distance: Option<u64>,
    epochs: Series,
    usage: Series,
    changes: Series,
    blocks: Blocks,
}

/// The blocks in which the answer is found.
#[derive(Clone, Copy, Debug, Default)]
struct Blocks {
    epoch: usize,
    usage: usize,
    change: usize,
}

impl Packed {
    /// Starts loading what a question reads first: the head, most names, and most indexes.
    #[inline]
    pub(in super::super) fn prefetch(&self) {
        prefetch_bytes(&self.0, 0..LINE + 1);
    }
}

impl<'a> Question<'a> {
    /// Reads the head.
    #[inline]
    pub(in super::super) fn new(Packed(bytes): &'a Packed, timestamp: i64) -> Self {
        let layout = Layout::read(bytes);
        Question {
            bytes,
            overdraft: layout.head.overdraft,
            distance: layout.distance(timestamp),
            epochs: layout.epochs,
            usage: layout.usage,
            changes: layout.changes,
            blocks: Blocks::default(),
        }
    }

    /// Starts loading the fences that are read next, if they are not among what was read first.
    #[inline]
    pub(in super::super) fn prefetch_fences(&self) {
        for series in [&self.usage, &self.changes] {
            if series.has_groups() {
                let group = series.group_of(self.bytes, self.distance.unwrap_or(0));
                let fences = series.fences_of(group);
                prefetch_bytes(self.bytes, fences.at..fences.end());
            }
        }
    }

    /// Finds the blocks.
    #[inline]
    pub(in super::super) fn find_blocks(&mut self) {
        let distance = self.distance.unwrap_or(0);
        self.blocks = Blocks {
            epoch: self.epochs.block_of(self.bytes, epoch_key(distance)),
            usage: self.usage.block_of(self.bytes, distance),
            change: match self.changes.len {
                0 => 0,
                _ => self.changes.block_of(self.bytes, distance),
            },
        };
    }

    /// Starts loading the blocks.
    #[inline]
    pub(in super::super) fn prefetch_blocks(&self) {
        prefetch_bytes(self.bytes, self.epochs.block_range(self.blocks.epoch));
        prefetch_bytes(self.bytes, self.usage.block_range(self.blocks.usage));
        if self.changes.len > 0 {
            prefetch_bytes(self.bytes, self.changes.block_range(self.blocks.change));
        }
    }

    /// Reads the blocks, which have been found.
    #[inline]
    pub(in super::super) fn answer(&self) -> Answer {
        // Before the earliest time of all there is neither an epoch nor usage.
        let standing = self
            .distance
            .map_or(NOTHING, |distance| self.standing(distance));
        answer(standing, self.overdraft)
    }

    #[inline]
    fn standing(&self, distance: u64) -> Standing {
        let (bytes, blocks) = (self.bytes, self.blocks);
        let key = epoch_key(distance);
        let epochs = self.epochs.count_in(bytes, blocks.epoch, key);
        let epoch = epochs.checked_sub(1);
        let entries = self.usage.count_in(bytes, blocks.usage, distance);
        let mut used = self.usage.number_before(bytes, entries);
        if self.changes.len > 0 {
            let changes = self.changes.count_in(bytes, blocks.change, distance);
            used += metered_in(bytes, &self.changes, changes, distance);
        }
        Standing {
            is_live: epoch.is_some_and(|epoch| self.epochs.key(bytes, epoch) & 1 != 0),
            level: self.epochs.number_before(bytes, epochs),
            used,
        }
    }
}

const NOTHING: Standing = Standing {
    is_live: false,
    level: 0,
    used: 0,
};

/// What has been metered through a tick that is so far from the origin, and before or at which the rate
/// has changed so often.
#[inline]
pub(super) fn metered_in(bytes: &[u8], series: &Series, changes: usize, distance: u64) -> u64 {
    let Some(at) = changes.checked_sub(1) else {
        return 0;
    };
    let change = |at| (series.key(bytes, at), series.number(bytes, at));
    let last = change(at);
    if changes == series.len {
        return last.1; // After the last change nothing is metered.
    }
    metered_after(last, change(changes), distance - last.0 + 1)
}

/// Starts loading a range that is not longer than a line, or little longer, so far as there are such
/// bytes.
#[inline]
fn prefetch_bytes(bytes: &[u8], range: Range<usize>) {
    for at in [range.start, range.end - 1] {
        if let Some(byte) = bytes.get(at) {
            prefetch(byte);
        }
    }
}
