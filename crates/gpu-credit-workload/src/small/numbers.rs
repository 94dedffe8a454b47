//! The instants and amounts of a sequence.

use super::source::Source;

/// From where the numbers of a sequence come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// About a dozen instants and amounts: many ties, and many balances of exactly zero.
    Small,
    /// Some hundred instants: many boundaries, and late writes far from one another.
    Wide,
    /// As [`Small`](Numbers::Small), a step from either end of the range of timestamps; amounts near
    /// nothing or near all that fits.
    Edges,
    /// The whole range, small and large alike.
    Full,
}

impl Numbers {
    /// All of them.
    pub const ALL: [Numbers; 4] = [Numbers::Small, Numbers::Edges, Numbers::Full, Numbers::Wide];

    pub(super) fn amount(self, source: &mut impl Source) -> Option<u64> {
        const AMOUNT_MAX: u64 = i64::MAX.unsigned_abs();
        match self {
            Numbers::Edges => match source.below(8)? {
                0 => Some(AMOUNT_MAX - source.below(9)?),
                1 => Some(AMOUNT_MAX / 2 - source.below(9)?),
                _ => source.below(9),
            },
            Numbers::Full => source.magnitude(64),
            _ => self.modest_amount(source),
        }
    }

    /// An amount of which some hundred add up to no more than a ledger takes.
    pub(super) fn modest_amount(self, source: &mut impl Source) -> Option<u64> {
        match self {
            Numbers::Small | Numbers::Edges => source.below(9),
            Numbers::Wide => source.below(32),
            Numbers::Full => source.magnitude(48),
        }
    }

    pub(super) fn timestamp(self, source: &mut impl Source) -> Option<i64> {
        match self {
            Numbers::Small => Some(0_i64.saturating_add_unsigned(source.below(12)?)),
            Numbers::Wide => Some(0_i64.saturating_add_unsigned(source.below(256)?)),
            Numbers::Edges => match source.below(12)? {
                step @ 0..6 => Some(i64::MIN.saturating_add_unsigned(step)),
                step => Some(i64::MAX.saturating_sub_unsigned(11 - step)),
            },
            Numbers::Full => Some(source.any()?.cast_signed()),
        }
    }

    pub(super) fn expiration(self, timestamp: i64, source: &mut impl Source) -> Option<u64> {
        let endless = i64::MAX.abs_diff(timestamp);
        match self {
            Numbers::Small => source.below(7),
            Numbers::Wide => source.below(64),
            Numbers::Edges => match source.below(9)? {
                step @ 0..6 => Some(step),
                step => Some(endless.saturating_sub(step - 6)),
            },
            // Nearly always one that fits, because others are refused.
            Numbers::Full => match source.below(16)? {
                0 => source.any(),
                1 => Some(endless),
                _ => Some(source.magnitude(64)?.min(endless)),
            },
        }
    }
}

/// Mostly 0, and the ends of the range among the others.
pub(super) fn priority(source: &mut impl Source) -> Option<i16> {
    Some(match source.below(16)? {
        0 => i16::MIN,
        1 => -1,
        2 | 3 => 1,
        4 => i16::MAX,
        _ => 0,
    })
}
