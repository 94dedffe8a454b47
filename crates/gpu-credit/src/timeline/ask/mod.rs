//! Asking: what a question reads of a timeline. It stores nothing.
//!
//! If what it asks for is settled, a question reads a level from the epoch table, or from the tree
//! ([`standing`]). If not, it [surveys](survey) the boundaries from the first unsettled one on, and
//! replays no more of them than a repair would. Beyond the frontier it [replays](replay) epoch by
//! epoch, with usage from the index. What may be spent takes [two replays](more) side by side.

mod freed;
mod lowest;
pub(crate) mod more;
pub(crate) mod replay;
mod standing;
mod survey;
pub(crate) mod trace;
mod uncovered;
mod what_if;

use super::boundary::Key;
use super::checkpoint::Checkpoints;
use super::grants::Grants;
use super::known::Known;
pub(crate) use super::tree::Counting;
use super::tree::{BoundaryTree, Position};
use crate::all_usage::AllUsage;
use crate::options::Overdraft;

/// A timeline and its usage, to be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(super) grants: &'a Grants,
    pub(super) tree: &'a BoundaryTree,
    pub(super) checkpoints: &'a Checkpoints,
    pub(super) known: &'a Known,
    pub(super) overdraft: Overdraft,
    pub(super) usage: &'a AllUsage,
}

/// How an account stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether any window contains the instant.
    pub(crate) is_live: bool,
    /// The balance is this, which is a level or the sum of what remains ...
    pub(crate) level: u64,
    /// ... less this: what has been used since.
    pub(crate) used: u64,
}

impl View<'_> {
    /// The epoch of an instant, and its boundary.
    fn epoch_at(&self, time: i64) -> (Position, Key) {
        let at = self.tree.find_time(time);
        (at, self.tree.get(at).key())
    }
}
