//! Sizes at which anything quadratic would be felt, and what late writes are allowed to touch.

use gpu_credit::{
    BookError, CreditBook, Error, GpuCredit, GrantId, GrantRecord, Options, Record, RecordError,
    UsageId, UsageRecord,
};
use gpu_credit_workload::random::Random;

use crate::{retract_latest, state};

const MILLION: u64 = 1_000_000;

fn endless(credit_id: &str, amount: u64, timestamp: i64) -> GrantRecord {
    GrantRecord::new(credit_id, amount, timestamp, 0).without_end()
}

#[test]
fn a_million_grants_start_at_one_instant() {
    let mut account = GpuCredit::new();
    account.subtract(MILLION / 2, 0).unwrap();
    for grant in 0..MILLION {
        account.add_credit("tie", 1, 5, grant % 3).unwrap();
    }
    assert_eq!(account.get_balance(5), Some(MILLION / 2));
    account.settle();
    account.assert_invariants();
    // The first half of them, in posting order, paid the deficit.
    assert_eq!(account.get_balance(5), Some(MILLION / 2));
    let remainders = account.remainders_at(5);
    assert_eq!(remainders.len() as u64, MILLION / 2);
    assert!(
        remainders
            .iter()
            .all(|left| u64::from(left.grant.index()) >= MILLION / 2)
    );
    assert_eq!(account.get_balance(8), None);
}

#[test]
fn a_million_usage_entries_at_one_instant() {
    let mut account = GpuCredit::new();
    account.add_credit("", 2 * MILLION, 0, 10).unwrap();
    for _ in 0..MILLION {
        account.subtract(1, 5).unwrap();
    }
    assert_eq!(account.get_balance(4), Some(2 * MILLION));
    assert_eq!(account.get_balance(5), Some(MILLION));
    assert!(retract_latest(&mut account, 1, 5));
    assert_eq!(account.get_balance(5), Some(MILLION + 1));
    account.assert_invariants();
}

/// Nearly all usage of large accounts is retracted, and nearly all grants, in random order: what
/// they stood in is joined on every level, and nothing else may go with it.
#[test]
fn what_is_left_after_retractions_stands() {
    for (usage_chunk, boundary_chunk) in [(32, 4), (64, 16), (256, 64)] {
        let mut random = Random::new(7);
        let options = Options::default().usage_chunk(usage_chunk);
        let mut account = GpuCredit::with_options(options.boundary_chunk(boundary_chunk));
        let mut usage: Vec<(i64, u64)> = (0..60_000)
            .map(|_| (random.between(0, MILLION as i64), random.below(100)))
            .collect();
        account
            .extend(
                usage
                    .iter()
                    .map(|(time, amount)| Record::usage(*amount, *time)),
            )
            .unwrap();
        let mut grants: Vec<GrantId> = (0..6_000)
            .map(|_| {
                let start = random.between(0, MILLION as i64);
                account.add_credit("", 500, start, 1_000).unwrap()
            })
            .collect();
        for kept in [20_000, 5_000, 1_000, 300, 20] {
            while usage.len() > kept {
                let place = random.below(usage.len() as u64) as usize;
                let (time, amount) = usage.swap_remove(place);
                let found = account.find_usage(UsageRecord {
                    amount,
                    timestamp: time,
                });
                account.retract_usage(found.unwrap()).unwrap();
            }
            while grants.len() > kept / 10 {
                let place = random.below(grants.len() as u64) as usize;
                account.retract_grant(grants.swap_remove(place)).unwrap();
            }
            account.settle();
            account.assert_invariants();
            let time = random.between(0, MILLION as i64);
            let used = usage.iter().filter(|(at, _)| *at <= time);
            let used: u64 = used.map(|(_, amount)| amount).sum();
            assert_eq!(account.used_at(time), used, "{kept} of {usage_chunk} left");
        }
    }
}

