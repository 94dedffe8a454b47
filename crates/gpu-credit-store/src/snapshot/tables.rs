//! The tables of snapshots beside a journal: headers by revision, segments by number.

use crate::{AccountKey, JournalError, Revision};

/// The number of a segment of a snapshot: it follows from what the segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub u64);

/// What becomes of the snapshots of an account, in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotChange {
    /// Segments that are new; one that is there already is the same.
    pub segments: Vec<(SegmentNumber, Vec<u8>)>,
    /// A header that is new, or takes the place of that of its revision.
    pub header: Option<(Revision, Vec<u8>)>,
    /// Headers that go.
    pub dropped: Vec<Revision>,
    /// Segments that go.
    pub dropped_segments: Vec<SegmentNumber>,
}

/// Snapshots of accounts beside the entries of a journal: bytes that spare the store reading entries, and that
/// any entry outlasts. A storage that keeps none need not implement any of it.
///
/// A snapshot is a header under a revision, and segments that the header names. It may be asked and changed from
/// any thread at any time.
pub trait Snapshots: Send + Sync {
    /// The revisions of which there are snapshots of an account, in order.
    ///
    /// # Errors
    /// If the storage fails.
    fn snapshots(&self, _account: &AccountKey) -> Result<Vec<Revision>, JournalError> {
        Ok(Vec::new())
    }

    /// The header of the last snapshot of an account up to and including a revision, and its revision.
    ///
    /// # Errors
    /// If the storage fails.
    fn snapshot(
        &self,
        _account: &AccountKey,
        _through: Revision,
    ) -> Result<Option<(Revision, Vec<u8>)>, JournalError> {
        Ok(None)
    }

    /// Segments of an account by their numbers, in their order; `None` for one that is not there.
    ///
    /// # Errors
    /// If the storage fails.
    fn segments(
        &self,
        _account: &AccountKey,
        numbers: &[SegmentNumber],
    ) -> Result<Vec<Option<Vec<u8>>>, JournalError> {
        Ok(vec![None; numbers.len()])
    }

    /// The numbers of all segments of an account, in order.
    ///
    /// # Errors
    /// If the storage fails.
    fn segment_numbers(&self, _account: &AccountKey) -> Result<Vec<SegmentNumber>, JournalError> {
        Ok(Vec::new())
    }

    /// Changes the snapshots of an account; whether it is still there. If it is not, nothing is changed:
    /// its deletion has dropped them. It may be called from any thread, at the same time as appends,
    /// which may wait for it.
    ///
    /// # Errors
    /// If the storage fails.
    fn change_snapshots(
        &self,
        _account: &AccountKey,
        _change: &SnapshotChange,
    ) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// Whether this process may write snapshots of an account now: `false` if another one does. That holds until
    /// [`leave_snapshots`](Self::leave_snapshots), or for some minutes if it never comes. It spares writing them
    /// twice. If two do all the same, what one drops may be missing of what the other writes: then that is of no
    /// use, and noticed.
    ///
    /// # Errors
    /// If the storage fails.
    fn claim_snapshots(&self, _account: &AccountKey) -> Result<bool, JournalError> {
        Ok(true)
    }

    /// Another process may write them.
    fn leave_snapshots(&self, _account: &AccountKey) {}
}
