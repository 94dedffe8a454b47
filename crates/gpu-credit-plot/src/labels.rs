//! Numbers and names in a picture.

/// An amount, for show: if there is no room for its digits, by a power of ten.
pub(crate) fn label(amount: f64) -> String {
    if amount.abs() < 1e12 {
        with_separators(amount)
    } else {
        format!("{amount:e}")
    }
}

/// A whole number with separators.
fn with_separators(amount: f64) -> String {
    let digits = format!("{:.0}", amount.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if amount < 0.0 && digits != "0" {
        text.insert(0, '-');
    }
    text
}

/// A name, cut if it has more characters.
pub(crate) fn shortened(name: &str, characters_max: usize) -> String {
    if name.chars().count() <= characters_max {
        return name.to_owned();
    }
    let start: String = name
        .chars()
        .take(characters_max.saturating_sub(3))
        .collect();
    format!("{start}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_legible() {
        assert_eq!(with_separators(0.0), "0");
        assert_eq!(with_separators(-1_234_567.0), "-1,234,567");
        assert_eq!(with_separators(999.0), "999");
        assert_eq!(label(999_999_999_999.0), "999,999,999,999");
        assert_eq!(label(-2_500_000_000_000.0), "-2.5e12");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("march", 24), "march");
        assert_eq!(
            shortened(&"x".repeat(30), 24),
            format!("{}...", "x".repeat(21))
        );
    }
}
