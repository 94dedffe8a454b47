//! The tables of the file, and their keys.

use std::ops::{Range, RangeInclusive};

use redb::{TableDefinition, WriteTransaction};
use sha2::{Digest, Sha256};

use super::error::Failure;
use crate::{RecordId, Revision, Sequence};

/// Numbers about the file: [`FORMAT_KEY`] and [`LAST_SEQUENCE_KEY`].
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");
/// From an account's name to the sequence of its opening, which is its number.
pub(super) const ACCOUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
/// From an account's number and a revision to an entry: the entries of an account lie together.
pub(super) const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> =
    TableDefinition::new("revisions");
/// An account's number, the fingerprint of a record id, and a revision: which entries have such ids.
pub(super) const IDS: TableDefinition<'_, (u64, u64, u64), ()> = TableDefinition::new("record ids");
/// From an account's number to its head.
pub(super) const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
/// From the digest of a deleted account's name and the id of the deletion to its sequence.
pub(super) const DELETIONS: TableDefinition<'_, (&[u8; 32], &str), u64> =
    TableDefinition::new("deletions");
/// From an account's number and a revision to the header of a snapshot.
pub(super) const SNAPSHOTS: TableDefinition<'_, (u64, u64), &[u8]> =
    TableDefinition::new("snapshots");
/// From an account's number and that of a segment to the segment.
pub(super) const SEGMENTS: TableDefinition<'_, (u64, u64), &[u8]> =
    TableDefinition::new("segments");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const LAST_SEQUENCE_KEY: &str = "last sequence";

/// The format that this version writes.
pub(super) const FORMAT: u64 = 6;

/// The key of a note: apart from the numbers of the file itself.
pub(super) fn note_key(name: &str) -> String {
    format!("{NOTE_PREFIX}{name}")
}

/// The name of the note that has this key, if a note has it.
pub(super) fn note_name(key: &str) -> Option<&str> {
    key.strip_prefix(NOTE_PREFIX)
}

const NOTE_PREFIX: &str = "note ";

/// Makes the tables of an empty file.
pub(super) fn initialise(write: &WriteTransaction) -> Result<(), Failure> {
    let mut meta = write.open_table(META)?;
    meta.insert(FORMAT_KEY, FORMAT)?;
    meta.insert(LAST_SEQUENCE_KEY, 0)?;
    write.open_table(ACCOUNTS)?;
    write.open_table(ENTRIES)?;
    write.open_table(IDS)?;
    write.open_table(HEADS)?;
    write.open_table(DELETIONS)?;
    add_snapshots(write)
}

/// Makes the tables of snapshots: from format 4 to 5.
pub(super) fn add_snapshots(write: &WriteTransaction) -> Result<(), Failure> {
    write.open_table(SNAPSHOTS)?;
    write.open_table(SEGMENTS)?;
    Ok(())
}

/// What stands for a deleted account's name: enough to know the name again, not to read it.
pub(super) fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

/// The key under which a deletion is kept.
pub(super) fn deletion_key<'k>(digest: &'k [u8; 32], id: &'k RecordId) -> (&'k [u8; 32], &'k str) {
    (digest, id.as_str())
}

/// All entries of an account after a revision.
pub(super) fn range(opened: Sequence, after: Revision) -> Range<(u64, u64)> {
    (opened.get(), after.next().get())..(opened.next().get(), 0)
}

/// All snapshots, or all segments, of an account.
pub(super) fn all(opened: Sequence) -> Range<(u64, u64)> {
    (opened.get(), 0)..(opened.next().get(), 0)
}

/// All ids of an account.
pub(super) fn ids_range(opened: Sequence) -> Range<(u64, u64, u64)> {
    (opened.get(), 0, 0)..(opened.next().get(), 0, 0)
}

/// Which entries may have an id.
pub(super) fn id_range(opened: Sequence, fingerprint: u64) -> RangeInclusive<(u64, u64, u64)> {
    let opened = opened.get();
    (opened, fingerprint, 0)..=(opened, fingerprint, u64::MAX)
}
