//! Every worked example over both replays, and the reading of the examples themselves.

use gpu_credit_replay::cases::{self, Case, Step};
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, TickReplay, Usage};

use crate::ledger::{Shape, random_ledger, run};

#[test]
fn every_case_holds_for_list_and_heap() {
    let cases = cases::all();
    assert!(cases.len() > 150, "only {} cases were found", cases.len());
    for case in &cases {
        run::<ListReplay>(case);
        run::<HeapReplay>(case);
    }
}

#[test]
fn every_case_of_a_short_span_holds_tick_by_tick() {
    let (short, long): (Vec<_>, Vec<_>) = cases::all().into_iter().partition(is_short);
    assert_eq!(long.len(), 15, "cases that are too long");
    for case in &short {
        run::<TickReplay>(case);
    }
}

/// Whether everything that ever stands lies within ten thousand ticks.
pub(crate) fn is_short(case: &Case) -> bool {
    let records = case.steps.iter();
    let turns = records.flat_map(|step| match *step {
        Step::Grant {
            timestamp,
            expiration,
            ..
        } => vec![timestamp, timestamp.saturating_add_unsigned(expiration)],
        Step::Usage(usage) | Step::ChangeUsage { new: usage, .. } => {
            vec![usage.timestamp, usage.until.unwrap_or(usage.timestamp)]
        }
        Step::RunsDry { from, .. } => vec![from],
        _ => vec![],
    });
    turns.clone().all(|turn| (-10_000..10_000).contains(&turn))
}

#[test]
fn no_two_cases_of_a_policy_share_a_name() {
    let cases = cases::all();
    let mut names: Vec<_> = cases
        .iter()
        .map(|case| (&case.name, case.overdraft == Overdraft::Carry))
        .collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[test]
fn every_case_asks_something() {
    for case in cases::all() {
        let records = |step: &Step| {
            matches!(
                step,
                Step::Grant { .. }
                    | Step::Usage(_)
                    | Step::RetractGrant { .. }
                    | Step::RetractUsage(_)
                    | Step::ChangeUsage { .. }
                    | Step::RevokeGrant { .. }
                    | Step::ChangeExpiration { .. }
                    | Step::ChangePriority { .. }
            )
        };
        assert!(
            !case.steps.iter().all(records),
            "nothing is asked in\n{case}"
        );
    }
}

#[test]
fn a_case_prints_as_the_text_it_is_parsed_from() {
    for case in cases::all() {
        assert_eq!(cases::parse(&case.to_string()), Ok(vec![case]));
    }
    for seed in 0..1_000 {
        let case = random_ledger(seed, Shape::Extremes, Overdraft::Forfeit);
        assert_eq!(cases::parse(&case.to_string()), Ok(vec![case]));
    }
}

#[test]
fn either_policy_makes_a_case_of_each() {
    let cases = cases::parse("case both, either\nusage 1 at 2 # a remark\n\n").unwrap();
    let policies: Vec<_> = cases.iter().map(|case| case.overdraft).collect();
    assert_eq!(policies, [Overdraft::Carry, Overdraft::Forfeit]);
    for case in cases {
        let usage = Step::Usage(Usage::at(1, 2));
        assert_eq!((case.name.as_str(), case.steps), ("both", vec![usage]));
    }
}

#[test]
fn a_line_that_does_not_read_is_named() {
    let wrong = [
        "grant -1 at 0 for 5",
        "grant 1 at 0",
        "usage 1.5 at 0",
        "usage 1 at 0 today",
        "balance at 0 is",
        "balance at 0 is rich",
        "balance at 0 is 5, deficit",
        "balance at 9223372036854775808 is 5",
        "remainders at 0 are",
        "remainders at 0 are 1-2",
        "classic at 0 is spent",
        "case nobody's, policy",
        "retract everything",
        "grant 1 at 0 for 5 priority 32768",
        "usage 1 per tick from 0",
        "change usage 1 at 0",
        "change grant 0 priority",
        "draws of 0 are",
        "draws of 0 are 1 of 0 over 3",
        "draws of 0 are none 1 of 0 over 3..3",
        "first uncovered from 0 to 1 is none",
        "rate 1 from 0 runs dry",
        "case a line too long, carry:9223372036854775808",
    ];
    for line in wrong {
        let text = format!("case a, carry\n\n{line}\n");
        let error = cases::parse(&text).unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (3, line));
        assert_eq!(
            error.to_string(),
            format!("line 3 is not a line of a case: {line}")
        );
    }
    assert_eq!(cases::parse("usage 1 at 2").unwrap_err().line, 1);
}
