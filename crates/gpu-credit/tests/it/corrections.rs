//! A corrected account is one to which the corrected records had been posted in the first place.

use std::collections::BTreeMap;

use gpu_credit::{
    Error, GpuCredit, GrantId, GrantRecord, Options, Overdraft, UsageId, UsageRecord,
};
use gpu_credit_workload::small::{Grant, Numbers, Operation, Record, Usage};

use crate::ledgers::{line, pending, sizes, with_late_writes};
use crate::{assert_deep, ledger_count, state, usage};

/// An account, and what should stand there.
struct Corrected {
    account: GpuCredit,
    grants: Vec<GrantId>,
    /// The usage that stands, in posting order, as it is now.
    usage: Vec<(UsageId, u64)>,
    /// How much usage has been posted at each instant.
    posted: BTreeMap<i64, u32>,
}

impl Corrected {
    /// What is refused changes nothing, which the differential test sees to.
    fn run(&mut self, operation: Operation) {
        let account = &mut self.account;
        match operation {
            Operation::PostGrant(grant) => {
                self.grants.extend(account.post_grant(grant_record(grant)));
            }
            Operation::PostUsage(usage) => self.post_usage(usage.amount, usage.timestamp),
            Operation::PostUsageMany(usage) => self.post_usage_many(&usage),
            Operation::PostMany(records) => self.post_many(&records),
            Operation::RetractGrant { place } => {
                if let Some(grant) = self.grants.get(place) {
                    let _ = account.retract_grant(*grant);
                }
            }
            Operation::RetractUsage(Usage { amount, timestamp }) => {
                if let Some(place) = self.find_usage(amount, timestamp) {
                    self.retract_usage(place);
                }
            }
            Operation::RetractUsageAt { place } => {
                if place < self.usage.len() {
                    self.retract_usage(place);
                }
            }
            Operation::ChangeUsage { usage, new_amount } => {
                if let Some(place) = self.find_usage(usage.amount, usage.timestamp) {
                    self.change_usage(place, new_amount);
                }
            }
            Operation::ChangeUsageAt { place, new_amount } => {
                if place < self.usage.len() {
                    self.change_usage(place, new_amount);
                }
            }
            Operation::RevokeGrant { place, from } => {
                if let Some(grant) = self.grants.get(place) {
                    let _ = account.revoke_grant(*grant, from);
                }
            }
            Operation::ChangeExpiration { place, expiration } => {
                if let Some(grant) = self.grants.get(place) {
                    let _ = account.change_expiration(*grant, expiration);
                }
            }
            Operation::ChangePriority { place, priority } => {
                if let Some(grant) = self.grants.get(place) {
                    let _ = account.change_priority(*grant, priority);
                }
            }
            Operation::RemoveEnd { place } => {
                if let Some(grant) = self.grants.get(place) {
                    let _ = account.change_expiration_without_end(*grant);
                }
            }
            Operation::Settle => account.settle(),
            Operation::SettleTo { timestamp } => account.settle_to(timestamp),
            Operation::GoOnWithClone => *account = account.clone(),
            Operation::GoOnWithBytes => {
                *account = GpuCredit::from_bytes(&account.to_bytes()).unwrap();
            }
            Operation::Question { timestamp } => _ = account.balance_at(timestamp),
        }
    }

    fn retract_usage(&mut self, place: usize) {
        let (usage, amount) = self.usage.remove(place);
        let timestamp = usage.timestamp;
        let retracted = self.account.retract_usage(usage).unwrap();
        assert_eq!(retracted, UsageRecord { amount, timestamp });
        let error = Error::NoSuchUsage(usage);
        assert_eq!(self.account.retract_usage(usage), Err(error));
        assert_eq!(self.account.change_usage(usage, 1), Err(error));
    }

    fn change_usage(&mut self, place: usize, new_amount: u64) {
        let usage = self.usage[place].0;
        if self.account.change_usage(usage, new_amount).is_ok() {
            self.usage[place].1 = new_amount;
        }
    }

    fn post_usage_many(&mut self, usage: &[Usage]) {
        let record = |usage: &Usage| UsageRecord {
            amount: usage.amount,
            timestamp: usage.timestamp,
        };
        let records: Vec<UsageRecord> = usage.iter().map(record).collect();
        if self.account.subtract_many(&records).is_ok() {
            for usage in usage {
                self.name_usage(usage.amount, usage.timestamp);
            }
        }
    }

