//! Row C1: questions after one late record, without settling.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{
    DAY_TICKS, Grant, History, daily, daily_grant, daily_usage, questions,
};
use gpu_credit_workload::random::Random;

use super::unsettled::Questions;
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// A record within a day that has passed.
#[derive(Clone, Copy)]
enum Late {
    Usage,
    Grant,
}

/// What is posted before the questions.
struct Scenario {
    name: &'static str,
    late: &'static [Late],
    /// Days in time order after the late records.
    has_more_days: bool,
    target: Option<f64>,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "late usage",
        late: &[Late::Usage],
        has_more_days: false,
        target: Some(10.0),
    },
    Scenario {
        name: "a late grant",
        late: &[Late::Grant],
        has_more_days: false,
        target: Some(10.0),
    },
    Scenario {
        name: "late usage and more days",
        late: &[Late::Usage],
        has_more_days: true,
        target: Some(10.0),
    },
    Scenario {
        name: "three late records",
        late: &[Late::Usage, Late::Grant, Late::Usage],
        has_more_days: false,
        target: None,
    },
];

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C1") {
        return Ok(());
    }
    for days in [1_000, runner.size(1_000_000, 10_000)] {
        let before = Days::settled(days)?;
        let mut after = before.clone();
        after.post(runner.size(1_000, 100))?;
        after.account.settle();
        for scenario in &SCENARIOS {
            runner.doing(format!("C1: {days} days, {}", scenario.name));
            let settled = match scenario.has_more_days {
                true => &after,
                false => &before,
            };
            measure(runner, scenario, &before, settled)?;
        }
    }
    Ok(())
}

/// A case of questions at the end of history, and one of questions at random instants.
fn measure(runner: &mut Runner, scenario: &Scenario, before: &Days, settled: &Days) -> Result<()> {
    let count = runner.size(10_000, 1_000);
    let at_random = questions(runner.seed(), &settled.history, count);
    let at_the_end = vec![settled.history.seconds - 1; count];
    for (when, times) in [("at the end", at_the_end), ("at random", at_random)] {
        let parties = ask(runner, scenario, before, settled, &times)?;
        let series = format!("{when}, after {}", scenario.name);
        let size = (before.history.grants.len() as u64, "grants");
        let case = Case::new("C1", series, size, "ns a question", parties);
        runner.add(case.at_most(scenario.target));
    }
    Ok(())
}

/// The records of a scenario are posted to a new copy of the account in each round.
fn ask(
    runner: &Runner,
    scenario: &Scenario,
    before: &Days,
    settled: &Days,
    times: &[i64],
) -> Result<Vec<Party>> {
    let mut asked = Questions::new(&settled.account, times, settled.answers(times));
    let mut random = Random::new(runner.seed());
    let days = before.history.grants.len();
    for _ in 0..runner.rounds() {
        let mut late = before.clone();
        for kind in scenario.late {
            let day = usize::try_from(random.below(days as u64))?;
            late.post_late(day, *kind)?;
        }
        late.post(settled.history.grants.len() - days)?;
        asked.round(&late.account, &late.answers(times))?;
    }
    Ok(asked.finish())
}

/// An account of daily windows, and its records.
#[derive(Clone)]
struct Days {
    account: GpuCredit,
    history: History,
}

impl Days {
    /// Days posted in time order.
    fn settled(days: usize) -> Result<Self> {
        let mut these = Self {
            account: engine::open(Overdraft::Carry),
            history: daily(0),
        };
        these.post(days)?;
        these.account.settle();
        Ok(these)
    }

    /// Posts more days in time order, each with its usage.
    fn post(&mut self, days: usize) -> Result<()> {
        let first = usize::try_from(self.history.seconds / DAY_TICKS)?;
        for day in first..first + days {
            let (grant, usage) = (daily_grant(day), daily_usage(day));
            engine::post_grant(&mut self.account, &grant)?;
            self.account.subtract(usage.1, usage.0)?;
            self.history.grants.push(grant);
            self.history.usage.push(usage);
        }
        self.history.seconds = daily_grant(first + days).start;
        Ok(())
    }

    /// One record more within a day.
    fn post_late(&mut self, day: usize, kind: Late) -> Result<()> {
        let start = daily_grant(day).start;
        match kind {
            Late::Usage => {
                self.account.subtract(1, start + 3)?;
                self.history.usage.push((start + 3, 1));
            }
            Late::Grant => {
                let grant = Grant {
                    amount: 3,
                    start: start + 2,
                    expiration: 4,
                };
                engine::post_grant(&mut self.account, &grant)?;
                self.history.grants.push(grant);
            }
        }
        Ok(())
    }

    fn answers(&self, times: &[i64]) -> Vec<Option<u64>> {
        replayed(&self.history, Overdraft::Carry, times)
    }
}
