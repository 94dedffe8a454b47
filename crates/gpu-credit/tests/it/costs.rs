//! What calls cost, in boundaries replayed: no clock, and so no noise.

use gpu_credit::{GpuCredit, Options, Record, UsageRecord};

const EARLY: UsageRecord = UsageRecord {
    amount: 1,
    timestamp: 5,
};
use gpu_credit_workload::random::Random;

/// Boundaries that a call replays.
fn replayed(account: &mut GpuCredit, call: impl FnOnce(&mut GpuCredit)) -> u64 {
    let before = account.settlement().boundaries_replayed;
    call(account);
    account.settlement().boundaries_replayed - before
}

/// A grant of 10 a day, live for that day of ten instants, and half of it used at its start.
fn days(count: i64) -> GpuCredit {
    let mut account = GpuCredit::new();
    let grants = (0..count).map(|day| Record::grant("daily", 10, day * 10, 9));
    let usage = (0..count).map(|day| Record::usage(5, day * 10));
    account.extend(grants.chain(usage)).unwrap();
    account
}

/// Retracts one usage record of this amount at this instant, if there is one.
fn retract_usage(account: &mut GpuCredit, amount: u64, timestamp: i64) {
    if let Some(usage) = account.find_usage(UsageRecord { amount, timestamp }) {
        account.retract_usage(usage).unwrap();
    }
}

#[test]
fn a_settled_account_replays_nothing() {
    let mut account = days(10_000);
    assert_eq!(replayed(&mut account, GpuCredit::settle), 0);
    assert_eq!(replayed(&mut account, |account| account.settle_to(500)), 0);
    let extended = replayed(&mut account, |account| account.extend([]).unwrap());
    assert_eq!(extended, 0);
}

#[test]
fn a_few_late_entries_cost_a_few_boundaries() {
    let mut account = days(200_000);
    let cost = replayed(&mut account, |account| {
        account.subtract_many(&[EARLY; 16]).unwrap();
        account.settle();
    });
    assert!(cost < 100, "{cost} boundaries");
}

/// What comes before an early write is not replayed, nor what comes after the day it falls on.
#[test]
fn a_late_write_costs_the_same_wherever_it_falls() {
    let mut random = Random::new(1);
    for count in [1_000, 100_000] {
        let mut account = days(count);
        for write in 0..300 {
            let time = random.between(0, count * 10);
            let cost = replayed(&mut account, |account| {
                match write % 3 {
                    0 => account.subtract(1, time).unwrap(),
                    1 => account.add_credit("late", 3, time, 20).map(drop).unwrap(),
                    _ => retract_usage(account, 5, time / 10 * 10),
                }
                account.settle();
            });
            assert!(cost <= 200, "{cost} boundaries of {count} days");
        }
    }
}

/// Ten thousand grants are live at a time: what is remembered of them stays linear in their number.
#[test]
fn checkpoints_are_further_apart_if_more_is_live() {
    let mut account = GpuCredit::new();
    let grants = (0..20_000).map(|grant| Record::grant("year", 10, grant, 10_000));
    account.extend(grants).unwrap();
    let count = account.checkpoint_count();
    assert!((10..400).contains(&count), "{count} checkpoints");
    let count = days(20_000).checkpoint_count();
    assert!((1_000..=1_250).contains(&count), "{count} checkpoints");
}

#[test]
fn late_writes_move_no_checkpoint_closer() {
    let mut account = days(2_000);
    let before = account.checkpoint_count();
    for late in 0..4_000 {
        account.subtract(1, late * 5).unwrap();
        account.settle();
    }
    let after = account.checkpoint_count();
    assert!(after <= 2 * before, "{before} checkpoints became {after}");
}

/// Each late write jumps over the debt between it and the grant that pays.
#[test]
fn debt_is_jumped_over() {
    let mut account = GpuCredit::new();
    let grants = (0..10_000).map(|day| Record::grant("daily", 1, day * 10, 9));
    let debt = [Record::usage(1_000_000, 0), Record::usage(1, 100_000)];
    account.extend(grants.chain(debt)).unwrap();
    let before = account.settlement().jumps;
    let cost = replayed(&mut account, |account| {
        for late in 0..100 {
            account.subtract(1, late * 900 + 5).unwrap();
            account.settle();
        }
    });
    assert!(cost <= 100 * 100, "{cost} boundaries");
    assert!(account.settlement().jumps - before >= 100);
}

