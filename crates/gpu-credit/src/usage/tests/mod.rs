//! The index against a sorted list, step by step, with chunks small enough to build deep trees.

mod bytes;
mod ordinals;
mod places;

use super::UsageIndex;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What the index must say: the entries in time order, ties in posting order.
#[derive(Clone, Debug, Default)]
struct Model {
    entries: Vec<(i64, u64)>,
}

impl Model {
    fn insert(&mut self, time: i64, amount: u64) {
        let at = self.entries.partition_point(|entry| entry.0 <= time);
        self.entries.insert(at, (time, amount));
    }

    fn remove(&mut self, time: i64, amount: u64) -> bool {
        let at = self
            .entries
            .iter()
            .rposition(|entry| *entry == (time, amount));
        at.map(|at| self.entries.remove(at)).is_some()
    }

    fn through(&self, time: i64) -> u64 {
        self.entries
            .iter()
            .take_while(|entry| entry.0 <= time)
            .map(|entry| entry.1)
            .sum()
    }

    fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        let mut total = 0;
        for (time, amount) in &self.entries {
            if total + amount > sum {
                return Some((*time, total));
            }
            total += amount;
        }
        None
    }

    fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.1).sum()
    }
}

/// Where times and amounts come from.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A few instants, many ties.
    Ties,
    /// Seconds of a few years and small amounts: narrow.
    Seconds,
    /// Nanoseconds apart by more than a narrow chunk spans: wide.
    Nanoseconds,
    /// Both, and the ends of the range.
    Extremes,
    /// Mostly in order.
    Rising,
}

const KINDS: [Kind; 5] = [
    Kind::Ties,
    Kind::Seconds,
    Kind::Nanoseconds,
    Kind::Extremes,
    Kind::Rising,
];

impl Kind {
    fn time(self, random: &mut Pcg64Mcg, step: i64) -> i64 {
        match self {
            Self::Ties => random.random_range(-3..4),
            Self::Seconds => random.random_range(-40_000_000..40_000_000),
            Self::Nanoseconds => random.random_range(0..1_000_000_000_000_000_000),
            Self::Extremes => match random.random_range(0..8) {
                0 => i64::MIN,
                1 => i64::MAX,
                2 => i64::MIN + random.random_range(0..3),
                3 => i64::MAX - random.random_range(0..3),
                4 => i64::from(i32::MAX) + random.random_range(-2..3),
                5 => i64::from(i32::MIN) + random.random_range(-2..3),
                6 => random.random(),
                _ => random.random_range(-3..4),
            },
            Self::Rising => step * 10 - random.random_range(0..20) * random.random_range(0..2),
        }
    }

    /// At most `room`.
    fn amount(self, random: &mut Pcg64Mcg, room: u64) -> u64 {
        let amount = match self {
            Self::Extremes => match random.random_range(0..6) {
                0 => 0,
                1 => u64::from(u32::MAX) + random.random_range(0..3) - 1,
                2 => room,
                3 => random.random_range(0..=room),
                _ => random.random_range(0..4),
            },
            Self::Nanoseconds => random.random_range(0..3_000_000_000),
            _ => random.random_range(0..4),
        };
        amount.min(room)
    }
}

fn limit() -> u64 {
    i64::MAX.unsigned_abs()
}

/// Compares everything that can be asked at a time, or of a sum.
fn compare_at(index: &UsageIndex, model: &Model, time: i64, random: &mut Pcg64Mcg) {
    assert_eq!(index.through(time), model.through(time), "through {time}");
    let rest: Vec<_> = index.iter_from(time).take(5).collect();
    let expected: Vec<_> = model
        .entries
        .iter()
        .copied()
        .filter(|entry| entry.0 >= time)
        .take(5)
        .collect();
    assert_eq!(rest, expected, "entries from {time}");
    let sum = random.random_range(0..=model.total());
    assert_eq!(
        index.first_above(sum),
        model.first_above(sum),
        "first above {sum}"
    );
    let edge = model.through(time);
    assert_eq!(
        index.first_above(edge),
        model.first_above(edge),
        "first above {edge}"
    );
}

