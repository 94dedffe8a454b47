//! Credit lines: where they end what replays and searches go by.

use gpu_credit::{AnyUsageId, GpuCredit, MeteredUsage, Options, Overdraft, UsageRecord};

fn account(line: u64) -> GpuCredit {
    let options = Options::default().overdraft(Overdraft::CarryUpTo(line));
    GpuCredit::with_options(options.boundary_chunk(4).checkpoint_spacing(1))
}

/// The account owes 3 from 1 on, 7 from 8 on, 3 from 10 on; the grants of 0 are boundaries.
fn owing(line: u64) -> GpuCredit {
    let mut account = account(line);
    for time in [2, 5, 6, 7] {
        account.add_credit("boundary", 0, time, 1_000).unwrap();
    }
    account.add_credit("four", 4, 10, 1_000).unwrap();
    account.add_credit("refill", 100, 20, 1_000).unwrap();
    account.add_credit("later", 100, 30, 1_000).unwrap();
    account.subtract(3, 1).unwrap();
    account.subtract(4, 8).unwrap();
    account.subtract(1, 30).unwrap();
    account.settle();
    account
}

/// A late write in a deficit was replayed by a jump to where the deficit is paid, past the epoch in
/// which the account reaches its line and drops usage: what was dropped stayed owed.
#[test]
fn a_jump_ends_where_the_account_reaches_its_line() {
    let mut account = owing(10);
    assert_eq!(account.get_balance(20), Some(97));
    let jumps = account.settlement().jumps;
    account.subtract(5, 3).unwrap();
    account.settle();
    account.assert_invariants();
    assert!(account.settlement().jumps > jumps, "it jumps over 6");
    // 8 owed from 3 on, 10 of 12 from 8 on, and 4 of them drawn at 10.
    assert_eq!(account.balance_at(8).deficit, 10);
    assert_eq!(account.balance_at(10).deficit, 6);
    assert_eq!(account.get_balance(20), Some(94));
    assert_eq!(account.statement(8).dropped, 2);
}

/// The other way round: usage that made the account reach its line is taken back.
#[test]
fn a_jump_ends_where_the_account_reached_its_line() {
    let mut account = owing(10);
    let late = UsageRecord {
        amount: 5,
        timestamp: 3,
    };
    let late = account.post_usage(late).unwrap();
    account.settle();
    account.retract_usage(late).unwrap();
    account.settle();
    account.assert_invariants();
    assert_eq!(account.balance_at(8).deficit, 7);
    assert_eq!(account.get_balance(20), Some(97));
}

/// Questions replay what is not settled as repairs do.
#[test]
fn a_question_stops_at_the_line_too() {
    let mut account = owing(10);
    for _ in 0..3 {
        account.subtract(1, 3).unwrap();
    }
    assert!(
        !account.is_settled(),
        "of late writes in a row the third waits"
    );
    assert_eq!(account.balance_at(10).deficit, 6);
    account.subtract(2, 3).unwrap();
    assert_eq!(account.get_balance(20), Some(94));
}

/// Two worlds that both stand at the line are one: what follows is not repaired.
#[test]
fn a_repair_ends_at_the_line() {
    let mut account = account(10);
    for day in 0..1_000 {
        account.add_credit("daily", 1, day * 10, 9).unwrap();
        account.subtract(5, day * 10 + 5).unwrap();
    }
    account.settle();
    let before = account.settlement();
    account.subtract(3, 5_003).unwrap();
    let after = account.settlement();
    assert!(account.is_settled());
    let replayed = after.boundaries_replayed - before.boundaries_replayed;
    assert!(replayed < 20, "{replayed} boundaries are replayed");
}

