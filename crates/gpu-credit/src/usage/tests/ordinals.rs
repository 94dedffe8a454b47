//! Entries by their ordinal: an identity that stays while others come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gpu_credit_workload::random::Random;

use super::places::{Order, REMOVALS, any_amount, any_time, assert_flat, crowded};
use super::{UsageIndex, limit, with_seeds};
use crate::usage::layout::Shape;
use crate::usage::ordinals::RetractedOrdinals;

/// All entries that stand by their names, those that are gone, and how many were ever posted at each
/// instant.
#[derive(Default)]
struct Names {
    standing: BTreeMap<(i64, u32), u64>,
    gone: BTreeMap<(i64, u32), u64>,
    posted: BTreeMap<i64, u32>,
}

impl Names {
    fn total(&self) -> u64 {
        self.standing.values().sum()
    }

    fn insert(&mut self, time: i64, amount: u64) -> u32 {
        let next = self.posted.entry(time).or_default();
        self.standing.insert((time, *next), amount);
        *next += 1;
        *next - 1
    }

    fn latest_of(&self, time: i64, amount: u64) -> Option<u32> {
        let mut entries = self.standing.range((time, 0)..=(time, u32::MAX)).rev();
        let found = entries.find(|(_, other)| **other == amount);
        found.map(|((_, nth), _)| *nth)
    }

    /// Takes back that one was retracted, or that one was posted.
    fn take_back(&mut self, index: &mut UsageIndex, random: &mut Random) {
        let room = limit() - self.total();
        let gone = self.gone.iter().filter(|(_, amount)| **amount <= room);
        let gone: Vec<_> = gone.map(|(name, amount)| (*name, *amount)).collect();
        if let Some(at) = random.below(gone.len() as u64 + 1).checked_sub(1) {
            let ((time, nth), amount) = gone[usize::try_from(at).unwrap()];
            index.restore(time, nth, amount);
            self.gone.remove(&(time, nth));
            self.standing.insert((time, nth), amount);
        } else if let Some((time, nth)) = self.standing.keys().next_back().copied()
            && self.posted[&time] == nth + 1
        {
            assert_eq!(Some(index.unpost(time)), self.standing.remove(&(time, nth)));
            self.posted.insert(time, nth);
        }
    }

    /// One that stands or is gone, or the next.
    fn any(&self, random: &mut Random, time: i64) -> u32 {
        let posted = self.posted.get(&time).copied().unwrap_or(0);
        u32::try_from(random.below(u64::from(posted) + 1)).unwrap()
    }
}

fn compare(index: &UsageIndex, names: &Names, random: &mut Random, time: i64) {
    let posted = names.posted.get(&time).copied().unwrap_or(0);
    assert_eq!(index.next_nth(time), posted, "next at {time}");
    let nth = names.any(random, time);
    for nth in [nth, posted, posted + 700, u32::MAX - 1] {
        let amount = names.standing.get(&(time, nth)).copied();
        assert_eq!(index.amount_of(time, nth), amount, "{nth} of {time}");
    }
    let amount = any_amount(random, 10);
    let latest = names.latest_of(time, amount);
    assert_eq!(index.latest_of(time, amount), latest, "{amount} at {time}");
}

fn compare_entries(index: &UsageIndex, names: &Names, first: i64, last: i64) {
    let within = |((time, _), _): &(&(i64, u32), &u64)| first <= *time && *time <= last;
    let expected: Vec<(i64, u32, u64)> = (names.standing.iter().filter(within))
        .map(|((time, nth), amount)| (*time, *nth, *amount))
        .collect();
    let mut entries = index.numbered_entries(first..=last);
    assert!(
        entries.by_ref().eq(expected.iter().copied()),
        "[{first}, {last}]"
    );
    assert_eq!(entries.next(), None, "it has ended");
    let plain = expected.iter().map(|(time, _, amount)| (*time, *amount));
    assert!(
        index.entries(first..=last).eq(plain),
        "[{first}, {last}], plain"
    );
}

fn compare_whole(index: &UsageIndex, names: &Names, random: &mut Random, instants: i64) {
    index.assert_invariants();
    assert_eq!(index.total(), names.total());
    let posted: u32 = names.posted.values().sum();
    assert_eq!(index.posted(), u64::from(posted));
    compare_entries(index, names, i64::MIN, i64::MAX);
    let (first, last) = (any_time(random, instants), any_time(random, instants));
    compare_entries(index, names, first, last);
}