/// Compares batches, sorted and not, and a walk.
fn compare_many(index: &UsageIndex, model: &Model, mut times: Vec<i64>) {
    let expected: Vec<u64> = times.iter().map(|time| model.through(*time)).collect();
    let mut sums = vec![0; times.len()];
    index.through_each(&times, &mut sums);
    assert_eq!(sums, expected, "batch of {times:?}");
    times.sort_unstable();
    index.through_each(&times, &mut sums);
    let mut walk = index.walk();
    for (time, sum) in times.iter().zip(sums) {
        assert_eq!(sum, model.through(*time), "sorted batch at {time}");
        assert_eq!(walk.through(*time), sum, "walk through {time}");
    }
}

fn compare_whole(index: &UsageIndex, model: &Model) {
    index.assert_invariants();
    assert_eq!(index.len(), model.entries.len());
    assert_eq!(index.total(), model.total());
    let entries: Vec<_> = index.iter_from(i64::MIN).collect();
    assert_eq!(entries, model.entries);
}

fn random_steps(seed: u64, kind: Kind, chunk_entries: usize, steps: i64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut index = UsageIndex::new(chunk_entries);
    let mut model = Model::default();
    for step in 0..steps {
        let shrinking = step * 4 / steps % 2 == 1;
        match random.random_range(0..if shrinking { 20 } else { 8 }) {
            0 | 7.. => {
                let found = (!model.entries.is_empty() && random.random_range(0..8) > 0)
                    .then(|| model.entries[random.random_range(0..model.entries.len())]);
                let (time, amount) =
                    found.unwrap_or((kind.time(&mut random, step), random.random_range(0..4)));
                assert_eq!(
                    index.remove(time, amount),
                    model.remove(time, amount),
                    "remove ({time}, {amount})"
                );
            }
            1 => {
                let count = random.random_range(0..40) * random.random_range(0..2);
                let mut entries = Vec::new();
                for _ in 0..count {
                    let time = kind.time(&mut random, step);
                    let amount = kind.amount(&mut random, limit() - model.total());
                    entries.push((time, amount));
                    model.insert(time, amount);
                }
                if random.random() {
                    index.insert_many(&entries);
                } else {
                    index.extend(entries.into_iter().collect());
                }
            }
            _ => {
                let time = kind.time(&mut random, step);
                let amount = kind.amount(&mut random, limit() - model.total());
                index.insert(time, amount);
                model.insert(time, amount);
            }
        }
        if random.random_range(0..12) == 0 {
            index.lay_out();
        }
        if step % 16 == 0 {
            compare_whole(&index, &model);
            let times = (0..40).map(|_| kind.time(&mut random, step)).collect();
            compare_many(&index, &model, times);
        }
        let time = kind.time(&mut random, step);
        compare_at(&index, &model, time, &mut random);
        compare_at(&index, &model, i64::MAX, &mut random);
    }
    compare_whole(&index, &model);
}

