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
use crate::outcome::Case;
use crate::runner::Runner;

/// What is asked, and after what.
struct Scenario {
    series: &'static str,
    is_grant: bool,
    /// Days in time order between the late record and the questions.
    has_more_days: bool,
    /// At random instants, or at the end of history.
    is_random: bool,
}

const fn scenario(
    series: &'static str,
    is_grant: bool,
    has_more_days: bool,
    is_random: bool,
) -> Scenario {
    Scenario {
        series,
        is_grant,
        has_more_days,
        is_random,
    }
}

const SCENARIOS: [Scenario; 6] = [
    scenario("at the end, after late usage", false, false, false),
    scenario("at random, after late usage", false, false, true),
    scenario("at the end, after a late grant", true, false, false),
    scenario("at random, after a late grant", true, false, true),
    scenario(
        "at the end, after late usage and more days",
        false,
        true,
        false,
    ),
    scenario(
        "at random, after late usage and more days",
        false,
        true,
        true,
    ),
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
        for scenario in SCENARIOS {
            runner.doing(format!("C1: {days} days, {}", scenario.series));
            let settled = if scenario.has_more_days {
                &after
            } else {
                &before
            };
            let case = measure(runner, &scenario, &before, settled)?;
            runner.add(case.at_most(10.0));
        }
    }
    Ok(())
}

fn measure(runner: &Runner, scenario: &Scenario, before: &Days, settled: &Days) -> Result<Case> {
    let count = runner.size(10_000, 1_000);
    let times = match scenario.is_random {
        true => questions(runner.seed(), &settled.history, count),
        false => vec![settled.history.seconds - 1; count],
    };
    let answers = settled.answers(&times);
    let mut asked = Questions::new(&settled.account, &times, answers);
    let mut random = Random::new(runner.seed());
    let days = before.history.grants.len();
    for _ in 0..runner.rounds() {
        let mut late = before.clone();
        let day = usize::try_from(random.below(days as u64))?;
        late.post_late(day, scenario.is_grant)?;
        late.post(settled.history.grants.len() - days)?;
        asked.round(&late.account, &late.answers(&times))?;
    }
    let size = (days as u64, "grants");
    Ok(Case::new(
        "C1",
        scenario.series,
        size,
        "ns a question",
        asked.finish(),
    ))
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
    fn post_late(&mut self, day: usize, is_grant: bool) -> Result<()> {
        let start = daily_grant(day).start;
        if is_grant {
            let grant = Grant {
                amount: 3,
                start: start + 2,
                expiration: 4,
            };
            engine::post_grant(&mut self.account, &grant)?;
            self.history.grants.push(grant);
        } else {
            self.account.subtract(1, start + 3)?;
            self.history.usage.push((start + 3, 1));
        }
        Ok(())
    }

    fn answers(&self, times: &[i64]) -> Vec<Option<u64>> {
        replayed(&self.history, Overdraft::Carry, times)
    }
}