    fn post_many(&mut self, records: &[Record]) {
        let posted = records.iter().map(|record| match *record {
            Record::Usage(usage) => gpu_credit::Record::usage(usage.amount, usage.timestamp),
            Record::Grant(grant) => grant_record(grant).into(),
        });
        if self.account.extend(posted).is_err() {
            return;
        }
        let next = self.grants.last().map_or(0, |last| last.index() + 1);
        for record in records {
            match record {
                Record::Usage(usage) => self.name_usage(usage.amount, usage.timestamp),
                Record::Grant(_) => {}
            }
        }
        let is_grant = |record: &&Record| matches!(record, Record::Grant(_));
        let new = next..next + records.iter().filter(is_grant).count() as u32;
        self.grants.extend(new.map(GrantId::from_index));
    }

    /// Takes note of usage that has been posted last at its instant.
    fn name_usage(&mut self, amount: u64, timestamp: i64) {
        let posted = self.posted.entry(timestamp).or_default();
        let nth = *posted;
        *posted += 1;
        self.usage.push((UsageId { timestamp, nth }, amount));
    }

    fn post_usage(&mut self, amount: u64, timestamp: i64) {
        let nth = self.posted.get(&timestamp).copied().unwrap_or(0);
        let id = UsageId { timestamp, nth };
        assert_eq!(self.account.next_usage_id(timestamp), id);
        if let Ok(named) = self.account.post_usage(UsageRecord { amount, timestamp }) {
            assert_eq!(named, id);
            self.name_usage(amount, timestamp);
        }
    }

    /// One of the usage records of this amount at this instant: the last or, if the amount is odd,
    /// the first.
    fn find_usage(&self, amount: u64, timestamp: i64) -> Option<usize> {
        let is_it = |usage: &(UsageId, u64)| (usage.0.timestamp, usage.1) == (timestamp, amount);
        let last = self.usage.iter().rposition(is_it);
        let found = self.account.find_usage(UsageRecord { amount, timestamp });
        assert_eq!(found, last.map(|last| self.usage[last].0));
        if amount % 2 == 1 {
            self.usage.iter().position(is_it)
        } else {
            last
        }
    }

    fn assert_usage(&self) {
        let mut expected = self.usage.clone();
        expected.sort_unstable();
        let usage = self.account.usage(..);
        let usage: Vec<_> = usage.map(|(id, record)| (id, record.amount)).collect();
        assert_eq!(usage, expected);
        for (id, amount) in usage {
            let timestamp = id.timestamp;
            let record = Some(UsageRecord { amount, timestamp });
            assert_eq!(self.account.usage_record(id), record, "{id}");
        }
    }
}

fn grant_record(grant: Grant) -> GrantRecord {
    GrantRecord::new("", grant.amount, grant.timestamp, grant.expiration).priority(grant.priority)
}

/// The account of an endless sequence of operations after so many of them, most of them corrections.
fn corrected(seed: u64, numbers: Numbers, options: Options, length: usize) -> Corrected {
    let mut corrected = Corrected {
        account: GpuCredit::with_options(options),
        grants: Vec::new(),
        usage: Vec::new(),
        posted: BTreeMap::new(),
    };
    for operation in with_late_writes(seed, numbers, length) {
        corrected.run(operation);
    }
    corrected
}

/// The records of an account as they are now, posted to a new one; and the grants by their new
/// numbers.
fn fresh(
    account: &GpuCredit,
    usage: &[(UsageId, u64)],
    options: Options,
) -> (GpuCredit, Vec<GrantId>) {
    let mut fresh = GpuCredit::with_options(options);
    let mut posted = Vec::new();
    for (number, grant) in account.grants() {
        let end = match grant.revoked_from {
            Some(from) if from == grant.start => continue,
            _ => grant.end,
        };
        let expiration = grant.start.abs_diff(end);
        let record = GrantRecord::new(grant.credit_id, grant.amount, grant.start, expiration);
        fresh.post_grant(record.priority(grant.priority)).unwrap();
        posted.push(number);
    }
    for (usage, amount) in usage {
        fresh.subtract(*amount, usage.timestamp).unwrap();
    }
    (fresh, posted)
}

/// Every instant at which anything can change, and one before and after it.
fn instants(account: &GpuCredit) -> Vec<i64> {
    let windows = account
        .grants()
        .flat_map(|(_, grant)| [grant.start, grant.end]);
    let times = windows.chain(usage(account).map(|(time, _)| time));
    let around = times.flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
    let mut instants: Vec<i64> = around.chain([i64::MIN, i64::MAX]).collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}