#[test]
fn a_late_write_touches_few_boundaries_and_no_usage() {
    const GRANTS: u64 = 20_000;
    let mut random = Random::new(11);
    let mut account = GpuCredit::new();
    let grants = (0..GRANTS).map(|grant| Record::grant("", 1_000, (grant * 100) as i64, 1_000));
    let usage =
        (0..200_000).map(|_| Record::usage(random.below(170), random.between(0, 2_000_000)));
    account
        .extend(grants.chain(usage.collect::<Vec<_>>()))
        .unwrap();
    let before = account.settlement();
    assert_eq!(
        before.boundaries_replayed,
        2 * GRANTS,
        "a load is replayed once"
    );
    for _ in 0..1_000 {
        account
            .subtract(random.below(50), random.between(0, 2_000_000))
            .unwrap();
        account.settle();
    }
    let after = account.settlement();
    let replayed = after.boundaries_replayed - before.boundaries_replayed;
    assert!(
        replayed < 1_000 * 400,
        "early stops: {replayed} boundaries for 1,000 late writes"
    );
    account.assert_invariants();
}

#[test]
fn records_in_time_order_keep_the_account_settled_up_to_now() {
    let mut account = GpuCredit::new();
    for day in 0..3_000 {
        account.add_credit("daily", 24, day * 24, 48).unwrap();
        for hour in 0..24 {
            account.subtract(1, day * 24 + hour).unwrap();
            let left = 23 - hour.unsigned_abs();
            assert_eq!(account.get_balance(day * 24 + hour), Some(left));
        }
    }
    account.assert_invariants();
    let replayed = account.settlement().boundaries_replayed;
    assert!(
        replayed <= 6_000,
        "each is passed once at most: {replayed} boundaries"
    );
}

#[test]
fn windows_that_do_not_overlap_stay_settled_up_to_now() {
    let mut account = GpuCredit::new();
    for day in 0..2_000 {
        account.add_credit("daily", 10, day * 10, 9).unwrap();
        account.subtract(5, day * 10).unwrap();
    }
    let replayed = account.settlement().boundaries_replayed;
    assert!((3_900..=4_000).contains(&replayed), "{replayed} boundaries");
}

#[test]
fn grants_without_end_stay_settled_up_to_now() {
    let mut account = GpuCredit::new();
    for day in 0..2_000 {
        account.post_grant(endless("gift", 10, day)).unwrap();
        account.subtract(1, day).unwrap();
    }
    let replayed = account.settlement().boundaries_replayed;
    assert!((1_900..=2_000).contains(&replayed), "{replayed} boundaries");
}

#[test]
fn a_grant_dated_ahead_leaves_usage_in_time_order_settled() {
    let mut account = GpuCredit::new();
    account.add_credit("ahead", 10, 1_000_000, 10).unwrap();
    for day in 0..2_000 {
        account.add_credit("daily", 10, day * 10, 9).unwrap();
        account.subtract(5, day * 10).unwrap();
    }
    let replayed = account.settlement().boundaries_replayed;
    assert!((3_900..=4_010).contains(&replayed), "{replayed} boundaries");
}

#[test]
fn the_first_late_write_after_a_load_is_repaired_like_any_other() {
    let mut account = GpuCredit::new();
    let grants = (0..10_000).map(|day| Record::grant("daily", 10, day * 10, 9));
    let usage = (0..10_000).map(|day| Record::usage(5, day * 10));
    account.extend(grants.chain(usage)).unwrap();
    let loaded = account.settlement().boundaries_replayed;
    account.subtract(1, 50).unwrap();
    account.settle();
    let replayed = account.settlement().boundaries_replayed - loaded;
    assert!(replayed < 100, "{replayed} boundaries");
}

#[test]
fn settling_up_to_now_leaves_the_future_alone() {
    let mut account = GpuCredit::new();
    for month in 0..2_000 {
        account
            .add_credit("plan", 10, 1_000_000 + month * 10, 9)
            .unwrap();
    }
    account.subtract(1, 0).unwrap();
    account.add_credit("late", 5, -10, 20).unwrap();
    let before = account.settlement().boundaries_replayed;
    account.settle_to(0);
    assert!(account.settlement().boundaries_replayed - before < 10);
    assert!(!account.is_settled());
    assert_eq!(account.get_balance(0), Some(4));
    account.settle();
    assert!(account.is_settled());
    account.assert_invariants();
}

