//! Random small ledgers of jobs: metered usage, priorities, corrections, under every policy. Tick by
//! tick against list against heap; at the ends of the ranges list against heap.

use gpu_credit_replay::cases::{Case, Step};
use gpu_credit_replay::{
    Draw, HeapReplay, ListReplay, Overdraft, Posted, Replay, TickReplay, Usage,
};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::differential::assert_agreement;
use crate::ledger::{Shape, pick, post, run};

const LIMIT: u64 = i64::MAX.unsigned_abs();

/// How many ledgers to try of each kind: 1,000, or what `GPU_CREDIT_LEDGERS` says.
pub(crate) fn ledger_count() -> u64 {
    let asked = std::env::var("GPU_CREDIT_LEDGERS").ok();
    asked.map_or(1_000, |count| count.parse().expect("a number of ledgers"))
}

#[test]
fn tick_list_and_heap_agree_at_every_tick() {
    for seed in 0..ledger_count() {
        let case = random_jobs(seed, Shape::Ties);
        let tick: TickReplay = run(&case);
        let (list, heap): (ListReplay, HeapReplay) = (run(&case), run(&case));
        let instants: Vec<_> = (-2..16).collect();
        for &timestamp in &instants {
            assert_agreement(&tick, &list, timestamp, &case);
            assert_agreement(&list, &heap, timestamp, &case);
            let draws = tick.draws_at(timestamp);
            assert_eq!(draws, list.draws_at(timestamp), "at {timestamp} in\n{case}");
            assert_draws(&draws, &tick, timestamp, &case);
        }
        let overdrawn = tick.overdrawn_at(&instants);
        assert_eq!(overdrawn, list.overdrawn_at(&instants), "{case}");
        assert_eq!(overdrawn, heap.overdrawn_at(&instants), "{case}");
        for from in [-2, 3, 7] {
            let uncovered = tick.first_uncovered(from..=20);
            assert_eq!(uncovered, list.first_uncovered(from..=20), "{case}");
            assert_eq!(uncovered, heap.first_uncovered(from..=20), "{case}");
        }
    }
}

#[test]
fn list_and_heap_agree_on_jobs_at_the_extremes() {
    for seed in 0..ledger_count() {
        let case = random_jobs(seed, Shape::Extremes);
        let (list, heap): (ListReplay, HeapReplay) = (run(&case), run(&case));
        let mut instants = list.posted().turns();
        instants.extend(Shape::Extremes.instants());
        instants.sort_unstable();
        instants.dedup();
        for &timestamp in &instants {
            assert_agreement(&list, &heap, timestamp, &case);
            assert_draws(&list.draws_at(timestamp), &list, timestamp, &case);
        }
        let overdrawn = list.overdrawn_at(&instants);
        assert_eq!(overdrawn, heap.overdrawn_at(&instants), "{case}");
        for from in instants {
            let uncovered = list.first_uncovered(from..=i64::MAX);
            assert_eq!(uncovered, heap.first_uncovered(from..=i64::MAX), "{case}");
        }
    }
}

/// What each draw says holds, and together they are all that was drawn.
fn assert_draws(draws: &[Draw], account: &impl Replay, timestamp: i64, case: &Case) {
    let context = || format!("{draws:?} at {timestamp} in\n{case}");
    let statement = account.statement_at(timestamp);
    for draw in draws {
        let usage = account.posted().usage()[draw.usage];
        let (_, grant) = (account.posted().grants())
            .find(|(number, _)| *number == draw.grant)
            .expect("it stands");
        let ticks = draw.last.abs_diff(draw.first) + 1;
        // Only the first tick and the last can be paid in part.
        let whole = usage.amount * ticks;
        assert!((1..=whole).contains(&draw.amount), "{}", context());
        let inner = usage.amount * ticks.saturating_sub(2);
        assert!(draw.amount >= inner + ticks.min(2), "{}", context());
        let as_it_fell = draw.drawn_at == draw.first && grant.start <= draw.first;
        let on_arrival = draw.drawn_at == grant.start && draw.last < grant.start;
        assert!(as_it_fell || on_arrival, "{}", context());
        assert!(draw.last <= timestamp && draw.last <= grant.end);
    }
    assert!(
        draws.is_sorted_by_key(|draw| draw.drawn_at),
        "{}",
        context()
    );
    for grant in &statement.grants {
        let drawn = draws.iter().filter(|draw| draw.grant == grant.grant);
        let drawn: u64 = drawn.map(|draw| draw.amount).sum();
        assert_eq!(drawn, grant.drawn, "{}", context());
    }
}