/// Runs a test of random steps and says which seed failed.
fn with_seeds(count: u64, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    for seed in 0..count {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("failed with seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn agrees_with_a_sorted_list_in_tiny_chunks() {
    with_seeds(12, |seed| {
        for kind in KINDS {
            random_steps(seed, kind, 4, 500);
        }
    });
}

#[test]
fn agrees_with_a_sorted_list_in_chunks_of_any_size() {
    with_seeds(8, |seed| {
        let chunk_entries = [5, 7, 9, 16, 30, 64, 100, 256][usize::try_from(seed).unwrap()];
        for kind in KINDS {
            random_steps(seed, kind, chunk_entries, 800);
        }
    });
}

#[test]
fn ends_of_time_and_of_amounts() {
    let mut index = UsageIndex::new(4);
    for at in 0..40 {
        index.insert(
            if at % 2 == 0 { i64::MIN } else { i64::MAX },
            u64::from(at == 0),
        );
    }
    index.insert(0, limit() - 1);
    index.assert_invariants();
    assert_eq!(index.through(i64::MIN), 1);
    assert_eq!(index.through(i64::MAX - 1), limit());
    assert_eq!(index.through(i64::MAX), limit());
    assert_eq!(index.first_above(0), Some((i64::MIN, 0)));
    assert_eq!(index.first_above(1), Some((0, 1)));
    assert_eq!(index.first_above(limit()), None);
    assert_eq!(index.iter_from(i64::MAX).count(), 20);
}

/// Ties fill many chunks and groups, and each goes after all of them.
#[test]
fn many_entries_at_one_instant() {
    let mut index = UsageIndex::new(256);
    index.insert(10, 1);
    for amount in 0..200_000 {
        index.insert(5, amount % 1000);
    }
    index.assert_invariants();
    assert_eq!(index.through(4), 0);
    assert_eq!(index.through(5), 99_900_000);
    assert!(
        index
            .iter_from(5)
            .take(200_000)
            .map(|entry| entry.1)
            .eq((0..200_000).map(|at| at % 1000))
    );
    assert!(index.remove(5, 0));
    assert_eq!(
        index.iter_from(5).position(|entry| entry == (5, 1)),
        Some(1)
    );
}

/// Loads of sizes at which entries are packed, put into buckets and sorted on several threads, and
/// batches of sizes that several threads answer, sorted and not.
#[test]
fn agrees_with_a_sorted_list_when_large() {
    with_seeds(2, |seed| {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        for (kind, span) in [(0, 1 << 9), (0, 300_000_000), (1, 1 << 32), (2, 1 << 40)] {
            let entries: Vec<(i64, u64)> = (0..300_000)
                .map(|_| {
                    // Kind 1 crowds nearly all entries into one bucket.
                    let crowded = kind == 1 && random.random_range(0..100) > 0;
                    let time = random.random_range(0..if crowded { 5_000 } else { span });
                    (time - 1_000, random.random_range(0..1 << (kind * 8 + 8)))
                })
                .collect();
            compare_large(&entries, span, &mut random);
        }
    });
}

fn compare_large(entries: &[(i64, u64)], span: i64, random: &mut Pcg64Mcg) {
    let mut sorted = entries.to_vec();
    sorted.sort_by_key(|entry| entry.0);
    let sums: Vec<u64> = std::iter::once(0)
        .chain(sorted.iter().scan(0, |sum, entry| {
            *sum += entry.1;
            Some(*sum)
        }))
        .collect();
    let through = |time: i64| sums[sorted.partition_point(|entry| entry.0 <= time)];

    let mut one_by_one = UsageIndex::new(64);
    entries
        .iter()
        .for_each(|entry| one_by_one.insert(entry.0, entry.1));
    let mut in_flight = UsageIndex::new(256);
    in_flight.insert_many(entries);
    let mut loaded = UsageIndex::new(256);
    loaded.extend(entries[..100_000].iter().copied().collect());
    loaded.extend(entries[100_000..].iter().copied().collect());
    for index in [one_by_one, in_flight, loaded] {
        index.assert_invariants();
        assert!(index.iter_from(i64::MIN).eq(sorted.iter().copied()));
        for count in [50, 3_000, 40_000] {
            let mut times: Vec<i64> = (0..count)
                .map(|_| random.random_range(-2_000..span))
                .collect();
            for _ in 0..2 {
                let mut answers = vec![1; times.len()];
                index.through_each(&times, &mut answers);
                for (time, answer) in times.iter().zip(answers) {
                    assert_eq!(answer, through(*time), "through {time} of {count}");
                    assert_eq!(index.through(*time), answer, "through {time}");
                }
                times.sort_unstable();
            }
        }
    }
}

/// A small account must stay small.
#[test]
fn fifty_entries_take_less_than_a_kilobyte() {
    let mut index = UsageIndex::new(256);
    for at in 0..50 {
        index.insert(1_700_000_000 + at * 37 % 50 * 86_400, 250);
    }
    let bytes = index.memory_used() + size_of::<UsageIndex>();
    assert!(bytes <= 600, "{bytes} bytes");
}
