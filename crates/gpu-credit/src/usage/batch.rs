//! Many questions, or many late entries, at once: their waits for memory overlap.
//!
//! A look-up waits up to four times: for the heads of its group, for a slot, for the heads of its
//! chunk and for a block. So a batch takes 32 look-ups and goes over them step by step, each step
//! asking for what the next one reads. In the end it answers the 32, or inserts them, as if they
//! were single: everything they need has arrived.
//!
//! A batch in time order that asks chunk after chunk needs none of that: it walks.

use super::cursor::Cursor;
use super::encoding::UsageEntry;
use super::found_block::FoundBlock;
use super::layout::{IN_FLIGHT, QUESTIONS_PER_TASK, SLOTS};
use super::tree::{ChunkAddress, Tree};
use crate::parallel;

/// Writes the sum of the amounts at or before each of `times` to the same position of `sums`.
pub(super) fn sums_through(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    parallel::answer(QUESTIONS_PER_TASK, times, sums, |times, sums| {
        sums_through_on_one(tree, times, sums);
    });
}

/// The same on one thread.
fn sums_through_on_one(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    if times.is_sorted() && is_dense(tree, times) {
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

/// Whether times in order are enough to ask each chunk between the first and the last of them.
fn is_dense(tree: &Tree, times: &[i64]) -> bool {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return true;
    };
    let (first, last) = (tree.locate(*first), tree.locate(*last));
    let chunks = (last.group - first.group + 1) * SLOTS;
    first.group == last.group || times.len() >= chunks
}

/// The same for up to [`IN_FLIGHT`] times.
fn sums_in_flight(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    let chunks = locate_in_flight(tree, times.iter().copied());
    let mut blocks = [FoundBlock::Nothing; IN_FLIGHT];
    for ((time, chunk), block) in times.iter().zip(&chunks).zip(&mut blocks) {
        *block = tree.slot(*chunk).seek(*time);
        block.prefetch();
    }
    for ((sum, chunk), block) in sums.iter_mut().zip(&chunks).zip(blocks) {
        *sum = tree.before(*chunk) + block.sum();
    }
}

/// Inserts each entry, in posting order.
pub(super) fn insert_many(tree: &mut Tree, entries: &[UsageEntry]) {
    for entries in entries.chunks(IN_FLIGHT) {
        let late = tree.append(entries);
        let chunks = locate_in_flight(tree, late.iter().map(|entry| entry.0));
        for (entry, chunk) in late.iter().zip(&chunks) {
            tree.slot(*chunk).prefetch_lens();
            tree.slot(*chunk).seek(entry.0).prefetch();
        }
        let mut is_found = true;
        for (entry, chunk) in late.iter().zip(chunks) {
            is_found = is_found && tree.insert_at(chunk, *entry);
            if !is_found {
                // That makes room, and chunks are no longer where they were found.
                tree.insert(*entry);
            }
        }
    }
}

/// Finds the chunk of each of up to [`IN_FLIGHT`] times, and asks for what finds the block.
#[inline]
fn locate_in_flight(
    tree: &Tree,
    times: impl Iterator<Item = i64> + Clone,
) -> [ChunkAddress; IN_FLIGHT] {
    let mut chunks = [ChunkAddress::default(); IN_FLIGHT];
    for (time, chunk) in times.clone().zip(&mut chunks) {
        chunk.group = tree.group_of(time);
        tree.group(chunk.group).prefetch_heads();
    }
    for (time, chunk) in times.clone().zip(&mut chunks) {
        chunk.slot = tree.group(chunk.group).slot_of(time);
        tree.group(chunk.group).prefetch_slot(chunk.slot);
    }
    for (_, chunk) in times.zip(&chunks) {
        tree.slot(*chunk).prefetch_heads();
    }
    chunks
}
