//! Row D1: late writes to many accounts with standing questions, against a dataflow program.

use std::time::Duration;

use anyhow::Result;
use gpu_credit::Overdraft;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::dataflow::{Answers, maintain};
use gpu_credit_benches::workload::{History, LateWrites, Mix, Write, questions};
use gpu_credit_workload::random::Random;

use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::ENGINE;
use crate::outcome::Case;
use crate::runner::Runner;

/// Standing questions of each account.
const QUESTIONS: usize = 10;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("D1") {
        return Ok(());
    }
    runner.doing("D1: many accounts");
    let mix = Mix {
        grants: 100,
        live: 5,
        load_percent: 90,
        has_long: false,
    };
    let count = runner.size(500, 20);
    let seeds = (0..count as u64).map(|number| runner.seed().wrapping_mul(10_000) + number);
    let accounts: Vec<History> = seeds.map(|seed| mix.history(seed)).collect();
    let questions: Vec<Vec<i64>> = accounts
        .iter()
        .zip(0..)
        .map(|(account, seed)| distinct(questions(seed, account, QUESTIONS)))
        .collect();
    let writes = writes(runner.seed(), &mix, &accounts, runner.size(2_000, 100));
    let entrants = vec![
        Entrant::new(ENGINE, || by_engine(&accounts, &questions, &writes)),
        Entrant::new("differential-dataflow", || {
            let (time, answers) = maintain(&accounts, &questions, &writes);
            Ok(turn(time, &writes, answers))
        }),
    ];
    let parties = take_turns(runner.rounds(), entrants)?;
    let entries = accounts[0].usage.len();
    let series = format!("late writes to accounts of {entries} usage entries");
    let size = (count as u64, "accounts");
    runner.add(Case::new("D1", series, size, "ns a late write", parties));
    Ok(())
}

fn distinct(mut questions: Vec<i64>) -> Vec<i64> {
    questions.sort_unstable();
    questions.dedup();
    questions
}

/// Writes of every kind to random accounts.
fn writes(seed: u64, mix: &Mix, accounts: &[History], count: usize) -> Vec<(usize, Write)> {
    let mix = *mix;
    let late = |account: &History| {
        LateWrites::new(
            seed,
            account,
            move |random| mix.small_usage(random),
            move |random| mix.grant(random),
        )
    };
    let mut late: Vec<LateWrites> = accounts.iter().map(late).collect();
    let mut random = Random::new(seed);
    let mut write = || {
        let account = usize::try_from(random.below(accounts.len() as u64)).unwrap_or(0);
        (account, late[account].make())
    };
    (0..count).map(|_| write()).collect()
}

/// Each write is settled, and the standing questions of its account are asked again.
fn by_engine(
    accounts: &[History],
    questions: &[Vec<i64>],
    writes: &[(usize, Write)],
) -> Result<Turn> {
    let mut writers = Vec::new();
    let mut answers = Answers::new();
    for (account, history) in accounts.iter().enumerate() {
        let writer = Writer::new(engine::load(history, Overdraft::Carry)?);
        ask(&mut answers, account, &writer, &questions[account]);
        writers.push(writer);
    }
    let (done, time) = timed(|| -> Result<()> {
        for (account, write) in writes {
            let writer = &mut writers[*account];
            writer.apply(write)?;
            writer.account.settle();
            ask(&mut answers, *account, writer, &questions[*account]);
        }
        Ok(())
    });
    done?;
    Ok(turn(time, writes, answers))
}

fn ask(answers: &mut Answers, account: usize, writer: &Writer, questions: &[i64]) {
    let balances = writer.account.get_balances(questions);
    let places = questions.iter().map(|time| (account, *time));
    answers.extend(places.zip(balances));
}

/// The checksum weighs each answer by its place, so that none can stand in for another.
fn turn(time: Duration, writes: &[(usize, Write)], answers: Answers) -> Turn {
    let weighed = (1..).zip(answers.into_values()).map(|(place, balance)| {
        let number = balance.map_or(0, |balance| balance + 1);
        Some(number.wrapping_mul(place))
    });
    Turn {
        time,
        operations: writes.len(),
        checksum: weighed.collect::<Checksum>(),
    }
}
