//! A replay that takes note of every movement of credit: which grant pays what, and what becomes
//! of the rest.
//!
//! Who pays first is for [`Live`] to say: the trace draws from the grant that is first, as much as
//! is left of it, and again.

use super::super::boundary::Event;
use super::super::live::Live;
use super::super::tree::Position;
use super::View;
use super::replay::Replay;
use crate::options::Overdraft;

/// What happens to credit, never to an amount of 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    /// A grant pays usage as it comes.
    Drawn { grant: u32, amount: u64 },
    /// A grant that starts pays the deficit, of which the oldest usage first.
    Repaid { grant: u32, amount: u64 },
    /// Usage becomes a deficit.
    Owed { amount: u64 },
    /// Usage is dropped, after what of it is drawn and owed.
    Dropped { amount: u64 },
    /// An overdraft takes what is left of a grant.
    Forfeited { grant: u32, amount: u64 },
    /// A window has ended, and this was left.
    Ended { grant: u32, amount: u64 },
}

/// A replay under way: it stands in an epoch.
#[derive(Clone, Debug)]
pub(crate) struct Trace<'a> {
    view: View<'a>,
    at: Position,
    live: Live,
}

impl<'a> View<'a> {
    /// A trace that stands before the first grant.
    pub(crate) fn trace(self) -> Trace<'a> {
        Trace {
            view: self,
            at: Position::FIRST,
            live: Live::default(),
        }
    }

    /// A trace that stands where a replay does.
    pub(crate) fn trace_from(self, replay: Replay<'_>) -> Trace<'a> {
        Trace {
            view: self,
            at: replay.at,
            live: replay.live,
        }
    }
}

impl Trace<'_> {
    /// The next boundary, if any.
    pub(crate) fn next_time(&self) -> Option<i64> {
        self.view.tree.next_time(self.at)
    }

    /// The sum of what is left.
    pub(crate) fn remaining(&self) -> u64 {
        self.live.remaining()
    }

    /// Usage that no grant has paid yet.
    pub(crate) fn deficit(&self) -> u64 {
        self.live.deficit()
    }

    /// Enters the next epoch. There is one.
    pub(crate) fn enter_next(&mut self, note: &mut impl FnMut(Movement)) {
        let next = self.view.tree.next(self.at);
        let next = next.expect("the caller has seen the next boundary");
        self.at = next;
        let key = self.view.tree.get(next).key();
        let owed = self.live.deficit();
        let left = self.view.grants.apply(key, &mut self.live);
        let paid = owed - self.live.deficit();
        let movement = match key.handle.event() {
            Event::Start(grant) => Movement::Repaid {
                grant,
                amount: paid,
            },
            Event::End(grant) => Movement::Ended {
                grant,
                amount: left,
            },
        };
        if paid + left > 0 {
            note(movement);
        }
    }

    /// Draws one usage entry.
    pub(crate) fn draw(&mut self, usage: u64, note: &mut impl FnMut(Movement)) {
        let overdraft = self.view.overdraft;
        let is_overdrawn = usage > self.live.remaining();
        if is_overdrawn && overdraft == Overdraft::Forfeit {
            for left in self.live.in_order() {
                let (grant, amount) = (left.grant, left.remainder);
                note(Movement::Forfeited { grant, amount });
            }
            note(Movement::Dropped { amount: usage });
            self.live.draw(usage, overdraft);
            return;
        }
        let mut uncovered = usage;
        while uncovered > 0
            && let Some(first) = self.live.first()
        {
            let (grant, amount) = (first.grant, first.remainder.min(uncovered));
            self.live.draw(amount, overdraft);
            note(Movement::Drawn { grant, amount });
            uncovered -= amount;
        }
        let before = self.live.deficit();
        self.live.draw(uncovered, overdraft);
        let owed = self.live.deficit() - before;
        if owed > 0 {
            note(Movement::Owed { amount: owed });
        }
        if owed < uncovered {
            let amount = uncovered - owed;
            note(Movement::Dropped { amount });
        }
    }

    /// Draws the usage of one epoch from where `before` has been used on, up to where `through`
    /// has, all at once: grant by grant that comes to the same as entry by entry.
    pub(crate) fn draw_epoch(
        &mut self,
        before: u64,
        through: u64,
        note: &mut impl FnMut(Movement),
    ) {
        let mut before = before;
        if self.view.overdraft == Overdraft::Forfeit
            && through - before > self.live.remaining()
            && let Some((_, used)) = self.view.usage.first_above(before + self.live.remaining())
        {
            // Up to the first entry that is dropped all are paid, and none from there on.
            self.draw(used - before, note);
            before = used;
        }
        self.draw(through - before, note);
    }
}
