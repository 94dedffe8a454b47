//! Rows B: a book of many small accounts.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use gpu_credit::{CreditBook, GpuCredit, Overdraft, Record};
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
        let balances = (0..accounts).step_by(97).map(|number| {
            let answer = book.balance_at(&name(number), YEAR_SECONDS / 2);
            answer.and_then(|answer| answer.balance)
        });
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
    runner.add(Case {
        row: "B1".to_owned(),
        series: "ingest into a book".to_owned(),
        size: accounts as u64,
        size_of: "accounts".to_owned(),
        unit: "ns a record".to_owned(),
        target: Some(1.0 / 1.6),
        parties,
    });
    Ok(())
}

/// Rows B2 and B3: what a book of a million takes, and how it answers.
fn hold_and_ask(runner: &mut Runner) -> Result<()> {
    let accounts = runner.size(1_000_000, ACCOUNTS_AT_ONCE);
    let seed = runner.seed();
    let before = live_bytes();
    let mut book = open(0..accounts)?;
    for first in (0..accounts).step_by(ACCOUNTS_AT_ONCE) {
        runner.doing(format!("filling a book: {first} of {accounts} accounts"));
        let last = accounts.min(first + ACCOUNTS_AT_ONCE);
        book.ingest(&named(seed, first..last))?;
    }
    let bytes = live_bytes().wrapping_sub(before);
    verify(&book, seed, accounts)?;
    let case = |row: &str, series: &str, unit: &str, target, parties| Case {
        row: row.to_owned(),
        series: series.to_owned(),
        size: accounts as u64,
        size_of: "accounts".to_owned(),
        unit: unit.to_owned(),
        target,
        parties,
    };
    let party = |name: &str, figure: f64| Party {
        name: name.to_owned(),
        samples: vec![figure],
    };
    let parties = vec![
        party(
            "gpu-credit, by the allocator",
            bytes as f64 / accounts as f64,
        ),
        party("what it may take", BUDGET_BYTES),
        party(
            "as memory_used says",
            book.memory_used() as f64 / accounts as f64,
        ),
    ];
    let series = "memory of a book of small accounts";
    runner.add(case("B2", series, "bytes an account", Some(1.0), parties));

    let parties = ask(runner, &book, seed, accounts)?;
    let series = "batch of questions across accounts";
    runner.add(case("B3", series, "ns a question", None, parties));
    Ok(())
}

fn ask(runner: &Runner, book: &CreditBook, seed: u64, accounts: usize) -> Result<Vec<Party>> {
    runner.doing("asking across accounts");
    let mut random = Random::new(!seed);
    let questions: Vec<(String, i64)> = (0..accounts)
        .map(|_| {
            let number = usize::try_from(random.below(accounts as u64));
            (name(number.unwrap_or(0)), random.between(0, YEAR_SECONDS))
        })
        .collect();
    let (one, two) = (threads(1)?, threads(2)?);
    let turn = |pool: &ThreadPool| {
        let (answers, time) = pool.install(|| timed(|| book.balances_at(&questions)));
        let balances = answers
            .into_iter()
            .map(|answer| answer.and_then(|answer| answer.balance));
        Ok(Turn {
            time,
            operations: questions.len(),
            checksum: balances.collect(),
        })
    };
    // Every answer is in it, so that the map gives the same: it finds a name and no more.
    let answers = book.balances_at(&questions);
    let ready: HashMap<&str, Vec<(i64, Option<u64>)>> =
        questions
            .iter()
            .zip(&answers)
            .fold(HashMap::new(), |mut ready, ((name, time), answer)| {
                let balance = answer.and_then(|answer| answer.balance);
                ready
                    .entry(name.as_str())
                    .or_insert_with(Vec::new)
                    .push((*time, balance));
                ready
            });
    let look_up = || {
        let find = |(name, time): &(String, i64)| {
            let known = ready.get(name.as_str())?;
            known.iter().find(|(known, _)| known == time)?.1
        };
        let (checksum, time) = timed(|| questions.iter().map(find).collect());
        Ok(Turn {
            time,
            operations: questions.len(),
            checksum,
        })
    };
    let entrants = vec![
        Entrant::new("gpu-credit on one thread", || turn(&one)),
        Entrant::new("HashMap of ready answers by name", look_up),
        Entrant::new("gpu-credit on two threads", || turn(&two)),
    ];
    take_turns(runner.rounds(), entrants)
}

/// Every so many accounts against one of its own, at all of its instants.
fn verify(book: &CreditBook, seed: u64, accounts: usize) -> Result<()> {
    for number in (0..accounts).step_by(1 + accounts / 1_000) {
        let mut account = GpuCredit::new();
        account.extend(records(seed, number))?;
        let windows = account
            .grants()
            .flat_map(|(_, grant)| [grant.start, grant.end + 1]);
        for time in windows.chain(account.usage().map(|(time, _)| time)) {
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