fn random_steps(seed: u64, chunk_entries: usize, instants: i64, steps: u64) {
    let mut random = Random::new(seed);
    let mut index = UsageIndex::new(chunk_entries);
    let mut names = Names::default();
    for step in 0..steps {
        if random.below(12) == 0 {
            index.lay_out();
        }
        let time = any_time(&mut random, instants);
        let nth = names.any(&mut random, time);
        let old = names.standing.get(&(time, nth)).copied();
        let room = limit() - names.total();
        let is_shrinking = step * 4 / steps % 2 == 1;
        match random.below(if is_shrinking { 10 } else { 6 }) {
            0 => {
                let amount = any_amount(&mut random, room + old.unwrap_or(0));
                assert_eq!(index.change(time, nth, amount), old, "change");
                names
                    .standing
                    .entry((time, nth))
                    .and_modify(|old| *old = amount);
            }
            1 | 6.. => {
                let retracted = names.standing.remove(&(time, nth));
                names
                    .gone
                    .extend(retracted.map(|amount| ((time, nth), amount)));
                assert_eq!(index.retract(time, nth), old, "retract");
            }
            2 => names.take_back(&mut index, &mut random),
            _ => {
                let amount = any_amount(&mut random, room);
                assert_eq!(index.next_nth(time), names.insert(time, amount));
                index.insert(time, amount);
            }
        }
        compare(&index, &names, &mut random, time);
        if step % 16 == 0 {
            compare_whole(&index, &names, &mut random, instants);
        }
    }
    compare_whole(&index, &names, &mut random, instants);
}

#[test]
fn an_identity_stays_while_others_come_and_go() {
    with_seeds(12, |seed| {
        for chunk_entries in [4, 5, 9, 16, 40, 256] {
            for instants in [0, 3, 100] {
                random_steps(seed, chunk_entries, instants, 600);
            }
        }
    });
}

/// Against a set, at few instants with many ordinals: ranges fill many chunks and join again.
#[test]
fn ordinals_that_are_gone_are_those_of_a_set() {
    with_seeds(40, |seed| {
        let mut random = Random::new(seed);
        let shape = Shape::new([4, 6, 16][usize::try_from(seed % 3).unwrap()]);
        let (mut retracted, mut set) = (RetractedOrdinals::default(), BTreeSet::new());
        for _ in 0..400 {
            let time = random.between(0, 3);
            let nth = u32::try_from(random.below(150)).unwrap();
            let before = set.range((time, 0)..(time, nth)).count();
            let place = (!set.contains(&(time, nth))).then_some(nth as usize - before);
            assert_eq!(retracted.place_of(time, nth), place, "{nth} of {time}");
            if let Some(place) = place {
                assert_eq!(retracted.nth_of(time, place), nth, "{place} of {time}");
                retracted.retract(time, nth, shape);
                set.insert((time, nth));
            } else if random.below(3) > 0 {
                retracted.restore(time, nth, shape);
                set.remove(&(time, nth));
            }
            let of_time = set.range((time, 0)..=(time, u32::MAX)).count();
            assert_eq!(retracted.retracted_at(time) as usize, of_time);
            retracted.assert_invariants();
            let ranges = retracted.ranges();
            let all =
                ranges.flat_map(|gone| (gone.first..gone.end).map(move |nth| (gone.time, nth)));
            assert!(all.eq(set.iter().copied()));
        }
    });
}

/// A public iterator can hold them, hand them to another thread and go back.
#[test]
fn iterators_are_plain_values() {
    fn is_plain<T: Send + Sync + Clone + std::iter::FusedIterator>(_: &T) {}
    let index = UsageIndex::new(256);
    is_plain(&index.entries(0..=1));
    is_plain(&index.numbered_entries(0..=1));
}

/// An identity is never given twice.
#[test]
fn ordinals_are_remembered_when_an_instant_is_empty() {
    let mut index = UsageIndex::new(256);
    assert_eq!(index.memory_used(), 0);
    for nth in 0..3 {
        index.insert(5, 7);
        assert_eq!(index.retract(5, nth), Some(7));
        assert_eq!(index.retract(5, nth), None);
        assert_eq!(index.next_nth(5), nth + 1);
    }
    assert_eq!((index.len(), index.posted()), (0, 3));
    assert_eq!(index.retracted.ranges().count(), 1);
}

/// What retracting some of `count` entries of one instant by their ordinals costs, an entry.
fn cost_of_retraction(count: usize, next: Order) -> Duration {
    let mut random = Random::new(7);
    let mut index = crowded(count, &mut random);
    // So that there are many ranges from the beginning.
    for nth in 0..u32::try_from(count / 2).unwrap() {
        index.retract(5, 2 * nth);
    }
    let mut standing: Vec<u32> = (0..u32::try_from(count / 2).unwrap())
        .map(|nth| 2 * nth + 1)
        .collect();
    let order: Vec<u32> = (0..REMOVALS)
        .map(|_| standing.remove(next(&mut random, standing.len())))
        .collect();
    let start = Instant::now();
    for nth in order {
        assert!(index.retract(5, nth).is_some());
    }
    start.elapsed() / REMOVALS
}

#[test]
fn retraction_costs_the_same_among_many_of_one_instant() {
    assert_flat(cost_of_retraction);
}