#[test]
fn under_carry_a_job_is_usage_at_each_of_its_ticks() {
    for seed in 0..ledger_count() {
        let case = random_jobs(seed, Shape::Ties);
        if case.overdraft == Overdraft::Forfeit {
            continue;
        }
        let jobs: HeapReplay = run(&case);
        let mut instants: ListReplay = run(&case);
        for (place, usage) in jobs.posted().usage().iter().enumerate().rev() {
            if let Some(until) = usage.until {
                instants.retract_usage_at(place);
                (usage.timestamp..until).for_each(|tick| instants.subtract(usage.amount, tick));
            }
        }
        for timestamp in Shape::Ties.instants() {
            assert_agreement(&jobs, &instants, timestamp, &case);
        }
    }
}

#[test]
fn stopping_a_job_and_going_on_changes_nothing() {
    for seed in 0..ledger_count() {
        let case = random_jobs(seed, Shape::Ties);
        let whole: HeapReplay = run(&case);
        let mut parts: ListReplay = run(&case);
        let stop = Pcg32::seed_from_u64(!seed).random_range(0..12);
        for (place, &usage) in whole.posted().usage().iter().enumerate() {
            if let Some(until) = usage.until
                && (usage.timestamp..until).contains(&stop)
            {
                parts.replace_usage_at(place, Usage::metered(usage.amount, usage.timestamp..stop));
                parts.meter(usage.amount, stop..until);
            }
        }
        for timestamp in Shape::Ties.instants() {
            assert_agreement(&whole, &parts, timestamp, &case);
        }
    }
}

/// Up to a dozen records and corrections.
pub(crate) fn random_jobs(seed: u64, shape: Shape) -> Case {
    let mut random = Pcg32::seed_from_u64(seed);
    let random = &mut random;
    let line = match shape {
        Shape::Ties => random.random_range(0..9),
        Shape::Extremes => random.random_range(0..=LIMIT),
    };
    let policies = [
        Overdraft::Carry,
        Overdraft::Forfeit,
        Overdraft::CarryUpTo(0),
        Overdraft::CarryUpTo(line),
    ];
    let overdraft = *policies.choose(random).expect("there are some");
    let mut account = HeapReplay::new(overdraft);
    let mut case = Case {
        name: format!("jobs {seed} {shape:?}"),
        overdraft,
        steps: Vec::new(),
    };
    for _ in 0..random.random_range(1..=12) {
        if let Some(step) = random_step(account.posted(), shape, random) {
            assert!(post(&step, &mut account, &case));
            case.steps.push(step);
        }
    }
    case
}

/// A record, or a correction of one that stands.
fn random_step(posted: &Posted, shape: Shape, random: &mut Pcg32) -> Option<Step> {
    let times = shape.times();
    let grants: Vec<_> = posted.grants().map(|(number, _)| number).collect();
    let step = match random.random_range(0..20) {
        0..7 => {
            let (one, other) = (pick(&times, random), pick(&times, random));
            Step::Grant {
                amount: 2 * amount(shape, random),
                timestamp: one.min(other),
                expiration: one.abs_diff(other),
                priority: random.random_range(-1..=1),
            }
        }
        7..10 => Step::Usage(Usage::at(amount(shape, random), pick(&times, random))),
        10..15 => Step::Usage(random_job(shape, random)),
        15 => Step::RetractUsage(*posted.usage().choose(random)?),
        16 => Step::ChangeUsage {
            usage: *posted.usage().choose(random)?,
            new: random_job(shape, random),
        },
        17 => Step::RetractGrant {
            grant: *grants.choose(random)?,
        },
        18 => Step::ChangePriority {
            grant: *grants.choose(random)?,
            priority: random.random_range(-1..=1),
        },
        _ => {
            let (grant, posted) = posted
                .grants()
                .collect::<Vec<_>>()
                .choose(random)
                .copied()?;
            let at = pick(&times, random);
            if posted.revoked || at > posted.end {
                return None;
            }
            match random.random() {
                true => Step::RevokeGrant { grant, from: at },
                false => Step::ChangeExpiration {
                    grant,
                    expiration: at.abs_diff(posted.start.min(at)),
                },
            }
        }
    };
    Some(step)
}

/// A dozen of twice as much keep within the limit.
fn amount(shape: Shape, random: &mut Pcg32) -> u64 {
    match shape {
        Shape::Ties => random.random_range(0..7),
        Shape::Extremes => random.random_range(0..=LIMIT / 24),
    }
}

/// Any total is small enough for a dozen of them.
fn random_job(shape: Shape, random: &mut Pcg32) -> Usage {
    let (from, until) = (pick(&shape.times(), random), pick(&shape.times(), random));
    match shape {
        Shape::Ties => Usage::metered(random.random_range(0..5), from..until),
        Shape::Extremes => {
            let most = LIMIT / 12;
            let ticks = Usage::metered(1, from..until)
                .ticks()
                .min(match random.random() {
                    true => u64::MAX,
                    false => random.random_range(1..=most),
                });
            let rate = random.random_range(0..=most.checked_div(ticks).unwrap_or(most));
            let until = match ticks {
                0 => until,
                ticks => from.checked_add_unsigned(ticks).expect("until at most"),
            };
            Usage::metered(rate, from..until)
        }
    }
}
