//! What stands where in the bytes of an account.
//!
//! ```text
//! head     origin, policy, counts, and the widths of all that follows; then the credit line if there is one
//! name     then the indexes of the three series: one line or two to be read first
//! epochs   when each opens, with a bit for "a grant is live"; its level
//! changes  when the rate of metered usage changes; what has been metered before
//! grants   the epochs of start and end, amounts, priorities, lengths of credit ids
//! jobs     the changes at which each begins and ends, rates
//! ids      the credit ids
//! usage    when; the running sum; then room for more
//! ```
//!
//! Times are distances from the earliest of all, the origin.

use std::ops::Range;

use super::column::{Column, WORD, Width};
use super::series::{Series, Widths};
use crate::options::Overdraft;

/// The policies.
const CARRY: u8 = 0;
const FORFEIT: u8 = 1;
const CARRY_UP_TO: u8 = 2;

/// The end of a grant that never ends, instead of an epoch.
pub(super) const NEVER: u8 = u8::MAX;

/// What is written first. The rest follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) origin: i64,
    pub(super) overdraft: Overdraft,
    /// The bytes of the name, and those of all credit ids.
    pub(super) name: u32,
    pub(super) credit_ids: u32,
    pub(super) epochs: u8,
    pub(super) grants: u8,
    pub(super) usage: u16,
    pub(super) changes: u16,
    pub(super) jobs: u16,
    pub(super) epoch: Widths,
    pub(super) entry: Widths,
    pub(super) change: Widths,
    pub(super) amount: Width,
    pub(super) priority: Width,
    pub(super) credit_id: Width,
    pub(super) rate: Width,
}

const HEAD: usize = 30;
/// Where the number of usage records stands in it.
const USAGE: usize = 19;

impl Head {
    /// With its credit line.
    fn bytes(&self) -> usize {
        match self.overdraft {
            Overdraft::CarryUpTo(_) => HEAD + size_of::<u64>(),
            _ => HEAD,
        }
    }

