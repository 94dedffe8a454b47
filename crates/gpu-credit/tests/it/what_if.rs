//! Plans: a view answers as an account to which the changes were made, and leaves no trace.

use gpu_credit::{Change, Error, GpuCredit, GrantRecord, MeteredUsage, Options, UsageRecord};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::ledger_count;
use crate::metered::{Posted, TIMES, write};
use crate::spendable::overdraft;

/// Makes a change for good.
fn make(account: &mut GpuCredit, change: &Change) -> Result<(), Error> {
    match *change {
        Change::PostGrant(ref grant) => account.post_grant(grant.clone()).map(drop),
        Change::PostUsage(usage) => account.post_usage(usage).map(drop),
        Change::PostMetered(usage) => account.post_metered(usage).map(drop),
        Change::RetractGrant(grant) => account.retract_grant(grant),
        Change::RevokeGrant { grant, from } => account.revoke_grant(grant, from),
        Change::ChangeExpiration { grant, expiration } => {
            account.change_expiration(grant, expiration)
        }
        Change::ChangePriority { grant, priority } => account.change_priority(grant, priority),
        Change::RetractUsage(usage) => account.retract_usage(usage).map(drop),
        Change::ChangeUsage { usage, amount } => account.change_usage(usage, amount),
        Change::RetractMetered(id) => account.retract_metered(id).map(drop),
        Change::ChangeMetered { id, usage } => account.change_metered(id, usage),
        _ => panic!("what is {change:?}?"),
    }
}

fn job(random: &mut Pcg64Mcg) -> MeteredUsage {
    let from = random.random_range(TIMES);
    MeteredUsage {
        rate: random.random_range(0..4),
        from,
        until: from + random.random_range(-2..60),
    }
}

/// A change of what an account holds, or a new record.
fn change(account: &GpuCredit, random: &mut Pcg64Mcg) -> Change {
    let time = random.random_range(TIMES);
    let amount = random.random_range(0..40);
    let expiration = random.random_range(0..40);
    let grants: Vec<_> = account.grants().collect();
    let usage: Vec<_> = account.usage(..).collect();
    let jobs: Vec<_> = account.metered(..).collect();
    let mut pick = |len: usize| random.random_range(0..len);
    match pick(13) {
        12 if !grants.is_empty() => Change::ChangePriority {
            grant: grants[pick(grants.len())].0,
            priority: [-1, 0, 1][pick(3)],
        },
        3 if !grants.is_empty() => Change::RetractGrant(grants[pick(grants.len())].0),
        4 if !grants.is_empty() => Change::RevokeGrant {
            grant: grants[pick(grants.len())].0,
            from: time,
        },
        5 if !grants.is_empty() => Change::ChangeExpiration {
            grant: grants[pick(grants.len())].0,
            expiration,
        },
        6 | 7 if !usage.is_empty() => Change::RetractUsage(usage[pick(usage.len())].0),
        8 if !usage.is_empty() => Change::ChangeUsage {
            usage: usage[pick(usage.len())].0,
            amount,
        },
        9 if !jobs.is_empty() => Change::RetractMetered(jobs[pick(jobs.len())].0),
        10 | 11 if !jobs.is_empty() => Change::ChangeMetered {
            id: jobs[pick(jobs.len())].0,
            usage: job(random),
        },
        0 | 10 => GrantRecord::new("plan", amount, time, expiration).into(),
        1 | 11 => job(random).into(),
        _ => {
            let timestamp = time;
            UsageRecord { amount, timestamp }.into()
        }
    }
}

/// All that an account holds and answers, but what settling has done.
fn answers(account: &GpuCredit) -> Vec<String> {
    let ticks = (TIMES.start - 5..TIMES.end + 65).step_by(3);
    let mut answers = vec![
        format!("{:?}", account.grants().collect::<Vec<_>>()),
        format!("{:?}", account.usage(..).collect::<Vec<_>>()),
        format!("{:?}", account.metered(..).collect::<Vec<_>>()),
        format!("{:?}", account.steps(..).collect::<Vec<_>>()),
        format!("{:?}", account.draws(..).collect::<Vec<_>>()),
        format!("{:?}", account.lapsing(..)),
        format!(
            "{:?} {:?}",
            account.lowest_balance(..),
            account.first_uncovered(..)
        ),
        format!("{} {}", account.granted(), account.used()),
    ];
    for tick in ticks {
        answers.push(format!(
            "{tick}: {:?} {:?} {:?} {:?} {} {:?}",
            account.balance_at(tick),
            account.get_balance(tick),
            account.remainders_at(tick),
            account.statement(tick),
            account.spendable(tick),
            account.next_usage_id(tick),
        ));
    }
    for (id, _) in account.metered(..) {
        answers.push(format!("{:?}", account.metered_statement(id)));
    }
    answers
}

