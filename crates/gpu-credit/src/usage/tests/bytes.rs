//! An index as bytes, and back; and bytes that are damaged, or lie.

use std::time::Instant;

use gpu_credit_workload::random::Random;

use super::places::{any_amount, any_time};
use super::{UsageIndex, limit, with_seeds};
use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::bytes::writer::{write_i64, write_varint};

/// Entries at random, of which some are retracted and some in the insert buffer.
fn any_index(random: &mut Random, chunk_entries: usize) -> UsageIndex {
    let mut index = UsageIndex::new(chunk_entries);
    let instants = [0, 3, 100, 100_000][usize::try_from(random.below(4)).unwrap()];
    let count = random.magnitude(11);
    for _ in 0..count {
        let time = any_time(random, instants);
        index.insert(time, any_amount(random, limit() - index.total()));
        if random.chance(1, 5) {
            let nth = random.below(u64::from(index.next_nth(time)));
            index.retract(time, u32::try_from(nth).unwrap());
        }
    }
    index
}

fn bytes_of(index: &UsageIndex) -> Vec<u8> {
    let mut bytes = Vec::new();
    index.write(&mut bytes);
    bytes
}

fn read(bytes: &[u8], chunk_entries: usize) -> Result<UsageIndex, Damage> {
    let mut reader = Reader::new(bytes);
    let index = UsageIndex::read(&mut reader, chunk_entries)?;
    reader.finish()?;
    Ok(index)
}

fn assert_same(index: &UsageIndex, other: &UsageIndex) {
    other.assert_invariants();
    assert_eq!(other.total(), index.total());
    assert_eq!(other.posted(), index.posted());
    let all = i64::MIN..=i64::MAX;
    assert!(
        other
            .numbered_entries(all.clone())
            .eq(index.numbered_entries(all))
    );
    assert!(other.retracted.ranges().eq(index.retracted.ranges()));
}

#[test]
fn an_index_comes_back() {
    with_seeds(300, |seed| {
        let mut random = Random::new(seed);
        let sizes = [4, 9, 16, 64, 256].map(|size| (random.next(), size));
        let (_, from) = sizes.into_iter().min().unwrap();
        let (_, to) = sizes.into_iter().max().unwrap();
        let index = any_index(&mut random, from);
        let bytes = bytes_of(&index);
        let back = read(&bytes, to).unwrap();
        assert_same(&index, &back);
        assert_eq!(bytes_of(&back), bytes, "the layout is not in the bytes");
    });
}

/// What is read takes at most so many bytes for each of the bytes, and some for an empty tree.
fn assert_small(index: &UsageIndex, bytes: &[u8]) {
    let used = index.memory_used();
    assert!(
        used <= 40 * bytes.len() + 16_384,
        "{used} bytes from {}",
        bytes.len()
    );
}

#[test]
fn damaged_bytes_are_an_error_or_an_index() {
    with_seeds(400, |seed| {
        let mut random = Random::new(seed);
        let bytes = bytes_of(&any_index(&mut random, 16));
        for _ in 0..20 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(3) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                damaged[at] = random.magnitude(8).to_le_bytes()[0];
            }
            if let Ok(index) = read(&damaged, 16) {
                index.assert_invariants();
                assert_small(&index, &damaged);
            }
            let len = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            assert!(read(&bytes[..len], 16).is_err(), "{len} bytes");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(read(&longer, 16).is_err(), "one byte more");
    });
}

/// One chunk: the time of the first, the distances and the amounts, a byte each.
fn chunk(bytes: &mut Vec<u8>, first: i64, entries: &[(u8, u8)]) {
    write_i64(bytes, first);
    bytes.extend([1, 1]);
    bytes.extend(entries.iter().map(|entry| entry.0));
    bytes.extend(entries.iter().map(|entry| entry.1));
}

fn error_of(bytes: &[u8]) -> &'static str {
    read(bytes, 256).map(|index| index.len()).unwrap_err().0
}

#[test]
fn chunks_must_be_in_order() {
    for (second, is_right) in [(223, true), (222, false), (i64::MIN, false)] {
        let mut bytes = Vec::new();
        write_varint(&mut bytes, 225);
        chunk(&mut bytes, 0, &[(1, 7); 224]);
        bytes[12] = 0;
        chunk(&mut bytes, second, &[(0, 7)]);
        write_varint(&mut bytes, 0);
        if is_right {
            assert_eq!(read(&bytes, 256).unwrap().through(223), 225 * 7);
        } else {
            assert_eq!(error_of(&bytes), "usage is out of order");
        }
    }
}

