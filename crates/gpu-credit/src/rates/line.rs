//! Metered usage between two changes of rate: a line over time.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// What changes of rate add up to: a rate `r` and a moment `m`, with which `r * (t + 1) - m` is used
/// through the tick `t`, if no rate changes in between.
///
/// A change by `rise` at the tick `time` is used from that tick on: through `t` that makes
/// `rise * (t + 1 - time)`. Both numbers wrap, and so does what is used: it is exact all the same,
/// for the limits of an account keep it below 2^63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    rate: u64,
    moment: u64,
}

impl Line {
    /// One change of rate.
    #[inline]
    pub(super) fn change(time: i64, rise: u64) -> Self {
        Line {
            rate: rise,
            moment: rise.wrapping_mul(time.cast_unsigned()),
        }
    }

    /// The line by which so much is used through a tick, and this at each.
    pub(super) fn at(time: i64, through: u64, rate: u64) -> Self {
        let flat = Line { rate, moment: 0 };
        let moment = flat.through(time).wrapping_sub(through);
        Line { rate, moment }
    }

    /// What is used at each tick.
    #[inline]
    pub(crate) fn rate(self) -> u64 {
        self.rate
    }

    /// What is used through a tick.
    #[inline]
    pub(crate) fn through(self, time: i64) -> u64 {
        let ticks = time.cast_unsigned().wrapping_add(1);
        self.rate.wrapping_mul(ticks).wrapping_sub(self.moment)
    }
}

impl Add for Line {
    type Output = Line;

    #[inline]
    fn add(self, other: Line) -> Line {
        Line {
            rate: self.rate.wrapping_add(other.rate),
            moment: self.moment.wrapping_add(other.moment),
        }
    }
}

impl Neg for Line {
    type Output = Line;

    fn neg(self) -> Line {
        Line {
            rate: self.rate.wrapping_neg(),
            moment: self.moment.wrapping_neg(),
        }
    }
}

impl Sub for Line {
    type Output = Line;

    fn sub(self, other: Line) -> Line {
        self + -other
    }
}

impl AddAssign for Line {
    fn add_assign(&mut self, other: Line) {
        *self = *self + other;
    }
}

impl Sum for Line {
    fn sum<I: Iterator<Item = Line>>(lines: I) -> Line {
        lines.fold(Line::default(), Line::add)
    }
}
