//! Rows S1 to S4: late writes of every kind, each settled and followed by a question at the end.

use anyhow::Result;
use gpu_credit::Overdraft;
use gpu_credit_benches::workload::Mix;

use super::ledger::{Ledger, Workload};
use crate::names::ENGINE;
use crate::outcome::{Case, Party, thousands};
use crate::runner::Runner;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    let mix = |live, load_percent, has_long| Mix {
        grants: 0,
        live,
        load_percent,
        has_long,
    };
    if runner.wants_any(&["S1", "S2"]) {
        for live in [10, 50] {
            for load_percent in [50, 90, 120, 200] {
                grow(runner, "S1", mix(live, load_percent, false), Some(0.001))?;
            }
        }
    }
    if runner.wants("S3") {
        for (live, target) in [(50, 0.01), (500, 0.1)] {
            for load_percent in [98, 100, 102] {
                at_full_size(runner, "S3", mix(live, load_percent, false), Some(target))?;
            }
        }
    }
    if runner.wants("S4") {
        for (live, load_percent) in [(10, 90), (10, 102), (50, 98)] {
            at_full_size(runner, "S4", mix(live, load_percent, true), Some(0.06))?;
        }
    }
    Ok(())
}

/// The number of grants at which the targets hold.
pub(crate) fn full_size(runner: &Runner) -> usize {
    runner.size(1_000_000, 10_000)
}

/// Measures three sizes in turns, and the growth from the first to the last, which has the target.
fn grow(runner: &mut Runner, row: &str, mix: Mix, target: Option<f64>) -> Result<()> {
    let full = full_size(runner);
    let sizes = [full / 100, full / 10, full];
    let workloads = sizes.map(|grants| Workload::new(runner.seed(), Mix { grants, ..mix }));
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        runner.doing(format!("{row} {}", series(&mix, overdraft)));
        let mut ledgers = Vec::new();
        for workload in &workloads {
            ledgers.push(Ledger::new(runner, workload, overdraft)?);
        }
        for _ in 0..runner.rounds() {
            for ledger in &mut ledgers {
                ledger.round()?;
            }
        }
        let mut growth = Vec::new();
        for (ledger, grants) in ledgers.into_iter().zip(sizes) {
            let is_full = grants == full && overdraft == Overdraft::Carry;
            let parties = ledger.finish()?;
            growth.push(parties[0].clone());
            runner.add(case(
                row,
                &mix,
                overdraft,
                grants,
                target.filter(|_| is_full),
                parties,
            ));
        }
        let (small, large) = (growth[0].clone(), growth[2].clone());
        let parties = vec![renamed(large, sizes[2]), renamed(small, sizes[0])];
        let target = Some(3.0).filter(|_| overdraft == Overdraft::Carry);
        runner.add(case("S2", &mix, overdraft, full, target, parties));
    }
    Ok(())
}

fn renamed(party: Party, grants: usize) -> Party {
    Party {
        name: format!("{ENGINE}, {} grants", thousands(grants as u64)),
        ..party
    }
}

fn at_full_size(runner: &mut Runner, row: &str, mix: Mix, target: Option<f64>) -> Result<()> {
    let grants = full_size(runner);
    let workload = Workload::new(runner.seed(), Mix { grants, ..mix });
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        runner.doing(format!("{row} {}", series(&mix, overdraft)));
        let mut ledger = Ledger::new(runner, &workload, overdraft)?;
        for _ in 0..runner.rounds() {
            ledger.round()?;
        }
        let parties = ledger.finish()?;
        runner.add(case(row, &mix, overdraft, grants, target, parties));
    }
    Ok(())
}

fn case(
    row: &str,
    mix: &Mix,
    overdraft: Overdraft,
    grants: usize,
    target: Option<f64>,
    parties: Vec<Party>,
) -> Case {
    let size = (grants as u64, "grants");
    Case::new(
        row,
        series(mix, overdraft),
        size,
        "ns a late write",
        parties,
    )
    .at_most(target)
}

pub(crate) fn series(mix: &Mix, overdraft: Overdraft) -> String {
    let Mix {
        live, load_percent, ..
    } = mix;
    let (whole, part) = (load_percent / 100, load_percent % 100);
    let long = if mix.has_long {
        ", long ones among them"
    } else {
        ""
    };
    format!("{overdraft:?}, {live} live{long}, load {whole}.{part:02}")
}
