//! What a store has done since it was opened.

use crate::{MemoryStatistics, SnapshotStatistics};

/// What a store has done since it was opened, in this process. All counts begin at 0 then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatistics {
    /// Groups of requests that were committed together; a large request is a group of its own.
    pub groups: u64,
    /// Appends that others had forestalled, and that were drafted again. On a file there are none.
    pub conflicts: u64,
    /// Accounts in memory.
    pub memory: MemoryStatistics,
    /// Snapshots.
    pub snapshots: SnapshotStatistics,
}
