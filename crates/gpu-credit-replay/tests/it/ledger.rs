//! Random small ledgers, each from one seed, with many ties; and the running of cases.

use gpu_credit_replay::cases::{Case, Step};
use gpu_credit_replay::{Overdraft, Replay};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

/// Where the records of a ledger lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Times and amounts so small that nearly everything happens at one instant with another.
    Ties,
    /// The ends of the integer ranges.
    Extremes,
}

impl Shape {
    /// Every time that a record of the shape may bear, in order.
    pub(crate) fn times(self) -> Vec<i64> {
        match self {
            Shape::Ties => (0..12).collect(),
            Shape::Extremes => {
                let (min, max) = (i64::MIN, i64::MAX);
                vec![min, min + 1, -1, 0, 1, max - 1, max]
            }
        }
    }

    /// Every instant at which something can be different from the instant before.
    pub(crate) fn instants(self) -> Vec<i64> {
        let times = self.times().into_iter();
        let mut instants: Vec<_> = times
            .flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)])
            .collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    fn amount(self, random: &mut Pcg32) -> u64 {
        match self {
            Shape::Ties => random.random_range(0..7),
            // Ten of them keep within the limit.
            Shape::Extremes => random.random_range(0..=i64::MAX.unsigned_abs() / 10),
        }
    }
}

/// Up to ten records in random posting order, a few of them retracted on the way.
pub(crate) fn random_ledger(seed: u64, shape: Shape, overdraft: Overdraft) -> Case {
    let mut random = Pcg32::seed_from_u64(seed);
    let mut steps = Vec::new();
    let mut grants = 0;
    let mut usage = Vec::new();
    for _ in 0..random.random_range(1..=10) {
        match random.random_range(0..20) {
            0 if grants > 0 => {
                let grant = random.random_range(0..grants);
                steps.push(Step::RetractGrant { grant });
            }
            1 if !usage.is_empty() => {
                let (amount, timestamp) = usage.swap_remove(random.random_range(0..usage.len()));
                steps.push(Step::RetractUsage { amount, timestamp });
            }
            0..10 => {
                let times = shape.times();
                let (one, other) = (pick(&times, &mut random), pick(&times, &mut random));
                steps.push(Step::Grant {
                    amount: shape.amount(&mut random),
                    timestamp: one.min(other),
                    expiration: one.abs_diff(other),
                });
                grants += 1;
            }
            _ => {
                let amount = shape.amount(&mut random);
                let timestamp = pick(&shape.times(), &mut random);
                steps.push(Step::Usage { amount, timestamp });
                usage.push((amount, timestamp));
            }
        }
    }
    Case {
        name: format!("seed {seed} {shape:?}"),
        overdraft,
        steps,
    }
}

fn pick(times: &[i64], random: &mut Pcg32) -> i64 {
    *times.choose(random).expect("every shape has times")
}

/// The account after all steps of a case, each of its questions answered right on the way.
pub(crate) fn run<Engine: Replay>(case: &Case) -> Engine {
    let mut account = Engine::new(case.overdraft);
    for step in &case.steps {
        take(step, &mut account, case);
    }
    account
}

fn take(step: &Step, account: &mut impl Replay, case: &Case) {
    match *step {
        Step::Grant {
            amount,
            timestamp,
            expiration,
        } => {
            account.add_credit(amount, timestamp, expiration);
        }
        Step::Usage { amount, timestamp } => account.subtract(amount, timestamp),
        // A random ledger may retract a grant twice.
        Step::RetractGrant { grant } => {
            let stands = account.posted().grants().any(|(number, _)| number == grant);
            assert_eq!(account.retract_grant(grant), stands, "{step} in\n{case}");
        }
        Step::RetractUsage { amount, timestamp } => {
            assert!(
                account.retract_usage(amount, timestamp),
                "{step} in\n{case}"
            );
        }
        Step::Balance { timestamp, answer } => {
            assert_eq!(account.balance_at(timestamp), answer, "{step} in\n{case}");
            assert_eq!(account.get_balance(timestamp), answer.balance);
        }
        Step::Remainders {
            timestamp,
            ref remainders,
        } => {
            assert_eq!(
                &account.remainders_at(timestamp),
                remainders,
                "{step} in\n{case}"
            );
        }
        Step::Classic { .. } => {}
    }
}
