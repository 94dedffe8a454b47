//! Integers as they are typed for an option: what is refused is told what was expected.

use std::fmt::Display;
use std::str::FromStr;

/// Reads an integer of a range.
pub(crate) fn integer<T>(
    least: T,
    most: T,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync,
{
    move |typed| {
        let read = typed.parse().ok();
        let read = read.filter(|read| (least..=most).contains(read));
        read.ok_or_else(|| format!("expected an integer from {least} to {most}"))
    }
}

/// Reads an amount or a rate.
pub(crate) fn amount() -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync {
    integer(0, i64::MAX.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rust's own words were "invalid digit found in string", without a range.
    #[test]
    fn what_is_refused_is_told_the_range() {
        assert_eq!(
            amount()("9223372036854775807"),
            Ok(9_223_372_036_854_775_807)
        );
        for typed in [
            "-5",
            "1.5",
            "",
            "9223372036854775808",
            "ten",
            "99999999999999999999",
        ] {
            let expected = "expected an integer from 0 to 9223372036854775807".to_owned();
            assert_eq!(amount()(typed), Err(expected));
        }
        let priority = integer(i16::MIN, i16::MAX);
        assert_eq!(priority("-32768"), Ok(-32_768));
        let expected = "expected an integer from -32768 to 32767".to_owned();
        assert_eq!(priority("32768"), Err(expected));
    }
}