/// How many late writes were pending in the end.
fn compare(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) -> u64 {
    let options = sizes(overdraft, seed);
    let corrected = corrected(seed, numbers, options, length);
    corrected.assert_usage();
    let account = &corrected.account;
    let pending = pending(account);
    let (fresh, posted) = fresh(account, &corrected.usage, options);
    let what = || format!("seed {seed}, {numbers:?}, {overdraft:?}, {length} operations");
    assert!(usage(account).eq(usage(&fresh)), "usage: {}", what());
    for time in instants(account) {
        assert_eq!(
            account.balance_at(time),
            fresh.balance_at(time),
            "balance at {time}: {}",
            what()
        );
        let remainders = fresh.remainders_at(time).into_iter();
        let expected = remainders.map(|left| (posted[left.grant.index() as usize], left.amount));
        let remainders = account.remainders_at(time).into_iter();
        assert!(
            remainders
                .map(|left| (left.grant, left.amount))
                .eq(expected),
            "remainders at {time}: {}",
            what()
        );
    }
    pending
}

#[test]
fn a_corrected_account_is_a_fresh_one() {
    let mut deepest = 0;
    for seed in 0..ledger_count() {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit, line(seed)] {
            let length = 4 + (seed % 80) as usize;
            deepest = deepest.max(compare(seed, numbers, overdraft, length));
        }
    }
    assert_deep(deepest, 5);
}

fn account() -> (GpuCredit, GrantId) {
    let mut account = GpuCredit::new();
    let grant = account.add_credit("a", 10, 20, 30).unwrap();
    account.subtract(4, 25).unwrap();
    account.settle();
    (account, grant)
}

/// The account of [`account`] refuses, and is as before.
fn refuses(change: impl FnOnce(&mut GpuCredit, GrantId) -> Result<(), Error>, error: Error) {
    let (mut account, grant) = account();
    let before = state(&account);
    assert_eq!(change(&mut account, grant), Err(error));
    assert_eq!(state(&account), before);
    account.assert_invariants();
}

#[test]
fn corrections_that_are_refused_change_nothing() {
    let (_, grant) = account();
    for (timestamp, nth) in [(25, 1), (25, u32::MAX), (24, 0), (i64::MAX, 0)] {
        let absent = UsageId { timestamp, nth };
        refuses(
            |account, _| account.change_usage(absent, 6),
            Error::NoSuchUsage(absent),
        );
        refuses(
            |account, _| account.retract_usage(absent).map(drop),
            Error::NoSuchUsage(absent),
        );
    }
    let (amount, total) = (i64::MAX as u64 + 1, 0);
    let (timestamp, nth) = (25, 0);
    refuses(
        |account, _| account.change_usage(UsageId { timestamp, nth }, amount),
        Error::UsageTooLarge { amount, total },
    );
    for grant in [1, 1 << 31, u32::MAX].map(GrantId::from_index) {
        let error = Error::NoSuchGrant(grant);
        refuses(|account, _| account.retract_grant(grant), error);
        refuses(|account, _| account.revoke_grant(grant, 0), error);
        refuses(|account, _| account.change_expiration(grant, 5), error);
        refuses(|account, _| account.change_priority(grant, 5), error);
        refuses(
            |account, _| account.change_expiration_without_end(grant),
            error,
        );
    }
    let (end, from) = (50, 51);
    refuses(
        |account, grant| account.revoke_grant(grant, 51),
        Error::RevokedAfterEnd { grant, end, from },
    );
    let (timestamp, expiration) = (20, u64::MAX);
    refuses(
        |account, grant| account.change_expiration(grant, u64::MAX),
        Error::WindowTooLong {
            timestamp,
            expiration,
        },
    );
}

#[test]
fn a_retracted_grant_cannot_be_corrected() {
    let (mut account, grant) = account();
    account.retract_grant(grant).unwrap();
    let error = Err(Error::NoSuchGrant(grant));
    assert_eq!(account.revoke_grant(grant, 30), error);
    assert_eq!(account.change_expiration(grant, 30), error);
    assert_eq!(account.change_expiration_without_end(grant), error);
    assert_eq!(account.change_priority(grant, 5), error);
}

#[test]
fn a_revoked_grant_can_be_revoked_earlier_only() {
    let (mut account, grant) = account();
    account.revoke_grant(grant, 40).unwrap();
    for from in [40, 45, i64::MAX] {
        let error = Error::AlreadyRevoked { grant, from: 40 };
        assert_eq!(account.revoke_grant(grant, from), Err(error));
        assert_eq!(account.change_expiration(grant, 5), Err(error));
    }
    account.revoke_grant(grant, 22).unwrap();
    assert_eq!(account.get_balance(21), Some(10));
    assert_eq!(account.get_balance(22), None);
    assert_eq!(account.balance_at(25).deficit, 4);
    account.revoke_grant(grant, i64::MIN).unwrap();
    assert_eq!(account.get_balance(20), None);
    assert_eq!(account.grant(grant).unwrap().revoked_from, Some(20));
    let error = Error::AlreadyRevoked { grant, from: 20 };
    assert_eq!(account.revoke_grant(grant, i64::MIN), Err(error));
    // It is there, and its amount counts.
    assert_eq!((account.grant_count(), account.granted()), (1, 10));
    account.assert_invariants();
    account.retract_grant(grant).unwrap();
    assert_eq!((account.grant_count(), account.granted()), (0, 0));
    account.assert_invariants();
}

