//! A small account in less than a kilobyte: its records and levels in columns, without an index.
//!
//! ```text
//! policy, and its credit line | counts | origin
//! epochs: times, levels, whether live | usage: times, amounts
//! grants: starts, lengths, amounts, priorities, lengths of credit ids | credit ids
//! ```
//!
//! Times are distances from the earliest of all. A question finds its epoch, and the last usage at
//! or before its instant, by bisection, and adds up the usage.

use super::column::{Column, Reader, Writer};
use crate::account::GpuCredit;
use crate::answer::{Answer, Status, answer};
use crate::error::RecordError;
use crate::limits::{Sums, UsageSums};
use crate::options::{Options, Overdraft};
use crate::record::{Grant, GrantRecord, Record};
use crate::timeline::ask::Standing;

/// More grants than this, or more usage, and the account is better off with its indexes. Both, and
/// the number of epochs, are written in a byte.
const GRANTS_PACKED_MAX: usize = 64;
const USAGE_PACKED_MAX: usize = 255;

/// The policies; after the last comes its credit line.
const CARRY: u8 = 0;
const FORFEIT: u8 = 1;
const CARRY_UP_TO: u8 = 2;

/// A small account.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// An account without records.
    pub(super) fn empty(overdraft: Overdraft) -> Self {
        write(overdraft, &[], &[], &[])
    }

    /// A settled account, if it is small, has no jobs, and nothing of it was ever retracted or revoked:
    /// numbers and identities then follow from the records that stand.
    pub(super) fn of(account: &GpuCredit) -> Option<Self> {
        let Sums { grants, usage, .. } = account.sums();
        if grants > GRANTS_PACKED_MAX
            || account.usage_count() > USAGE_PACKED_MAX
            || account.grant_count() < grants
            || (account.usage_count() as u64) < usage.records
            || usage.jobs > 0
            || (account.grants()).any(|(_, grant)| grant.revoked_from.is_some())
        {
            return None;
        }
        let usage = account.usage(..);
        let usage: Vec<(i64, u64)> = usage
            .map(|(_, usage)| (usage.timestamp, usage.amount))
            .collect();
        let grants: Vec<Grant<'_>> = account.grants().map(|(_, grant)| grant).collect();
        Some(write(
            account.overdraft(),
            &epochs(account, &grants),
            &usage,
            &grants,
        ))
    }

    /// The account with all its indexes, settled.
    pub(super) fn unpack(&self, options: Options) -> GpuCredit {
        let unpacked = self.unpack_with(options, std::iter::empty());
        unpacked.expect("an account held these very records")
    }

    /// The same with more records, posted after those; an error if they do not fit.
    pub(super) fn unpack_with(
        &self,
        options: Options,
        more: impl Iterator<Item = Record>,
    ) -> Result<GpuCredit, RecordError> {
        let columns = Columns::read(&self.0);
        let mut account = GpuCredit::with_options(options.overdraft(columns.overdraft));
        let usage = columns
            .usage()
            .map(|(timestamp, amount)| Record::usage(amount, timestamp));
        account.extend(columns.grants().chain(usage).chain(more))?;
        Ok(account)
    }

    pub(super) fn overdraft(&self) -> Overdraft {
        Columns::read(&self.0).overdraft
    }

    /// What the records add up to.
    pub(super) fn sums(&self) -> Sums {
        let columns = Columns::read(&self.0);
        Sums {
            granted: columns.grant_amounts.iter().sum(),
            grants: columns.grant_amounts.len(),
            credit_ids: columns.credit_id_lengths().sum(),
            usage: UsageSums {
                total: columns.usage_amounts.iter().sum(),
                records: columns.usage_amounts.len() as u64,
                jobs: 0,
            },
        }
    }

    /// As [`GpuCredit::balance_at`].
    pub(super) fn balance_at(&self, timestamp: i64) -> Answer {
        let columns = Columns::read(&self.0);
        // Before the earliest time of all there is neither an epoch nor usage.
        let is_early = timestamp < columns.origin;
        let time = timestamp.abs_diff(columns.origin);
        let through = |times: Column<'_>| {
            if is_early {
                0
            } else {
                times.count_through(time)
            }
        };
        let epoch = through(columns.epoch_times).checked_sub(1);
        let entries = through(columns.usage_times);
        let standing = Standing {
            is_live: epoch.is_some_and(|epoch| columns.epoch_lives.get(epoch) != 0),
            level: epoch.map_or(0, |epoch| columns.epoch_levels.get(epoch)),
            used: columns.usage_amounts.iter().take(entries).sum(),
        };
        answer(standing, columns.overdraft)
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.0.len()
    }
}

/// An epoch that lasts: when it opens, its level, and whether a grant is live.
type Epoch = (i64, u64, bool);

