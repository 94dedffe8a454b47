//! Entries named one by one, by their instant and one of two numbers: the [place](super::instant)
//! among those that stand, or the [ordinal](super::ordinals) among all that were ever posted, which
//! is an identity.

use std::ops::RangeInclusive;

use super::instant::Instant;
use super::ordinals::Gone;
use super::{Body, NumberedEntries, UsageIndex};

impl UsageIndex {
    /// The number of entries at `time`. O(log n + groups of the instant)
    pub(crate) fn count_at(&self, time: i64) -> usize {
        self.body.count_at(time)
    }

    /// The amount of the entry at this place of `time`. O(log n + groups of the instant)
    pub(crate) fn get_at(&self, time: i64, place: usize) -> Option<u64> {
        self.body.get_at(time, place)
    }

    /// The place of the last entry of this amount at `time`. O(log n + groups of the instant), and
    /// the entries of the instant after it.
    pub(crate) fn find_at(&self, time: i64, amount: u64) -> Option<usize> {
        self.body.find_at(time, amount)
    }

    /// Takes out the entry at this place of `time`, and gives its amount. O(log n + groups of the
    /// instant), amortised; O(later entries) if it is laid out and few of those have been moved
    pub(crate) fn remove_at(&mut self, time: i64, place: usize) -> Option<u64> {
        self.prepare_correction();
        let amount = self.body.remove_at(time, place)?;
        self.total -= amount;
        self.len -= 1;
        let is_small = matches!(self.body, Body::Small(_));
        if self.len <= self.shape.chunk_entries() / 2 && !is_small {
            self.stand_apart();
        }
        Some(amount)
    }

    /// Changes the amount of the entry at this place of `time`, which keeps its place, and gives
    /// the old amount. The caller has made sure that the total stays within `i64::MAX`. As
    /// [`remove_at`](Self::remove_at)
    pub(crate) fn replace_at(&mut self, time: i64, place: usize, amount: u64) -> Option<u64> {
        self.prepare_correction();
        let old = self.body.replace_at(time, place, amount)?;
        self.total = self.total - old + amount;
        Some(old)
    }

    fn prepare_correction(&mut self) {
        self.flush();
        self.changes += 1;
        if let Body::Flat(flat) = &mut self.body {
            flat.sort_newest();
            if flat.moved() > self.shape.flat_moves() * flat.len() {
                self.stand_apart();
            }
        }
    }

    /// The number of entries ever posted, those that are gone included. O(1)
    pub(crate) fn posted(&self) -> u64 {
        self.len as u64 + self.retracted.total()
    }

    /// The ordinal that the next entry at `time` gets. The caller makes sure that fewer than 2^32
    /// are ever [posted](Self::posted). As [`count_at`](Self::count_at)
    pub(crate) fn next_nth(&self, time: i64) -> u32 {
        let standing = u32::try_from(self.count_at(time)).expect("fewer than 2^32 were posted");
        standing + self.retracted.retracted_at(time)
    }

    /// The amount of an entry that stands. As [`get_at`](Self::get_at)
    pub(crate) fn amount_of(&self, time: i64, nth: u32) -> Option<u64> {
        self.get_at(time, self.retracted.place_of(time, nth)?)
    }

    /// Takes an entry out for good, and gives its amount; `None` if it does not stand. As
    /// [`remove_at`](Self::remove_at)
    pub(crate) fn retract(&mut self, time: i64, nth: u32) -> Option<u64> {
        let amount = self.remove_at(time, self.retracted.place_of(time, nth)?)?;
        self.retracted.retract(time, nth, self.shape);
        Some(amount)
    }

    /// Takes out the entry of `time` that was posted last, as if it had not been, and gives its
    /// amount: its ordinal is the next again. As [`remove_at`](Self::remove_at)
    pub(crate) fn unpost(&mut self, time: i64) -> u64 {
        let place = self.count_at(time).checked_sub(1);
        let amount = place.and_then(|place| self.remove_at(time, place));
        amount.expect("an entry has been posted")
    }

