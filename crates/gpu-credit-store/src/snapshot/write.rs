//! An account as a snapshot.

use hashbrown::HashSet;
use serde::Serialize;

use super::header::{Header, UsagePart};
use super::{EpochRow, checksum, segment};
use crate::account::{GrantRow, UsageRow};
use crate::{Account, AccountKey, Entry, JournalError, Revision, SegmentNumber};

/// A snapshot that was made: its segments were given away.
pub(crate) struct Made {
    pub(crate) revision: Revision,
    pub(crate) header: Vec<u8>,
    /// The numbers of all its segments.
    pub(crate) segments: HashSet<SegmentNumber>,
}

/// Takes segments one by one.
pub(crate) type Take<'t> = &'t mut dyn FnMut(SegmentNumber, Vec<u8>) -> Result<(), JournalError>;

/// Makes a snapshot of an account at its last entry, with so many rows in a segment of usage; segments that
/// are not there already are given away. O(n log n)
pub(crate) fn make(
    account: &Account,
    last: &Entry,
    rows: u32,
    is_there: impl Fn(SegmentNumber) -> bool,
    take: Take<'_>,
) -> Result<Made, JournalError> {
    assert_eq!(last.revision, account.revision(), "it is of the last entry");
    let key = account.key();
    let mut maker = Maker {
        key,
        rows: rows.max(1) as usize,
        is_there,
        take,
        segments: HashSet::new(),
    };
    let boundaries = boundaries(account.grant_rows());
    let (usage, epochs) = maker.usage(account.usage_rows(), &boundaries)?;
    let header = Header {
        rows,
        entry: checksum(last),
        policy: account.policy(),
        totals: account.totals(),
        usage,
        grants: maker.others(account.grant_rows())?,
        jobs: maker.others(account.job_rows())?,
        corrected: maker.others(account.corrected_rows().into_iter())?,
        epochs: maker.others(epochs.into_iter())?,
        holds: maker.others(account.hold_rows())?,
    };
    Ok(Made {
        revision: last.revision,
        header: header.to_bytes(key, last.revision),
        segments: maker.segments,
    })
}

/// The directory of the usage, and what is used in each epoch.
type Usage = (Vec<UsagePart>, Vec<EpochRow>);

struct Maker<'m, F> {
    key: &'m AccountKey,
    rows: usize,
    is_there: F,
    take: Take<'m>,
    segments: HashSet<SegmentNumber>,
}

impl<F: Fn(SegmentNumber) -> bool> Maker<'_, F> {
    /// The usage in segments, and what is used in each epoch.
    fn usage(
        &mut self,
        mut usage: impl Iterator<Item = UsageRow>,
        boundaries: &[i64],
    ) -> Result<Usage, JournalError> {
        let (mut parts, mut epochs) = (Vec::new(), Epochs::new(boundaries));
        let mut rows = Vec::with_capacity(self.rows);
        loop {
            rows.clear();
            rows.extend(usage.by_ref().take(self.rows));
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
                return Ok((parts, epochs.sums));
            };
            let mut sum = 0;
            for row in &rows {
                sum += row.amount;
                epochs.add(row);
            }
            let usage = segment::usage_number(&rows);
            self.give(usage, |key| segment::usage(key, usage, &rows))?;
            let revisions = segment::revisions_number(&rows);
            self.give(revisions, |key| segment::revisions(key, revisions, &rows))?;
            parts.push(UsagePart {
                usage: usage.0,
                revisions: revisions.0,
                first: first.timestamp,
                last: last.timestamp,
                sum,
            });
        }
    }

    /// Other rows in segments: their numbers.
    fn others<T: Serialize>(
        &mut self,
        mut all: impl Iterator<Item = T>,
    ) -> Result<Vec<u64>, JournalError> {
        let mut numbers = Vec::new();
        loop {
            let rows: Vec<T> = all
                .by_ref()
                .take(self.rows.div_ceil(OTHERS_SMALLER))
                .collect();
            if rows.is_empty() {
                return Ok(numbers);
            }
            let (number, bytes) = segment::others(self.key, &rows);
            self.give(number, |_| bytes)?;
            numbers.push(number.0);
        }
    }

    fn give(
        &mut self,
        number: SegmentNumber,
        bytes: impl FnOnce(&AccountKey) -> Vec<u8>,
    ) -> Result<(), JournalError> {
        if self.segments.insert(number) && !(self.is_there)(number) {
            (self.take)(number, bytes(self.key))?;
        }
        Ok(())
    }
}

/// Other rows are larger than those of usage: so many times fewer are in a segment.
const OTHERS_SMALLER: usize = 4;

/// The instants at which epochs may begin, in order.
pub(super) fn boundaries(grants: impl Iterator<Item = GrantRow>) -> Vec<i64> {
    let held = grants.filter_map(|row| row.held);
    let mut boundaries: Vec<i64> = held
        .flat_map(|grant| {
            let end = grant.end.checked_add(1);
            [Some(grant.start), end, grant.revoked_from]
        })
        .flatten()
        .collect();
    boundaries.sort_unstable();
    boundaries.dedup();
    boundaries
}

/// What is used in each epoch, with an instant of the epoch that no usage of it is before.
struct Epochs<'b> {
    /// Those that are later than the usage so far.
    boundaries: &'b [i64],
    sums: Vec<EpochRow>,
    opening: Option<i64>,
}

impl<'b> Epochs<'b> {
    fn new(boundaries: &'b [i64]) -> Self {
        Epochs {
            boundaries,
            sums: Vec::new(),
            opening: None,
        }
    }

    /// Adds usage that is not before what was added.
    fn add(&mut self, row: &UsageRow) {
        let passed = self.boundaries.partition_point(|at| *at <= row.timestamp);
        let (before, later) = self.boundaries.split_at(passed);
        self.boundaries = later;
        self.opening = before.last().copied().or(self.opening);
        let opening = self.opening.unwrap_or(row.timestamp);
        match self.sums.last_mut() {
            Some((at, sum)) if self.opening.is_none() || *at == opening => *sum += row.amount,
            _ => self.sums.push((opening, row.amount)),
        }
    }
}
