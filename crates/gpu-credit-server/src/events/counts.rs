//! How many events came.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of events since the service began, for its metrics.
#[derive(Debug, Default)]
pub(crate) struct EventCounts {
    posted: AtomicU64,
    unmatched: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
}

impl EventCounts {
    pub(super) fn add(&self, posted: u64, unmatched: u64, duplicates: u64) {
        self.posted.fetch_add(posted, Ordering::Relaxed);
        self.unmatched.fetch_add(unmatched, Ordering::Relaxed);
        self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
    }

    pub(super) fn add_refused(&self, events: u64) {
        self.refused.fetch_add(events, Ordering::Relaxed);
    }

    /// Each outcome with the number of its events.
    pub(crate) fn all(&self) -> [(&'static str, u64); 4] {
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("posted", number(&self.posted)),
            ("unmatched", number(&self.unmatched)),
            ("duplicate", number(&self.duplicates)),
            ("refused", number(&self.refused)),
        ]
    }
}
