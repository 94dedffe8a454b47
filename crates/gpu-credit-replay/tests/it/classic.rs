//! The classic keyed calculator against `Forfeit`: equal where the conditions are met, and where
//! they are not, different as the cases say.
//!
//! The conditions: calls come in non-decreasing time, questions included; each grant is posted at
//! its start; and at one instant grants come before usage.

use std::collections::HashMap;

use gpu_credit_replay::cases::{self, Case, Step};
use gpu_credit_replay::{HeapReplay, KeyedCalculator, ListReplay, Overdraft, Replay, Usage};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::ledger::{Shape, random_ledger, run};

const SEQUENCE_COUNT: u64 = 20_000;

#[test]
fn within_the_conditions_forfeit_is_the_classic() {
    for seed in 0..SEQUENCE_COUNT {
        compare_random_calls(seed);
    }
}

/// Three ids over a dozen instants; at each instant grants, then usage, with questions anywhere.
fn compare_random_calls(seed: u64) {
    let mut random = Pcg32::seed_from_u64(seed);
    let mut both = Both::default();
    for timestamp in 0..12 {
        for _ in 0..random.random_range(0..3) {
            both.add_credit(
                ["a", "b", "c"][random.random_range(0..3)],
                random.random_range(0..7),
                timestamp,
                random.random_range(0..9),
            );
            both.compare_at(timestamp, seed);
        }
        for _ in 0..random.random_range(0..3) {
            both.use_credit(
                ["a", "b", "c"][random.random_range(0..3)],
                timestamp,
                random.random_range(0..9),
            );
            both.compare_at(timestamp, seed);
        }
    }
    both.compare_at(30, seed);
}

/// The classic beside a book of `Forfeit` accounts keyed by its ids.
#[derive(Default)]
struct Both {
    calls: Vec<String>,
    classic: KeyedCalculator,
    accounts: HashMap<String, (ListReplay, HeapReplay)>,
}

impl Both {
    fn add_credit(&mut self, id: &str, amount: u64, timestamp: i64, expiration: u64) {
        self.calls.push(format!(
            "{id}: grant {amount} at {timestamp} for {expiration}"
        ));
        self.classic.add_credit(id, amount, timestamp, expiration);
        let (list, heap) = self.account(id);
        list.add_credit(amount, timestamp, expiration);
        heap.add_credit(amount, timestamp, expiration);
    }

    fn use_credit(&mut self, id: &str, timestamp: i64, amount: u64) {
        self.calls
            .push(format!("{id}: usage {amount} at {timestamp}"));
        self.classic.use_credit(id, timestamp, amount);
        let (list, heap) = self.account(id);
        list.subtract(amount, timestamp);
        heap.subtract(amount, timestamp);
    }

    fn account(&mut self, id: &str) -> &mut (ListReplay, HeapReplay) {
        let new = || {
            (
                ListReplay::new(Overdraft::Forfeit),
                HeapReplay::new(Overdraft::Forfeit),
            )
        };
        self.accounts.entry(id.to_owned()).or_insert_with(new)
    }

    fn compare_at(&self, timestamp: i64, seed: u64) {
        for (id, (list, heap)) in &self.accounts {
            let classic = self.classic.get_balance(id, timestamp);
            let answers = (list.get_balance(timestamp), heap.get_balance(timestamp));
            assert_eq!(
                answers,
                (classic, classic),
                "{id} at {timestamp}, seed {seed}, after\n{}",
                self.calls.join("\n")
            );
        }
    }
}

#[test]
fn the_classic_answers_the_cases_as_they_say() {
    for case in forfeit_cases() {
        let mut classic = KeyedCalculator::new();
        for step in &case.steps {
            call(step, &mut classic);
            if let Step::Classic { timestamp, balance } = *step {
                let said = classic.get_balance("id", timestamp);
                assert_eq!(said, balance, "{step} in\n{case}");
            }
        }
    }
}

