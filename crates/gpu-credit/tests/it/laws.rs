//! The laws of the ledger as properties, on random ledgers with many ties.

use gpu_credit::{Error, GpuCredit, GrantRecord, Options, Overdraft, Record, UsageRecord};
use proptest::prelude::*;

use crate::{state, usage};

/// A dozen instants and amounts, so that ties and balances of exactly zero are common.
fn record() -> impl Strategy<Value = Record> {
    let priority = prop::sample::select(vec![0, 0, 0, 0, -1, 1]);
    let grant = (0..12_u64, 0..16_i64, 0..12_u64, priority);
    let grant = grant.prop_map(|(amount, start, length, priority)| {
        let grant = GrantRecord::new("grant", amount, start, length);
        Record::from(grant.priority(priority))
    });
    let usage = (0..12_u64, 0..16_i64).prop_map(|(amount, time)| Record::usage(amount, time));
    prop_oneof![grant, usage]
}

fn usage_record() -> impl Strategy<Value = UsageRecord> {
    let record = |(timestamp, amount)| UsageRecord { amount, timestamp };
    (0..20_i64, 0..12_u64).prop_map(record)
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(), 0..40)
}

fn policy() -> impl Strategy<Value = Overdraft> {
    prop_oneof![Just(Overdraft::Forfeit), carried()]
}

/// With and without a credit line.
fn carried() -> impl Strategy<Value = Overdraft> {
    prop_oneof![
        Just(Overdraft::Carry),
        (0..20_u64).prop_map(Overdraft::CarryUpTo)
    ]
}

fn tiny(overdraft: Overdraft) -> Options {
    Options::default()
        .overdraft(overdraft)
        .usage_chunk(4)
        .boundary_chunk(4)
        .checkpoint_spacing(2)
}

fn post(account: &mut GpuCredit, record: &Record) -> Result<(), Error> {
    match record.clone() {
        Record::Grant(grant) => account.post_grant(grant).map(drop),
        Record::Usage(usage) => account.post_usage(usage).map(drop),
        record => panic!("a new kind of record: {record:?}"),
    }
}

fn account_of(records: &[Record], options: Options) -> GpuCredit {
    let mut account = GpuCredit::with_options(options);
    for record in records {
        post(&mut account, record).unwrap();
    }
    account
}

fn answers(account: &GpuCredit) -> Vec<gpu_credit::Answer> {
    (-1..30).map(|time| account.balance_at(time)).collect()
}

fn timestamp(record: &Record) -> i64 {
    match record {
        Record::Grant(grant) => grant.timestamp,
        Record::Usage(usage) => usage.timestamp,
        record => panic!("a new kind of record: {record:?}"),
    }
}

