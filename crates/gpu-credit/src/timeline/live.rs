//! The draw rule: what is live, who pays first, and what overdraft does.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::Overdraft;

/// What is left of one live grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The last instant of the window.
    pub(crate) end: i64,
    /// The grant.
    pub(crate) grant: u32,
    /// What is left; never 0 in a [`Live`].
    pub(crate) amount: u64,
}

/// The greater one is drawn first: the sooner end, and of equal ends the one posted first. No two
/// of one account compare equal.
impl Ord for Left {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (other.end, other.grant).cmp(&(self.end, self.grant))
    }
}

impl PartialOrd for Left {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The live grants that have something left, and the deficit. Where there is a deficit nothing is
/// left of any grant, for they would have paid it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// The one that is drawn first. It stands outside the heap because most usage draws from it
    /// alone.
    first: Option<Left>,
    others: BinaryHeap<Left>,
    /// The sum of what is left.
    left: u64,
    deficit: u64,
}

impl Live {
    /// What stands where `lefts` are all that is left, as [`lefts`](Self::lefts) has returned them,
    /// and there is no deficit. O(lefts).
    pub(crate) fn new(lefts: &[Left]) -> Self {
        Live {
            first: lefts.first().copied(),
            others: lefts.get(1..).unwrap_or_default().to_vec().into(),
            left: lefts.iter().map(|left| left.amount).sum(),
            deficit: 0,
        }
    }

    /// What stands where nothing is left, and this is owed.
    pub(crate) fn owing(deficit: u64) -> Self {
        Live {
            deficit,
            ..Live::default()
        }
    }

    /// A grant starts: it pays the deficit, and the rest may be drawn. O(log live).
    #[inline]
    pub(crate) fn start(&mut self, mut left: Left) {
        let paid = self.deficit.min(left.amount);
        self.deficit -= paid;
        left.amount -= paid;
        if left.amount == 0 {
            return;
        }
        self.left += left.amount;
        match self.first {
            Some(first) if first > left => self.others.push(left),
            first => {
                self.others.extend(first);
                self.first = Some(left);
            }
        }
    }

    /// A grant's window has ended: what is left of it lapses. Of all that are live it ends soonest,
    /// so it is the first if it is there at all. O(log live).
    #[inline]
    pub(crate) fn end(&mut self, grant: u32) {
        if let Some(first) = self.first
            && first.grant == grant
        {
            self.left -= first.amount;
            self.first = self.others.pop();
        }
    }

    /// Usage, of one entry or of a whole epoch: within an epoch only the sum decides what is left
    /// at its end. Amortised O(log live).
    #[inline]
    pub(crate) fn draw(&mut self, usage: u64, overdraft: Overdraft) {
        if usage >= self.left {
            if overdraft == Overdraft::Carry {
                self.deficit += usage - self.left;
            }
            self.left = 0;
            self.first = None;
            self.others.clear();
            return;
        }
        self.left -= usage;
        let mut usage = usage;
        while let Some(first) = &mut self.first {
            if first.amount > usage {
                first.amount -= usage;
                return;
            }
            usage -= first.amount;
            self.first = self.others.pop();
        }
    }

    /// The sum of what is left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Usage that no grant has paid yet.
    pub(crate) fn deficit(&self) -> u64 {
        self.deficit
    }

    /// What is left minus the deficit.
    #[inline]
    pub(crate) fn balance(&self) -> i128 {
        i128::from(self.left) - i128::from(self.deficit)
    }

    /// How many grants have something left.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    /// What is left of the grant that is drawn first, and of the others, which are in no order
    /// that means anything.
    pub(crate) fn lefts(&self) -> (Option<Left>, &[Left]) {
        (self.first, self.others.as_slice())
    }

    /// A sum that differs for nearly all states that differ, whatever the order of the others.
    /// O(live).
    pub(crate) fn checksum(&self) -> u64 {
        let weigh = |left: &Left| left.amount.wrapping_mul(u64::from(left.grant) + 1);
        let lefts = self.first.iter().chain(&self.others);
        lefts.map(weigh).fold(0, u64::wrapping_add)
    }

    /// What is left of each grant, in the order in which they are drawn. O(live log live).
    pub(crate) fn in_order(&self) -> Vec<Left> {
        let (first, others) = self.lefts();
        let mut lefts: Vec<Left> = first.into_iter().chain(others.iter().copied()).collect();
        lefts.sort_unstable_by(|left, right| right.cmp(left));
        lefts
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.others.capacity() * size_of::<Left>()
    }
}
