//! The draw rule: what is live, who pays first, and what overdraft does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Overdraft;

/// What is left of one live grant. Ordered as usage draws: soonest end first, equal ends in
/// posting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    /// The last instant of the window.
    pub(crate) end: i64,
    /// The grant.
    pub(crate) grant: u32,
    /// What is left; never 0 in a [`Live`].
    pub(crate) amount: u64,
}

/// The live grants that have something left, and the deficit. Where there is a deficit nothing is
/// left of any grant, for they would have paid it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    heap: BinaryHeap<Reverse<Left>>,
    /// The sum of what is left.
    left: u64,
    deficit: u64,
}

impl Live {
    /// What stands where `lefts` are all that is left, or where there is a deficit. O(lefts).
    pub(crate) fn new(lefts: &[Left], deficit: u64) -> Self {
        Live {
            heap: lefts.iter().copied().map(Reverse).collect(),
            left: lefts.iter().map(|left| left.amount).sum(),
            deficit,
        }
    }

    /// A grant starts: it pays the deficit, and the rest may be drawn. O(log live).
    pub(crate) fn start(&mut self, mut left: Left) {
        let paid = self.deficit.min(left.amount);
        self.deficit -= paid;
        left.amount -= paid;
        if left.amount > 0 {
            self.left += left.amount;
            self.heap.push(Reverse(left));
        }
    }

    /// A grant's window has ended: what is left of it lapses. Of all that are live it ends soonest,
    /// so it is the first in the heap if it is there at all. O(log live).
    pub(crate) fn end(&mut self, grant: u32) {
        if let Some(first) = self.heap.peek_mut()
            && first.0.grant == grant
        {
            self.left -= first.0.amount;
            std::collections::binary_heap::PeekMut::pop(first);
        }
    }

    /// Usage, of one entry or of a whole epoch: within an epoch only the sum decides what is left
    /// at its end. Amortised O(log live).
    pub(crate) fn draw(&mut self, usage: u64, overdraft: Overdraft) {
        if usage < self.left {
            self.left -= usage;
            self.draw_from_heap(usage);
            return;
        }
        if overdraft == Overdraft::Carry {
            self.deficit += usage - self.left;
        }
        self.left = 0;
        self.heap.clear();
    }

    fn draw_from_heap(&mut self, mut usage: u64) {
        while usage > 0 {
            let Some(mut first) = self.heap.peek_mut() else {
                return;
            };
            if first.0.amount > usage {
                first.0.amount -= usage;
                return;
            }
            usage -= first.0.amount;
            std::collections::binary_heap::PeekMut::pop(first);
        }
    }

    /// What is left minus the deficit.
    pub(crate) fn balance(&self) -> i128 {
        i128::from(self.left) - i128::from(self.deficit)
    }

    /// How many grants have something left.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// What is left of each grant; the soonest end first, the others in no order.
    pub(crate) fn lefts(&self) -> impl ExactSizeIterator<Item = Left> + '_ {
        self.heap.iter().map(|left| left.0)
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.heap.capacity() * size_of::<Left>()
    }
}