    pub(super) fn write(&self, bytes: &mut [u8]) {
        let (policy, line) = match self.overdraft {
            Overdraft::Carry => (CARRY, None),
            Overdraft::Forfeit => (FORFEIT, None),
            Overdraft::CarryUpTo(line) => (CARRY_UP_TO, Some(line)),
        };
        bytes[..8].copy_from_slice(&self.origin.to_le_bytes());
        bytes[8] = policy;
        bytes[9..13].copy_from_slice(&self.name.to_le_bytes());
        bytes[13..17].copy_from_slice(&self.credit_ids.to_le_bytes());
        (bytes[17], bytes[18]) = (self.epochs, self.grants);
        bytes[USAGE..21].copy_from_slice(&self.usage.to_le_bytes());
        bytes[21..23].copy_from_slice(&self.changes.to_le_bytes());
        bytes[23..25].copy_from_slice(&self.jobs.to_le_bytes());
        let pairs = [
            (self.epoch.key, self.epoch.number),
            (self.entry.key, self.entry.number),
            (self.change.key, self.change.number),
            (self.amount, self.priority),
            (self.credit_id, self.rate),
        ];
        for (byte, (low, high)) in bytes[25..HEAD].iter_mut().zip(pairs) {
            *byte = Width::pair(low, high);
        }
        if let Some(line) = line {
            bytes[HEAD..HEAD + 8].copy_from_slice(&line.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Self {
        let head: &[u8; HEAD] = bytes.first_chunk().expect("an account has a head");
        let [epoch, entry, change, amount, credit_id] =
            [25, 26, 27, 28, 29].map(|at| Width::from_pair(head[at]));
        let widths = |[key, number]: [Width; 2]| Widths { key, number };
        Head {
            origin: i64::from_le_bytes(array(head, 0)),
            overdraft: match head[8] {
                CARRY => Overdraft::Carry,
                FORFEIT => Overdraft::Forfeit,
                CARRY_UP_TO => Overdraft::CarryUpTo(u64::from_le_bytes(array(bytes, HEAD))),
                other => unreachable!("no policy is written as {other}"),
            },
            name: u32::from_le_bytes(array(head, 9)),
            credit_ids: u32::from_le_bytes(array(head, 13)),
            epochs: head[17],
            grants: head[18],
            usage: u16::from_le_bytes(array(head, USAGE)),
            changes: u16::from_le_bytes(array(head, 21)),
            jobs: u16::from_le_bytes(array(head, 23)),
            epoch: widths(epoch),
            entry: widths(entry),
            change: widths(change),
            amount: amount[0],
            priority: amount[1],
            credit_id: credit_id[0],
            rate: credit_id[1],
        }
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let array = bytes[at..].first_chunk();
    *array.expect("an account has a head")
}

/// Where all of it stands.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) head: Head,
    pub(super) name: Range<usize>,
    pub(super) epochs: Series,
    pub(super) changes: Series,
    pub(super) usage: Series,
    /// The number of an epoch, a byte each.
    pub(super) starts: Column,
    /// The same, or [`NEVER`].
    pub(super) ends: Column,
    pub(super) amounts: Column,
    pub(super) priorities: Column,
    pub(super) credit_id_lengths: Column,
    /// The number of a change.
    pub(super) from: Column,
    pub(super) until: Column,
    pub(super) rates: Column,
    pub(super) credit_ids: Range<usize>,
    /// What follows is room.
    pub(super) end: usize,
}

impl Layout {
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self::of(Head::read(bytes))
    }

    #[inline]
    pub(super) fn of(head: Head) -> Self {
        let mut place = Place(head.bytes());
        let name = place.take(head.name as usize);
        let series = [
            (usize::from(head.epochs), head.epoch),
            (head.usage.into(), head.entry),
            (head.changes.into(), head.change),
        ];
        let [mut epochs, mut usage, mut changes] = series.map(|(len, widths)| Series {
            len,
            widths,
            index: place.take(widths.index_bytes(len)).start,
            blocks: 0,
        });
        epochs.blocks = place.take(head.epoch.block_bytes(epochs.len)).start;
        changes.blocks = place.take(head.change.block_bytes(changes.len)).start;
        let grants = head.grants.into();
        let starts = place.column(grants, Width::ONE);
        let ends = place.column(grants, Width::ONE);
        let amounts = place.column(grants, head.amount);
        let priorities = place.column(grants, head.priority);
        let credit_id_lengths = place.column(grants, head.credit_id);
        let jobs = head.jobs.into();
        let change = Width::of(std::iter::once(head.changes.into()));
        let from = place.column(jobs, change);
        let until = place.column(jobs, change);
        let rates = place.column(jobs, head.rate);
        let credit_ids = place.take(head.credit_ids as usize);
        usage.blocks = place.take(head.entry.block_bytes(usage.len)).start;
        Layout {
            head,
            name,
            epochs,
            changes,
            usage,
            starts,
            ends,
            amounts,
            priorities,
            credit_id_lengths,
            from,
            until,
            rates,
            credit_ids,
            end: place.0,
        }
    }

    /// Bytes in which all of it can be written. A word follows, which is read.
    pub(super) fn bytes(&self) -> Box<[u8]> {
        vec![0; self.end + WORD].into_boxed_slice()
    }

    /// Bytes that are not in use.
    pub(super) fn room(&self, bytes: &[u8]) -> usize {
        bytes.len() - WORD - self.end
    }

    /// The same with one more usage record, which is to be put into its place, and written: `bytes`
    /// have room for it.
    pub(super) fn with_usage(&self, bytes: &mut [u8]) -> Self {
        let mut head = self.head;
        head.usage += 1;
        if let Some(fence) = self.usage.next_fence() {
            bytes.copy_within(fence..self.end, fence + head.entry.key.bytes());
        }
        bytes[USAGE..USAGE + 2].copy_from_slice(&head.usage.to_le_bytes());
        Self::of(head)
    }

    /// How far a time is from the origin; `None` if it is earlier.
    #[inline]
    pub(super) fn distance(&self, time: i64) -> Option<u64> {
        (time >= self.head.origin).then(|| time.abs_diff(self.head.origin))
    }

    /// The time at such a distance.
    #[inline]
    pub(super) fn time(&self, distance: u64) -> i64 {
        self.head.origin.wrapping_add_unsigned(distance)
    }

    /// When an epoch opens.
    #[inline]
    pub(super) fn epoch_time(&self, bytes: &[u8], epoch: usize) -> i64 {
        self.time(self.epochs.key(bytes, epoch) >> 1)
    }
}

/// The last key of an epoch that opens at such a distance.
#[inline]
pub(super) fn epoch_key(distance: u64) -> u64 {
    distance.min(u64::MAX >> 1) << 1 | 1
}

/// Where what is written next stands.
struct Place(usize);

impl Place {
    #[inline]
    fn take(&mut self, len: usize) -> Range<usize> {
        let start = self.0;
        self.0 += len;
        start..self.0
    }

    #[inline]
    fn column(&mut self, len: usize, width: Width) -> Column {
        let at = self.take(len * width.bytes()).start;
        Column { at, len, width }
    }
}