/// Many late writes are not repaired one by one: all later is replayed once.
#[test]
fn very_many_late_writes_cost_one_replay() {
    let mut account = days(10_000);
    let cost = replayed(&mut account, |account| {
        for late in 0..50_000 {
            account.subtract(1, late * 2).unwrap();
        }
        account.settle();
    });
    assert!(cost <= 3 * 20_000, "{cost} boundaries");
}

/// A grant over all days, from which a day takes what is more than its own: how much remains of it
/// tells two pasts apart up to its end, so that no late write is repaired before that.
fn days_under_long_grants(count: i64, long: usize) -> GpuCredit {
    let mut account = GpuCredit::new();
    let length = count.unsigned_abs() * 10;
    let long = std::iter::repeat_n(Record::grant("long", 1_000, 0, length), long);
    let grants = (0..count).map(|day| Record::grant("daily", 10, day * 10, 9));
    let usage = (0..count).map(|day| Record::usage(5, day * 10));
    account.extend(long.chain(grants).chain(usage)).unwrap();
    account
}

/// So many writes in time order, each within its budget, settle the account.
fn writes_to_settle(account: &mut GpuCredit) -> u64 {
    let (mut writes, now) = (0, 1_000_000);
    while !account.is_settled() {
        let cost = replayed(account, |account| account.subtract(0, now).unwrap());
        assert!(cost <= 256, "{cost} boundaries of one write");
        writes += 1;
        assert!(writes < 1_000, "writes settle nothing");
    }
    writes
}

#[test]
fn a_suspended_repair_goes_on_where_it_stopped() {
    let mut account = days_under_long_grants(10_000, 1);
    let cost = replayed(&mut account, |account| account.subtract(8, 5).unwrap());
    assert!(cost <= 256, "{cost} boundaries of the late write");
    assert!(!account.is_settled());
    let writes = writes_to_settle(&mut account);
    assert!((76..=80).contains(&writes), "{writes} writes");
    account.assert_invariants();
}

/// Suspended repairs leave checkpoints where they stop, and later ones take those away that are
/// needlessly close.
#[test]
fn suspended_repairs_leave_no_more_checkpoints() {
    let mut account = days_under_long_grants(3_000, 1);
    let before = account.checkpoint_count();
    for late in 0..20 {
        account.subtract(6, late * 50 + 5).unwrap();
        writes_to_settle(&mut account);
    }
    let after = account.checkpoint_count();
    assert!(after <= before + before / 4, "{before} became {after}");
}

/// A chain in which each grant pays the last unit of the one before: one more unit at the front
/// changes what is left at every later boundary.
fn dominoes(count: i64) -> GpuCredit {
    let mut account = GpuCredit::new();
    let records = (0..count).flat_map(|number| {
        let start = number * 10;
        [
            Record::grant("domino", 10, start, 14),
            Record::usage(9, start + 7),
            Record::usage(1, start + 12),
        ]
    });
    account.extend(records).unwrap();
    account
}

/// It compares and writes every eighth checkpoint only. Later repairs bring back those that they need.
#[test]
fn a_repair_that_goes_on_keeps_checkpoints_further_apart() {
    let mut account = dominoes(20_000);
    let before = account.checkpoint_count();
    account.subtract(1, 6).unwrap();
    account.settle();
    let sparse = account.checkpoint_count();
    // And all of the first thousand boundaries.
    let expected = before / 8..=before / 8 + 45;
    assert!(expected.contains(&sparse), "{before} became {sparse}");
    account.assert_invariants();
    // The last unit of the last is not used, so that what is late there changes little.
    let written = account.settlement().checkpoints_written;
    let cost = replayed(&mut account, |account| {
        account.subtract(1, 199_000).unwrap();
        account.settle();
    });
    assert!(cost < 1_000, "{cost} boundaries");
    let written = account.settlement().checkpoints_written - written;
    assert!(written >= 5, "{written} checkpoints of those that are gone");
}

/// A repair that begins in debt has no checkpoint behind it, and leaves one where it begins.
#[test]
fn a_repair_that_begins_in_debt_leaves_no_more_checkpoints() {
    let mut account = GpuCredit::new();
    let debt = [
        Record::usage(500, 0),
        Record::grant("long", 1_000, 100, 20_000),
    ];
    let days = (10..2_000).map(|day| Record::grant("daily", 10, day * 10, 9));
    account.extend(debt.into_iter().chain(days)).unwrap();
    let before = account.checkpoint_count();
    let cost = replayed(&mut account, |account| {
        account.subtract(8, 5).unwrap();
        account.settle();
    });
    assert!(
        cost > 3_000,
        "{cost} boundaries: the long grant has less left"
    );
    let after = account.checkpoint_count();
    assert!(after <= before + 3, "{before} became {after}");
}