/// The names that the next records get.
fn next_names(account: &GpuCredit) -> String {
    let mut account = account.clone();
    let grant = account.post_grant(GrantRecord::new("next", 1, 0, 1));
    let job = MeteredUsage {
        rate: 0,
        from: 0,
        until: 0,
    };
    format!("{grant:?} {:?}", account.post_metered(job))
}

fn plan(account: &mut GpuCredit, random: &mut Pcg64Mcg) {
    let mut expected = account.clone();
    let mut changes = Vec::new();
    let mut refused = None;
    for index in 0..random.random_range(0..6) {
        let change = change(&expected, random);
        refused = make(&mut expected, &change)
            .err()
            .map(|error| (index, error));
        changes.push(change);
        if refused.is_some() {
            break;
        }
    }
    let before = account.clone();
    match account.what_if(&changes) {
        Ok(view) => {
            assert_eq!(refused, None, "{changes:?}");
            view.assert_invariants();
            assert_eq!(answers(&view), answers(&expected), "{changes:?}");
        }
        Err(error) => assert_eq!(Some((error.index, error.error)), refused, "{changes:?}"),
    }
    account.assert_invariants();
    assert_eq!(answers(account), answers(&before), "after {changes:?}");
    assert_eq!(
        next_names(account),
        next_names(&before),
        "after {changes:?}"
    );
    assert_eq!(account.settlement(), before.settlement());
    assert_eq!(account.usage_count(), before.usage_count());
}

fn run(seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let options = Options::default()
        .overdraft(overdraft(&mut random))
        .usage_chunk([4, 16, 64][random.random_range(0..3)])
        .boundary_chunk([4, 16, 64][random.random_range(0..3)])
        .checkpoint_spacing([1, 2, 7, usize::MAX][random.random_range(0..4)]);
    let mut account = GpuCredit::with_options(options);
    let mut posted = Posted::default();
    for _ in 0..random.random_range(1..12) {
        for _ in 0..random.random_range(1..12) {
            write(&mut random, &mut account, &mut posted);
        }
        match random.random_range(0..6) {
            0 => account.settle(),
            1 => account.settle_to(random.random_range(TIMES)),
            _ => {}
        }
        plan(&mut account, &mut random);
    }
}

#[test]
fn a_plan_answers_as_if_it_were_posted_and_leaves_no_trace() {
    for seed in 0..ledger_count() / 16 {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

/// What is planned ahead says nothing of the time: usage in time order is as cheap as before.
#[test]
fn a_plan_does_not_move_the_present() {
    let mut account = GpuCredit::new();
    for month in 0..1_000 {
        account.add_credit("plan", 10, month * 30, 29).unwrap();
    }
    account.subtract(4, 5).unwrap();
    let planned = UsageRecord {
        amount: 4,
        timestamp: 900 * 30,
    };
    let before = account.settlement();
    assert_eq!(
        account
            .what_if(&[planned.into()])
            .unwrap()
            .get_balance(900 * 30),
        Some(6)
    );
    for day in 6..60 {
        account.subtract(0, day).unwrap();
    }
    let replayed = account.settlement().boundaries_replayed - before.boundaries_replayed;
    assert!(replayed <= 4, "{replayed} boundaries replayed");
}

/// The table of epochs is what makes questions quick, and a plan that is over does not cost it.
#[test]
fn after_a_plan_questions_are_as_quick() {
    let mut account = GpuCredit::new();
    for day in 0..2_000 {
        account.add_credit("daily", 10, day * 10, 14).unwrap();
        account.subtract(5, day * 10).unwrap();
    }
    account.settle();
    let bytes = account.memory_used();
    let late = UsageRecord {
        amount: 3,
        timestamp: 5_005,
    };
    let grant = GrantRecord::new("more", 10, 7_000, 100);
    let job = MeteredUsage {
        rate: 1,
        from: 3_000,
        until: 9_000,
    };
    let changes = [late.into(), grant.into(), job.into()];
    assert!(!account.what_if(&changes).unwrap().is_settled());
    assert!(account.is_settled());
    // Without its table it would hold less.
    assert!(account.memory_used() >= bytes, "the table is there again");
    account.assert_invariants();
}
