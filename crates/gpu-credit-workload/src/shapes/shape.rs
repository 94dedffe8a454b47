//! The shapes by name.

use std::fmt;
use std::str::FromStr;

/// The character of a workload. Times are seconds, from the beginning of the year 2025 on, except
/// in [`Shape::Extremes`] and [`Shape::JobExtremes`].
///
/// ```
/// use gpu_credit_workload::Shape;
///
/// assert_eq!("tiny-grants".parse(), Ok(Shape::TinyGrants));
/// assert_eq!(Shape::TinyGrants.to_string(), "tiny-grants");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Steady months: a grant for each month, a top-up for a quarter of a year now and then, usage
    /// at any time, everything posted when it happens. Usage is four fifths of what is granted.
    Steady,
    /// The same grants; usage comes in bursts of up to 200 entries within a minute, each of one
    /// account.
    Bursty,
    /// The same grants, one in seven backdated and one in twelve posted early, by up to ten days;
    /// half of the usage is late: by seconds as often as by days, up to 24 days, and one entry in
    /// 64 by any part of the whole history.
    Late,
    /// Many tiny grants that live from a minute to an hour, about sixteen at a time.
    TinyGrants,
    /// One huge account with fifteen rows out of sixteen, posted in random order; windows of 7, 30
    /// and 90 days, about sixteen at a time.
    OneAccount,
    /// The steady shape with twice as much usage as is granted.
    Overload,
    /// All ties: every grant starts, every usage stands and every question asks at one of sixteen
    /// instants, and most windows end there or right before; posted in random order.
    Ties,
    /// The extremes of the integer ranges, and anything between: times from `i64::MIN` to
    /// `i64::MAX`, windows of no length and without end, amounts of 0 and up to all that a ledger
    /// holds; posted in random order.
    Extremes,
    /// The late shape with jobs: seven usage rows in eight are metered, with a rate from 1 to 64, for a
    /// minute to three days; a third of the grants has a priority.
    Jobs,
    /// The ties with jobs, which end at one of the sixteen instants too, some no later than they begin.
    JobTies,
    /// The extremes with jobs: some as long as the range of time, some that use nothing, and priorities
    /// from `i16::MIN` to `i16::MAX`.
    JobExtremes,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 11] = [
        Shape::Steady,
        Shape::Bursty,
        Shape::Late,
        Shape::TinyGrants,
        Shape::OneAccount,
        Shape::Overload,
        Shape::Ties,
        Shape::Extremes,
        Shape::Jobs,
        Shape::JobTies,
        Shape::JobExtremes,
    ];

    /// The name, in lower case with hyphens.
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::Steady => "steady",
            Shape::Bursty => "bursty",
            Shape::Late => "late",
            Shape::TinyGrants => "tiny-grants",
            Shape::OneAccount => "one-account",
            Shape::Overload => "overload",
            Shape::Ties => "ties",
            Shape::Extremes => "extremes",
            Shape::Jobs => "jobs",
            Shape::JobTies => "job-ties",
            Shape::JobExtremes => "job-extremes",
        }
    }

    /// The shape without jobs whose times and habits this one has, if it has jobs.
    pub(super) fn with_jobs_of(self) -> Option<Shape> {
        match self {
            Shape::Jobs => Some(Shape::Late),
            Shape::JobTies => Some(Shape::Ties),
            Shape::JobExtremes => Some(Shape::Extremes),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        Shape::ALL
            .into_iter()
            .find(|shape| shape.as_str() == name)
            .ok_or(UnknownShape)
    }
}

/// No shape has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownShape;

impl fmt::Display for UnknownShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected one of the shapes")?;
        for shape in Shape::ALL {
            write!(formatter, " {shape}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownShape {}
