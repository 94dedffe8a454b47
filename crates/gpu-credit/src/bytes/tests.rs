use gpu_credit_workload::random::Random;

use super::Damage;
use super::numbers::{Numbers, Width, write_numbers};
use super::reader::Reader;
use super::writer::{write_i64, write_varint};

#[test]
fn numbers_come_back() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let number = random.magnitude(64);
        let signed = number.cast_signed();
        let mut out = Vec::new();
        write_varint(&mut out, number);
        write_i64(&mut out, signed);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.varint(), Ok(number), "seed {seed}");
        assert_eq!(reader.i64(), Ok(signed), "seed {seed}");
        assert_eq!(reader.finish(), Ok(()), "seed {seed}");
        for len in 0..out.len() {
            let mut reader = Reader::new(&out[..len]);
            let read = reader.varint().and_then(|_| reader.i64());
            assert!(read.is_err(), "seed {seed}, {len} bytes");
        }
    }
}

#[test]
fn a_varint_has_at_most_64_bits() {
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(Reader::new(&most).varint(), Ok(u64::MAX));
    for last in [0x02, 0x7f, 0x80, 0x81] {
        let mut bytes = most;
        bytes[9] = last;
        assert!(Reader::new(&bytes).varint().is_err(), "{last}");
    }
}

#[test]
fn a_count_is_of_what_is_there() {
    let bytes = [3, 0, 0, 0, 0, 0, 0];
    assert_eq!(Reader::new(&bytes).count(2), Ok(3));
    assert!(Reader::new(&bytes).count(3).is_err());
    let mut huge = Vec::new();
    write_varint(&mut huge, u64::MAX);
    assert!(Reader::new(&huge).count(1).is_err());
    assert!(Reader::new(&huge).count(usize::MAX).is_err());
}

#[test]
fn columns_come_back() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let bits = u32::try_from(random.below(65)).unwrap();
        let numbers: Vec<u64> = (0..random.below(300))
            .map(|_| random.magnitude(bits))
            .collect();
        let width = Width::of(numbers.iter().fold(0, |all, number| all | number));
        assert_eq!(Width::from_byte(width.byte()), Ok(width));
        let mut out = Vec::new();
        write_numbers(&mut out, width, &numbers);
        let column = Numbers::read(&mut Reader::new(&out), width, numbers.len()).unwrap();
        let sum: u128 = numbers.iter().map(|number| u128::from(*number)).sum();
        assert_eq!(column.sum(), sum, "seed {seed}");
        let mut read = Vec::new();
        column.extend(&mut read, |number| number);
        assert_eq!(read, numbers, "seed {seed}");
        let mut given = vec![7; numbers.len()];
        column.give_to(&mut given, |item, number| *item = number);
        assert_eq!(given, numbers, "seed {seed}");
        let middle = numbers.len() / 3..numbers.len() - numbers.len() / 4;
        let mut read = Vec::new();
        column
            .range(middle.clone())
            .extend(&mut read, |number| number);
        assert_eq!(read, numbers[middle], "seed {seed}");
    }
    assert_eq!(Width::from_byte(3), Err(Damage("no number is so wide")));
}