    /// Puts an entry back that was [retracted](Self::retract). O(log n) for it and for each entry of
    /// the instant after it
    pub(crate) fn restore(&mut self, time: i64, nth: u32, amount: u64) {
        self.retracted.restore(time, nth, self.shape);
        let place = self.retracted.place_of(time, nth);
        let place = place.expect("its ordinal is not gone any more");
        self.insert(time, 0);
        let mut moved = amount;
        for place in place..self.count_at(time) {
            let old = self.replace_at(time, place, moved);
            moved = old.expect("an entry is at each place");
        }
    }

    /// Changes the amount of an entry, and gives the old one; `None` if it does not stand. As
    /// [`replace_at`](Self::replace_at)
    pub(crate) fn change(&mut self, time: i64, nth: u32, amount: u64) -> Option<u64> {
        self.replace_at(time, self.retracted.place_of(time, nth)?, amount)
    }

    /// The ordinal of the last entry of this amount at `time`. As [`find_at`](Self::find_at)
    pub(crate) fn latest_of(&self, time: i64, amount: u64) -> Option<u32> {
        let place = self.find_at(time, amount)?;
        Some(self.retracted.nth_of(time, place))
    }

    /// The entries of a range of times with their ordinals, in order. O(log n), and O(1) an entry
    pub(crate) fn numbered_entries(&self, times: RangeInclusive<i64>) -> NumberedEntries<'_> {
        NumberedEntries::new(self, times)
    }

    /// Whether ordinals, as ranges in order, have all been given out. O(r + i log n) for `i` instants
    pub(super) fn were_posted(&self, ranges: &[Gone]) -> bool {
        let instants = ranges.chunk_by(|range, next| range.time == next.time);
        let mut last = instants.filter_map(|ranges| ranges.last());
        last.all(|range| range.end <= self.next_nth(range.time))
    }
}

impl Body {
    fn count_at(&self, time: i64) -> usize {
        match self {
            Body::Small(list) => list.range_of(time).len(),
            Body::Flat(flat) => flat.count_at(time),
            Body::Tree(tree, buffer) => {
                Instant::new(tree, time).count() + buffer.amounts_at(time).count()
            }
        }
    }

    fn get_at(&self, time: i64, place: usize) -> Option<u64> {
        match self {
            Body::Small(list) => {
                let entry = list.range_of(time).nth(place).and_then(|at| list.get(at));
                entry.map(|(_, amount)| amount)
            }
            Body::Flat(flat) => flat.get_at(time, place),
            Body::Tree(tree, buffer) => {
                let instant = Instant::new(tree, time);
                if let Some((chunk, rank)) = instant.find(place) {
                    return Some(tree.slot(chunk).get(rank).1);
                }
                buffer.amounts_at(time).nth(place - instant.count())
            }
        }
    }

    fn find_at(&self, time: i64, amount: u64) -> Option<usize> {
        match self {
            Body::Small(list) => {
                let range = list.range_of(time);
                let start = range.start;
                (range.rev())
                    .find(|at| list.get(*at) == Some((time, amount)))
                    .map(|at| at - start)
            }
            Body::Flat(flat) => flat.find_at(time, amount),
            Body::Tree(tree, buffer) => {
                let instant = Instant::new(tree, time);
                let amounts: Vec<u64> = buffer.amounts_at(time).collect();
                match amounts.iter().rposition(|other| *other == amount) {
                    Some(place) => Some(instant.count() + place),
                    None => instant.last_of(amount),
                }
            }
        }
    }

    /// The insert buffer is empty, here and below.
    fn remove_at(&mut self, time: i64, place: usize) -> Option<u64> {
        match self {
            Body::Small(list) => list.range_of(time).nth(place).map(|at| list.remove(at)),
            Body::Flat(flat) => flat.remove_at(time, place),
            Body::Tree(tree, _) => {
                let found = Instant::new(tree, time).find(place);
                found.map(|(chunk, rank)| tree.remove(chunk, rank))
            }
        }
    }

    fn replace_at(&mut self, time: i64, place: usize, amount: u64) -> Option<u64> {
        match self {
            Body::Small(list) => {
                (list.range_of(time).nth(place)).map(|at| list.replace(at, amount))
            }
            Body::Flat(flat) => flat.replace_at(time, place, amount),
            Body::Tree(tree, _) => {
                let found = Instant::new(tree, time).find(place);
                found.map(|(chunk, rank)| tree.replace(chunk, rank, amount))
            }
        }
    }
}
