//! The draw rule: what is live, who pays first, and what overdraft does.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use smallvec::SmallVec;

use super::ranked::Ranked;
use crate::options::Overdraft;

/// A live grant and what remains of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiveGrant {
    /// The last instant of the window.
    pub(crate) end: i64,
    /// The grant.
    pub(crate) grant: u32,
    pub(crate) priority: i16,
    /// What is undrawn of it; never 0 in a [`Live`].
    pub(crate) remainder: u64,
}

impl LiveGrant {
    /// Its place in the order of draws: lower priority first, then sooner end, then posting order. No
    /// two grants of one account have the same.
    #[inline]
    pub(crate) fn place(&self) -> (i16, i64, u32) {
        (self.priority, self.end, self.grant)
    }

    /// Whether it is drawn before another of the same priority. There is no branch: neither outcome is
    /// likely.
    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        (self.end < other.end) | ((self.end == other.end) & (self.grant < other.grant))
    }
}

/// Of two grants of one priority the greater one is drawn first: the sooner end, and of equal ends
/// the one posted first.
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

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        other.is_before(self)
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        !self.is_before(other)
    }

    #[inline]
    fn gt(&self, other: &Self) -> bool {
        self.is_before(other)
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        !other.is_before(self)
    }
}

/// Takes out the one that is drawn next after the first.
#[inline(always)]
fn next(others: &mut BinaryHeap<LiveGrant>, ranked: &mut Option<Box<Ranked>>) -> Option<LiveGrant> {
    match ranked {
        None => others.pop(),
        Some(ranked) => next_ranked(others, ranked),
    }
}

#[inline(never)]
fn next_ranked(others: &mut BinaryHeap<LiveGrant>, ranked: &mut Ranked) -> Option<LiveGrant> {
    if ranked.least().is_some_and(|least| least < 0) {
        return ranked.pop();
    }
    others.pop().or_else(|| ranked.pop())
}

/// A sum that differs for nearly all remainders that differ, whatever their order. O(grants).
pub(crate) fn checksum<'a>(remainders: impl Iterator<Item = &'a LiveGrant>) -> u64 {
    let weigh = |grant: &LiveGrant| grant.remainder.wrapping_mul(u64::from(grant.grant) + 1);
    remainders.map(weigh).fold(0, u64::wrapping_add)
}

/// What remains of grants as a checkpoint keeps it: most have one or two.
pub(crate) type Remainders = SmallVec<[LiveGrant; 2]>;

/// The live grants that have something left, and the deficit. If there is a deficit nothing is
/// left of any grant, for they would have paid it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The one that is drawn first. It stands outside the heap because most usage draws from it
    /// alone.
    first: Option<LiveGrant>,
    /// Of priority 0.
    others: BinaryHeap<LiveGrant>,
    /// Of other priorities. It is there from the first such grant on, until nothing is left of any.
    ranked: Option<Box<Ranked>>,
    /// The sum of what is left.
    remaining: u64,
    deficit: u64,
    /// The last instant of the [section](super::section) that a repair replays: grants that end later
    /// outlive it. None does outside of sections.
    section_end: i64,
    /// The sum of what is left of those that outlive the section.
    outliving: u64,
    /// Whether what is drawn from those that outlive the section may depend on what is left of them:
    /// usage went unpaid, or a grant had another priority than 0.
    is_entangled: bool,
}

impl Default for Live {
    fn default() -> Self {
        Live {
            first: None,
            others: BinaryHeap::new(),
            ranked: None,
            remaining: 0,
            deficit: 0,
            section_end: i64::MAX,
            outliving: 0,
            is_entangled: false,
        }
    }
}

impl Live {
    /// What stands if `remainders` are all that is left, as [`copy_to`](Self::copy_to) has written
    /// them, and there is no deficit. O(remainders).
    pub(crate) fn new(remainders: &[LiveGrant]) -> Self {
        let Some((first, others)) = remainders.split_first() else {
            return Live::default();
        };
        let is_ranked = |grant: &LiveGrant| grant.priority != 0;
        let mut ranked = None;
        let mut zeros = others.len();
        if is_ranked(first) || others.last().is_some_and(is_ranked) {
            zeros = others.partition_point(|grant| !is_ranked(grant));
            ranked = Some(Box::new(Ranked::new(&others[zeros..])));
        }
        Live {
            first: Some(*first),
            others: others[..zeros].to_vec().into(),
            is_entangled: ranked.is_some(),
            ranked,
            remaining: remainders.iter().map(|grant| grant.remainder).sum(),
            ..Live::default()
        }
    }

