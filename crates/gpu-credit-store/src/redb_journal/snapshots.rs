//! Snapshots of accounts in the tables of the file: bytes, of which the file knows nothing.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::RedbJournal;
use super::error::Failure;
use super::open_file::Done;
use super::tables::{self, HEADS, SEGMENTS, SNAPSHOTS};
use crate::{AccountKey, JournalError, Revision, SegmentNumber, SnapshotChange, Snapshots};

impl Snapshots for RedbJournal {
    fn snapshots(&self, account: &AccountKey) -> Result<Vec<Revision>, JournalError> {
        self.read(|read| revisions(read, account))
    }

    fn snapshot(
        &self,
        account: &AccountKey,
        through: Revision,
    ) -> Result<Option<(Revision, Vec<u8>)>, JournalError> {
        self.read(|read| last(read, account, through))
    }

    fn segments(
        &self,
        account: &AccountKey,
        numbers: &[SegmentNumber],
    ) -> Result<Vec<Option<Vec<u8>>>, JournalError> {
        self.read(|read| segments(read, account, numbers))
    }

    fn segment_numbers(&self, account: &AccountKey) -> Result<Vec<SegmentNumber>, JournalError> {
        self.read(|read| segment_numbers(read, account))
    }

    fn change_snapshots(
        &self,
        account: &AccountKey,
        change: &SnapshotChange,
    ) -> Result<bool, JournalError> {
        let write = |write: &_| write_change(write, account, change);
        self.named(self.file.write_or_leave(write))
    }
}

/// The revisions of the snapshots of an account.
fn revisions(read: &ReadTransaction, account: &AccountKey) -> Result<Vec<Revision>, Failure> {
    let mut revisions = Vec::new();
    for row in read
        .open_table(SNAPSHOTS)?
        .range(tables::all(account.opened))?
    {
        revisions.push(Revision::new(row?.0.value().1));
    }
    Ok(revisions)
}

/// The last snapshot up to a revision.
fn last(
    read: &ReadTransaction,
    account: &AccountKey,
    through: Revision,
) -> Result<Option<(Revision, Vec<u8>)>, Failure> {
    let number = account.opened.get();
    let snapshots = read.open_table(SNAPSHOTS)?;
    let mut up_to = snapshots.range((number, 0)..=(number, through.get()))?;
    let Some(row) = up_to.next_back() else {
        return Ok(None);
    };
    let (key, header) = row?;
    Ok(Some((Revision::new(key.value().1), header.value().into())))
}

/// Segments by their numbers.
fn segments(
    read: &ReadTransaction,
    account: &AccountKey,
    numbers: &[SegmentNumber],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let segments = read.open_table(SEGMENTS)?;
    let segment = |number: &SegmentNumber| {
        let segment = segments.get((account.opened.get(), number.0))?;
        Ok(segment.map(|segment| segment.value().into()))
    };
    numbers.iter().map(segment).collect()
}

/// The numbers of all segments of an account.
fn segment_numbers(
    read: &ReadTransaction,
    account: &AccountKey,
) -> Result<Vec<SegmentNumber>, Failure> {
    let mut numbers = Vec::new();
    for row in read
        .open_table(SEGMENTS)?
        .range(tables::all(account.opened))?
    {
        numbers.push(SegmentNumber(row?.0.value().1));
    }
    Ok(numbers)
}

/// Changes the snapshots of an account, if it is still there.
fn write_change(
    write: &WriteTransaction,
    account: &AccountKey,
    change: &SnapshotChange,
) -> Result<Done<bool>, Failure> {
    let number = account.opened.get();
    if write.open_table(HEADS)?.get(number)?.is_none() {
        return Ok(Done::Leave(false));
    }
    let mut segments = write.open_table(SEGMENTS)?;
    for (segment, bytes) in &change.segments {
        segments.insert((number, segment.0), bytes.as_slice())?;
    }
    for segment in &change.dropped_segments {
        segments.remove((number, segment.0))?;
    }
    let mut snapshots = write.open_table(SNAPSHOTS)?;
    for revision in &change.dropped {
        snapshots.remove((number, revision.get()))?;
    }
    if let Some((revision, header)) = &change.header {
        snapshots.insert((number, revision.get()), header.as_slice())?;
    }
    Ok(Done::Commit(true))
}
