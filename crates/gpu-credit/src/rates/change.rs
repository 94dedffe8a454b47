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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
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
