//! The balance at an instant from a header and at most one segment of usage, without loading the rest.
//!
//! Levels depend on what is used in each epoch, not on when: an account in which all usage of an epoch is one
//! record, and that of the epoch of the instant what is used up to it, has the same balance there.

use super::header::Header;
use super::read::{add_others, has_gone, is_later, others, segments};
use super::segment;
use super::{EpochRow, Odd};
use crate::account::UsageRow;
use crate::folding::{apply_all, some_entries};
use crate::{Account, AccountKey, Change, Entry, Reader, Revision, SegmentNumber, Sequence};

/// Grants and jobs that are read for one question; if there are more, the account is loaded.
const RECORDS_MAX: u64 = 65_536;

/// What a snapshot tells of the balance at an instant.
pub(crate) struct Cold {
    /// An account that has the balance of the account at the instant, and only that.
    pub(crate) account: Account,
    /// Entries after the snapshot that were read.
    pub(crate) tail: u64,
}

/// The balance of an account at an instant by the entries up to `through`; `None` if the account is to be
/// loaded: if there is no snapshot, or too much is to be read beside one segment. `tail_max` says how many entries
/// may be read after a snapshot of a revision, and `None` if it is not worth it.
pub(crate) fn at(
    journal: &dyn Reader,
    key: &AccountKey,
    timestamp: i64,
    through: Sequence,
    tail_max: impl Fn(Revision) -> Option<u64>,
) -> Result<Option<Cold>, Odd> {
    loop {
        let Some((revision, bytes)) = journal.snapshot(key, Revision::END)? else {
            return Ok(None);
        };
        let Some(tail_max) = tail_max(revision) else {
            return Ok(None);
        };
        let header = Header::from_bytes(key, revision, &bytes)?;
        match by(
            journal,
            key,
            timestamp,
            through,
            (revision, &header),
            tail_max,
        ) {
            Err(_) if has_gone(journal, key, revision) => {}
            cold => return cold,
        }
    }
}

/// The same by one snapshot.
fn by(
    journal: &dyn Reader,
    key: &AccountKey,
    timestamp: i64,
    through: Sequence,
    (revision, header): (Revision, &Header),
    tail_max: u64,
) -> Result<Option<Cold>, Odd> {
    let jobs = header.jobs.len() as u64 * u64::from(header.rows);
    if header.totals.grants > RECORDS_MAX || jobs > RECORDS_MAX {
        return Ok(None);
    }
    if is_later(journal, key, revision, through, header)? {
        return Ok(None);
    }
    let mut account = Account::bare(key.clone(), revision, header.policy, &header.totals);
    account.add_usage(&usage(journal, key, timestamp, header)?)?;
    add_others(journal, header, &mut account)?;
    if !add_tail(journal, &mut account, through, header, tail_max)? {
        return Ok(None);
    }
    account.settle();
    // Of an account that was deleted meanwhile, parts may be missing.
    let head = journal.heads(&[&key.name])?.pop().flatten();
    let is_there = head.is_some_and(|head| head.account == *key);
    let tail = account.revision().get() - revision.get();
    Ok(is_there.then_some(Cold { account, tail }))
}

/// One record for the usage of each epoch that begins at an instant or before it.
fn usage(
    journal: &dyn Reader,
    key: &AccountKey,
    timestamp: i64,
    header: &Header,
) -> Result<Vec<UsageRow>, Odd> {
    let whole = header.usage.partition_point(|part| part.last <= timestamp);
    let (whole, rest) = header.usage.split_at(whole);
    let sums = whole.iter().map(|part| part.sum);
    let mut used = sum(sums)?;
    if let Some(part) = rest.first().filter(|part| part.first <= timestamp) {
        let number = SegmentNumber(part.usage);
        let bytes = segments(journal, key, &[number])?;
        let rows = segment::read_usage(key, number, &bytes[0])?;
        let rows = rows.iter().take_while(|row| row.timestamp <= timestamp);
        used = sum([used].into_iter().chain(rows.map(|row| row.amount)))?;
    }
    let mut epochs: Vec<EpochRow> = others(journal, key, &header.epochs)?;
    epochs.truncate(epochs.partition_point(|(at, _)| *at <= timestamp));
    if let Some((last, before)) = epochs.split_last_mut() {
        let before = sum(before.iter().map(|(_, sum)| *sum))?;
        let rest = used.checked_sub(before);
        last.1 = rest.ok_or(Odd("its epochs use more than its usage"))?;
    }
    let row = |(timestamp, amount)| UsageRow {
        timestamp,
        amount,
        revision: Revision::START,
        is_retracted: false,
    };
    Ok(epochs.into_iter().map(row).collect())
}

/// Adds the entries after the snapshot; whether it could. It could not if there are more than so many, or if one may
/// part an epoch in which the snapshot has usage, being neither usage nor a grant that begins after all of that.
fn add_tail(
    journal: &dyn Reader,
    account: &mut Account,
    through: Sequence,
    header: &Header,
    most: u64,
) -> Result<bool, Odd> {
    let last = header.usage.last().map_or(i64::MIN, |part| part.last);
    let is_simple = |entry: &Entry| match entry.change {
        Change::Usage { .. } | Change::MeteredUsage { .. } => true,
        // No balance knows of holds.
        Change::Hold(_) | Change::RefuseHold(_) => true,
        // Its boundaries are later than all usage of the snapshot.
        Change::Grant { timestamp, .. } => timestamp > last,
        _ => false,
    };
    let most = account.revision().get().saturating_add(most);
    loop {
        let after = account.revision();
        let entries = some_entries(journal, account.key(), after..Revision::END, through)?;
        let Some(last) = entries.last() else {
            return Ok(true);
        };
        if last.revision.get() > most || !entries.iter().all(is_simple) {
            return Ok(false);
        }
        let applied = apply_all(account, entries.iter().map(|entry| (entry, None)));
        applied.map_err(|_| Odd("the entries after it do not follow"))?;
    }
}

fn sum(mut amounts: impl Iterator<Item = u64>) -> Result<u64, Odd> {
    let sum = amounts.try_fold(0_u64, u64::checked_add);
    sum.ok_or(Odd("its usage adds up to too much"))
}