proptest! {
    #[test]
    fn posting_order_of_different_instants_changes_nothing(
        records in records(), overdraft in policy(), keys in prop::collection::vec(any::<u32>(), 16),
    ) {
        // Instants change places with one another; records at one instant keep their order.
        let mut shuffled = records.clone();
        shuffled.sort_by_key(|record| keys[timestamp(record) as usize]);
        let (one, other) = (account_of(&records, tiny(overdraft)), account_of(&shuffled, tiny(overdraft)));
        prop_assert_eq!(answers(&one), answers(&other));
    }

    #[test]
    fn usage_posted_in_any_order_changes_nothing(
        records in records(), overdraft in policy(),
    ) {
        let mut reversed = records.clone();
        reversed.sort_by_key(|record| matches!(record, Record::Usage(_)));
        let grants = reversed.partition_point(|record| matches!(record, Record::Grant(_)));
        reversed[grants..].reverse();
        let (one, other) = (account_of(&records, tiny(overdraft)), account_of(&reversed, tiny(overdraft)));
        prop_assert_eq!(answers(&one), answers(&other));
    }

    #[test]
    fn sizes_change_no_answer(
        first in records(), late in records(), overdraft in policy(),
        usage_chunk in 0..300_usize, boundary_chunk in 0..300_usize, checkpoint_spacing in 0..300_usize,
    ) {
        let sizes = Options::default()
            .overdraft(overdraft)
            .usage_chunk(usage_chunk)
            .boundary_chunk(boundary_chunk)
            .checkpoint_spacing(checkpoint_spacing);
        let (mut one, mut other) = (account_of(&first, sizes), account_of(&first, tiny(overdraft)));
        for more in [late, Vec::new()] {
            one.settle();
            for record in &more {
                post(&mut one, record).unwrap();
                post(&mut other, record).unwrap();
            }
            one.assert_invariants();
            prop_assert_eq!(answers(&one), answers(&other));
        }
    }

    #[test]
    fn what_is_posted_to_a_clone_leaves_the_account_alone(
        first in records(), then in records(), overdraft in policy(), settled in any::<bool>(),
    ) {
        let mut account = account_of(&first, tiny(overdraft));
        if settled {
            account.settle();
        }
        let before = answers(&account);
        let mut clone = account.clone();
        clone.extend(then).unwrap();
        account.assert_invariants();
        prop_assert_eq!(answers(&account), before);
    }

    #[test]
    fn settling_at_any_time_or_never_changes_no_answer(
        records in records(), overdraft in policy(), settle in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut one = GpuCredit::with_options(tiny(overdraft));
        for (record, settle) in records.iter().zip(settle) {
            post(&mut one, record).unwrap();
            if settle {
                one.settle();
            }
        }
        prop_assert_eq!(answers(&one), answers(&account_of(&records, tiny(overdraft))));
    }

    #[test]
    fn post_then_retract_restores_every_answer(
        records in records(), extra in prop::collection::vec(record(), 1..6),
        overdraft in policy(), settled in any::<bool>(),
    ) {
        let mut account = account_of(&records, tiny(overdraft));
        if settled {
            account.settle();
        }
        let before = answers(&account);
        let (mut grants, mut usage) = (Vec::new(), Vec::new());
        for record in extra {
            match record {
                Record::Grant(grant) => grants.push(account.post_grant(grant).unwrap()),
                Record::Usage(record) => usage.push(account.post_usage(record).unwrap()),
                record => panic!("a new kind of record: {record:?}"),
            }
        }
        if settled {
            account.settle();
        }
        for grant in grants {
            account.retract_grant(grant).unwrap();
        }
        for usage in usage {
            account.retract_usage(usage).unwrap();
        }
        prop_assert_eq!(answers(&account), before.clone());
        account.settle();
        account.assert_invariants();
        prop_assert_eq!(answers(&account), before);
    }

    #[test]
    fn more_usage_never_raises_a_balance_that_is_carried(
        records in records(), amount in 0..12_u64, time in 0..16_i64, overdraft in carried(),
    ) {
        let mut account = account_of(&records, tiny(overdraft));
        account.settle();
        let before = answers(&account);
        account.subtract(amount, time).unwrap();
        for (more, less) in answers(&account).iter().zip(before) {
            prop_assert!(more.balance <= less.balance && more.deficit >= less.deficit);
        }
    }

    #[test]
    fn remainders_add_up_to_balance_and_deficit(records in records(), overdraft in policy()) {
        let account = account_of(&records, tiny(overdraft));
        for time in -1..30 {
            let answer = account.balance_at(time);
            let left: u64 = account.remainders_at(time).iter().map(|left| left.amount).sum();
            prop_assert!(left == 0 || answer.deficit == 0, "deficit and remainders at {}", time);
            prop_assert_eq!(left, answer.balance.unwrap_or(0));
        }
    }

    #[test]
    fn usage_adds_up(records in records(), amount in 0..200_u64) {
        let account = account_of(&records, tiny(Overdraft::Carry));
        let used = |through: i64| -> u64 {
            let entries = usage(&account).take_while(|(time, _)| *time <= through);
            entries.map(|(_, amount)| amount).sum()
        };
        for time in -1..20 {
            prop_assert_eq!(account.used_at(time), used(time));
        }
        let first = (-1..20).find(|time| used(*time) > amount);
        prop_assert_eq!(account.first_used_above(amount), first);
        prop_assert_eq!(account.used(), used(i64::MAX));
    }

    #[test]
    fn a_load_is_its_records(
        first in records(), then in prop::collection::vec(record(), 0..120), overdraft in policy(),
    ) {
        let mut loaded = account_of(&first, tiny(overdraft));
        loaded.extend(then.iter().cloned()).unwrap();
        loaded.assert_invariants();
        loaded.settle();
        loaded.assert_invariants();
        prop_assert!(loaded.is_settled());
        let mut all = first;
        all.extend(then);
        prop_assert_eq!(answers(&loaded), answers(&account_of(&all, tiny(overdraft))));
    }

    #[test]
    fn usage_posted_together_is_usage_posted_singly(
        records in records(), settled in any::<bool>(), overdraft in policy(),
        usage in prop::collection::vec(usage_record(), 0..40),
    ) {
        let mut together = account_of(&records, tiny(overdraft));
        let mut singly = together.clone();
        if settled {
            together.settle();
        }
        together.subtract_many(&usage).unwrap();
        together.assert_invariants();
        for usage in usage {
            singly.subtract(usage.amount, usage.timestamp).unwrap();
        }
        prop_assert_eq!(answers(&together), answers(&singly));
        together.settle();
        together.assert_invariants();
        prop_assert_eq!(answers(&together), answers(&singly));
    }

    #[test]
    fn a_load_that_is_refused_leaves_no_trace(
        first in records(), then in prop::collection::vec(record(), 0..20),
        bad in prop_oneof![
            Just(Record::usage(u64::MAX, 0)),
            Just(Record::usage(i64::MAX as u64 + 1, 0)),
            Just(Record::grant("bad", i64::MAX as u64 + 1, 0, 0)),
            Just(Record::grant("bad", 0, 1, i64::MAX as u64)),
        ],
    ) {
        let mut account = account_of(&first, tiny(Overdraft::Carry));
        let before = state(&account);
        let mut records = then;
        records.push(bad);
        let refused = account.extend(records.clone()).unwrap_err();
        prop_assert_eq!(refused.index, records.len() - 1);
        account.assert_invariants();
        let (is, was) = (account.granted(), account_of(&first, tiny(Overdraft::Carry)));
        prop_assert_eq!(is, was.granted());
        prop_assert_eq!(account.grant_count(), was.grant_count());
        prop_assert_eq!(state(&account), before);
    }
}

/// Any bytes as records over the whole range, through the bulk path and one by one.
#[quickcheck_macros::quickcheck]
fn full_range(records: Vec<(bool, u64, i64, u64)>, policy: u64, times: Vec<i64>) -> bool {
    let overdraft = crate::ledgers::policy(policy);
    let mut account = GpuCredit::with_options(tiny(overdraft));
    let mut accepted = Vec::new();
    for (is_grant, amount, time, length) in records {
        let record = if is_grant {
            Record::grant("full", amount / 4, time, length / 2)
        } else {
            Record::usage(amount / 4, time)
        };
        let posted = post(&mut account, &record);
        if posted.is_ok() {
            accepted.push(record);
        }
    }
    account.assert_invariants();
    let mut loaded = GpuCredit::with_options(tiny(overdraft));
    loaded.extend(accepted).unwrap();
    loaded.assert_invariants();
    let singly: Vec<_> = times
        .iter()
        .map(|time| account.get_balance(*time))
        .collect();
    loaded.get_balances(&times) == singly && account.get_balances(&times) == singly
}