#[test]
fn told_in_event_order_the_classic_gives_the_right_answer_to_every_case() {
    for case in forfeit_cases() {
        for (index, step) in case.steps.iter().enumerate() {
            if let Step::Balance { timestamp, answer } = *step {
                let before = Case {
                    steps: case.steps[..index].to_vec(),
                    ..case.clone()
                };
                let classic = told_in_event_order(&run::<ListReplay>(&before), timestamp);
                let said = classic.get_balance("id", timestamp);
                assert_eq!(said, answer.balance, "{step} in\n{case}");
            }
        }
    }
}

#[test]
fn told_in_event_order_the_classic_is_forfeit_on_random_ledgers() {
    for seed in 0..SEQUENCE_COUNT / 10 {
        for shape in [Shape::Ties, Shape::Extremes] {
            let case = random_ledger(seed, shape, Overdraft::Forfeit);
            let account: HeapReplay = run(&case);
            for timestamp in shape.instants() {
                let classic = told_in_event_order(&account, timestamp);
                let said = classic.get_balance("id", timestamp);
                let balance = account.get_balance(timestamp);
                assert_eq!(said, balance, "at {timestamp} in\n{case}");
            }
        }
    }
}

/// A calculator that was called with the account's records up to an instant in the one order that
/// meets the conditions.
fn told_in_event_order(account: &impl Replay, timestamp: i64) -> KeyedCalculator {
    let grants = account.posted().grants().map(|(_, grant)| Step::Grant {
        amount: grant.amount,
        timestamp: grant.start,
        expiration: grant.end.abs_diff(grant.start),
        priority: 0,
    });
    let usage = account.posted().usage().iter().copied().map(Step::Usage);
    let mut calls: Vec<_> = grants.chain(usage).collect();
    calls.retain(|call| time_of(call) <= Some(timestamp));
    calls.sort_by_key(time_of); // Stable: grants stay before usage.
    assert!(meets_conditions(&calls));

    let mut classic = KeyedCalculator::new();
    calls.iter().for_each(|step| call(step, &mut classic));
    classic
}

#[test]
fn wherever_the_classic_differs_a_condition_is_broken() {
    let cases = cases::parse(include_str!("../../cases/classic.txt")).unwrap();
    for case in cases {
        let balances = case.steps.iter().filter_map(|step| match step {
            Step::Balance { timestamp, answer } => Some((*timestamp, answer.balance)),
            _ => None,
        });
        let said = case.steps.iter().filter_map(|step| match step {
            Step::Classic { timestamp, balance } => Some((*timestamp, *balance)),
            _ => None,
        });
        assert!(!balances.eq(said), "nothing differs in\n{case}");
        assert!(
            !meets_conditions(&case.steps),
            "every condition is met in\n{case}"
        );
    }
}

/// The cases of the policy that the classic has, without what the classic does not know.
fn forfeit_cases() -> Vec<Case> {
    let mut cases = cases::all();
    cases.retain(|case| case.overdraft == Overdraft::Forfeit && case.needs().is_empty());
    cases
}

pub(crate) fn call(step: &Step, classic: &mut KeyedCalculator) {
    match *step {
        Step::Grant {
            amount,
            timestamp,
            expiration,
            priority: 0,
        } => classic.add_credit("id", amount, timestamp, expiration),
        Step::Usage(Usage {
            amount,
            timestamp,
            until: None,
        }) => classic.use_credit("id", timestamp, amount),
        _ => {}
    }
}

/// Whether the calls of a case, each made at the time it bears, meet the conditions. The classic
/// has no word for a retraction.
fn meets_conditions(steps: &[Step]) -> bool {
    let mut latest = None;
    let mut latest_use = None;
    steps.iter().all(|step| {
        let time = time_of(step);
        let in_order = time.is_some() && latest <= time;
        let grant_after_use = matches!(step, Step::Grant { .. }) && latest_use == time;
        if matches!(step, Step::Usage(_)) {
            latest_use = time;
        }
        latest = time;
        in_order && !grant_after_use
    })
}

fn time_of(step: &Step) -> Option<i64> {
    match *step {
        Step::Grant { timestamp, .. }
        | Step::Usage(Usage { timestamp, .. })
        | Step::Balance { timestamp, .. }
        | Step::Remainders { timestamp, .. }
        | Step::Classic { timestamp, .. } => Some(timestamp),
        _ => None,
    }
}
