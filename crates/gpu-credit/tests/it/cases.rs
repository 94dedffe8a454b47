//! The worked examples of the reference, run over the engine: as they stand, and with an account
//! that is settled after every line.

use gpu_credit::{GpuCredit, GrantId, MeteredUsage, Options, Overdraft};
use gpu_credit_replay::Usage;
use gpu_credit_replay::cases::{self, Case, Need, Step};

use crate::retract_latest;

fn run(case: &Case, options: Options, settled: bool) {
    let mut account = GpuCredit::with_options(options);
    let mut grants: Vec<GrantId> = Vec::new();
    for step in &case.steps {
        match *step {
            Step::Grant {
                amount,
                timestamp,
                expiration,
                ..
            } => grants.push(
                account
                    .add_credit("", amount, timestamp, expiration)
                    .unwrap(),
            ),
            Step::Usage(usage) => match metered(usage) {
                Some(job) => _ = account.post_metered(job).unwrap(),
                None => account.subtract(usage.amount, usage.timestamp).unwrap(),
            },
            Step::RetractGrant { grant } => account.retract_grant(grants[grant]).unwrap(),
            Step::RetractUsage(usage) => match metered(usage) {
                Some(job) => {
                    let equal = account.metered(..).filter(|(_, posted)| *posted == job);
                    let (latest, _) = equal.max_by_key(|(id, _)| *id).unwrap();
                    account.retract_metered(latest).unwrap();
                }
                None => assert!(retract_latest(&mut account, usage.amount, usage.timestamp)),
            },
            Step::Balance { timestamp, answer } => {
                let found = account.balance_at(timestamp);
                let found = (found.balance, found.status.as_str(), found.deficit);
                let right = (answer.balance, answer.status.as_str(), answer.deficit);
                assert_eq!(found, right, "{step} in\n{case}");
            }
            Step::Remainders {
                timestamp,
                ref remainders,
            } => {
                let found = account.remainders_at(timestamp).into_iter();
                let found: Vec<_> = found
                    .map(|left| (left.grant.index() as usize, left.amount))
                    .collect();
                let right = remainders.iter().copied().filter(|(_, amount)| *amount > 0);
                assert_eq!(found, right.collect::<Vec<_>>(), "{step} in\n{case}");
            }
            Step::Classic { .. } => {}
            _ => unreachable!("{step} needs something"),
        }
        if settled {
            account.settle();
        }
        account.assert_invariants();
    }
}

fn metered(usage: Usage) -> Option<MeteredUsage> {
    Some(MeteredUsage {
        rate: usage.amount,
        from: usage.timestamp,
        until: usage.until?,
    })
}

#[test]
fn every_worked_example() {
    let is_known = |case: &Case| case.needs().iter().all(|need| *need == Need::Metered);
    let (can, cannot): (Vec<_>, Vec<_>) = cases::all().into_iter().partition(is_known);
    assert!(can.len() > 50, "the tables are there");
    for case in &can {
        let overdraft = match case.overdraft {
            gpu_credit_replay::Overdraft::Carry => Overdraft::Carry,
            gpu_credit_replay::Overdraft::Forfeit => Overdraft::Forfeit,
            gpu_credit_replay::Overdraft::CarryUpTo(_) => unreachable!("it needs a credit line"),
        };
        let usual = Options::default().overdraft(overdraft);
        let tiny = usual.usage_chunk(4).boundary_chunk(4).checkpoint_spacing(1);
        for (options, settled) in [(usual, false), (usual, true), (tiny, false), (tiny, true)] {
            run(case, options, settled);
        }
    }
    for case in &cannot {
        eprintln!("not run: {}, which needs {:?}", case.name, case.needs());
    }
    assert_eq!(cannot.len(), 99, "cases that the engine cannot run yet");
}