/// The epochs that last, each with its level: what the balance is when it opens, and what has been
/// used by then.
fn epochs(account: &GpuCredit, grants: &[Grant<'_>]) -> Vec<Epoch> {
    let times = grants
        .iter()
        .flat_map(|grant| [Some(grant.start), grant.end.checked_add(1)]);
    let mut times: Vec<i64> = times.flatten().collect();
    times.sort_unstable();
    times.dedup();
    let epoch = |time: i64| {
        let answer = account.balance_at(time);
        // It is used before it is owed, so that this is not negative.
        let level = account.used_at(time) - answer.deficit + answer.balance.unwrap_or(0);
        (time, level, answer.status != Status::Inactive)
    };
    times.into_iter().map(epoch).collect()
}

fn write(
    overdraft: Overdraft,
    epochs: &[Epoch],
    usage: &[(i64, u64)],
    grants: &[Grant<'_>],
) -> Packed {
    let mut bytes = Writer::new();
    bytes.byte(match overdraft {
        Overdraft::Carry => CARRY,
        Overdraft::Forfeit => FORFEIT,
        Overdraft::CarryUpTo(_) => CARRY_UP_TO,
    });
    if let Overdraft::CarryUpTo(line) = overdraft {
        bytes.bytes(&line.to_le_bytes());
    }
    for count in [epochs.len(), usage.len(), grants.len()] {
        assert!(count <= usize::from(u8::MAX));
        bytes.byte(count.to_le_bytes()[0]);
    }
    let first = [
        epochs.first().map(|epoch| epoch.0),
        usage.first().map(|entry| entry.0),
    ];
    let origin = first.into_iter().flatten().min().unwrap_or(0);
    bytes.bytes(&origin.to_le_bytes());

    let distance = |time: i64| time.abs_diff(origin);
    bytes.column(epochs.iter().map(|(time, ..)| distance(*time)));
    bytes.column(epochs.iter().map(|(_, level, _)| *level));
    bytes.column(epochs.iter().map(|(.., is_live)| u64::from(*is_live)));
    bytes.column(usage.iter().map(|(time, _)| distance(*time)));
    bytes.column(usage.iter().map(|(_, amount)| *amount));
    bytes.column(grants.iter().map(|grant| distance(grant.start)));
    bytes.column(grants.iter().map(|grant| grant.end.abs_diff(grant.start)));
    bytes.column(grants.iter().map(|grant| grant.amount));
    let priorities = grants.iter().map(|grant| grant.priority.cast_unsigned());
    bytes.column(priorities.map(u64::from));
    bytes.column(grants.iter().map(|grant| grant.credit_id.len() as u64));
    for grant in grants {
        bytes.bytes(grant.credit_id.as_bytes());
    }
    Packed(bytes.finish())
}

/// What [`write`] has written.
#[derive(Clone, Copy, Debug)]
struct Columns<'a> {
    overdraft: Overdraft,
    origin: i64,
    epoch_times: Column<'a>,
    epoch_levels: Column<'a>,
    epoch_lives: Column<'a>,
    usage_times: Column<'a>,
    usage_amounts: Column<'a>,
    grant_starts: Column<'a>,
    grant_lengths: Column<'a>,
    grant_amounts: Column<'a>,
    grant_priorities: Column<'a>,
    credit_id_lengths: Column<'a>,
    credit_ids: &'a [u8],
}

impl<'a> Columns<'a> {
    #[inline]
    fn read(bytes: &'a [u8]) -> Self {
        let mut bytes = Reader(bytes);
        let overdraft = match bytes.byte() {
            CARRY => Overdraft::Carry,
            FORFEIT => Overdraft::Forfeit,
            CARRY_UP_TO => {
                let line = bytes.bytes(size_of::<u64>()).first_chunk();
                let line = line.expect("so many bytes have been read");
                Overdraft::CarryUpTo(u64::from_le_bytes(*line))
            }
            other => unreachable!("no policy is written as {other}"),
        };
        let [epochs, usage, grants] = [(); 3].map(|()| usize::from(bytes.byte()));
        let origin = bytes.bytes(size_of::<i64>()).first_chunk();
        let origin = origin.expect("so many bytes have been read");
        Columns {
            overdraft,
            origin: i64::from_le_bytes(*origin),
            epoch_times: bytes.column(epochs),
            epoch_levels: bytes.column(epochs),
            epoch_lives: bytes.column(epochs),
            usage_times: bytes.column(usage),
            usage_amounts: bytes.column(usage),
            grant_starts: bytes.column(grants),
            grant_lengths: bytes.column(grants),
            grant_amounts: bytes.column(grants),
            grant_priorities: bytes.column(grants),
            credit_id_lengths: bytes.column(grants),
            credit_ids: bytes.0,
        }
    }

    fn time(&self, distance: u64) -> i64 {
        self.origin.wrapping_add_unsigned(distance)
    }

    fn usage(self) -> impl Iterator<Item = (i64, u64)> {
        let entries = 0..self.usage_times.len();
        entries.map(move |at| {
            let time = self.time(self.usage_times.get(at));
            (time, self.usage_amounts.get(at))
        })
    }

    fn credit_id_lengths(self) -> impl Iterator<Item = usize> {
        let grants = 0..self.credit_id_lengths.len();
        grants.map(move |at| {
            usize::try_from(self.credit_id_lengths.get(at)).expect("it was a length in memory")
        })
    }

    fn grants(self) -> impl Iterator<Item = Record> {
        let mut credit_ids = Reader(self.credit_ids);
        let lengths = self.credit_id_lengths().enumerate();
        lengths.map(move |(at, length)| {
            let credit_id = str::from_utf8(credit_ids.bytes(length));
            let priority = u16::try_from(self.grant_priorities.get(at));
            let grant = GrantRecord::new(
                credit_id.expect("it was written as text"),
                self.grant_amounts.get(at),
                self.time(self.grant_starts.get(at)),
                self.grant_lengths.get(at),
            );
            let priority = priority.expect("it was a priority in memory");
            Record::Grant(grant.priority(priority.cast_signed()))
        })
    }
}
