//! When things happen in a shape: windows, instants, and how late they are posted.

use super::shape::Shape;
use crate::random::Random;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MONTH: i64 = 30 * DAY;

/// 2025-01-01T00:00:00Z in seconds.
const ORIGIN: i64 = 1_735_689_600;

/// Windows that contain an instant, about, if grants do not come by the month.
const LIVE: i64 = 16;
/// Instants of `Shape::Ties`.
const TIES: i64 = 16;

/// The stretch of time in which a workload takes place, and its habits.
pub(super) struct Calendar {
    shape: Shape,
    first: i64,
    last: i64,
}

/// When a grant is live, and what for.
pub(super) struct Window {
    pub(super) credit_id: &'static str,
    pub(super) start: i64,
    pub(super) expiration: u64,
}

impl Calendar {
    /// Long enough for `grants` of one account.
    pub(super) fn new(shape: Shape, grants: u32) -> Self {
        let grants = i64::from(grants);
        let length = match shape {
            Shape::Steady | Shape::Bursty | Shape::Late | Shape::Overload | Shape::Jobs => {
                (grants - grants / 4).max(1) * MONTH
            }
            Shape::TinyGrants => (grants * HOUR / 2 / LIVE).max(HOUR),
            Shape::OneAccount => (grants * 42 * DAY / LIVE).max(90 * DAY),
            Shape::Ties | Shape::JobTies => TIES * HOUR,
            Shape::Extremes | Shape::JobExtremes => {
                return Self {
                    shape,
                    first: i64::MIN,
                    last: i64::MAX,
                };
            }
        };
        Self {
            shape,
            first: ORIGIN,
            last: ORIGIN + length - 1,
        }
    }

    /// The window of an account's grant, the `number`-th from 0 on.
    pub(super) fn window(&self, number: u32, random: &mut Random) -> Window {
        match self.shape {
            Shape::Steady | Shape::Bursty | Shape::Late | Shape::Overload | Shape::Jobs => {
                self.month_or_top_up(number, random)
            }
            Shape::TinyGrants => {
                let length = random.between(MINUTE, HOUR);
                lasting("trial", self.instant(random), length)
            }
            Shape::OneAccount => {
                let start = self.instant(random);
                match random.below(3) {
                    0 => lasting("week", start, 7 * DAY),
                    1 => lasting("month", start, MONTH),
                    _ => lasting("quarter", start, 3 * MONTH),
                }
            }
            Shape::Ties | Shape::JobTies => {
                // Its last instant, or the instant after it, is one of the sixteen, or later.
                let length = random.between(0, TIES / 2) * HOUR + random.between(0, 1);
                lasting("tie", self.instant(random), length.max(1))
            }
            Shape::Extremes | Shape::JobExtremes => extreme_window(random),
        }
    }

    /// Three grants in four are those of the months, one after the other.
    fn month_or_top_up(&self, number: u32, random: &mut Random) -> Window {
        if number % 4 == 3 {
            lasting("top-up", self.instant(random), 3 * MONTH)
        } else {
            let month = i64::from(number - number / 4);
            lasting("month", self.first + month * MONTH, MONTH)
        }
    }

    /// When usage takes effect.
    pub(super) fn instant(&self, random: &mut Random) -> i64 {
        match self.shape {
            Shape::Ties => self.first + random.between(0, TIES - 1) * HOUR,
            Shape::Extremes => extreme_instant(random),
            _ => random.between(self.first, self.last),
        }
    }

    /// The first tick of a job, and the first that is no longer used.
    pub(super) fn job(&self, random: &mut Random) -> (i64, i64) {
        let from = self.instant(random);
        let until = match self.shape {
            Shape::Ties => self.instant(random),
            Shape::Extremes => match random.below(4) {
                0 => extreme_instant(random),
                1 => from.saturating_add_unsigned(random.below(4)),
                _ => from.saturating_add_unsigned(random.magnitude(63)),
            },
            _ => from + job_length(random),
        };
        (from, until)
    }

    /// When a question is asked, and about which instant: half of them about now, the others about
    /// before and after alike.
    pub(super) fn question(&self, random: &mut Random) -> (i64, i64) {
        let arrival = random.between(self.first, self.last);
        let time = match (self.shape, random.below(4)) {
            (Shape::Ties | Shape::Extremes, _) => self.instant(random),
            (_, 0) => random.between(self.first, arrival),
            (_, 1) => random.between(arrival, self.last),
            _ => arrival,
        };
        (arrival, time)
    }

    /// When a grant that starts at `start` is posted.
    pub(super) fn grant_arrival(&self, start: i64, random: &mut Random) -> i64 {
        match self.shape {
            Shape::Late if random.chance(1, 7) => start + random.between(1, 10 * DAY),
            Shape::Late if random.chance(1, 10) => start - random.between(1, 10 * DAY),
            _ => self.in_time_or_shuffled(start, random),
        }
    }

    /// When usage at `time` is posted.
    pub(super) fn usage_arrival(&self, time: i64, random: &mut Random) -> i64 {
        match self.shape {
            Shape::Late if random.chance(1, 64) => random.between(time, self.last),
            Shape::Late if random.chance(1, 2) => time + lateness(random),
            _ => self.in_time_or_shuffled(time, random),
        }
    }

    fn in_time_or_shuffled(&self, time: i64, random: &mut Random) -> i64 {
        match self.shape {
            Shape::OneAccount | Shape::Ties | Shape::Extremes => {
                random.between(self.first, self.last)
            }
            _ => time,
        }
    }
}

/// The window of `length` instants, 1 at least.
fn lasting(credit_id: &'static str, start: i64, length: i64) -> Window {
    Window {
        credit_id,
        start,
        expiration: (length - 1).unsigned_abs(),
    }
}

/// Seconds as likely as days: up to a power of 2 from 2 s to 24 days.
fn lateness(random: &mut Random) -> i64 {
    let lateness_max = 1 << random.between(1, 21);
    random.between(1, lateness_max)
}

/// Minutes as likely as days: up to a minute times a power of 2, 3 days at most.
fn job_length(random: &mut Random) -> i64 {
    let length_max = MINUTE << random.between(0, 12);
    random.between(MINUTE, length_max)
}

fn extreme_instant(random: &mut Random) -> i64 {
    match random.below(4) {
        0 => i64::MIN.saturating_add_unsigned(random.below(3)),
        1 => i64::MAX.saturating_sub_unsigned(random.below(3)),
        2 => random.between(-3, 3),
        _ => random.between(i64::MIN, i64::MAX),
    }
}

fn extreme_window(random: &mut Random) -> Window {
    let start = extreme_instant(random);
    let endless = i64::MAX.abs_diff(start);
    let (credit_id, expiration) = match random.below(4) {
        0 => ("instant", 0),
        1 => ("endless", endless),
        2 => ("short", random.below(4).min(endless)),
        _ => ("long", random.below(endless)),
    };
    Window {
        credit_id,
        start,
        expiration,
    }
}
