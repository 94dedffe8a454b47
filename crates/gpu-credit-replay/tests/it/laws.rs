//! What the law implies, as properties of random ledgers.

use gpu_credit_replay::cases::{Case, Step};
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::ledger::{Shape, random_ledger, run};

const LEDGER_COUNT: u64 = 3_000;

#[test]
fn posting_order_matters_to_no_balance_unless_grants_start_together() {
    for_random_ledgers(|case, random| {
        let mut shuffled = case.clone();
        shuffled
            .steps
            .retain(|step| matches!(step, Step::Grant { .. } | Step::Usage { .. }));
        let before: ListReplay = run(&shuffled);
        let mut starts: Vec<_> = before
            .posted()
            .grants()
            .map(|(_, grant)| grant.start)
            .collect();
        starts.sort_unstable();
        if starts.windows(2).any(|pair| pair[0] == pair[1]) {
            return;
        }
        shuffled.steps.shuffle(random);
        let after: HeapReplay = run(&shuffled);
        for timestamp in Shape::Ties.instants() {
            assert_eq!(
                before.balance_at(timestamp),
                after.balance_at(timestamp),
                "at {timestamp} in\n{case}posted as\n{shuffled}"
            );
        }
    });
}

#[test]
fn more_usage_never_raises_a_balance() {
    for_random_ledgers(|case, random| {
        let before: ListReplay = run(case);
        let mut after: HeapReplay = run(case);
        let (amount, used_at) = (random.random_range(0..10), random.random_range(0..12));
        after.subtract(amount, used_at);
        for timestamp in Shape::Ties.instants() {
            let (before, after) = (before.balance_at(timestamp), after.balance_at(timestamp));
            assert!(
                after.balance <= before.balance && after.deficit >= before.deficit,
                "{before:?} became {after:?} at {timestamp} by {amount} at {used_at} in\n{case}"
            );
        }
    });
}

#[test]
fn a_record_posted_and_retracted_leaves_no_trace() {
    for_random_ledgers(|case, random| {
        let before: ListReplay = run(case);
        let mut after: HeapReplay = run(case);
        let (amount, timestamp) = (random.random_range(0..10), random.random_range(0..12));
        let grant = after.add_credit(amount, timestamp, random.random_range(0..12));
        after.subtract(amount, timestamp);
        assert!(after.retract_grant(grant) && after.retract_usage(amount, timestamp));
        for timestamp in Shape::Ties.instants() {
            assert_eq!(
                before.statement_at(timestamp),
                after.statement_at(timestamp),
                "at {timestamp} in\n{case}"
            );
        }
    });
}

#[test]
fn a_balance_depends_on_nothing_later() {
    for_random_ledgers(|case, random| {
        let whole: ListReplay = run(case);
        let asked_at = random.random_range(0..12);
        let mut known = HeapReplay::new(case.overdraft);
        for (_, grant) in whole.posted().grants() {
            if grant.start <= asked_at {
                known.add_credit(grant.amount, grant.start, grant.end.abs_diff(grant.start));
            }
        }
        for usage in whole.posted().usage() {
            if usage.timestamp <= asked_at {
                known.subtract(usage.amount, usage.timestamp);
            }
        }
        assert_eq!(
            whole.balance_at(asked_at),
            known.balance_at(asked_at),
            "at {asked_at} in\n{case}"
        );
    });
}

fn for_random_ledgers(law: impl Fn(&Case, &mut Pcg32)) {
    for seed in 0..LEDGER_COUNT {
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
            let case = random_ledger(seed, Shape::Ties, overdraft);
            law(&case, &mut Pcg32::seed_from_u64(!seed));
        }
    }
}