    /// What stands if this is left of grants, in any order, and there is no deficit. O(remainders).
    pub(crate) fn from_unordered(remainders: Vec<LiveGrant>) -> Self {
        if remainders.iter().any(|grant| grant.priority != 0) {
            let mut live = Live::default();
            remainders.into_iter().for_each(|grant| live.start(grant));
            return live;
        }
        let remaining = remainders.iter().map(|grant| grant.remainder).sum();
        let mut others = BinaryHeap::from(remainders);
        Live {
            first: others.pop(),
            others,
            remaining,
            ..Live::default()
        }
    }

    /// What stands if nothing is left, and this is owed.
    pub(crate) fn owing(deficit: u64) -> Self {
        Live {
            deficit,
            is_entangled: true,
            ..Live::default()
        }
    }

    /// From here on it is told what is left of grants that end after `section_end`. O(live).
    pub(crate) fn enter_section(&mut self, section_end: i64) {
        let outliving = (self.remainders()).filter(|grant| grant.end > section_end);
        self.outliving = outliving.map(|grant| grant.remainder).sum();
        self.section_end = section_end;
    }

    /// No grant is told apart any more.
    pub(crate) fn leave_section(&mut self) {
        self.section_end = i64::MAX;
        self.outliving = 0;
    }

    /// The sum of what is left of the grants that outlive the section.
    #[inline]
    pub(crate) fn outliving(&self) -> u64 {
        self.outliving
    }

    /// Whether usage went unpaid, or a grant had another priority than 0, since
    /// [`disentangle`](Self::disentangle).
    pub(crate) fn is_entangled(&self) -> bool {
        self.is_entangled
    }

    /// Whether anything is left of a grant of another priority than 0.
    pub(crate) fn is_ranked(&self) -> bool {
        self.first.is_some_and(|first| first.priority != 0)
            || (self.ranked.as_ref()).is_some_and(|ranked| ranked.len() > 0)
    }

    /// Forgets what has been, but not what is.
    pub(crate) fn disentangle(&mut self) {
        self.is_entangled = self.is_ranked() || self.deficit > 0;
    }

    /// What is left of grants that end at or before an instant is gone; grants do not differ in
    /// priority. O(log live) for each.
    pub(crate) fn lapse_through(&mut self, last: i64) {
        while let Some(first) = self.first
            && first.end <= last
        {
            self.remaining -= first.remainder;
            self.first = self.others.pop();
        }
    }

    /// Draws so much that this is left. O(live) at most.
    pub(crate) fn draw_down_to(&mut self, left: u64) {
        let usage = self.remaining.checked_sub(left);
        let usage = usage.expect("no more is left later");
        self.draw(usage, Overdraft::Forfeit);
    }

    /// A grant starts: it pays the deficit, and the rest may be drawn. O(log live).
    #[inline(always)]
    pub(crate) fn start(&mut self, mut grant: LiveGrant) {
        let paid = self.deficit.min(grant.remainder);
        self.deficit -= paid;
        grant.remainder -= paid;
        if grant.remainder == 0 {
            return;
        }
        self.remaining += grant.remainder;
        if grant.end > self.section_end {
            self.outliving += grant.remainder;
        }
        if grant.priority != 0 || self.ranked.is_some() {
            self.keep_ranked(grant);
            return;
        }
        match &mut self.first {
            None => self.first = Some(grant),
            Some(first) => {
                if grant > *first {
                    std::mem::swap(first, &mut grant);
                }
                self.others.push(grant);
            }
        }
    }

    /// A grant's window has ended: what is left of it lapses, and is returned. Of all of its
    /// priority it ends soonest, so that it is the first if all have one. `priority` is asked for if
    /// they do not. O(log live).
    #[inline(always)]
    pub(crate) fn end(&mut self, grant: u32, priority: impl FnOnce() -> i16) -> u64 {
        if self.ranked.is_some() {
            return self.end_ranked(grant, priority());
        }
        match self.first {
            Some(first) if first.grant == grant => {
                self.remaining -= first.remainder;
                self.first = self.others.pop();
                first.remainder
            }
            _ => 0,
        }
    }

