//! A corrected account is one to which the corrected records had been posted in the first place.

use gpu_credit::{Error, GpuCredit, GrantId, Options, Overdraft};
use gpu_credit_replay::Replay;
use gpu_credit_workload::small::{self, Numbers};

use crate::ledger_count;
use crate::ledgers::{Ledgers, sizes};

/// The ledgers after so many operations of an endless sequence, many of them corrections.
fn corrected(seed: u64, numbers: Numbers, options: Options, length: usize) -> Ledgers {
    let mut ledgers = Ledgers::new(options);
    for operation in small::from_seed(seed, numbers).take(length) {
        ledgers.run(&operation);
    }
    ledgers
}

/// The records of an account as they are now, posted to a new one; and the grants by their new
/// numbers.
fn fresh(ledgers: &Ledgers, options: Options) -> (GpuCredit, Vec<GrantId>) {
    let mut fresh = GpuCredit::with_options(options);
    let mut posted = Vec::new();
    for (number, grant) in ledgers.engine.grants() {
        let end = match grant.revoked_from {
            Some(from) if from == grant.start => continue,
            _ => grant.end,
        };
        let expiration = grant.start.abs_diff(end);
        fresh
            .add_credit(grant.credit_id, grant.amount, grant.start, expiration)
            .unwrap();
        posted.push(number);
    }
    for usage in ledgers.list.posted().usage() {
        fresh.subtract(usage.amount, usage.timestamp).unwrap();
    }
    (fresh, posted)
}

/// Every instant at which anything can change, and one before and after it.
fn instants(account: &GpuCredit) -> Vec<i64> {
    let windows = account
        .grants()
        .flat_map(|(_, grant)| [grant.start, grant.end]);
    let times = windows.chain(account.usage().map(|(time, _)| time));
    let around = times.flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
    let mut instants: Vec<i64> = around.chain([i64::MIN, i64::MAX]).collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}

fn compare(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) {
    let options = sizes(overdraft, seed);
    let ledgers = corrected(seed, numbers, options, length);
    let (fresh, posted) = fresh(&ledgers, options);
    let account = &ledgers.engine;
    let what = || format!("seed {seed}, {numbers:?}, {overdraft:?}, {length} operations");
    assert!(account.usage().eq(fresh.usage()), "usage: {}", what());
    for time in instants(account) {
        assert_eq!(
            account.balance_at(time),
            fresh.balance_at(time),
            "balance at {time}: {}",
            what()
        );
        let remainders = fresh.remainders_at(time).into_iter();
        let expected = remainders.map(|left| (posted[left.grant.index()], left.amount));
        let remainders = account.remainders_at(time).into_iter();
        assert!(
            remainders
                .map(|left| (left.grant, left.amount))
                .eq(expected),
            "remainders at {time}: {}",
            what()
        );
    }
}

#[test]
fn a_corrected_account_is_a_fresh_one() {
    for seed in 0..ledger_count() {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
            compare(seed, numbers, overdraft, 4 + (seed % 80) as usize);
        }
    }
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
    let before = format!("{account:?}");
    assert_eq!(change(&mut account, grant), Err(error));
    assert_eq!(format!("{account:?}"), before);
    account.assert_invariants();
}

#[test]
fn corrections_that_are_refused_change_nothing() {
    let (_, grant) = account();
    let (amount, timestamp) = (5, 25);
    refuses(
        |account, _| account.change_usage(25, 5, 6),
        Error::NoSuchUsage { amount, timestamp },
    );
    let (amount, total) = (i64::MAX as u64 + 1, 0);
    refuses(
        |account, _| account.change_usage(25, 4, amount),
        Error::UsageTooLarge { amount, total },
    );
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
    let grant = account
        .add_credit_without_end("gift", 7, i64::MAX - 1)
        .unwrap();
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
    account.change_usage(7, 2, 9).unwrap();
    let amounts: Vec<u64> = account.usage().map(|(_, amount)| amount).collect();
    assert_eq!(amounts, [1, 2, 3, 9, 4]);
}

/// Entries of one amount at one instant are told apart by their places.
#[test]
fn a_place_names_one_of_several_alike_entries() {
    let mut account = GpuCredit::new();
    for amount in [5, 7, 5, 5] {
        account.subtract(amount, 5).unwrap();
    }
    account.change_usage_at_place(5, 0, 3).unwrap();
    account.retract_usage_at_place(5, 2).unwrap();
    let usage: Vec<_> = account.usage().collect();
    assert_eq!(usage, [(5, 3), (5, 7), (5, 5)]);
    let nothing = Err(Error::NoUsageAtPlace {
        timestamp: 5,
        place: 3,
    });
    assert_eq!(account.change_usage_at_place(5, 3, 1), nothing);
    assert_eq!(account.retract_usage_at_place(5, 3), nothing);
}
