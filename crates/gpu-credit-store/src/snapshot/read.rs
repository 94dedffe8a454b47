//! A snapshot as an account.

use serde::de::DeserializeOwned;

use super::header::Header;
use super::{Odd, checksum, segment};
use crate::account::HoldRow;
use crate::{Account, AccountKey, Reader, Revision, SegmentNumber, Sequence};

/// Segments that are read at a time.
const READ_AT_ONCE: usize = 32;

/// The account as the last snapshot that is as it should be makes it, of those up to a revision and of
/// entries that are written up to `through`; `None` if there is none. `odd` is called for each that is not.
///
/// A snapshot that is dropped while it is read has gone, and is not odd: the last one is looked for again.
pub(crate) fn read(
    journal: &dyn Reader,
    key: &AccountKey,
    mut revision: Revision,
    through: Sequence,
    mut odd: impl FnMut(Odd),
) -> Option<Account> {
    loop {
        let (at, bytes) = journal.snapshot(key, revision).ok()??;
        match read_one(journal, key, at, through, &bytes) {
            Ok(Some(account)) => return Some(account),
            Err(_) if has_gone(journal, key, at) => continue,
            Ok(None) => {}
            Err(what) => odd(what),
        }
        revision = at.before()?;
    }
}

/// Whether there is no snapshot at a revision any more.
pub(super) fn has_gone(journal: &dyn Reader, key: &AccountKey, at: Revision) -> bool {
    let found = journal.snapshot(key, at);
    found.is_ok_and(|found| found.is_none_or(|(revision, _)| revision != at))
}

/// The account that a snapshot makes; `None` if it is of an entry that is written after `through`.
pub(super) fn read_one(
    journal: &dyn Reader,
    key: &AccountKey,
    revision: Revision,
    through: Sequence,
    bytes: &[u8],
) -> Result<Option<Account>, Odd> {
    let header = Header::from_bytes(key, revision, bytes)?;
    if is_later(journal, key, revision, through, &header)? {
        return Ok(None);
    }
    let mut account = Account::bare(key.clone(), revision, header.policy, &header.totals);
    for parts in header.usage.chunks(READ_AT_ONCE / 2) {
        let numbers = parts.iter().flat_map(|part| [part.usage, part.revisions]);
        let numbers: Vec<_> = numbers.map(SegmentNumber).collect();
        let bytes = segments(journal, key, &numbers)?;
        for (part, bytes) in parts.iter().zip(bytes.chunks(2)) {
            let mut rows = segment::read_usage(key, SegmentNumber(part.usage), &bytes[0])?;
            let revisions = SegmentNumber(part.revisions);
            segment::read_revisions(key, revisions, &bytes[1], &mut rows)?;
            account.add_usage(&rows)?;
        }
    }
    add_others(journal, &header, &mut account)?;
    account.add_corrected(others(journal, key, &header.corrected)?);
    account.add_holds(others::<HoldRow>(journal, key, &header.holds)?);
    if account.totals() != header.totals {
        return Err(Odd("its records have other totals"));
    }
    account.settle();
    Ok(Some(account))
}

/// Adds grants and metered usage.
pub(super) fn add_others(
    journal: &dyn Reader,
    header: &Header,
    account: &mut Account,
) -> Result<(), Odd> {
    let key = account.key().clone();
    account.add_jobs(&others(journal, &key, &header.jobs)?)?;
    account.add_grants(others(journal, &key, &header.grants)?)?;
    Ok(())
}

/// Whether the entry at the revision of a snapshot is written after `through`. It must be the entry that
/// the snapshot was made at.
pub(super) fn is_later(
    journal: &dyn Reader,
    key: &AccountKey,
    revision: Revision,
    through: Sequence,
    header: &Header,
) -> Result<bool, Odd> {
    match journal.entry_at(key, revision)? {
        Some(entry) if checksum(&entry) == header.entry => Ok(entry.sequence > through),
        _ => Err(Odd("the entry at its revision is another")),
    }
}

/// The rows of some segments.
pub(super) fn others<T: DeserializeOwned>(
    journal: &dyn Reader,
    key: &AccountKey,
    numbers: &[u64],
) -> Result<Vec<T>, Odd> {
    let mut rows = Vec::new();
    for numbers in numbers.chunks(READ_AT_ONCE) {
        let numbers: Vec<_> = numbers.iter().copied().map(SegmentNumber).collect();
        let bytes = segments(journal, key, &numbers)?;
        for (number, bytes) in numbers.into_iter().zip(bytes) {
            rows.extend(segment::read_others(key, number, &bytes)?);
        }
    }
    Ok(rows)
}

/// Segments by their numbers, all of which are there.
pub(super) fn segments(
    journal: &dyn Reader,
    key: &AccountKey,
    numbers: &[SegmentNumber],
) -> Result<Vec<Vec<u8>>, Odd> {
    let found = journal.segments(key, numbers)?.into_iter();
    let all: Option<Vec<_>> = found.collect();
    all.ok_or(Odd("a segment is missing"))
}
