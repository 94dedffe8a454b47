//! Reading from the front of some bytes.

use super::Damage;

const TOO_SHORT: Damage = Damage("the bytes end too early");

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the next `len` bytes. O(1)
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Result<u8, Damage> {
        self.array().map(|[byte]| byte)
    }

    /// A number of 8 bytes.
    pub(crate) fn i64(&mut self) -> Result<i64, Damage> {
        self.array().map(i64::from_le_bytes)
    }

    /// The next `N` bytes: `reader.array().map(u32::from_le_bytes)`.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number of 1 to 10 bytes.
    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage("a number has more than 64 bits"))
    }

    /// A number of either sign, of 1 to 10 bytes.
    pub(crate) fn signed(&mut self) -> Result<i64, Damage> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// A number of things that take at least so many bytes each, all of them still to be read:
    /// what is reserved for so many is at most a constant times the bytes that are there.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize, Damage> {
        let count = usize::try_from(self.varint()?).map_err(|_| TOO_SHORT)?;
        let bytes = count.checked_mul(bytes_each).ok_or(TOO_SHORT)?;
        if bytes > self.0.len() {
            return Err(TOO_SHORT);
        }
        Ok(count)
    }

    /// Nothing is left to read.
    pub(crate) fn finish(self) -> Result<(), Damage> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Damage("the bytes go on after the end"))
        }
    }
}