/// A checkpoint may be further from a late write than the budget reaches, if many grants are live.
#[test]
fn a_repair_that_does_not_reach_its_write_comes_nearer() {
    let mut account = days_under_long_grants(2_000, 1_600);
    let mut random = Random::new(2);
    let mut most = 0;
    for _ in 0..20 {
        let time = random.between(0, 20_000);
        account.subtract(1, time).unwrap();
        let writes = writes_to_settle(&mut account);
        most = most.max(writes);
        // Each copies the remainders first, and has 55 boundaries left of its budget.
        assert!(writes <= 16, "{writes} writes after one at {time}");
    }
    assert!(most >= 6, "copying is paid for: at most {most} writes");
    account.assert_invariants();
}

/// The frontier is moved back to where no checkpoint is near, and many grants are live.
#[test]
fn an_advance_that_does_not_reach_the_frontier_comes_nearer() {
    let mut account = days_under_long_grants(2_000, 1_600);
    for late in 0..400 {
        account.subtract(1, 13_805 + late * 10).unwrap();
    }
    let writes = writes_to_settle(&mut account);
    assert!(writes <= 60, "{writes} writes");
    account.assert_invariants();
}

#[test]
fn settling_up_to_an_instant_repairs_no_further() {
    let mut account = days_under_long_grants(10_000, 1);
    account.subtract(8, 5).unwrap();
    let cost = replayed(&mut account, |account| account.settle_to(20_000));
    assert!((3_500..=4_100).contains(&cost), "{cost} boundaries");
    assert_eq!(
        replayed(&mut account, |account| account.settle_to(20_000)),
        0
    );
}

/// Of late writes in a row the 5th is not repaired.
fn five_late_writes(account: &mut GpuCredit) {
    for late in 0..5 {
        account.subtract(1, late * 1_000 + 5).unwrap();
    }
    assert!(!account.is_settled());
}

#[test]
fn a_late_write_after_a_question_that_met_one_is_repaired() {
    let mut account = days(2_000);
    five_late_writes(&mut account);
    let mut not_asked = account.clone();
    assert_eq!(account.get_balance(19_999), Some(5));
    for account in [&mut account, &mut not_asked] {
        account.subtract(1, 7_005).unwrap();
    }
    assert!(account.is_settled());
    assert!(!not_asked.is_settled());
    // The mark is gone: this one is the second in a row, and the next the third.
    account.subtract(1, 8_005).unwrap();
    account.subtract(1, 9_005).unwrap();
    assert!(!account.is_settled());
}

#[test]
fn the_first_late_write_after_settling_is_repaired() {
    let mut account = days(2_000);
    five_late_writes(&mut account);
    account.settle();
    account.subtract(1, 7_005).unwrap();
    assert!(account.is_settled());
}

/// So many grants are live that copying what remains of them passes the budget.
#[test]
fn usage_in_time_order_stays_settled_if_very_many_grants_are_live() {
    let mut account = GpuCredit::new();
    let live = (0..3_000).map(|_| Record::grant("long", 10, 0, 1_000_000));
    let days = (0..2_000).map(|day| Record::grant("daily", 10, day * 10, 9));
    account.extend(live.chain(days)).unwrap();
    // Up to day 500 it is the past; then all of the future is settled.
    for day in 0..500 {
        account.subtract(5, day * 10).unwrap();
    }
    account.settle();
    // The first of these moves the frontier back to the present, and each later one advances it.
    account.subtract(5, 5_000).unwrap();
    assert_eq!(account.settlement().repairs, 0);
    for day in 501..1_000 {
        let cost = replayed(&mut account, |account| {
            account.subtract(5, day * 10).unwrap();
        });
        assert!(cost <= 256, "{cost} boundaries on day {day}");
        let left = replayed(&mut account, |account| account.settle_to(day * 10));
        assert_eq!(left, 0, "day {day} is settled");
    }
    account.assert_invariants();
}

