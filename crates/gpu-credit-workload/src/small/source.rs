//! Where the choices of a sequence come from: a seed or bytes.

use crate::random::Random;

pub(super) trait Source {
    /// A number below `bound`, which is not 0. `None`: the source is exhausted.
    fn below(&mut self, bound: u64) -> Option<u64>;

    /// Any number.
    fn any(&mut self) -> Option<u64>;

    /// A number of 0 to `bits` bits, each count of bits alike.
    fn magnitude(&mut self, bits: u32) -> Option<u64> {
        match self.below(u64::from(bits) + 1)? {
            0 => Some(0),
            bits => Some(self.any()? >> (64 - bits)),
        }
    }
}

impl Source for Random {
    fn below(&mut self, bound: u64) -> Option<u64> {
        Some(Random::below(self, bound))
    }

    fn any(&mut self) -> Option<u64> {
        Some(self.next())
    }
}

/// A byte for a small choice, eight for a large one.
pub(super) struct Spelled<'a>(&'a [u8]);

impl<'a> Spelled<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl Source for Spelled<'_> {
    fn below(&mut self, bound: u64) -> Option<u64> {
        if bound > 256 {
            return Some(self.any()? % bound);
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(u64::from(*first) % bound)
    }

    fn any(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }
}
