//! List against heap, and conservation, at every instant of tens of thousands of random ledgers.

use gpu_credit_replay::cases::Case;
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay, Statement, Usage};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::ledger::{Shape, random_ledger, run};

#[test]
fn list_and_heap_agree_on_ties_under_carry() {
    agree_on_random_ledgers(10_000, Shape::Ties, Overdraft::Carry);
}

#[test]
fn list_and_heap_agree_on_ties_under_forfeit() {
    agree_on_random_ledgers(10_000, Shape::Ties, Overdraft::Forfeit);
}

#[test]
fn list_and_heap_agree_at_the_extremes_under_carry() {
    agree_on_random_ledgers(5_000, Shape::Extremes, Overdraft::Carry);
}

#[test]
fn list_and_heap_agree_at_the_extremes_under_forfeit() {
    agree_on_random_ledgers(5_000, Shape::Extremes, Overdraft::Forfeit);
}

#[test]
fn list_and_heap_agree_on_a_few_larger_ledgers() {
    for seed in 0..8 {
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
            let mut list = ListReplay::new(overdraft);
            let mut heap = HeapReplay::new(overdraft);
            fill_with_overlapping_windows(&mut list, seed);
            fill_with_overlapping_windows(&mut heap, seed);
            for timestamp in (0..1_100).step_by(50) {
                let what = format!("seed {seed}, {overdraft:?}");
                assert_agreement(&list, &heap, timestamp, &what);
            }
        }
    }
}

fn agree_on_random_ledgers(ledger_count: u64, shape: Shape, overdraft: Overdraft) {
    let instants = shape.instants();
    for seed in 0..ledger_count {
        let case = random_ledger(seed, shape, overdraft);
        agree_on(&case, &instants);
    }
}

fn agree_on(case: &Case, instants: &[i64]) {
    let list: ListReplay = run(case);
    let heap: HeapReplay = run(case);
    for &timestamp in instants {
        assert_agreement(&list, &heap, timestamp, case);
    }
}

pub(crate) fn assert_agreement(
    one: &impl Replay,
    other: &impl Replay,
    timestamp: i64,
    what: &dyn std::fmt::Display,
) {
    let context = || format!("two replays differ at {timestamp} in\n{what}");
    assert_eq!(
        one.balance_at(timestamp),
        other.balance_at(timestamp),
        "{}",
        context()
    );
    assert_eq!(
        one.remainders_at(timestamp),
        other.remainders_at(timestamp),
        "{}",
        context()
    );
    let statement = one.statement_at(timestamp);
    assert_eq!(statement, other.statement_at(timestamp), "{}", context());
    assert_conservation(&statement, one, timestamp, what);
}

/// Nothing is made and nothing is lost: not of any grant, not of the usage.
fn assert_conservation(
    statement: &Statement,
    account: &impl Replay,
    timestamp: i64,
    what: &dyn std::fmt::Display,
) {
    for grant in &statement.grants {
        assert_eq!(
            grant.amount,
            grant.drawn + grant.lapsed + grant.forfeited + grant.revoked + grant.remaining,
            "{grant:?} at {timestamp} in\n{what}"
        );
    }
    assert_eq!(
        statement.used,
        statement.drawn + statement.deficit + statement.dropped,
        "{statement:?} at {timestamp} in\n{what}"
    );
    let drawn: u64 = statement.grants.iter().map(|grant| grant.drawn).sum();
    assert_eq!(statement.drawn, drawn, "at {timestamp} in\n{what}");

    // The statement is of what was posted, and the answer is of the statement.
    let posted = account.posted();
    let started = posted
        .grants()
        .filter(|(_, grant)| grant.start <= timestamp);
    let started = started.map(|(number, grant)| (number, grant.amount));
    let stated = statement.grants.iter();
    let stated = stated.map(|grant| (grant.grant, grant.amount));
    assert!(started.eq(stated), "at {timestamp} in\n{what}");
    let used: u128 = posted
        .usage()
        .iter()
        .map(|usage| used_by(*usage, timestamp))
        .sum();
    let stated = u128::from(statement.used);
    assert_eq!(stated, used, "at {timestamp} in\n{what}");
    let answer = account.balance_at(timestamp);
    let remaining: u64 = statement.grants.iter().map(|grant| grant.remaining).sum();
    assert_eq!(
        answer.deficit, statement.deficit,
        "at {timestamp} in\n{what}"
    );
    assert_eq!(
        answer.balance.unwrap_or(0),
        remaining,
        "at {timestamp} in\n{what}"
    );
}

/// What a record uses up to an instant.
fn used_by(usage: Usage, timestamp: i64) -> u128 {
    let so_far = match usage.until {
        _ if timestamp < usage.timestamp => return 0,
        None => usage,
        Some(until) => {
            let until = until.min(timestamp.saturating_add(1));
            Usage::metered(usage.amount, usage.timestamp..until)
        }
    };
    so_far.total()
}

/// Hundreds of live grants at a time, in and out of credit, in random posting order.
fn fill_with_overlapping_windows(account: &mut impl Replay, seed: u64) {
    let mut random = Pcg32::seed_from_u64(seed);
    for _ in 0..1_000 {
        account.add_credit(
            random.random_range(0..100),
            random.random_range(0..1_000),
            random.random_range(0..400),
        );
        account.subtract(random.random_range(0..110), random.random_range(0..1_000));
    }
}
