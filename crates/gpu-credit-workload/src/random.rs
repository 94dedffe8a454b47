//! Numbers that are the same for one seed on every platform and in every version.
//!
//! Only the generator comes from a crate (PCG64, whose output is defined on paper). The mapping to
//! ranges is done here, in integers: that of the usual crates may change between versions, and
//! floating-point logarithms differ between platforms.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// A seeded source of numbers.
///
/// ```
/// use gpu_credit_workload::random::Random;
///
/// let mut random = Random::new(7);
/// assert!(random.below(10) < 10);
/// assert!((-3..=3).contains(&random.between(-3, 3)));
/// assert_eq!(Random::new(7).next(), Random::new(7).next());
/// ```
#[derive(Clone, Debug)]
pub struct Random(Pcg64);

impl Random {
    /// The source of this seed.
    pub fn new(seed: u64) -> Self {
        // The stream is a constant of no meaning, different from the crate's default.
        Self(Pcg64::new(u128::from(seed), 0x6770_752d_6372_6564_6974))
    }

    /// Any `u64`.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a 128-bit product has 64 bits")
    }

    /// A number from `low` to `high`, both included; `low` if `high` is below it.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let offset = match high.abs_diff(low).checked_add(1) {
            Some(count) => self.below(count),
            None => self.next(),
        };
        low.wrapping_add_unsigned(offset)
    }

    /// True in `part` of `whole` cases.
    pub fn chance(&mut self, part: u64, whole: u64) -> bool {
        self.below(whole) < part
    }

    /// A number of 0 to `bits` bits, each count of bits as likely as any other: small numbers and
    /// large ones alike.
    pub fn magnitude(&mut self, bits: u32) -> u64 {
        let bits = self.below(u64::from(bits) + 1);
        let full = self.next();
        match bits {
            0 => 0,
            bits => (full | 1 << 63) >> (64 - bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_that_of_pcg64_for_ever() {
        let mut random = Random::new(0);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            first,
            [
                3_005_988_836_699_436_971,
                3_120_805_592_003_359_671,
                16_306_540_285_185_880_095,
            ],
        );
    }

    #[test]
    fn magnitudes_have_every_count_of_bits() {
        let mut random = Random::new(1);
        let mut seen = [false; 64];
        for _ in 0..10_000 {
            let number = random.magnitude(63);
            seen[(64 - number.leading_zeros()) as usize] = true;
        }
        assert_eq!(seen, [true; 64]);
    }

    #[test]
    fn between_reaches_both_ends_of_the_whole_range() {
        let mut random = Random::new(2);
        let numbers: Vec<i64> = (0..100)
            .map(|_| random.between(i64::MIN, i64::MAX))
            .collect();
        assert!(numbers.iter().any(|number| *number < i64::MIN / 2));
        assert!(numbers.iter().any(|number| *number > i64::MAX / 2));
        assert_eq!(random.between(5, 5), 5);
        assert_eq!(random.between(5, 4), 5);
    }
}
