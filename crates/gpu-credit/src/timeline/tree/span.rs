//! What a stretch of boundaries adds up to.

/// Sums over all boundaries before some place. They wrap: a sum relative to some other place may
/// be negative, and what is read in the end, measured from the first boundary, is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// How far the level has risen.
    pub(crate) level: u64,
    /// The usage of the epochs.
    pub(crate) used: u64,
    /// By how many the live grants have grown.
    pub(crate) live: i64,
}

impl Totals {
    #[inline]
    pub(crate) fn plus(self, other: Totals) -> Totals {
        Totals {
            level: self.level.wrapping_add(other.level),
            used: self.used.wrapping_add(other.used),
            live: self.live.wrapping_add(other.live),
        }
    }

    #[inline]
    pub(crate) fn minus(self, other: Totals) -> Totals {
        Totals {
            level: self.level.wrapping_sub(other.level),
            used: self.used.wrapping_sub(other.used),
            live: self.live.wrapping_sub(other.live),
        }
    }

    /// Level minus usage: the balance, or less the deficit. Exact if both are measured from the
    /// first boundary.
    #[inline]
    pub(crate) fn balance(self) -> i128 {
        i128::from(self.level) - i128::from(self.used)
    }
}

/// How the balance at the end of an epoch moves over a stretch of epochs, measured from where the
/// stretch opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it stands after the last epoch.
    pub(crate) sum: i128,
    /// Its minimum over the ends of the epochs that last: if one window ends and the next starts
    /// at once, nobody sees the balance between. It may be lower, as searching allows.
    pub(crate) min: i128,
    /// Its maximum over the ends of the epochs. It may be lower, too, unless levels count no dropped
    /// usage.
    pub(crate) max: i128,
}

impl Span {
    /// This stretch and then another.
    pub(crate) fn then(self, next: Span) -> Span {
        Span {
            sum: self.sum + next.sum,
            min: self.min.min(self.sum + next.min),
            max: self.max.max(self.sum + next.max),
        }
    }
}