    /// Keeps a grant that starts, if grants differ in priority.
    #[inline(never)]
    fn keep_ranked(&mut self, grant: LiveGrant) {
        self.is_entangled |= grant.priority != 0;
        let ranked = self.ranked.get_or_insert_default();
        let mut wait = |grant: LiveGrant| match grant.priority {
            0 => self.others.push(grant),
            _ => ranked.push(grant),
        };
        match self.first {
            Some(first) if first.place() < grant.place() => wait(grant),
            first => {
                first.into_iter().for_each(&mut wait);
                self.first = Some(grant);
            }
        }
    }

    /// Ends a grant, if grants differ in priority.
    #[inline(never)]
    fn end_ranked(&mut self, grant: u32, priority: i16) -> u64 {
        let is_it = |next: &LiveGrant| next.grant == grant;
        let ended = if self.first.as_ref().is_some_and(is_it) {
            let next = next(&mut self.others, &mut self.ranked);
            std::mem::replace(&mut self.first, next)
        } else if priority == 0 {
            self.others
                .peek()
                .is_some_and(is_it)
                .then(|| self.others.pop())
                .flatten()
        } else {
            let ranked = self.ranked.as_mut();
            ranked.and_then(|ranked| ranked.pop_if(priority, is_it))
        };
        let left = ended.map_or(0, |ended| ended.remainder);
        self.remaining -= left;
        left
    }

    /// Usage, of one entry or of a whole epoch: within an epoch only the sum decides what is left
    /// at its end. Amortised O(log live).
    #[inline(always)]
    pub(crate) fn draw(&mut self, usage: u64, overdraft: Overdraft) {
        if usage >= self.remaining {
            let uncovered = usage - self.remaining;
            match overdraft {
                Overdraft::Carry => self.deficit += uncovered,
                Overdraft::CarryUpTo(line) => self.deficit = line.min(self.deficit + uncovered),
                Overdraft::Forfeit => {}
            }
            self.is_entangled |= uncovered > 0;
            (self.remaining, self.outliving) = (0, 0);
            self.first = None;
            self.others.clear();
            if self.ranked.is_some() {
                self.ranked = None;
            }
            return;
        }
        self.remaining -= usage;
        let mut usage = usage;
        while let Some(first) = &mut self.first {
            let drawn = usage.min(first.remainder);
            if first.end > self.section_end {
                self.outliving -= drawn;
            }
            if first.remainder > usage {
                first.remainder -= usage;
                return;
            }
            usage -= first.remainder;
            match next(&mut self.others, &mut self.ranked) {
                Some(next) => *first = next,
                None => self.first = None,
            }
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
        let ranked = self.ranked.as_ref().map_or(0, |ranked| ranked.len());
        usize::from(self.first.is_some()) + self.others.len() + ranked
    }

    /// The grant that is drawn first, and what is left of it.
    #[inline]
    pub(crate) fn first(&self) -> Option<LiveGrant> {
        self.first
    }

    /// What is left of each grant: first of the one that is drawn first, and of the others in no
    /// order that means anything.
    pub(crate) fn remainders(&self) -> impl Iterator<Item = &LiveGrant> {
        let ranked = self.ranked.iter().flat_map(|ranked| ranked.iter());
        self.first.iter().chain(&self.others).chain(ranked)
    }

    /// Adds [`remainders`](Self::remainders) to a list. O(live).
    pub(crate) fn copy_to(&self, list: &mut Remainders) {
        list.extend(self.first);
        list.extend_from_slice(self.others.as_slice());
        if let Some(ranked) = &self.ranked {
            list.extend(ranked.iter().copied());
        }
    }

    /// The checksum of what is left. O(live).
    pub(crate) fn checksum(&self) -> u64 {
        checksum(self.remainders())
    }

    /// What is left of each grant, in the order in which they are drawn. O(live log live).
    pub(crate) fn in_order(&self) -> Vec<LiveGrant> {
        let mut remainders: Vec<LiveGrant> = self.remainders().copied().collect();
        remainders.sort_unstable_by_key(LiveGrant::place);
        remainders
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        let ranked = self
            .ranked
            .as_ref()
            .map_or(0, |ranked| ranked.memory_used());
        self.others.capacity() * size_of::<LiveGrant>() + ranked
    }
}
