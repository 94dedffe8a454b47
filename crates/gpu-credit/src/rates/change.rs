//! A change of rate: a job begins or ends.

use super::line::Line;

/// The place of a change in order: by its tick, and at one tick ends before starts, each in posting
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) time: i64,
    pub(super) mark: Mark,
}

impl Key {
    /// After all changes at a tick.
    pub(super) fn after(time: i64) -> Self {
        Key {
            time,
            mark: Mark(u32::MAX),
        }
    }

    /// Before all changes at a tick.
    pub(super) fn before(time: i64) -> Self {
        Key {
            time,
            mark: Mark(0),
        }
    }
}

/// Whose change it is, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u32);

impl Mark {
    const START: u32 = 1 << 31;

    /// The job with this number begins.
    pub(super) fn start(job: u32) -> Self {
        assert!(job < Self::START, "a mark keeps one bit for its side");
        Mark(job | Self::START)
    }

    /// The job with this number ends.
    pub(super) fn end(job: u32) -> Self {
        assert!(job < Self::START, "a mark keeps one bit for its side");
        Mark(job)
    }

    /// The number of the job that begins, if one does.
    pub(super) fn starts(self) -> Option<u32> {
        (self.0 & Self::START != 0).then_some(self.0 & !Self::START)
    }
}

/// One change of rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: Key,
    /// By how much the rate rises (wrapping).
    pub(super) rise: u64,
}

impl Change {
    pub(super) fn line(self) -> Line {
        Line::change(self.key.time, self.rise)
    }
}

/// When the rate changes and by how much, in 8 bytes, beside the origin of its chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) offset: u32,
    rise: i32,
}

impl Step {
    /// `None` if the distance from the origin or the rise takes more than 4 bytes.
    pub(super) fn new(origin: i64, change: Change) -> Option<Self> {
        let time = change.key.time;
        if time < origin {
            return None;
        }
        Some(Step {
            offset: u32::try_from(time.abs_diff(origin)).ok()?,
            rise: i32::try_from(change.rise.cast_signed()).ok()?,
        })
    }

    /// What some steps add up to, their moments counted from their origin.
    #[inline]
    pub(super) fn sum<'a>(steps: impl Iterator<Item = &'a Step>) -> Line {
        let (mut rate, mut moment) = (0_i64, 0_i64);
        for step in steps {
            let rise = i64::from(step.rise);
            rate = rate.wrapping_add(rise);
            moment = moment.wrapping_add(rise * i64::from(step.offset));
        }
        Line::new(rate.cast_unsigned(), moment.cast_unsigned())
    }

    #[inline]
    pub(super) fn of(self, mark: Mark, origin: i64) -> Change {
        Change {
            key: Key {
                time: origin.wrapping_add(i64::from(self.offset)),
                mark,
            },
            rise: i64::from(self.rise).cast_unsigned(),
        }
    }
}
