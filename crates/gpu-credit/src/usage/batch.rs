//! Many questions, or many late entries, at once: their waits for memory overlap.
//!
//! A look-up waits twice, for its chunk's heads and then for a block. So a batch does the first
//! part of 32 look-ups, asking for all the heads, then the second part, asking for all the blocks,
//! and then answers the 32 as if they were single: everything they need has arrived.
//!
//! A batch in time order needs none of that: it walks.

use super::form::Entry;
#[cfg(feature = "rayon")]
use super::layout::QUESTIONS_PER_TASK;
use super::layout::{IN_FLIGHT, WRITES_IN_FLIGHT};
use super::tree::{Location, Tree};
use super::walk::Cursor;

/// Writes the sum of the amounts at or before each of `times` to the same place of `sums`.
pub(super) fn sums_through(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    #[cfg(feature = "rayon")]
    if times.len() > QUESTIONS_PER_TASK {
        use rayon::prelude::*;
        times
            .par_chunks(QUESTIONS_PER_TASK)
            .zip(sums.par_chunks_mut(QUESTIONS_PER_TASK))
            .for_each(|(times, sums)| sums_through_on_one(tree, times, sums));
        return;
    }
    sums_through_on_one(tree, times, sums);
}

/// The same on one thread.
fn sums_through_on_one(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    if times.is_sorted() {
        let mut cursor = Cursor::new(tree);
        for (time, sum) in times.iter().zip(sums) {
            *sum = cursor.sum_through(*time);
        }
        return;
    }
    for (times, sums) in times.chunks(IN_FLIGHT).zip(sums.chunks_mut(IN_FLIGHT)) {
        sums_in_flight(tree, times, sums);
    }
}

/// The same for up to [`IN_FLIGHT`] times.
fn sums_in_flight(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    let mut chunks = [Location::default(); IN_FLIGHT];
    for ((time, sum), chunk) in times.iter().zip(&mut *sums).zip(&mut chunks) {
        *chunk = tree.locate(*time);
        *sum = tree.before(*chunk);
        tree.slot(*chunk).prefetch_heads();
    }
    for (time, chunk) in times.iter().zip(&chunks) {
        tree.slot(*chunk).prefetch_block(*time);
    }
    for ((time, sum), chunk) in times.iter().zip(sums).zip(&chunks) {
        *sum += tree.slot(*chunk).sum_through(*time);
    }
}

/// Inserts each entry, in posting order.
pub(super) fn insert_many(tree: &mut Tree, entries: &[Entry]) {
    for entries in entries.chunks(WRITES_IN_FLIGHT) {
        let mut chunks = [Location::default(); WRITES_IN_FLIGHT];
        for (entry, chunk) in entries.iter().zip(&mut chunks) {
            *chunk = tree.locate(entry.0);
            tree.slot(*chunk).prefetch_heads();
        }
        for (entry, chunk) in entries.iter().zip(&chunks) {
            tree.slot(*chunk).prefetch_block(entry.0);
        }
        for entry in entries {
            tree.insert(*entry);
        }
    }
}
