//! Numbers in as many bytes each as the largest needs: 0, 1, 2, 4 or 8.

use std::ops::Range;

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
    len: usize,
    bytes: &'a [u8],
}

/// Numbers of up to 2 bytes whose sum fits 32 bits.
const SUMMED_TOGETHER: usize = 1 << 16;

impl<'a> Numbers<'a> {
    pub(crate) fn read(bytes: &mut Reader<'a>, width: Width, len: usize) -> Result<Self, Damage> {
        let count = len.checked_mul(width.0.into());
        let count = count.ok_or(Damage("there are too many numbers"))?;
        let bytes = bytes.take(count)?;
        Ok(Self { width, len, bytes })
    }

    /// Those of a range.
    pub(crate) fn range(self, range: Range<usize>) -> Self {
        let width = usize::from(self.width.0);
        Self {
            len: range.len(),
            bytes: &self.bytes[range.start * width..range.end * width],
            ..self
        }
    }

    /// The sum of all, of which there are fewer than 2^32.
    pub(crate) fn sum(self) -> u128 {
        match self.width.0 {
            1 => self.sum_small(u8::from_le_bytes).into(),
            2 => self.sum_small(u16::from_le_bytes).into(),
            4 => self.numbers(u32::from_le_bytes).sum::<u64>().into(),
            8 => self.numbers(u64::from_le_bytes).map(u128::from).sum(),
            _ => 0,
        }
    }

    fn sum_small<T: Into<u32>, const N: usize>(self, number: impl Fn([u8; N]) -> T) -> u64 {
        let sum = |bytes: &[[u8; N]]| bytes.iter().map(|bytes| number(*bytes).into()).sum::<u32>();
        let together = self.whole().chunks(SUMMED_TOGETHER);
        together.map(|bytes| u64::from(sum(bytes))).sum()
    }

    /// Adds what `item` makes of each to `items`.
    pub(crate) fn extend<T>(self, items: &mut Vec<T>, item: impl FnMut(u64) -> T) {
        match self.width.0 {
            1 => items.extend(self.numbers(u8::from_le_bytes).map(item)),
            2 => items.extend(self.numbers(u16::from_le_bytes).map(item)),
            4 => items.extend(self.numbers(u32::from_le_bytes).map(item)),
            8 => items.extend(self.numbers(u64::from_le_bytes).map(item)),
            _ => items.extend(std::iter::repeat_n(0, self.len).map(item)),
        }
    }

    /// Gives each to one of `items`, of which there are as many.
    pub(crate) fn give_to<T>(self, items: &mut [T], give: impl Fn(&mut T, u64)) {
        let give = |(item, number)| give(item, number);
        let items = items.iter_mut();
        match self.width.0 {
            1 => items.zip(self.numbers(u8::from_le_bytes)).for_each(give),
            2 => items.zip(self.numbers(u16::from_le_bytes)).for_each(give),
            4 => items.zip(self.numbers(u32::from_le_bytes)).for_each(give),
            8 => items.zip(self.numbers(u64::from_le_bytes)).for_each(give),
            _ => items.map(|item| (item, 0)).for_each(give),
        }
    }

    fn numbers<T: Into<u64>, const N: usize>(
        self,
        number: impl Fn([u8; N]) -> T,
    ) -> impl Iterator<Item = u64> {
        self.whole().iter().map(move |bytes| number(*bytes).into())
    }

    fn whole<const N: usize>(self) -> &'a [[u8; N]] {
        let (numbers, rest) = self.bytes.as_chunks();
        assert!(rest.is_empty(), "whole numbers were read");
        numbers
    }
}
