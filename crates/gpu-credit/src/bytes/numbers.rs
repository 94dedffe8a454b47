//! Numbers in as many bytes each as the largest needs: 0, 1, 2, 4 or 8.

use super::Damage;
use super::reader::Reader;

/// Bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Width(u8);

impl Width {
    pub(crate) const ONE: Self = Self(1);

    /// The least that holds `number`.
    pub(crate) fn of(number: u64) -> Self {
        match number {
            0 => Self(0),
            1..=0xff => Self(1),
            0x100..=0xffff => Self(2),
            0x1_0000..=0xffff_ffff => Self(4),
            _ => Self(8),
        }
    }

    pub(crate) fn byte(self) -> u8 {
        self.0
    }

    pub(crate) fn from_byte(byte: u8) -> Result<Self, Damage> {
        match byte {
            0 | 1 | 2 | 4 | 8 => Ok(Self(byte)),
            _ => Err(Damage("no number is so wide")),
        }
    }
}

/// Writes numbers that fit the width.
pub(crate) fn write_numbers(out: &mut Vec<u8>, width: Width, numbers: &[u64]) {
    match width.0 {
        1 => write_each::<1>(out, numbers),
        2 => write_each::<2>(out, numbers),
        4 => write_each::<4>(out, numbers),
        8 => write_each::<8>(out, numbers),
        _ => {}
    }
}

fn write_each<const WIDTH: usize>(out: &mut Vec<u8>, numbers: &[u64]) {
    out.reserve(WIDTH * numbers.len());
    for number in numbers {
        debug_assert!(Width::of(*number) <= Width::of(u64::MAX >> (64 - 8 * WIDTH)));
        out.extend_from_slice(&number.to_le_bytes()[..WIDTH]);
    }
}

/// So many numbers of one width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a> {
    width: Width,
    bytes: &'a [u8],
}

impl<'a> Numbers<'a> {
    pub(crate) fn read(bytes: &mut Reader<'a>, width: Width, count: usize) -> Result<Self, Damage> {
        let len = count.checked_mul(width.0.into());
        let len = len.ok_or(Damage("there are too many numbers"))?;
        Ok(Self {
            width,
            bytes: bytes.take(len)?,
        })
    }

    /// The sum of all, of which there are fewer than 2^32.
    pub(crate) fn sum(self) -> u128 {
        match self.width.0 {
            1 => self.numbers(u8::from_le_bytes).sum::<u64>().into(),
            2 => self.numbers(u16::from_le_bytes).sum::<u64>().into(),
            4 => self.numbers(u32::from_le_bytes).sum::<u64>().into(),
            8 => self.numbers(u64::from_le_bytes).map(u128::from).sum(),
            _ => 0,
        }
    }

    /// Writes as many as go into `numbers` there; those without width are 0.
    pub(crate) fn decode(self, numbers: &mut [u64]) {
        match self.width.0 {
            1 => fill(numbers, self.numbers(u8::from_le_bytes)),
            2 => fill(numbers, self.numbers(u16::from_le_bytes)),
            4 => fill(numbers, self.numbers(u32::from_le_bytes)),
            8 => fill(numbers, self.numbers(u64::from_le_bytes)),
            _ => numbers.fill(0),
        }
    }

    fn numbers<T: Into<u64>, const N: usize>(
        self,
        number: impl Fn([u8; N]) -> T,
    ) -> impl Iterator<Item = u64> {
        let (numbers, rest) = self.bytes.as_chunks();
        assert!(rest.is_empty(), "whole numbers were read");
        numbers.iter().map(move |bytes| number(*bytes).into())
    }
}

fn fill(numbers: &mut [u64], from: impl Iterator<Item = u64>) {
    for (number, from) in numbers.iter_mut().zip(from) {
        *number = from;
    }
}
