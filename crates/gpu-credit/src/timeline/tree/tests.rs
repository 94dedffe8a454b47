//! The tree against a plain list, knowing keys and sums only.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "the numbers are small"
)]

use gpu_credit_workload::random::Random;

use super::{BoundaryTree, Position};
use crate::timeline::boundary::Key;

/// A boundary of the list: its key, by how much the level rises there, the usage of its epoch.
type Item = (Key, i64, u64);

/// Whether a key starts a window is its own affair: the list takes what the tree is told.
struct List {
    items: Vec<Item>,
}

impl List {
    fn end_balances(&self) -> Vec<i128> {
        let mut balance = 0;
        let changes = self.items.iter().map(|(_, rise, usage)| {
            balance += i128::from(*rise) - i128::from(*usage);
            balance
        });
        changes.collect()
    }

    fn levels(&self) -> Vec<u64> {
        let mut level = 0_i64;
        let rises = self.items.iter().map(|(_, rise, _)| {
            level += rise;
            level.cast_unsigned()
        });
        rises.collect()
    }
}

fn positions(tree: &BoundaryTree) -> Vec<Position> {
    std::iter::successors(Some(Position::FIRST), |at| tree.next(*at)).collect()
}

fn assert_same(tree: &BoundaryTree, list: &List) {
    tree.assert_invariants(None);
    let positions = positions(tree);
    assert_eq!(tree.len(), list.items.len());
    assert!(
        tree.keys().eq(list.items.iter().map(|(key, _, _)| *key)),
        "keys"
    );
    let levels: Vec<u64> = positions.iter().map(|at| tree.level(*at)).collect();
    assert_eq!(levels, list.levels(), "levels");
    let (mut used, mut live) = (0, 0);
    for (at, (key, _, usage)) in positions.iter().zip(&list.items) {
        if *key != Key::FIRST {
            live += i64::from(key.handle.live_change());
        }
        assert_eq!(tree.used_before(*at), used, "usage before {key:?}");
        assert_eq!(tree.live(*at), live, "live at {key:?}");
        assert_eq!(tree.find(*key), *at, "place of {key:?}");
        used += usage;
    }
    for pair in positions.windows(2) {
        assert_eq!(tree.previous(pair[1]), Some(pair[0]));
    }
    assert_eq!(tree.previous(Position::FIRST), None);
}

/// A late write to a tree of at most this many boundaries, so that it grows and shrinks.
fn write(tree: &mut BoundaryTree, list: &mut List, most: usize, number: u32, random: &mut Random) {
    let below = |random: &mut Random, bound: usize| random.below(bound as u64) as usize;
    match random.below(5) {
        0 | 1 if list.items.len() < most => {
            let key = match random.below(2) {
                0 => Key::start(random.between(-9, 9), number),
                _ => Key::end(random.between(-9, 9), number).unwrap(),
            };
            let place = list.items.partition_point(|(other, _, _)| *other < key);
            let taken = random.below(list.items[place - 1].2 + 1);
            let rise = random.between(0, 20);
            tree.insert_after(tree.find(key), key, rise.cast_unsigned(), taken);
            list.items[place - 1].2 -= taken;
            list.items.insert(place, (key, rise, taken));
        }
        2 | 3 if list.items.len() > 1 => {
            let place = 1 + below(random, list.items.len() - 1);
            let (_, rise, usage) = list.items.remove(place);
            list.items[place - 1].2 += usage;
            tree.remove(positions(tree)[place], rise.cast_unsigned());
        }
        _ => {
            let place = below(random, list.items.len());
            let amount = random.below(10);
            list.items[place].2 += amount;
            tree.add_usage(positions(tree)[place], amount);
        }
    }
}

#[test]
fn agrees_with_a_list() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let width = 4 + (seed % 3) as usize;
        let mut tree = BoundaryTree::new(width);
        let mut list = List {
            items: vec![(Key::FIRST, 0, 0)],
        };
        for number in 0..300 {
            // Up to three hundred boundaries, and then down to a few again.
            let most = if number < 200 { 300 } else { 5 };
            write(&mut tree, &mut list, most, number, &mut random);
            let check = std::panic::AssertUnwindSafe(|| assert_same(&tree, &list));
            assert!(
                std::panic::catch_unwind(check).is_ok(),
                "seed {seed}, write {number}"
            );
        }
    }
}

