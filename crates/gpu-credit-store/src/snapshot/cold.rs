//! The balance at an instant from a header and at most one segment of usage, without loading the rest.
//!
//! Levels depend on what is used in each epoch, not on when: an account in which all usage of an epoch is one
//! record, and that of the epoch of the instant what is used up to it, has the same balance there.

use std::ops::ControlFlow;

use super::header::Header;
use super::read::{add_others, is_later, others, segments};
use super::segment;
use super::{EpochRow, Odd};
use crate::account::UsageRow;
use crate::folding::apply_all;
use crate::{Account, AccountKey, Change, Entry, Reader, Revision, SegmentNumber, Sequence};

/// Grants and jobs that are read for one question; if there are more, the account is loaded.
const RECORDS_MAX: u64 = 65_536;
/// Entries after the snapshot that are read for one question.
const TAIL_MAX: usize = 4_096;

/// An account that has the balance of an account at an instant, and only that, by the entries up to
/// `through`; `None` if the account is to be loaded: if there is no snapshot, or none of a revision that is
/// `worth` it, or too much is to be read beside one segment.
pub(crate) fn at(
    journal: &dyn Reader,
    key: &AccountKey,
    timestamp: i64,
    through: Sequence,
    worth: impl FnOnce(Revision) -> bool,
) -> Result<Option<Account>, Odd> {
    let Some((revision, bytes)) = journal.snapshot(key, Revision::END)? else {
        return Ok(None);
    };
    if !worth(revision) {
        return Ok(None);
    }
    let header = Header::from_bytes(key, revision, &bytes)?;
    let jobs = header.jobs.len() as u64 * u64::from(header.rows);
    if header.totals.grants > RECORDS_MAX || jobs > RECORDS_MAX {
        return Ok(None);
    }
    if is_later(journal, key, revision, through, &header)? {
        return Ok(None);
    }
    let Some(tail) = tail(journal, key, revision, through, &header)? else {
        return Ok(None);
    };
    let mut account = Account::bare(key.clone(), revision, header.policy, &header.totals);
    account.add_usage(&usage(journal, key, timestamp, &header)?)?;
    add_others(journal, &header, &mut account)?;
    let applied = apply_all(&mut account, tail.iter().map(|entry| (entry, None)));
    applied.map_err(|_| Odd("the entries after it do not follow"))?;
    account.settle();
    // Of an account that was deleted meanwhile, parts may be missing.
    let head = journal.heads(&[&key.name])?.pop().flatten();
    Ok(head
        .is_some_and(|head| head.account == *key)
        .then_some(account))
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

/// The entries after a snapshot, if they are few and part no epoch in which the snapshot has usage: usage, and
/// grants that begin after all of that.
fn tail(
    journal: &dyn Reader,
    key: &AccountKey,
    revision: Revision,
    through: Sequence,
    header: &Header,
) -> Result<Option<Vec<Entry>>, Odd> {
    let last = header.usage.last().map_or(i64::MIN, |part| part.last);
    let (mut tail, mut is_simple) = (Vec::new(), true);
    journal.entries(key, revision, through, &mut |entry| {
        is_simple = tail.len() < TAIL_MAX
            && match entry.change {
                Change::Usage { .. } | Change::MeteredUsage { .. } => true,
                // Its boundaries are later than all usage of the snapshot.
                Change::Grant {
                    timestamp: start, ..
                } => start > last,
                _ => false,
            };
        tail.push(entry);
        match is_simple {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    Ok(is_simple.then_some(tail))
}

fn sum(mut amounts: impl Iterator<Item = u64>) -> Result<u64, Odd> {
    let sum = amounts.try_fold(0_u64, u64::checked_add);
    sum.ok_or(Odd("its usage adds up to too much"))
}
