//! Rows B: a book of many small accounts.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gpu_credit::{Answer, CreditBook, GpuCredit, Overdraft, Record};
use gpu_credit_benches::engine;
use gpu_credit_workload::random::Random;
use rayon::ThreadPool;

use super::queries::threads;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::memory::live_bytes;
use crate::outcome::{Case, Party};
use crate::runner::Runner;

const GRANTS: i64 = 10;
const USAGE: usize = 50;
const YEAR_SECONDS: i64 = 365 * 86_400;
/// Accounts whose records are ingested at once.
const ACCOUNTS_AT_ONCE: usize = 20_000;
/// Bytes an account, all counted: what a book of small accounts may take.
const BUDGET_BYTES: f64 = 1_536.0;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if runner.wants("B1") {
        ingest(runner)?;
    }
    if runner.wants_any(&["B2", "B3"]) {
        hold_and_ask(runner)?;
    }
    Ok(())
}

fn name(number: usize) -> String {
    format!("account-{number:08}")
}

/// A year of an account: plans that overlap, and usage in any order.
fn records(seed: u64, number: usize) -> impl Iterator<Item = Record> {
    let mut random = Random::new(seed ^ number as u64);
    let spacing = YEAR_SECONDS / GRANTS;
    let grants = (0..GRANTS).map(move |grant| {
        let length = spacing.unsigned_abs() * 11 / 10;
        Record::grant("plan", 1_000_000, grant * spacing, length)
    });
    let usage = (0..USAGE)
        .map(move |_| Record::usage(random.below(400_000), random.between(0, YEAR_SECONDS)));
    grants.chain(usage)
}

/// The records of some accounts, one account after another.
fn named(seed: u64, accounts: std::ops::Range<usize>) -> Vec<(String, Record)> {
    let records = accounts.flat_map(|number| {
        let name = name(number);
        records(seed, number).map(move |record| (name.clone(), record))
    });
    records.collect()
}

fn open(accounts: std::ops::Range<usize>) -> Result<CreditBook> {
    let mut book = CreditBook::new();
    for number in accounts {
        book.open(&name(number), Overdraft::Carry)?;
    }
    Ok(book)
}

/// Row B1: the same records on two threads and on one.
fn ingest(runner: &mut Runner) -> Result<()> {
    runner.doing("ingesting");
    let accounts = runner.size(10 * ACCOUNTS_AT_ONCE, ACCOUNTS_AT_ONCE);
    let seed = runner.seed();
    let records = named(seed, 0..accounts);
    let (one, two) = (threads(1)?, threads(2)?);
    let turn = |pool: &ThreadPool| -> Result<Turn> {
        let mut book = open(0..accounts)?;
        let (done, time) = pool.install(|| timed(|| book.ingest(&records)));
        done?;
        let ask = |number| book.balance_at(&name(number), YEAR_SECONDS / 2);
        let balances = (0..accounts).step_by(97).map(ask).map(balance);
        Ok(Turn {
            time,
            operations: records.len(),
            checksum: balances.collect(),
        })
    };
    let entrants = vec![
        Entrant::new("gpu-credit on two threads", || turn(&two)),
        Entrant::new("on one", || turn(&one)),
    ];
    let parties = take_turns(runner.rounds(), entrants)?;
    let size = (accounts as u64, "accounts");
    let case = Case::new("B1", "ingest into a book", size, "ns a record", parties);
    runner.add(case.at_most(1.0 / 1.6));
    Ok(())
}

/// Rows B2 and B3: what a book of a million takes, and how it answers.
fn hold_and_ask(runner: &mut Runner) -> Result<()> {
    let accounts = runner.size(1_000_000, ACCOUNTS_AT_ONCE);
    let size = (accounts as u64, "accounts");
    let before = live_bytes();
    let book = filled(runner, accounts)?;
    let bytes = live_bytes().wrapping_sub(before);
    verify(&book, runner.seed(), accounts)?;
    let an_account = |bytes: usize| vec![bytes as f64 / accounts as f64];
    let parties = vec![
        Party::new("gpu-credit, by the allocator", an_account(bytes)),
        Party::new("what it may take", vec![BUDGET_BYTES]),
        Party::new("as memory_used says", an_account(book.memory_used())),
    ];
    let series = "memory of a book of small accounts";
    runner.add(Case::new("B2", series, size, "bytes an account", parties).at_most(1.0));

    let parties = ask(runner, &book, accounts)?;
    let series = "batch of questions across accounts";
    runner.add(Case::new("B3", series, size, "ns a question", parties));
    Ok(())
}