#[test]
fn finds_the_first_epoch_that_ends_high_enough() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut tree = BoundaryTree::new(4);
        let mut list = List {
            items: vec![(Key::FIRST, 0, 0)],
        };
        for number in 0..150 {
            write(&mut tree, &mut list, 120, number, &mut random);
        }
        let (positions, balances) = (positions(&tree), list.end_balances());
        for _ in 0..200 {
            let from = random.below(positions.len() as u64) as usize;
            let least = i128::from(random.between(-60, 60));
            let limit = from + random.below((positions.len() - from) as u64) as usize;
            let expected = (from..limit).find(|place| balances[*place] >= least);
            let found = first_at_least(&tree, positions[from], positions[limit], least);
            assert_eq!(found, expected.map(|place| positions[place]), "seed {seed}");
        }
    }
}

/// The first epoch from `at` on and before `limit` at whose end the balance is at least `least`.
fn first_at_least(
    tree: &BoundaryTree,
    at: Position,
    limit: Position,
    least: i128,
) -> Option<Position> {
    tree.first_end(at, limit, |_, max| max >= least)
}

#[test]
fn finds_the_first_epoch_that_ends_outside_a_band() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut tree = BoundaryTree::new(4);
        let mut list = List {
            items: vec![(Key::FIRST, 0, 0)],
        };
        for number in 0..150 {
            write(&mut tree, &mut list, 120, number, &mut random);
        }
        let (positions, balances) = (positions(&tree), list.end_balances());
        let lasts = |place: usize| {
            let time = |place: usize| list.items.get(place).map(|item| item.0.time);
            time(place) != time(place + 1)
        };
        for _ in 0..200 {
            let from = random.below(positions.len() as u64) as usize;
            let [low, high] = [random.between(-60, 20), random.between(-60, 60)].map(i128::from);
            let limit = from + random.below((positions.len() - from) as u64) as usize;
            let is_outside = |place: &usize| balances[*place] > high || balances[*place] <= low;
            // A minimum need not know of an epoch that does not last.
            let is_high = |place: &usize| balances[*place] > high || lasts(*place);
            let latest = (from..limit).find(|place| is_outside(place) && is_high(place));
            let found = tree.first_end(positions[from], positions[limit], |min, max| {
                max > high || min <= low
            });
            let found = found.map(|found| positions.iter().position(|at| *at == found).unwrap());
            assert!(
                found.unwrap_or(limit) <= latest.unwrap_or(limit),
                "seed {seed}"
            );
            assert!(found.is_none_or(|found| is_outside(&found)), "seed {seed}");
        }
    }
}

#[test]
fn sums_beyond_a_limit_are_not_trusted() {
    let mut tree = BoundaryTree::new(4);
    for number in 0..64 {
        insert(&mut tree, Key::start(i64::from(number), number), 1);
    }
    let mut checked = 0;
    // The level of a boundary changes and the sums above it are not told, as beyond a frontier.
    for place in [10, 40, 63] {
        let mut stale = tree.clone();
        let at = positions(&stale)[place];
        stale.chunk_mut(at).boundaries[at.index].level += 1_000;
        for limit in positions(&stale).into_iter().skip(place + 1).take(3) {
            if (limit.group, limit.chunk) == (at.group, at.chunk) {
                let found = first_at_least(&stale, Position::FIRST, limit, 500);
                assert_eq!(found, Some(at), "before {limit:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "some boundary shares its chunk with the limit");
}

#[test]
fn relative_sums_may_pass_64_bits() {
    let most = i64::MAX.unsigned_abs();
    let mut tree = BoundaryTree::new(4);
    insert(&mut tree, Key::start(0, 0), most);
    for number in 1..20 {
        insert(&mut tree, Key::start(i64::from(number), number), 0);
    }
    // All of it lapses and as much is used: the balance falls by nearly 2^64 in one epoch.
    insert(&mut tree, Key::end(99, 0).unwrap(), most.wrapping_neg());
    let last = tree.find_time(i64::MAX);
    tree.add_usage(last, most);
    tree.assert_invariants(None);
    let last = tree.find_time(i64::MAX);
    let first = first_at_least(&tree, Position::FIRST, last, i128::from(most));
    assert_eq!(first, Some(tree.find_time(0)));
    assert_eq!(
        first_at_least(&tree, tree.find_time(98), last, 0),
        Some(tree.find_time(98))
    );
    assert_eq!((tree.level(last), tree.get(last).usage), (0, most));
}

/// Adds a boundary without usage.
fn insert(tree: &mut BoundaryTree, key: Key, rise: u64) {
    tree.insert_after(tree.find(key), key, rise, 0);
}