/// What is owed is not what came last, for that may have been dropped.
#[test]
fn draws_that_begin_in_a_deficit_pay_what_was_owed() {
    let mut account = account(4);
    let usage = |amount, timestamp| UsageRecord { amount, timestamp };
    let first = account.post_usage(usage(3, 1)).unwrap();
    let second = account.post_usage(usage(9, 2)).unwrap(); // 1 is owed
    let dropped = account.post_usage(usage(9, 3)).unwrap();
    let grant = account.add_credit("refill", 100, 10, 100).unwrap();
    let draws = account
        .draws(5..)
        .map(|draw| (draw.usage, draw.grant, draw.amount));
    let expected = [(first, grant, 3), (second, grant, 1)];
    let expected =
        expected.map(|(usage, grant, amount)| (AnyUsageId::Instant(usage), grant, amount));
    assert!(draws.eq(expected));
    let statement = account.usage_statement(second).unwrap();
    assert_eq!((statement.deficit, statement.dropped), (0, 8));
    assert_eq!(account.usage_statement(dropped).unwrap().dropped, 9);
}

#[test]
fn steps_break_where_a_job_reaches_the_line() {
    let mut account = account(10);
    account.add_credit("march", 6, 0, 99).unwrap();
    let (rate, from, until) = (4, 0, 50);
    (account.post_metered(MeteredUsage { rate, from, until })).unwrap();
    let steps = account.steps(0..=60).map(|step| {
        let answer = step.answer;
        (
            step.first,
            step.last,
            answer.balance,
            answer.deficit,
            step.rate,
        )
    });
    let expected = [
        (0, 0, Some(2), 0, 4),
        (1, 3, None, 2, 4),
        (4, 60, None, 10, 0),
    ];
    assert_eq!(steps.collect::<Vec<_>>(), expected);
    assert_eq!(account.first_below(0.., 0), Some(1));
    assert_eq!(account.lowest_balance(0..).map(|(time, _)| time), Some(3));
}

/// Levels count what was dropped. If nearly all that an account can use was dropped, is taken back and
/// is posted elsewhere, levels that are not repaired yet pass 2^64: they can neither be searched nor
/// be compared with what has been used.
#[test]
fn levels_that_wrap_before_a_repair_are_not_searched() {
    const MOST: u64 = i64::MAX as u64;
    const ENDLESS: u64 = i64::MAX as u64 - 5_000;
    let options = Options::default().overdraft(Overdraft::CarryUpTo(0));
    let mut account = GpuCredit::with_options(options.boundary_chunk(16).checkpoint_spacing(1));
    for time in (100..1_000).step_by(15).chain([1_010, 2_010]) {
        account.add_credit("boundary", 0, time, ENDLESS).unwrap();
    }
    account.add_credit("seven", 7, 1, ENDLESS).unwrap();
    account.add_credit("five", 5, 1_015, ENDLESS).unwrap();
    account.subtract(1, 3_000).unwrap();
    let (amount, timestamp) = (MOST - 1, 1_000);
    let dropped = account
        .post_usage(UsageRecord { amount, timestamp })
        .unwrap();
    account.settle();
    account.subtract(0, 50).unwrap();
    account.subtract(0, 50).unwrap();
    account.retract_usage(dropped).unwrap(); // Not repaired.
    account.subtract(MOST - 10, 10).unwrap(); // Repaired in part: all but 7 are dropped.
    account.add_credit("all", MOST - 20, 5, ENDLESS).unwrap(); // Not repaired: all but 3 are paid.
    account.subtract(1, 2_005).unwrap();
    assert!(
        !account.is_settled(),
        "four late writes are not repaired whole"
    );
    for _ in 0..2 {
        assert_eq!(account.first_below(1_016..=2_020, 1), None);
        assert_eq!(account.first_below(1_016..=2_020, 5), Some(2_005));
        let lowest = account.lowest_balance(1_016..=2_020);
        let lowest = lowest.map(|(time, answer)| (time, answer.balance));
        assert_eq!(lowest, Some((2_005, Some(4))));
        assert_eq!(account.get_balance(2_015), Some(4));
        account.settle();
        account.assert_invariants();
    }
}
