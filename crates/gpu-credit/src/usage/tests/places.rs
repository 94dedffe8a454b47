//! Entries by their place: against the sorted list, and at a cost that does not grow with what
//! else stands at the instant.

use std::time::{Duration, Instant};

use gpu_credit_workload::random::Random;

use super::{Model, UsageIndex, compare_whole, limit, with_seeds};

impl Model {
    fn range_of(&self, time: i64) -> std::ops::Range<usize> {
        let before = self.entries.partition_point(|entry| entry.0 < time);
        before..self.entries.partition_point(|entry| entry.0 <= time)
    }

    fn at(&self, time: i64, place: usize) -> Option<usize> {
        self.range_of(time).nth(place)
    }

    fn find_at(&self, time: i64, amount: u64) -> Option<usize> {
        let mut entries = self.entries[self.range_of(time)].iter();
        entries.rposition(|entry| entry.1 == amount)
    }
}

/// An instant of few or of many, or one at the end of time.
pub(super) fn any_time(random: &mut Random, instants: i64) -> i64 {
    match random.below(40) {
        0 => i64::MIN,
        1 => i64::MAX,
        2 => i64::from(i32::MAX) + random.between(-1, 1),
        3 => 1 << 40,
        _ => random.between(0, instants),
    }
}

/// Small, or too large for a narrow chunk, alone or together; at most `room`.
pub(super) fn any_amount(random: &mut Random, room: u64) -> u64 {
    let amount = match random.below(30) {
        0 => u64::from(u32::MAX) + random.below(3) - 1,
        1 => 1 << 31,
        2 => random.below(room.max(1)) / 8,
        _ => random.below(5),
    };
    amount.min(room)
}

fn any_place(random: &mut Random, model: &Model, time: i64) -> usize {
    let count = model.range_of(time).len() as u64;
    let beyond = random.below(2) * random.below(2);
    usize::try_from(random.below(count + beyond)).unwrap()
}

fn compare_at(index: &UsageIndex, model: &Model, random: &mut Random, time: i64) {
    let count = model.range_of(time).len();
    assert_eq!(index.count_at(time), count, "entries at {time}");
    let place = any_place(random, model, time);
    for place in [place, 0, count, count + 300, usize::MAX] {
        let expected = model.at(time, place).map(|at| model.entries[at].1);
        assert_eq!(index.get_at(time, place), expected, "{place} of {time}");
    }
    let amount = any_amount(random, limit());
    let found = index.find_at(time, amount);
    assert_eq!(found, model.find_at(time, amount), "{amount} at {time}");
}

fn random_steps(seed: u64, chunk_entries: usize, instants: i64, steps: u64) {
    let mut random = Random::new(seed);
    let mut index = UsageIndex::new(chunk_entries);
    let mut model = Model::default();
    for step in 0..steps {
        let time = any_time(&mut random, instants);
        let is_shrinking = step * 4 / steps % 2 == 1;
        match random.below(if is_shrinking { 10 } else { 6 }) {
            0 => {
                let place = any_place(&mut random, &model, time);
                let old = model.at(time, place).map(|at| model.entries[at].1);
                let room = limit() - model.total() + old.unwrap_or(0);
                let amount = any_amount(&mut random, room);
                assert_eq!(index.replace_at(time, place, amount), old, "replace");
                if let Some(at) = model.at(time, place) {
                    model.entries[at].1 = amount;
                }
            }
            1 | 6.. => {
                let place = any_place(&mut random, &model, time);
                let at = model.at(time, place);
                let expected = at.map(|at| model.entries.remove(at).1);
                assert_eq!(index.remove_at(time, place), expected, "remove");
            }
            _ => {
                let amount = any_amount(&mut random, limit() - model.total());
                index.insert(time, amount);
                model.insert(time, amount);
            }
        }
        if random.below(12) == 0 {
            index.lay_out();
        }
        compare_at(&index, &model, &mut random, time);
        if step % 16 == 0 {
            compare_whole(&index, &model);
        }
    }
    compare_whole(&index, &model);
}

#[test]
fn entries_have_the_places_of_a_sorted_list() {
    with_seeds(12, |seed| {
        for chunk_entries in [4, 5, 9, 16, 40, 256] {
            for instants in [0, 3, 100] {
                random_steps(seed, chunk_entries, instants, 600);
            }
        }
    });
}

/// A chunk whose total passes 2^32 by a change in place becomes wide, and loses nothing.
#[test]
fn a_change_widens_a_chunk() {
    for chunk_entries in [4, 256] {
        let mut index = UsageIndex::new(chunk_entries);
        let mut model = Model::default();
        for at in 0..1_000 {
            index.insert(5, at);
            model.insert(5, at);
        }
        for (place, amount) in [(0, 1 << 31), (1, 1 << 31), (999, u64::MAX >> 2), (999, 0)] {
            let old = index.replace_at(5, place, amount);
            assert_eq!(old, Some(model.entries[place].1));
            model.entries[place].1 = amount;
            compare_whole(&index, &model);
        }
    }
}

/// In which order the entries of one instant are taken out: the place of the next of so many.
pub(super) type Order = fn(&mut Random, usize) -> usize;

pub(super) const ORDERS: [(&str, Order); 3] = [
    ("first in first out", |_, _| 0),
    ("last in first out", |_, count| count - 1),
    ("at random", |random, count| {
        usize::try_from(random.below(count as u64)).unwrap()
    }),
];

/// So many entries at one instant, and one before and one after it.
pub(super) fn crowded(count: usize, random: &mut Random) -> UsageIndex {
    let mut index = UsageIndex::new(256);
    index.insert(4, 1);
    for _ in 0..count {
        index.insert(5, random.below(1_000));
    }
    index.insert(6, 1);
    index
}

pub(super) const REMOVALS: u32 = 2_000;

/// What taking out some of `count` entries of one instant by their place costs, an entry.
fn cost_of_removal(count: usize, next: Order) -> Duration {
    let mut random = Random::new(7);
    let mut index = crowded(count, &mut random);
    let start = Instant::now();
    for at in 0..REMOVALS as usize {
        let removed = index.remove_at(5, next(&mut random, count - at));
        assert!(removed.is_some());
    }
    start.elapsed() / REMOVALS
}

/// Fails unless a step costs about the same among 5,000 as among 50,000: what is quadratic costs
/// ten times as much. The machine may be busy, so the least of many rounds counts.
pub(super) fn assert_flat(cost: fn(usize, Order) -> Duration) {
    for (name, order) in ORDERS {
        let (mut few, mut many) = (Duration::MAX, Duration::MAX);
        for _ in 0..12 {
            few = few.min(cost(5_000, order));
            many = many.min(cost(50_000, order));
        }
        println!("{name}: {few:?} among 5,000, {many:?} among 50,000");
        assert!(many < 6 * few, "{name}: {many:?} against {few:?}");
    }
}

/// Taking out the entry posted first once read all entries of its instant.
#[test]
fn removal_costs_the_same_among_many_of_one_instant() {
    assert_flat(cost_of_removal);
}
