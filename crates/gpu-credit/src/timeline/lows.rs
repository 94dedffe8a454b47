//! When the balance is low: epochs whose levels are known are searched in the tree, the others
//! replayed one after another.

use super::GrantTimeline;
use super::replay::Replay;
use super::tree::Position;
use crate::usage::UsageIndex;

/// A stretch of time in which no window opens or closes, and at least one is open. Its balance is
/// the level less all usage so far, and never rises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) first: i64,
    pub(crate) last: i64,
    level: i128,
}

impl Stretch {
    /// The balance at an instant of it, or less the deficit. O(log n).
    pub(crate) fn balance(&self, usage: &UsageIndex, time: i64) -> i128 {
        self.level - i128::from(usage.through(time))
    }

    /// The first instant at which the balance is at or below `amount`, as it is at the last.
    /// O(log n).
    pub(crate) fn first_at_most(&self, usage: &UsageIndex, amount: i128) -> i64 {
        // Then this much has been used, or more.
        let used = u64::try_from(self.level - amount).unwrap_or(0);
        let reached = used.checked_sub(1).and_then(|used| usage.first_above(used));
        reached.map_or(self.first, |(time, _)| time.max(self.first))
    }

    /// What of it is between two instants.
    fn within(self, from: i64, to: i64) -> Option<Stretch> {
        let clipped = Stretch {
            first: self.first.max(from),
            last: self.last.min(to),
            ..self
        };
        (clipped.first <= clipped.last).then_some(clipped)
    }
}

impl GrantTimeline {
    /// The first stretch between two instants, both included, that ends with a balance below
    /// `amount`.
    pub(crate) fn first_below(
        &self,
        usage: &UsageIndex,
        (from, to): (i64, i64),
        amount: i128,
    ) -> Option<Stretch> {
        let (at, limit) = (self.tree.find_time(from), self.known_to(to));
        let known = self.tree.first_below(at, limit, amount);
        if let Some(epoch) = known {
            return self.stretch(epoch).within(from, to);
        }
        let mut stretches = self.stretches(usage, from.max(self.tree.get(limit).time), to);
        stretches.find(|stretch| stretch.balance(usage, stretch.last) < amount)
    }

    /// The first of the stretches between two instants, both included, that end lowest, and the
    /// balance at its end; every balance below `least` taken as `least`.
    pub(crate) fn lowest(
        &self,
        usage: &UsageIndex,
        (from, to): (i64, i64),
        least: i128,
    ) -> Option<(i128, Stretch)> {
        let (at, limit) = (self.tree.find_time(from), self.known_to(to));
        let known = self.tree.lowest(at, limit, least);
        let known = known
            .and_then(|(balance, epoch)| Some((balance, self.stretch(epoch).within(from, to)?)));
        let later = self.stretches(usage, from.max(self.tree.get(limit).time), to);
        let later = later.map(|stretch| {
            let balance = stretch.balance(usage, stretch.last);
            (balance.max(least), stretch)
        });
        // Of equal ones the first is taken.
        known
            .into_iter()
            .chain(later)
            .min_by_key(|(balance, _)| *balance)
    }

    /// The epoch of `time`, or the last one before it whose level is known: the usage of all before
    /// it is known as well.
    fn known_to(&self, time: i64) -> Position {
        let mut key = self.tree.get(self.tree.find_time(time)).key();
        key = key.min(self.frontier.key);
        if let Some((first, _)) = self.unsettled.first_key_value() {
            key = key.min(self.tree.get(self.last_before(*first)).key());
        }
        self.tree.find(key)
    }

    /// An epoch whose level is known.
    fn stretch(&self, epoch: Position) -> Stretch {
        let next = self.tree.next(epoch);
        Stretch {
            first: self.tree.get(epoch).time,
            last: next.map_or(i64::MAX, |next| self.tree.get(next).time.saturating_sub(1)),
            level: i128::from(self.tree.level(epoch)),
        }
    }

    /// All stretches between two instants, both included. Where there is but one, and its level is
    /// known, nothing is replayed.
    fn stretches<'a>(
        &'a self,
        usage: &'a UsageIndex,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = Stretch> + 'a {
        let at = self.tree.find_time(to);
        let is_one = self.tree.get(at).time <= from && self.is_sound(self.tree.get(at).key());
        let one = (is_one && self.tree.live(at) > 0).then(|| self.stretch(at));
        let replayed = (!is_one).then(|| replayed(self.replay_from(usage, from), usage, from, to));
        let stretches = one.into_iter().chain(replayed.into_iter().flatten());
        stretches.filter_map(move |stretch| stretch.within(from, to))
    }
}

/// The stretches that a replay passes, from the epoch of `from` up to that of `to`.
fn replayed<'a>(
    mut replay: Replay<'a>,
    usage: &'a UsageIndex,
    from: i64,
    to: i64,
) -> impl Iterator<Item = Stretch> + 'a {
    replay.advance_to(from);
    let mut before = usage.before(replay.opening());
    let mut walk = usage.walk();
    let mut is_over = from > to;
    std::iter::from_fn(move || {
        while !is_over {
            let next = replay.next_time().filter(|next| *next <= to);
            let stretch = Stretch {
                first: replay.opening(),
                last: next.map_or(to, |next| next.saturating_sub(1)),
                level: replay.live.balance() + i128::from(before),
            };
            let is_live = replay.windows > 0;
            match next {
                Some(next) => {
                    let used = walk.before(next);
                    replay.advance(used - before);
                    before = used;
                }
                None => is_over = true,
            }
            if is_live && stretch.first <= stretch.last {
                return Some(stretch);
            }
        }
        None
    })
}
