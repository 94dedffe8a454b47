//! Loading many entries at once: one sort, one pass.

use super::form::Entry;

/// Sorts entries by time and keeps the order of those of one time.
pub(super) fn sort(mut entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.is_sorted_by_key(|entry| entry.0) {
        entries.sort_by_key(|entry| entry.0);
    }
    entries
}

/// Merges two lists in time order. Of one time, `earlier` comes first.
pub(super) fn merge(earlier: &[Entry], later: &[Entry]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(earlier.len() + later.len());
    let mut rest = later;
    for entry in earlier {
        let count = rest.iter().take_while(|other| other.0 < entry.0).count();
        merged.extend_from_slice(&rest[..count]);
        merged.push(*entry);
        rest = &rest[count..];
    }
    merged.extend_from_slice(rest);
    merged
}
