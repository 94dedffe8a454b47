//! Random small ledgers, each from one seed, with many ties; and the running of cases.

use gpu_credit_replay::cases::{Case, Step};
use gpu_credit_replay::{
    Draw, HeapReplay, ListReplay, Overdraft, Replay, Spendable, TickReplay, Usage,
};
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
                let place = random.random_range(0..usage.len());
                steps.push(Step::RetractUsage(usage.swap_remove(place)));
            }
            0..10 => {
                let times = shape.times();
                let (one, other) = (pick(&times, &mut random), pick(&times, &mut random));
                steps.push(Step::Grant {
                    amount: shape.amount(&mut random),
                    timestamp: one.min(other),
                    expiration: one.abs_diff(other),
                    priority: 0,
                });
                grants += 1;
            }
            _ => {
                let amount = shape.amount(&mut random);
                let instant = Usage::at(amount, pick(&shape.times(), &mut random));
                steps.push(Step::Usage(instant));
                usage.push(instant);
            }
        }
    }
    Case {
        name: format!("seed {seed} {shape:?}"),
        overdraft,
        steps,
    }
}

pub(crate) fn pick(times: &[i64], random: &mut Pcg32) -> i64 {
    *times.choose(random).expect("every shape has times")
}

/// An engine that runs every step of a case.
pub(crate) trait Runs: Replay + Spendable {
    /// `None`: it has no draws.
    fn draws_of(&self, usage: usize) -> Option<Vec<Draw>>;
}

impl Runs for TickReplay {
    fn draws_of(&self, usage: usize) -> Option<Vec<Draw>> {
        Some(TickReplay::draws_of(self, usage))
    }
}

impl Runs for ListReplay {
    fn draws_of(&self, usage: usize) -> Option<Vec<Draw>> {
        Some(ListReplay::draws_of(self, usage))
    }
}

impl Runs for HeapReplay {
    fn draws_of(&self, _: usize) -> Option<Vec<Draw>> {
        None
    }
}

/// The account after all steps of a case, each of its questions answered right on the way.
pub(crate) fn run<Engine: Runs>(case: &Case) -> Engine {
    let mut account = Engine::new(case.overdraft);
    for step in &case.steps {
        if !post(step, &mut account, case) {
            ask(step, &account, case);
        }
    }
    account
}

/// Takes a step that changes the account; `false`: it is a question.
pub(crate) fn post(step: &Step, account: &mut impl Replay, case: &Case) -> bool {
    let place = |account: &mut dyn Replay, usage| {
        let place = account.posted().latest_place(usage);
        place.unwrap_or_else(|| panic!("{step} in\n{case}"))
    };
    let done = match *step {
        Step::Grant {
            amount,
            timestamp,
            expiration,
            priority,
        } => {
            account.add_credit_with_priority(amount, timestamp, expiration, priority);
            true
        }
        Step::Usage(usage) => {
            account.posted_mut().post_usage(usage);
            true
        }
        // A random ledger may retract a grant twice.
        Step::RetractGrant { grant } => {
            let stands = account.posted().grants().any(|(number, _)| number == grant);
            account.retract_grant(grant) == stands
        }
        Step::RetractUsage(usage) => {
            let place = place(account, usage);
            account.retract_usage_at(place)
        }
        Step::ChangeUsage { usage, new } => {
            let place = place(account, usage);
            account.replace_usage_at(place, new)
        }
        Step::RevokeGrant { grant, from } => account.revoke_grant(grant, from),
        Step::ChangeExpiration { grant, expiration } => {
            account.change_expiration(grant, expiration)
        }
        Step::ChangePriority { grant, priority } => account.change_priority(grant, priority),
        _ => return false,
    };
    assert!(done, "{step} in\n{case}");
    true
}

fn ask(step: &Step, account: &impl Runs, case: &Case) {
    let found = match *step {
        Step::Balance { timestamp, .. } => {
            let answer = account.balance_at(timestamp);
            assert_eq!(account.get_balance(timestamp), answer.balance);
            Step::Balance { timestamp, answer }
        }
        Step::Remainders { timestamp, .. } => Step::Remainders {
            timestamp,
            remainders: account.remainders_at(timestamp),
        },
        Step::Used { timestamp, .. } => Step::Used {
            timestamp,
            amount: account.used_at(timestamp),
        },
        Step::Dropped { timestamp, .. } => Step::Dropped {
            timestamp,
            amount: account.statement_at(timestamp).dropped,
        },
        Step::Draws { usage, .. } => match account.draws_of(usage) {
            Some(draws) => Step::Draws { usage, draws },
            None => return,
        },
        Step::FirstUncovered { from, to, .. } => Step::FirstUncovered {
            from,
            to,
            tick: account.first_uncovered(from..=to),
        },
        Step::Spendable { timestamp, .. } => Step::Spendable {
            timestamp,
            amount: account.spendable_at(timestamp),
        },
        Step::SpendableRate { from, until, .. } => Step::SpendableRate {
            from,
            until,
            rate: account
                .spendable_rate(from..until)
                .expect("there are ticks"),
        },
        Step::RunsDry { rate, from, .. } => Step::RunsDry {
            rate,
            from,
            tick: account.runs_dry(rate, from),
        },
        Step::Classic { .. } => return,
        _ => unreachable!("{step} is a record"),
    };
    assert_eq!(found, *step, "{found} and not {step} in\n{case}");
}
