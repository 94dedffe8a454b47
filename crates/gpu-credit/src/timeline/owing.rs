//! Where nothing remains of any grant: what a replay can jump over.

use super::tree::{BoundaryTree, Position};
use crate::options::Overdraft;

/// Balances at which nothing remains of any grant and nothing is dropped, neither in a new world nor
/// in the remembered one.
///
/// As long as epochs end so, the two worlds differ by the same amount. Under a credit line they do
/// not where either reaches the line, for what it drops changes its level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owing {
    /// All are above this; `None` if there is no credit line.
    above: Option<i128>,
    /// All are at or below this.
    most: i128,
}

impl Owing {
    /// The balances of the new world, which is `shifted` above the remembered one. `None` if nothing
    /// is ever owed.
    #[inline]
    pub(super) fn new(overdraft: Overdraft, shifted: i128) -> Option<Self> {
        let above = match overdraft {
            Overdraft::Carry => None,
            Overdraft::CarryUpTo(line) => Some(shifted.max(0) - i128::from(line)),
            Overdraft::Forfeit => return None,
        };
        let most = shifted.min(0);
        Some(Owing { above, most })
    }

    #[inline]
    pub(super) fn contains(self, balance: i128) -> bool {
        balance <= self.most && self.above.is_none_or(|above| above < balance)
    }

    /// The first epoch from `at` on and before `limit` that ends with another balance; `lift` is by
    /// how much the levels of the tree are too low (wrapping: then an end is taken for another
    /// balance at worst). Cost as [`BoundaryTree::first_end`].
    pub(super) fn first_other(
        self,
        tree: &BoundaryTree,
        at: Position,
        limit: Position,
        lift: i128,
    ) -> Option<Position> {
        let most = self.most - lift;
        match self.above {
            None => tree.first_end(at, limit, |_, max| max > most),
            Some(above) => {
                let above = above - lift;
                tree.first_end(at, limit, |min, max| max > most || min <= above)
            }
        }
    }
}
