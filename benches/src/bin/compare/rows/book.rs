//! Rows B1 to B4: a book of many small accounts.

use std::collections::HashMap;
use std::ops::Range;
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
const YEAR_SECONDS: i64 = 365 * 86_400;
/// Accounts whose records are ingested at once.
const ACCOUNTS_AT_ONCE: usize = 20_000;
/// Bytes of an account of 60 records that are looked at as one.
const BYTES: f64 = 1_024.0;

/// What the accounts of a book have.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) usage: usize,
    /// Whether every other usage record is metered.
    pub(super) is_metered: bool,
    /// All usage is earlier.
    pub(super) until: i64,
}

/// Ten grants and fifty usage records.
pub(super) const SMALL: Shape = Shape {
    usage: 50,
    is_metered: false,
    until: YEAR_SECONDS,
};

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if runner.wants("B1") {
        ingest(runner)?;
    }
    if runner.wants_any(&["B2", "B3", "B4"]) {
        let metered = Shape {
            is_metered: true,
            ..SMALL
        };
        let larger = Shape {
            usage: 990,
            ..SMALL
        };
        let million = runner.size(1_000_000, ACCOUNTS_AT_ONCE);
        let some = runner.size(60_000, 2_000);
        hold_and_ask(runner, SMALL, "", million, (0.75, 0.8))?;
        hold_and_ask(
            runner,
            metered,
            ", half of the usage metered",
            million,
            (1.125, 1.2),
        )?;
        hold_and_ask(
            runner,
            larger,
            ", 1,000 records each",
            some,
            (None::<f64>, 0.9),
        )?;
    }
    Ok(())
}

pub(super) fn name(number: usize) -> String {
    format!("account-{number:08}")
}

/// A year of an account: plans that overlap, and usage in any order. However many usage records there
/// are, they use about as much.
pub(super) fn records(seed: u64, number: usize, shape: Shape) -> impl Iterator<Item = Record> {
    let mut random = Random::new(seed ^ number as u64);
    let spacing = YEAR_SECONDS / GRANTS;
    let grants = (0..GRANTS).map(move |grant| {
        let length = spacing.unsigned_abs() * 11 / 10;
        Record::grant("plan", 1_000_000, grant * spacing, length)
    });
    let usage = (0..shape.usage).map(move |nth| {
        let time = random.between(0, shape.until);
        if shape.is_metered && nth % 2 == 1 {
            // Up to 64 processors, for up to three hours.
            let until = time + random.between(60, 3 * 3_600);
            return Record::metered(1 + random.below(64), time..until);
        }
        Record::usage(random.below(20_000_000 / shape.usage as u64), time)
    });
    grants.chain(usage)
}

/// The records of some accounts, one account after another.
fn named(seed: u64, accounts: Range<usize>, shape: Shape) -> Vec<(String, Record)> {
    let records = accounts.flat_map(|number| {
        let name = name(number);
        records(seed, number, shape).map(move |record| (name.clone(), record))
    });
    records.collect()
}

