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
    /// Accounts in memory. On a shared journal they stay there once they are loaded, and are not counted.
    pub memory: MemoryStatistics,
    /// Snapshots. On a shared journal there are none.
    pub snapshots: SnapshotStatistics,
}
