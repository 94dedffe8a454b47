//! Amounts as events write them: decimal text, exactly.

use std::fmt;

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};

/// Digits of a number, at most: longer ones are no amounts.
const TEXT_BYTES_MAX: usize = 400;
/// Places that count: what is behind them is the noise of binary fractions.
const PLACES: i64 = 12;
/// No amount has more digits before the point.
const DIGITS_MAX: i64 = 40;

/// A number that was read as decimal text, rounded half-even at 12 places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(BigDecimal);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAmount {
    NotANumber,
    Negative,
    TooLarge,
}

impl fmt::Display for NoAmount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            NoAmount::NotANumber => "is no number",
            NoAmount::Negative => "is negative",
            NoAmount::TooLarge => "is too large",
        })
    }
}

impl Decimal {
    /// Reads a number as JSON writes it.
    ///
    /// # Errors
    /// If it is no number, longer than 400 bytes, or has more than 40 digits before the point.
    pub(crate) fn read(text: &str) -> Result<Self, NoAmount> {
        let is_number = !text.is_empty()
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if !is_number {
            return Err(NoAmount::NotANumber);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(NoAmount::TooLarge);
        }
        let number: BigDecimal = text.parse().map_err(|_| NoAmount::NotANumber)?;
        let (digits, places) = number.as_bigint_and_exponent();
        if digits.sign() == Sign::NoSign {
            return Ok(Decimal(BigDecimal::from(0)));
        }
        // Before anything is reckoned with it: an exponent of a billion has a billion digits.
        let before_point = i64::try_from(number.digits())
            .unwrap_or(i64::MAX)
            .saturating_sub(places);
        if before_point > DIGITS_MAX {
            return Err(NoAmount::TooLarge);
        }
        if before_point < -PLACES {
            return Ok(Decimal(BigDecimal::from(0)));
        }
        Ok(Decimal(
            number.with_scale_round(PLACES, RoundingMode::HalfEven),
        ))
    }

    pub(crate) fn times(&self, other: &Decimal) -> Decimal {
        Decimal(&self.0 * &other.0)
    }

    /// The number of units that it fills or begins.
    ///
    /// # Errors
    /// If it is negative, or more than the sum of all usage of an account may be.
    pub(crate) fn units(&self) -> Result<u64, NoAmount> {
        if self.0.sign() == Sign::Minus {
            return Err(NoAmount::Negative);
        }
        let up = self.0.with_scale_round(0, RoundingMode::Ceiling);
        let (units, _) = up.into_bigint_and_exponent();
        (units <= BigInt::from(i64::MAX))
            .then(|| units.to_u64())
            .flatten()
            .ok_or(NoAmount::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, scale: &str) -> Result<u64, NoAmount> {
        Decimal::read(text)?.times(&Decimal::read(scale)?).units()
    }

    /// A binary fraction prints digits that nobody meant: they cost nobody a unit.
    #[test]
    fn a_cost_is_what_was_meant() {
        assert_eq!(units("0.00015000000000000001", "1000000000"), Ok(150_000));
        assert_eq!(units("1.4999999999999999e-4", "1000000000"), Ok(150_000));
        assert_eq!(units("1.5E-4", "1e9"), Ok(150_000));
        assert_eq!(units("0.1", "10"), Ok(1));
    }

    #[test]
    fn what_begins_a_unit_is_a_unit() {
        assert_eq!(units("0.000000000001", "1000000000"), Ok(1));
        // Half-even at the twelfth place.
        assert_eq!(units("0.0000000000005", "1000000000000"), Ok(0));
        assert_eq!(units("0.0000000000015", "1000000000000"), Ok(2));
        assert_eq!(units("0.0000000000025", "1000000000000"), Ok(2));
        assert_eq!(units("7.000000000001", "1"), Ok(8));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "", "-", "1e", "0x10", "inf", "NaN", "1_000", " 1", "1,5", "e5", ".",
        ] {
            assert_eq!(units(text, "1"), Err(NoAmount::NotANumber), "{text:?}");
        }
        assert_eq!(units("-0.001", "1"), Err(NoAmount::Negative));
        assert_eq!(units("-0", "1"), Ok(0));
        for text in [
            "1e1000000000",
            "9223372036854775808",
            "1e40",
            &"9".repeat(500),
        ] {
            assert_eq!(units(text, "1"), Err(NoAmount::TooLarge), "{text:?}");
        }
        assert_eq!(
            units("9223372036854775807", "1"),
            Ok(i64::MAX.unsigned_abs())
        );
        assert_eq!(units("1e-1000000000", "1e39"), Ok(0));
        assert_eq!(units("0e1000000000", "1"), Ok(0));
        // Exponents that pass every integer.
        assert!(units("1e99999999999999999999999", "1").is_err());
    }
}