#[test]
fn times_end_and_totals_fit() {
    let mut bytes = vec![2];
    chunk(&mut bytes, i64::MAX, &[(0, 1), (1, 1)]);
    bytes.push(0);
    assert_eq!(error_of(&bytes), "usage is after the end of time");

    for (last, is_right) in [
        (i64::MAX.cast_unsigned(), true),
        (1 << 63, false),
        (u64::MAX, false),
    ] {
        let mut bytes = vec![2];
        write_i64(&mut bytes, 0);
        bytes.extend([0, 8]);
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(last.to_le_bytes());
        bytes.push(0);
        if is_right {
            assert_eq!(read(&bytes, 256).unwrap().total(), last);
        } else {
            assert_eq!(error_of(&bytes), "there is too much usage");
        }
    }
}

#[test]
fn counts_must_be_of_what_is_there() {
    for count in [1, 300, 1 << 32, u64::MAX] {
        let mut bytes = Vec::new();
        write_varint(&mut bytes, count);
        assert_eq!(error_of(&bytes), "the bytes end too early");
        let mut bytes = vec![0];
        write_varint(&mut bytes, count);
        assert_eq!(error_of(&bytes), "the bytes end too early");
    }
    let mut bytes = vec![1];
    write_i64(&mut bytes, 0);
    bytes.extend([0, 0, 0]);
    assert_eq!(error_of(&bytes), "an amount takes a byte at least");
}

/// Three entries at 5, and these ranges of retracted ordinals: time after the one before, first,
/// and how many but one.
fn retracted(ranges: &[(u64, u64, u64)]) -> Vec<u8> {
    let mut bytes = vec![3];
    chunk(&mut bytes, 5, &[(0, 1); 3]);
    write_varint(&mut bytes, ranges.len() as u64);
    for (distance, first, more) in ranges {
        for number in [distance, first, more] {
            write_varint(&mut bytes, *number);
        }
    }
    bytes
}

#[test]
fn retracted_ordinals_must_be_possible() {
    let five = 5_i64.abs_diff(i64::MIN);
    let back = read(&retracted(&[(five, 0, 1), (0, 3, 1)]), 256).unwrap();
    assert_eq!(back.next_nth(5), 7);
    let all: Vec<_> = back.numbered_entries(5..=5).map(|entry| entry.1).collect();
    assert_eq!(all, [2, 5, 6]);

    let most = u64::from(u32::MAX);
    for (ranges, error) in [
        (
            vec![(five, 4, 0)],
            "usage is retracted that was never posted",
        ),
        (
            vec![(five + 1, 1, 0)],
            "usage is retracted that was never posted",
        ),
        (
            vec![(five, 0, 1), (0, 2, 0)],
            "retracted usage is out of order",
        ),
        (
            vec![(five, 3, 0), (0, 0, 0)],
            "retracted usage is out of order",
        ),
        (vec![(five, 0, most)], "retracted usage is beyond all usage"),
        (vec![(five, most, 0)], "retracted usage is beyond all usage"),
        (
            vec![(five, most + 1, 0)],
            "retracted usage is beyond all usage",
        ),
        (
            vec![(u64::MAX, 0, 0), (1, 0, 0)],
            "retracted usage is beyond all usage",
        ),
        (
            vec![(five, 0, most - 3)],
            "there is more usage than can have been posted",
        ),
    ] {
        assert_eq!(error_of(&retracted(&ranges)), error, "{ranges:?}");
    }
}

/// Each instant is checked once, however many ranges of it there are.
#[test]
fn many_ranges_of_one_instant_are_read_in_one_pass() {
    let mut index = UsageIndex::new(256);
    for _ in 0..200_000 {
        index.insert(5, 1);
    }
    for nth in (0..200_000).step_by(2) {
        index.retract(5, nth);
    }
    let bytes = bytes_of(&index);
    let start = Instant::now();
    assert_same(&index, &read(&bytes, 4).unwrap());
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// Says what reading costs beside loading:
/// `cargo test --release -p gpu-credit --lib -- --ignored --nocapture ten_million`
#[test]
#[ignore = "it takes seconds, and says something in release only"]
fn ten_million_entries_come_back_without_sorting() {
    let mut random = Random::new(1);
    let entries: Vec<(i64, u64)> = (0..10_000_000)
        .map(|_| (random.between(0, 300_000_000), random.below(1_000)))
        .collect();
    for _ in 0..7 {
        let start = Instant::now();
        let mut loaded = UsageIndex::new(256);
        loaded.extend(entries.iter().copied().collect());
        let loading = start.elapsed();
        let start = Instant::now();
        let bytes = bytes_of(&loaded);
        let writing = start.elapsed();
        let total = loaded.total();
        drop(loaded);
        let start = Instant::now();
        let back = read(&bytes, 256).unwrap();
        let reading = start.elapsed();
        assert_eq!(back.total(), total);
        println!(
            "loaded in {loading:.1?}, written in {writing:.1?}, read in {reading:.1?}: {:.2}; {} bytes",
            reading.as_secs_f64() / loading.as_secs_f64(),
            bytes.len()
        );
    }
}