#[test]
fn the_last_instant_can_be_revoked_and_given_back() {
    let mut account = GpuCredit::new();
    let gift = GrantRecord::new("gift", 7, i64::MAX - 1, 0).without_end();
    let grant = account.post_grant(gift).unwrap();
    account.change_expiration(grant, 0).unwrap();
    assert_eq!(account.get_balance(i64::MAX), None);
    account.change_expiration_without_end(grant).unwrap();
    assert_eq!(account.get_balance(i64::MAX), Some(7));
    account.revoke_grant(grant, i64::MAX).unwrap();
    assert_eq!(account.get_balance(i64::MAX - 1), Some(7));
    assert_eq!(account.get_balance(i64::MAX), None);
    account.assert_invariants();
}

/// Of two grants with equal ends the one posted first is drawn first, whenever it came by its end.
#[test]
fn a_corrected_grant_keeps_its_place_in_posting_order() {
    let mut account = GpuCredit::new();
    let first = account.add_credit("first", 10, 0, 5).unwrap();
    let second = account.add_credit("second", 10, 0, 50).unwrap();
    account.change_expiration(first, 50).unwrap();
    account.subtract(4, 1).unwrap();
    let left = account.remainders_at(1);
    assert_eq!((left[0].grant, left[0].amount), (first, 6));
    assert_eq!((left[1].grant, left[1].amount), (second, 10));
}

#[test]
fn a_changed_usage_keeps_its_place_among_those_of_its_instant() {
    let mut account = GpuCredit::new();
    for amount in [1, 2, 3, 2, 4] {
        account.subtract(amount, 7).unwrap();
    }
    let amount = 2;
    let timestamp = 7;
    let found = account.find_usage(UsageRecord { amount, timestamp });
    account.change_usage(found.unwrap(), 9).unwrap();
    let amounts: Vec<u64> = usage(&account).map(|(_, amount)| amount).collect();
    assert_eq!(amounts, [1, 2, 3, 9, 4]);
}

/// Records of one amount at one instant are told apart, and retracting some renames none.
#[test]
fn an_identity_names_one_of_several_alike_records() {
    let mut account = GpuCredit::new();
    for amount in [5, 7, 5, 5] {
        account.subtract(amount, 5).unwrap();
    }
    let id = |nth| UsageId { timestamp: 5, nth };
    account.change_usage(id(0), 3).unwrap();
    account.retract_usage(id(2)).unwrap();
    account.retract_usage(id(1)).unwrap();
    assert_eq!(usage(&account).collect::<Vec<_>>(), [(5, 3), (5, 5)]);
    assert_eq!(account.usage(..).last().unwrap().0, id(3));
    assert_eq!(account.next_usage_id(5), id(4), "none is used again");
    account.retract_usage(id(3)).unwrap();
    account.retract_usage(id(0)).unwrap();
    assert_eq!(
        (account.usage_count(), account.next_usage_id(5)),
        (0, id(4))
    );
    account.assert_invariants();
}

/// Who never corrects pays nothing for identities.
#[test]
fn identities_take_no_memory() {
    let mut account = GpuCredit::new();
    let mut named = account.clone();
    for timestamp in 0..10_000 {
        let amount = 1;
        account.subtract(amount, timestamp / 3).unwrap();
        let timestamp = timestamp / 3;
        named.post_usage(UsageRecord { amount, timestamp }).unwrap();
    }
    assert_eq!(named.memory_used(), account.memory_used());
}

/// Regression: taking the usage of one instant back, first in first out, read all of it each time.
#[test]
fn usage_of_one_instant_is_retracted_in_any_order() {
    const COUNT: u32 = 50_000;
    let mut account = GpuCredit::new();
    for amount in 0..u64::from(COUNT) {
        account.subtract(amount, 7).unwrap();
    }
    let id = |nth| UsageId { timestamp: 7, nth };
    for nth in 0..COUNT / 2 {
        let retracted = account.retract_usage(id(nth)).unwrap();
        assert_eq!(retracted.amount, u64::from(nth));
    }
    for nth in (COUNT / 2..COUNT).rev() {
        account.change_usage(id(nth), 1).unwrap();
    }
    assert_eq!(account.used(), u64::from(COUNT / 2));
    account.assert_invariants();
}
