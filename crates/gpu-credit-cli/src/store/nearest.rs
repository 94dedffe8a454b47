//! The name that somebody may mean who has typed another.

/// Edits between two words of which one may be meant for the other.
const EDITS_MAX: usize = 2;
/// Longer words are not compared: that costs their product.
const COMPARED_BYTES_MAX: usize = 64;

pub(super) fn is_comparable(typed: &str, name: &str) -> bool {
    typed.len() <= COMPARED_BYTES_MAX && typed.len().abs_diff(name.len()) <= EDITS_MAX * 4
}

/// The name that is most like what was typed, if one is.
pub(crate) fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let edits_max = EDITS_MAX.min(typed.chars().count() / 3);
    let near = names.filter(|name| is_comparable(typed, name)).map(|name| {
        let edits = strsim::osa_distance(typed, name);
        (edits, name)
    });
    let near = near.filter(|(edits, _)| *edits <= edits_max).min();
    near.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_may_be_meant_is_found() {
        let names = ["account-1", "account-2", "acme", "bert", "a"];
        let found = |typed| nearest(typed, names.into_iter());
        assert_eq!(found("acount-1"), Some("account-1"));
        assert_eq!(found("account-3"), Some("account-1"));
        assert_eq!(found("amce"), Some("acme"));
        assert_eq!(found("bart"), Some("bert"));
        for far in ["zz", "b", "credit", "", &"x".repeat(100_000)] {
            assert_eq!(found(far), None, "{far}");
        }
    }
}
