//! From where a replay can start: the last boundary at which it is known what remains of each
//! grant.

use super::boundary::Key;
use super::checkpoint::{Checkpoints, Remembered};
use super::grants::Grants;
use super::live::Live;
use super::tree::{BoundaryTree, Position};
use super::wrapping;
use crate::options::Overdraft;

/// What stands just before a boundary.
pub(super) struct Start<'a> {
    pub(super) at: Position,
    state: State<'a>,
}

enum State<'a> {
    /// Nothing remains of any grant.
    Deficit(u64),
    Remainders(Remembered<'a>),
}

impl Start<'_> {
    /// How many remainders there are.
    pub(super) fn remainders(&self) -> usize {
        match self.state {
            State::Deficit(_) => 0,
            State::Remainders(remainders) => remainders.len(),
        }
    }

    /// A copy of what stands. O(remainders).
    pub(super) fn live(&self, grants: &Grants) -> Live {
        match self.state {
            State::Deficit(deficit) => Live::owing(deficit),
            State::Remainders(remainders) => remainders.live(grants),
        }
    }
}

/// What stands just before the boundary at `key`, or just before the last checkpoint ahead of it;
/// all before `key` sound.
pub(super) fn before<'a>(
    tree: &BoundaryTree,
    checkpoints: &'a Checkpoints,
    overdraft: Overdraft,
    key: Key,
) -> Start<'a> {
    let start = |at| {
        deficit(tree, overdraft, at, 0).map(|deficit| Start {
            at,
            state: State::Deficit(deficit),
        })
    };
    if let Some(start) = start(tree.find(key)) {
        return start;
    }
    let Some((key, remainders)) = checkpoints.at_or_before(key) else {
        return Start {
            at: Position::FIRST,
            state: State::Deficit(0),
        };
    };
    let at = tree.find(key);
    start(at).unwrap_or(Start {
        at,
        state: State::Remainders(remainders),
    })
}

/// The deficit just before a boundary, if the balance there is at or below zero: then nothing
/// remains of any grant, and no checkpoint is needed. `lift` is by how much the levels of the tree
/// are too low there. O(B).
pub(super) fn deficit(
    tree: &BoundaryTree,
    overdraft: Overdraft,
    at: Position,
    lift: i128,
) -> Option<u64> {
    let balance = tree.balance_before(at) + lift;
    match overdraft {
        Overdraft::Carry => u64::try_from(-balance).ok(),
        Overdraft::CarryUpTo(line) => {
            // Less what was dropped in the epoch it is below 0 by no more than all usage.
            let balance = wrapping(balance).cast_signed();
            (balance <= 0).then(|| line.min(balance.unsigned_abs()))
        }
        Overdraft::Forfeit => None,
    }
}
