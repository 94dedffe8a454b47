//! When the balance is low: what is known is searched in the tree, other epochs one by one.

use std::ops::ControlFlow;

use super::super::tree::{Counting, Position};
use super::View;
use super::replay::Replay;
use super::survey::Piece;
use crate::all_usage::AllUsage;

/// A stretch of time in which no grant starts or ends. Its balance is the level less all usage so
/// far, and never rises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) first: i64,
    pub(crate) last: i64,
    level: i128,
}

impl Stretch {
    /// The balance at an instant of it, or less the deficit. O(log n).
    pub(crate) fn balance(&self, usage: &AllUsage, time: i64) -> i128 {
        self.level - i128::from(usage.through(time))
    }

    /// The first instant at which the balance is at or below `amount`, as it is at the last.
    /// O(log n).
    pub(crate) fn first_at_most(&self, usage: &AllUsage, amount: i128) -> i64 {
        // Then this much has been used, or more.
        let used = u64::try_from(self.level - amount).unwrap_or(0);
        let reached = used.checked_sub(1).and_then(|used| usage.first_above(used));
        reached.map_or(self.first, |(time, _)| time.max(self.first))
    }

    /// What of it is between two instants, if anything is.
    fn within(self, (from, to): (i64, i64)) -> Option<Stretch> {
        let clipped = Stretch {
            first: self.first.max(from),
            last: self.last.min(to),
            ..self
        };
        (clipped.first <= clipped.last).then_some(clipped)
    }
}

impl View<'_> {
    /// The first stretch between two instants, both included, that counts and ends with a balance
    /// below `amount`.
    pub(crate) fn first_below(
        self,
        range: (i64, i64),
        amount: i128,
        counting: Counting,
    ) -> Option<Stretch> {
        let is_low = |stretch: &Stretch| stretch.balance(self.usage, stretch.last) < amount;
        let found = self.survey(range.0, range.1, |piece| {
            let stretch = match piece {
                Piece::Known { from, to, lift } => {
                    let epoch = self.tree.first_below(from, to, amount - lift, counting);
                    let level = |epoch| self.lifted(epoch, lift);
                    epoch.and_then(|epoch| self.stretch(epoch, level(epoch), counting))
                }
                Piece::Epoch { at, level } => self.stretch(at, level.into(), counting),
            };
            match stretch
                .and_then(|stretch| stretch.within(range))
                .filter(is_low)
            {
                Some(stretch) => ControlFlow::Break(stretch),
                None => ControlFlow::Continue(()),
            }
        });
        match found {
            ControlFlow::Break(stretch) => Some(stretch),
            ControlFlow::Continue(None) => None,
            ControlFlow::Continue(Some(replay)) => {
                replayed(replay, self.usage, range, counting).find(is_low)
            }
        }
    }

    /// The first of the stretches between two instants, both included, that end lowest, and the
    /// balance at its end; every balance below `least` taken as `least`.
    pub(crate) fn lowest(self, range: (i64, i64), least: i128) -> Option<(i128, Stretch)> {
        let end = |stretch: Stretch| {
            (
                stretch.balance(self.usage, stretch.last).max(least),
                stretch,
            )
        };
        let mut lowest: Option<(i128, Stretch)> = None;
        // Of equal ones the first is kept.
        let mut keep = |found: (i128, Stretch)| {
            if lowest.is_none_or(|(balance, _)| found.0 < balance) {
                lowest = Some(found);
            }
        };
        let survey = self.survey(range.0, range.1, |piece| {
            let stretch = match piece {
                Piece::Known { from, to, lift } => {
                    let low = self.tree.lowest(from, to, least.saturating_sub(lift));
                    low.and_then(|(_, epoch)| {
                        self.stretch(epoch, self.lifted(epoch, lift), Counting::Live)
                    })
                }
                Piece::Epoch { at, level } => self.stretch(at, level.into(), Counting::Live),
            };
            if let Some(stretch) = stretch.and_then(|stretch| stretch.within(range)) {
                keep(end(stretch));
            }
            ControlFlow::<()>::Continue(())
        });
        if let ControlFlow::Continue(Some(replay)) = survey {
            let stretches = replayed(replay, self.usage, range, Counting::Live);
            stretches.for_each(|stretch| keep(end(stretch)));
        }
        lowest
    }

    fn lifted(self, epoch: Position, lift: i128) -> i128 {
        i128::from(self.tree.level(epoch)) + lift
    }

    /// An epoch by its level, if it lasts and counts.
    fn stretch(self, epoch: Position, level: i128, counting: Counting) -> Option<Stretch> {
        let counts = counting == Counting::All || self.tree.live(epoch) > 0;
        let first = self.tree.get(epoch).time;
        stretch(first, self.tree.next_time(epoch), level).filter(|_| counts)
    }
}

/// The stretch from `first` to just before `next`, if it lasts.
fn stretch(first: i64, next: Option<i64>, level: i128) -> Option<Stretch> {
    let last = next.map_or(Some(i64::MAX), |next| next.checked_sub(1))?;
    (first <= last).then_some(Stretch { first, last, level })
}

/// The stretches between two instants that count and that a replay passes, from where it stands on.
fn replayed<'a>(
    mut replay: Replay<'a>,
    usage: &'a AllUsage,
    (from, to): (i64, i64),
    counting: Counting,
) -> impl Iterator<Item = Stretch> + 'a {
    replay.advance_to(from.max(replay.opening()));
    let mut walk = usage.walk();
    let mut before = walk.before(replay.opening());
    let mut is_over = false;
    std::iter::from_fn(move || {
        while !is_over {
            let next = replay.next_time().filter(|next| *next <= to);
            let level = replay.live.balance() + i128::from(before);
            let stretch = stretch(replay.opening(), next, level);
            let counts = counting == Counting::All || replay.windows > 0;
            match next {
                Some(next) => {
                    let used = walk.before(next);
                    replay.advance(used - before);
                    before = used;
                }
                None => is_over = true,
            }
            let within = stretch.and_then(|stretch| stretch.within((from, to)));
            if within.is_some() && counts {
                return within;
            }
        }
        None
    })
}