fn open(accounts: Range<usize>) -> Result<CreditBook> {
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
    let records = named(seed, 0..accounts, SMALL);
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

/// Rows B2 to B4: what a book takes, and how it answers.
fn hold_and_ask(
    runner: &mut Runner,
    shape: Shape,
    kind: &str,
    accounts: usize,
    (bytes_at_most, batch_at_most): (impl Into<Option<f64>>, f64),
) -> Result<()> {
    let size = (accounts as u64, "accounts");
    let before = live_bytes();
    let book = filled(runner, shape, accounts)?;
    let bytes = live_bytes().wrapping_sub(before);
    verify(&book, runner.seed(), shape, accounts)?;
    let an_account = |bytes: usize| vec![bytes as f64 / accounts as f64];
    let parties = vec![
        Party::new("gpu-credit, by the allocator", an_account(bytes)),
        Party::new("a kilobyte", vec![BYTES]),
        Party::new("as memory_used says", an_account(book.memory_used())),
    ];
    let series = format!("memory of a book of small accounts{kind}");
    let case = Case::new("B2", &series, size, "bytes an account", parties);
    runner.add(case.at_most(bytes_at_most));

    let (batches, one_by_one) = ask(runner, &book, accounts)?;
    let series = format!("batch of questions across accounts{kind}");
    let case = Case::new("B3", &series, size, "ns a question", batches);
    runner.add(case.at_most(batch_at_most));
    let series = format!("one question at a time across accounts{kind}");
    runner.add(Case::new("B4", &series, size, "ns a question", one_by_one));
    Ok(())
}

pub(super) fn filled(runner: &Runner, shape: Shape, accounts: usize) -> Result<CreditBook> {
    let mut book = open(0..accounts)?;
    let at_once = ACCOUNTS_AT_ONCE * SMALL.usage / shape.usage;
    for first in (0..accounts).step_by(at_once) {
        runner.doing(format!("filling a book: {first} of {accounts} accounts"));
        let last = accounts.min(first + at_once);
        book.ingest(&named(runner.seed(), first..last, shape))?;
    }
    Ok(book)
}

/// Rows B3 and B4: the book in a batch, on one thread and on two, and question by question; and a map that
/// holds every answer.
fn ask(runner: &Runner, book: &CreditBook, accounts: usize) -> Result<(Vec<Party>, Vec<Party>)> {
    runner.doing("asking across accounts");
    let questions = questions(runner.seed(), accounts, runner.size(1_000_000, 20_000));
    let ready = Ready::of(&questions, book.balances_at(&questions));
    let (one, two) = (threads(1)?, threads(2)?);
    let ask = |pool: &ThreadPool| {
        let (answers, time) = pool.install(|| timed(|| book.balances_at(&questions)));
        turn(time, &questions, answers.into_iter().map(balance))
    };
    let ask_one_by_one = || {
        let ask = || {
            questions
                .iter()
                .map(|(name, time)| book.balance_at(name, *time))
        };
        let (answers, time) = timed(|| ask().collect::<Vec<_>>());
        turn(time, &questions, answers.into_iter().map(balance))
    };
    let look_up = || {
        let find = || questions.iter().map(|question| ready.get(question));
        let (answers, time) = timed(|| find().collect::<Vec<_>>());
        turn(time, &questions, answers)
    };
    let map = "HashMap of ready answers by name";
    let entrants = vec![
        Entrant::new("gpu-credit on one thread", || ask(&one)),
        Entrant::new(map, look_up),
        Entrant::new("gpu-credit on two threads", || ask(&two)),
    ];
    let batches = take_turns(runner.rounds(), entrants)?;
    let entrants = vec![
        Entrant::new("gpu-credit", ask_one_by_one),
        Entrant::new(map, look_up),
    ];
    Ok((batches, take_turns(runner.rounds(), entrants)?))
}

type Question = (String, i64);

/// So many questions to random accounts at random instants.
fn questions(seed: u64, accounts: usize, count: usize) -> Vec<Question> {
    let mut random = Random::new(!seed);
    let mut question = || {
        let number = usize::try_from(random.below(accounts as u64));
        (name(number.unwrap_or(0)), random.between(0, YEAR_SECONDS))
    };
    (0..count).map(|_| question()).collect()
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

/// Every answer by name and instant: a look-up finds the name.
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

/// Compares some accounts with an account outside the book, at all of its instants.
fn verify(book: &CreditBook, seed: u64, shape: Shape, accounts: usize) -> Result<()> {
    for number in (0..accounts).step_by(1 + accounts / 1_000) {
        let mut account = GpuCredit::new();
        account.extend(records(seed, number, shape))?;
        let windows = account
            .grants()
            .flat_map(|(_, grant)| [grant.start, grant.end + 1]);
        let jobs = account
            .metered(..)
            .flat_map(|(_, job)| [job.from, job.until]);
        let instants = engine::usage(&account).map(|(time, _)| time);
        for time in windows.chain(jobs).chain(instants) {
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