fn filled(runner: &Runner, accounts: usize) -> Result<CreditBook> {
    let mut book = open(0..accounts)?;
    for first in (0..accounts).step_by(ACCOUNTS_AT_ONCE) {
        runner.doing(format!("filling a book: {first} of {accounts} accounts"));
        let last = accounts.min(first + ACCOUNTS_AT_ONCE);
        book.ingest(&named(runner.seed(), first..last))?;
    }
    Ok(book)
}

/// Row B3: the book on one thread and on two, and a map that holds every answer.
fn ask(runner: &Runner, book: &CreditBook, accounts: usize) -> Result<Vec<Party>> {
    runner.doing("asking across accounts");
    let questions = questions(runner.seed(), accounts);
    let ready = Ready::of(&questions, book.balances_at(&questions));
    let (one, two) = (threads(1)?, threads(2)?);
    let ask = |pool: &ThreadPool| {
        let (answers, time) = pool.install(|| timed(|| book.balances_at(&questions)));
        turn(time, &questions, answers.into_iter().map(balance))
    };
    let look_up = || {
        let find = || questions.iter().map(|question| ready.get(question));
        let (answers, time) = timed(|| find().collect::<Vec<_>>());
        turn(time, &questions, answers)
    };
    let entrants = vec![
        Entrant::new("gpu-credit on one thread", || ask(&one)),
        Entrant::new("HashMap of ready answers by name", look_up),
        Entrant::new("gpu-credit on two threads", || ask(&two)),
    ];
    take_turns(runner.rounds(), entrants)
}

type Question = (String, i64);

/// As many questions as there are accounts, to random ones at random instants.
fn questions(seed: u64, accounts: usize) -> Vec<Question> {
    let mut random = Random::new(!seed);
    let mut question = || {
        let number = usize::try_from(random.below(accounts as u64));
        (name(number.unwrap_or(0)), random.between(0, YEAR_SECONDS))
    };
    (0..accounts).map(|_| question()).collect()
}

fn balance(answer: Option<Answer>) -> Option<u64> {
    answer.and_then(|answer| answer.balance)
}

fn turn(
    time: Duration,
    questions: &[Question],
    balances: impl IntoIterator<Item = Option<u64>>,
) -> Result<Turn> {
    Ok(Turn {
        time,
        operations: questions.len(),
        checksum: balances.into_iter().collect(),
    })
}

/// Every answer by name and instant: it finds a name and no more.
struct Ready<'a>(HashMap<&'a str, Vec<(i64, Option<u64>)>>);

impl<'a> Ready<'a> {
    fn of(questions: &'a [Question], answers: Vec<Option<Answer>>) -> Self {
        let mut ready: HashMap<_, Vec<_>> = HashMap::new();
        for ((name, time), answer) in questions.iter().zip(answers) {
            let known = ready.entry(name.as_str()).or_default();
            known.push((*time, balance(answer)));
        }
        Self(ready)
    }

    fn get(&self, (name, time): &Question) -> Option<u64> {
        let known = self.0.get(name.as_str())?;
        known.iter().find(|(known, _)| known == time)?.1
    }
}

/// Every so many accounts against one of its own, at all of its instants.
fn verify(book: &CreditBook, seed: u64, accounts: usize) -> Result<()> {
    for number in (0..accounts).step_by(1 + accounts / 1_000) {
        let mut account = GpuCredit::new();
        account.extend(records(seed, number))?;
        let windows = account
            .grants()
            .flat_map(|(_, grant)| [grant.start, grant.end + 1]);
        for time in windows.chain(engine::usage(&account).map(|(time, _)| time)) {
            let found = book.balance_at(&name(number), time).context("it is open")?;
            ensure!(
                found == account.balance_at(time),
                "{} at {time}: {found:?}",
                name(number)
            );
        }
    }
    Ok(())
}