/// With much live, the state at the latest usage is kept, and the frontier goes back to it. A write
/// at its boundary or before changes that state.
#[test]
fn what_is_kept_of_the_present_does_not_outlive_a_write_before_it() {
    for early in [99, 50] {
        let options = Options::default()
            .boundary_chunk(4)
            .checkpoint_spacing(usize::MAX);
        let mut account = GpuCredit::with_options(options);
        let grants = |starts: std::ops::RangeInclusive<i64>| {
            starts.map(|start| Record::grant("long", 1_000, start, 2_000))
        };
        let usage = |timestamp| Record::usage(50, timestamp);
        let records = grants(1..=100).chain(grants(200..=500)).chain([usage(150)]);
        account.extend(records.clone()).unwrap();
        account.settle();
        // Its repair begins, for nothing is live at the only checkpoint, and does not get there.
        account.subtract(50, early).unwrap();
        assert!(!account.is_settled());
        account.settle();
        // Repairs come nearer, until more is live than a write may copy.
        let later = 151..200;
        let mut written: Vec<Record> = records.chain([usage(early)]).collect();
        for time in later {
            account.subtract(50, time).unwrap();
            written.push(usage(time));
            // A question that meets what is unsettled lets the next write repair it.
            let _ = account.get_balance(400);
        }
        let mut expected = GpuCredit::new();
        expected.extend(written).unwrap();
        for time in 0..=3_000 {
            let (is, should) = (account.balance_at(time), expected.balance_at(time));
            assert_eq!(is, should, "at {time}, after usage at {early}");
        }
    }
}

#[test]
fn grants_are_settled_as_they_start_before_any_usage() {
    let mut account = GpuCredit::new();
    for day in 0..2_000 {
        account.add_credit("daily", 10, day * 10, 9).unwrap();
    }
    let left = replayed(&mut account, GpuCredit::settle);
    assert!(left <= 2, "{left} boundaries are left");
}

#[test]
fn a_grant_ahead_of_all_usage_is_no_late_write() {
    let mut account = days(2_000);
    for ahead in 0..4 {
        account.add_credit("ahead", 10, 30_000 + ahead, 9).unwrap();
    }
    account.subtract(1, 5).unwrap();
    let left = replayed(&mut account, |account| account.settle_to(20_000));
    assert_eq!(left, 0, "the first late write is repaired");
    for now in 20_000..20_010 {
        account.subtract(1, now).unwrap();
        let left = replayed(&mut account, |account| account.settle_to(now));
        assert_eq!(left, 0, "usage at {now} is in time order");
    }
}

#[test]
fn the_first_late_write_after_one_in_time_order_is_repaired() {
    let mut account = days(2_000);
    five_late_writes(&mut account);
    account.subtract(1, 20_000).unwrap();
    assert!(account.is_settled());
    account.subtract(1, 7_005).unwrap();
    assert!(account.is_settled());
}

#[test]
fn a_write_in_time_order_among_many_late_ones_repairs_nothing() {
    let mut account = days(2_000);
    let late = |account: &mut GpuCredit| {
        for day in 0..40 {
            account.subtract(1, 7_000 + day * 40).unwrap();
        }
        assert!(!account.is_settled(), "the 17th to the 40th are pending");
    };
    late(&mut account);
    for (now, pending) in [(20_000, true), (20_001, true), (20_002, false)] {
        account.subtract(1, now).unwrap();
        assert_eq!(account.is_settled(), !pending, "after usage at {now}");
    }
    late(&mut account);
    std::hint::black_box(account.get_balance(20_002));
    account.subtract(1, 20_003).unwrap();
    assert!(account.is_settled(), "a question has met what is pending");
}

#[test]
fn none_after_the_16th_of_consecutive_late_writes_repairs() {
    let mut account = days(2_000);
    for late in 0..16 {
        account.subtract(1, 7_000 + late * 40).unwrap();
    }
    assert!(account.is_settled(), "the 16th repairs what is pending");
    let repairs = account.settlement().repairs;
    for late in 0..10_000 {
        account.subtract(1, late).unwrap();
    }
    assert_eq!(account.settlement().repairs, repairs);
}

/// Each was noted, which took as long as a replay of all boundaries, if few epochs were meant.
#[test]
fn late_writes_to_one_epoch_are_not_noted_without_end() {
    for (count, repairs) in [(100, 1), (1_000, 0)] {
        let mut account = days(100);
        let late = (0..count).try_for_each(|_| account.subtract(1, 5));
        late.unwrap();
        assert!(!account.is_settled());
        let before = account.settlement().repairs;
        account.settle();
        assert_eq!(
            account.settlement().repairs - before,
            repairs,
            "{count} late writes"
        );
    }
}

#[test]
fn usage_in_time_order_stays_settled_under_a_settled_future() {
    let mut account = GpuCredit::new();
    let days = (0..2_000).map(|day| Record::grant("daily", 10, day * 10, 9));
    account.extend(days).unwrap();
    account.subtract(5, 0).unwrap();
    account.settle();
    for day in 1..1_000 {
        account.subtract(5, day * 10).unwrap();
        assert!(account.is_settled(), "after the first usage of day {day}");
    }
}
