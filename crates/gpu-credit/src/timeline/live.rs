//! The draw rule: what is live, who pays first, and what overdraft does.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::options::Overdraft;

/// A live grant and what remains of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiveGrant {
    /// The last instant of the window.
    pub(crate) end: i64,
    /// The grant.
    pub(crate) grant: u32,
    /// What is undrawn of it; never 0 in a [`Live`].
    pub(crate) remainder: u64,
}

/// The greater one is drawn first: the sooner end, and of equal ends the one posted first. No two
/// of one account compare equal.
impl Ord for LiveGrant {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (other.end, other.grant).cmp(&(self.end, self.grant))
    }
}

impl PartialOrd for LiveGrant {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The live grants that have something left, and the deficit. If there is a deficit nothing is
/// left of any grant, for they would have paid it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// The one that is drawn first. It stands outside the heap because most usage draws from it
    /// alone.
    first: Option<LiveGrant>,
    others: BinaryHeap<LiveGrant>,
    /// The sum of what is left.
    remaining: u64,
    deficit: u64,
}

impl Live {
    /// What stands if `remainders` are all that is left, as [`remainders`](Self::remainders) has returned them,
    /// and there is no deficit. O(remainders).
    pub(crate) fn new(remainders: &[LiveGrant]) -> Self {
        Live {
            first: remainders.first().copied(),
            others: remainders.get(1..).unwrap_or_default().to_vec().into(),
            remaining: remainders.iter().map(|grant| grant.remainder).sum(),
            deficit: 0,
        }
    }

    /// What stands if nothing is left, and this is owed.
    pub(crate) fn owing(deficit: u64) -> Self {
        Live {
            deficit,
            ..Live::default()
        }
    }

    /// A grant starts: it pays the deficit, and the rest may be drawn. O(log live).
    #[inline]
    pub(crate) fn start(&mut self, mut grant: LiveGrant) {
        let paid = self.deficit.min(grant.remainder);
        self.deficit -= paid;
        grant.remainder -= paid;
        if grant.remainder == 0 {
            return;
        }
        self.remaining += grant.remainder;
        match self.first {
            Some(first) if first > grant => self.others.push(grant),
            first => {
                self.others.extend(first);
                self.first = Some(grant);
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
            self.remaining -= first.remainder;
            self.first = self.others.pop();
        }
    }

    /// Usage, of one entry or of a whole epoch: within an epoch only the sum decides what is left
    /// at its end. Amortised O(log live).
    #[inline]
    pub(crate) fn draw(&mut self, usage: u64, overdraft: Overdraft) {
        if usage >= self.remaining {
            if overdraft == Overdraft::Carry {
                self.deficit += usage - self.remaining;
            }
            self.remaining = 0;
            self.first = None;
            self.others.clear();
            return;
        }
        self.remaining -= usage;
        let mut usage = usage;
        while let Some(first) = &mut self.first {
            if first.remainder > usage {
                first.remainder -= usage;
                return;
            }
            usage -= first.remainder;
            self.first = self.others.pop();
        }
    }

    /// The sum of what is left.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Usage that no grant has paid yet.
    pub(crate) fn deficit(&self) -> u64 {
        self.deficit
    }

    /// What is left minus the deficit.
    #[inline]
    pub(crate) fn balance(&self) -> i128 {
        i128::from(self.remaining) - i128::from(self.deficit)
    }

    /// How many grants have something left.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    /// What is left of the grant that is drawn first, and of the others, which are in no order
    /// that means anything.
    pub(crate) fn remainders(&self) -> (Option<LiveGrant>, &[LiveGrant]) {
        (self.first, self.others.as_slice())
    }

    /// A sum that differs for nearly all states that differ, whatever the order of the others.
    /// O(live).
    pub(crate) fn checksum(&self) -> u64 {
        let weigh = |grant: &LiveGrant| grant.remainder.wrapping_mul(u64::from(grant.grant) + 1);
        let remainders = self.first.iter().chain(&self.others);
        remainders.map(weigh).fold(0, u64::wrapping_add)
    }

    /// What is left of each grant, in the order in which they are drawn. O(live log live).
    pub(crate) fn in_order(&self) -> Vec<LiveGrant> {
        let (first, others) = self.remainders();
        let mut remainders: Vec<LiveGrant> =
            first.into_iter().chain(others.iter().copied()).collect();
        remainders.sort_unstable_by(|one, other| other.cmp(one));
        remainders
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.others.capacity() * size_of::<LiveGrant>()
    }
}