/// Regression: late writes into a standing deficit left no checkpoint behind, so that what comes
/// after the deficit had none for any distance.
#[test]
fn checkpoints_are_kept_where_the_account_was_overdrawn() {
    let mut account = GpuCredit::new();
    account.subtract(1_000_000, 0).unwrap();
    account
        .add_credit("debt", 2_000_000, 1_000_000, 10)
        .unwrap();
    account.settle();
    for grant in 0..5_000 {
        account
            .add_credit("late", 1, 1 + (grant * 7_919) % 900_000, 100)
            .unwrap();
        account.settle();
    }
    account.assert_invariants();
    let count = account.checkpoint_count();
    assert!((100..=10_001).contains(&count), "{count} checkpoints");
}

/// Regression: a load took grants into the account while its iterator was still running.
#[test]
fn a_load_whose_iterator_panics_leaves_no_trace() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let mut account = GpuCredit::new();
    account.add_credit("kept", 5, 0, 100).unwrap();
    let records = (0..2).map(|number| match number {
        0 => Record::grant("ghost", 7, 10, 10),
        _ => panic!("the iterator of the test"),
    });
    assert!(catch_unwind(AssertUnwindSafe(|| account.extend(records))).is_err());
    assert_eq!(account.grant_count(), 1);
    assert_eq!(account.get_balance(15), Some(5));
    account.assert_invariants();
}

#[test]
fn limits_are_errors_and_change_nothing() {
    let most = i64::MAX.unsigned_abs();
    let mut account = GpuCredit::new();
    account.add_credit("all", most, i64::MIN, u64::MAX).unwrap();
    account.subtract(most, i64::MAX).unwrap();
    let before = state(&account);
    assert_eq!(
        account.add_credit("more", 1, 0, 0),
        Err(Error::GrantsTooLarge {
            amount: 1,
            total: most
        })
    );
    assert_eq!(
        account.subtract(1, 0),
        Err(Error::UsageTooLarge {
            amount: 1,
            total: most
        })
    );
    assert_eq!(
        account.add_credit("long", 0, 1, most),
        Err(Error::WindowTooLong {
            timestamp: 1,
            expiration: most
        })
    );
    let absent = UsageId {
        timestamp: 0,
        nth: 0,
    };
    assert_eq!(
        account.retract_usage(absent),
        Err(Error::NoSuchUsage(absent))
    );
    assert_eq!(state(&account), before);
    assert_eq!(account.get_balance(i64::MIN), Some(most));
    assert_eq!(account.get_balance(i64::MAX), Some(0));
}

#[test]
fn a_grant_without_end_never_lapses() {
    let mut account = GpuCredit::new();
    account.post_grant(endless("gift", 7, -5)).unwrap();
    account
        .post_grant(endless("earliest", 1, i64::MIN))
        .unwrap();
    account.post_grant(endless("latest", 1, i64::MAX)).unwrap();
    assert_eq!(account.get_balance(i64::MAX), Some(9));
    assert_eq!(account.get_balance(i64::MIN), Some(1));
}

#[test]
fn accounts_can_be_shared_and_sent() {
    fn is_shareable<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    fn is_sent<T: Send + Clone + std::fmt::Debug + std::iter::FusedIterator>(_: T) {}
    is_shareable::<GpuCredit>();
    is_shareable::<CreditBook>();
    is_error::<Error>();
    is_error::<RecordError>();
    is_error::<BookError>();
    let (account, book) = (GpuCredit::new(), CreditBook::new());
    is_sent(account.grants());
    is_sent(account.usage(..));
    is_sent(account.metered(..));
    is_sent(account.draws(..));
    is_sent(account.steps(..));
    is_sent(account.series(.., 1).unwrap());
    is_sent(book.names());
    is_sent(book.iter());
}
