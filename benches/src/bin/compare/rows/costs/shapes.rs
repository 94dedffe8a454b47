//! Row C6: the shapes of rows S4 and S5: long windows among short ones, nested windows, dominoes.

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::replayed;
use gpu_credit_benches::workload::{
    Entry, History, Mix, Write, domino_front, dominoes, nested, questions,
};
use gpu_credit_workload::random::Random;

use super::unsettled::Questions;
use super::{greatest, mean};
use crate::outcome::{Case, Party};
use crate::rows::late::series;
use crate::runner::Runner;

/// Late usage that is posted and retracted, settled each time.
const WRITES: usize = 50;

/// A history, and late usage that its shape makes costly.
struct Shape {
    name: String,
    history: History,
    late_usage: Box<dyn Fn(&mut Random) -> Entry>,
}

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C6") {
        return Ok(());
    }
    let grants = runner.size(100_000, 2_000);
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        for (live, load_percent) in [(10, 90), (10, 102), (50, 98)] {
            let mix = Mix {
                grants,
                live,
                load_percent,
                has_long: true,
            };
            measure(runner, overdraft, &long_ones(runner, mix, overdraft))?;
        }
        measure(runner, overdraft, &all_nested(runner, grants, overdraft))?;
        measure(runner, overdraft, &all_dominoes(grants, overdraft))?;
    }
    Ok(())
}

fn long_ones(runner: &Runner, mix: Mix, overdraft: Overdraft) -> Shape {
    Shape {
        name: series(&mix, overdraft),
        history: mix.history(runner.seed()),
        late_usage: Box::new(move |random| mix.small_usage(random)),
    }
}

fn all_nested(runner: &Runner, grants: usize, overdraft: Overdraft) -> Shape {
    let history = nested(runner.seed(), grants);
    let last = history.seconds - 1;
    Shape {
        name: format!("{overdraft:?}, all nested"),
        history,
        late_usage: Box::new(move |random| (random.between(0, last), 5 + random.below(46))),
    }
}

fn all_dominoes(grants: usize, overdraft: Overdraft) -> Shape {
    Shape {
        name: format!("{overdraft:?}, dominoes"),
        history: dominoes(grants),
        late_usage: Box::new(|_| domino_front()),
    }
}

fn measure(runner: &mut Runner, overdraft: Overdraft, shape: &Shape) -> Result<()> {
    runner.doing(format!("C6: {}", shape.name));
    let mut writer = Writer::new(engine::load(&shape.history, overdraft)?);
    let size = (shape.history.grants.len() as u64, "grants");
    let parties = count(runner, &mut writer, shape)?;
    let series = format!("late usage, settled: {}", shape.name);
    runner.add(Case::new("C6", series, size, "boundaries", parties));
    let parties = ask(runner, writer, shape)?;
    let series = format!("at random, after late usage: {}", shape.name);
    runner.add(Case::new("C6", series, size, "ns a question", parties));
    Ok(())
}

/// Boundaries that late usage replays, and as many as there are from it to the end of history.
fn count(runner: &Runner, writer: &mut Writer, shape: &Shape) -> Result<Vec<Party>> {
    let mut random = Random::new(runner.seed());
    let (mut counts, mut to_the_end) = (Vec::new(), Vec::new());
    let last = shape.history.seconds - 1;
    let before = writer.account.get_balance(last);
    for _ in 0..WRITES / 2 {
        let entry = (shape.late_usage)(&mut random);
        for write in [Write::AddUsage(entry), Write::RemoveUsage(entry)] {
            counts.push(settled_boundaries(writer, &write)?);
            to_the_end.push(later_boundaries(&shape.history, entry.0));
        }
    }
    let after = writer.account.get_balance(last);
    ensure!(before == after, "{after:?}, and it was {before:?}");
    Ok(vec![
        Party::new("gpu-credit, mean", vec![mean(&counts)]),
        Party::new("all to the end of history, mean", vec![mean(&to_the_end)]),
        Party::new("gpu-credit, at most", vec![greatest(&counts)]),
    ])
}

fn settled_boundaries(writer: &mut Writer, write: &Write) -> Result<f64> {
    let before = writer.account.settlement().boundaries_replayed;
    writer.apply(write)?;
    writer.account.settle();
    Ok((writer.account.settlement().boundaries_replayed - before) as f64)
}

/// Starts, and instants after an end, that are later.
fn later_boundaries(history: &History, time: i64) -> f64 {
    let starts = history.grants.iter().map(|grant| grant.start);
    let ends = history.grants.iter().map(|grant| grant.end() + 1);
    starts.chain(ends).filter(|other| *other > time).count() as f64
}

/// Questions after late usage, which is retracted and settled before the next round.
fn ask(runner: &Runner, mut writer: Writer, shape: &Shape) -> Result<Vec<Party>> {
    let mut random = Random::new(!runner.seed());
    let times = questions(runner.seed(), &shape.history, runner.size(10_000, 1_000));
    let settled = writer.account.clone();
    let overdraft = settled.overdraft();
    let answers = replayed(&shape.history, overdraft, &times);
    let mut asked = Questions::new(&settled, &times, answers);
    for _ in 0..runner.rounds() {
        let entry = (shape.late_usage)(&mut random);
        let mut history = shape.history.clone();
        history.usage.push(entry);
        writer.apply(&Write::AddUsage(entry))?;
        asked.round(&writer.account, &replayed(&history, overdraft, &times))?;
        writer.apply(&Write::RemoveUsage(entry))?;
        writer.account.settle();
    }
    Ok(asked.finish())
}
