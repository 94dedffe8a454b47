//! A small account in a few hundred bytes: records and levels, each number in as few bytes as it
//! needs.
//!
//! ```text
//! policy | epochs: time, level, live | usage: time, amount | grants: start, length, amount, id
//! ```
//!
//! Times and levels are differences to the ones before. Whoever asks reads the bytes from the first
//! on: for an account of 10 grants and 50 usage entries about as fast as one cache miss a question
//! more, which is why large accounts are not packed.

use crate::ledger::answer;
use crate::limits::Sums;
use crate::timeline::replay::Standing;
use crate::{Answer, GpuCredit, Options, Overdraft, Record};

/// More grants than this, or more usage, and the account is better off with its indexes.
const GRANTS_PACKED_MAX: usize = 64;
const USAGE_PACKED_MAX: usize = 256;

/// A small account: never empty.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// An account without records.
    pub(super) fn empty(overdraft: Overdraft) -> Self {
        let none = 0;
        Packed(Box::new([policy(overdraft), none, none, none]))
    }

    /// A settled account, if it is small, and no grant of it is retracted or revoked.
    pub(super) fn of(account: &GpuCredit) -> Option<Self> {
        let posted = account.sums().grants;
        if posted > GRANTS_PACKED_MAX
            || account.usage_count() > USAGE_PACKED_MAX
            || account.grant_count() < posted
            || (account.grants()).any(|(_, grant)| grant.revoked_from.is_some())
        {
            return None;
        }
        let mut bytes = Writer(vec![policy(account.overdraft())]);
        write_epochs(account, &mut bytes);
        bytes.number(account.usage_count() as u64);
        let mut before = 0;
        for (time, amount) in account.usage() {
            bytes.time(&mut before, time);
            bytes.number(amount);
        }
        bytes.number(posted as u64);
        let mut before = 0;
        for (_, grant) in account.grants() {
            bytes.time(&mut before, grant.start);
            bytes.number(grant.start.abs_diff(grant.end));
            bytes.number(grant.amount);
            bytes.text(grant.credit_id);
        }
        Some(Packed(bytes.0.into_boxed_slice()))
    }

    /// The account with all its indexes, settled.
    pub(super) fn unpack(&self, options: Options) -> GpuCredit {
        let (overdraft, mut bytes) = self.read();
        let mut account = GpuCredit::with_options(Options {
            overdraft,
            ..options
        });
        let mut records = Vec::new();
        bytes.epochs(|_| {});
        bytes.usage(|timestamp, amount| records.push(Record::Usage { amount, timestamp }));
        bytes.grants(|record| records.push(record));
        account
            .extend(records)
            .expect("an account held these very records");
        account
    }

    pub(super) fn overdraft(&self) -> Overdraft {
        self.read().0
    }

    /// What the records add up to.
    pub(super) fn sums(&self) -> Sums {
        let (_, mut bytes) = self.read();
        let mut sums = Sums::default();
        bytes.epochs(|_| {});
        bytes.usage(|_, amount| sums.used += amount);
        bytes.grants(|record| {
            let Record::Grant {
                credit_id, amount, ..
            } = record
            else {
                return;
            };
            sums.granted += amount;
            sums.grants += 1;
            sums.credit_ids += credit_id.len();
        });
        sums
    }

    /// As [`GpuCredit::balance_at`].
    pub(super) fn balance_at(&self, timestamp: i64) -> Answer {
        let (overdraft, mut bytes) = self.read();
        let mut epoch = Epoch::default();
        bytes.epochs(|next| {
            if next.time <= timestamp {
                epoch = next;
            }
        });
        let mut used = 0;
        bytes.usage(|time, amount| used += if time <= timestamp { amount } else { 0 });
        let standing = Standing {
            is_live: epoch.is_live,
            level: epoch.level,
            used,
        };
        answer(standing, overdraft)
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.0.len()
    }

    fn read(&self) -> (Overdraft, Reader<'_>) {
        let mut bytes = Reader(&self.0);
        let overdraft = match bytes.byte() {
            0 => Overdraft::Carry,
            _ => Overdraft::Forfeit,
        };
        (overdraft, bytes)
    }
}

fn policy(overdraft: Overdraft) -> u8 {
    u8::from(overdraft == Overdraft::Forfeit)
}

/// The epochs that last, each with its level: what the balance is where it opens, and what has been
/// used by then.
fn write_epochs(account: &GpuCredit, bytes: &mut Writer) {
    let windows = account.grants().map(|(_, grant)| grant);
    let times = windows.flat_map(|grant| [Some(grant.start), grant.end.checked_add(1)]);
    let mut times: Vec<i64> = times.flatten().collect();
    times.sort_unstable();
    times.dedup();
    bytes.number(times.len() as u64);
    let mut before = Epoch::default();
    for time in times {
        let Answer {
            balance,
            deficit,
            status,
        } = account.balance_at(time);
        // It is used before it is owed, so that this is not negative.
        let level = account.used_at(time) - deficit + balance.unwrap_or(0);
        bytes.time(&mut before.time, time);
        bytes.signed(level.wrapping_sub(before.level).cast_signed());
        before.level = level;
        bytes.0.push(u8::from(status != crate::Status::Inactive));
    }
}

/// An epoch that lasts; by default the one before all grants.
#[derive(Clone, Copy, Debug, Default)]
struct Epoch {
    time: i64,
    level: u64,
    is_live: bool,
}

/// Numbers in groups of seven bits, the lowest first; the last group has the eighth bit clear.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(0x80 | (number & 0x7f).to_le_bytes()[0]);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    /// Small where it is near zero, on either side.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// A time as the difference to the one before, which it then is.
    fn time(&mut self, before: &mut i64, time: i64) {
        self.signed(time.wrapping_sub(*before));
        *before = time;
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Reads what a [`Writer`] has written; behind the end there are zeros.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    fn time(&mut self, before: &mut i64) -> i64 {
        *before = before.wrapping_add(self.signed());
        *before
    }

    fn text(&mut self) -> String {
        let len = usize::try_from(self.number()).unwrap_or(usize::MAX);
        let (text, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn epochs(&mut self, mut show: impl FnMut(Epoch)) {
        let mut epoch = Epoch::default();
        for _ in 0..self.number() {
            self.time(&mut epoch.time);
            epoch.level = epoch.level.wrapping_add(self.signed().cast_unsigned());
            epoch.is_live = self.byte() != 0;
            show(epoch);
        }
    }

    fn usage(&mut self, mut show: impl FnMut(i64, u64)) {
        let mut time = 0;
        for _ in 0..self.number() {
            let time = self.time(&mut time);
            show(time, self.number());
        }
    }

    fn grants(&mut self, mut show: impl FnMut(Record)) {
        let mut start = 0;
        for _ in 0..self.number() {
            let timestamp = self.time(&mut start);
            let (expiration, amount) = (self.number(), self.number());
            let credit_id = self.text();
            show(Record::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
            });
        }
    }
}
