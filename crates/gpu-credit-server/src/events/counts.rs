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

    /// The counts, each with the name of its metric and what it is.
    pub(crate) fn all(&self) -> [(&'static str, &'static str, u64); 4] {
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            (
                "events_posted",
                "Events that became usage of their accounts",
                number(&self.posted),
            ),
            (
                "events_unmatched",
                "Events that went to the account for what cannot be posted where it belongs",
                number(&self.unmatched),
            ),
            (
                "events_duplicate",
                "Events that were there already",
                number(&self.duplicates),
            ),
            (
                "events_refused",
                "Events of requests that were refused",
                number(&self.refused),
            ),
        ]
    }
}
