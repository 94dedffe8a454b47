//! Rows Q1 to Q4: questions one at a time, and many at once.

use anyhow::Result;
use gpu_credit::GpuCredit;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::peers::FenwickIndex;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::account::Account;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::{ANSWER_TABLE, ENGINE, FENWICK};
use crate::outcome::Case;
use crate::runner::Runner;

/// A batch of row Q2.
const BATCH: usize = 4_096;

/// Row Q1: independent questions, one after the other.
pub(crate) fn single(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Case> {
    let mut index = FenwickIndex::new(&account.usage, &account.bare);
    for entry in &account.history.usage {
        index.insert(*entry);
    }
    let questions = &account.questions;
    let entrants = vec![
        Entrant::new(ENGINE, || {
            Ok(ask_each(questions, |time| written.get_balance(time)))
        }),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account, questions))),
        Entrant::new(FENWICK, || Ok(ask_each(questions, |time| index.get(time)))),
    ];
    case(runner, account, "Q1", "single queries", entrants)
}

/// Row Q2: random questions in batches of one size, on one thread.
pub(crate) fn unsorted(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Case> {
    let pool = threads(1)?;
    let entrants = vec![
        Entrant::new(ENGINE, || {
            Ok(ask(&pool, written, &account.questions, BATCH))
        }),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account, &account.questions))),
    ];
    case(runner, account, "Q2", "batches of 4,096 queries", entrants)
}

/// Row Q3: the same questions sorted, in one batch, on one thread. The table is asked in that order too.
pub(crate) fn sorted(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Case> {
    let pool = threads(1)?;
    let mut questions = account.questions.clone();
    questions.sort_unstable();
    let all = questions.len();
    let entrants = vec![
        Entrant::new(ENGINE, || Ok(ask(&pool, written, &questions, all))),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account, &questions))),
    ];
    case(runner, account, "Q3", "sorted batch of queries", entrants)
}

/// Row Q4: random questions in one batch, on two threads against one.
pub(crate) fn on_two_threads(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
) -> Result<Case> {
    let (one, two) = (threads(1)?, threads(2)?);
    let questions = &account.questions;
    let all = questions.len();
    let entrants = vec![
        Entrant::new("gpu-credit on two threads", || {
            Ok(ask(&two, written, questions, all))
        }),
        Entrant::new("gpu-credit on one thread", || {
            Ok(ask(&one, written, questions, all))
        }),
    ];
    case(
        runner,
        account,
        "Q4",
        "unsorted batch on two threads",
        entrants,
    )
}

fn case(
    runner: &Runner,
    account: &Account,
    row: &str,
    series: &str,
    entrants: Vec<Entrant>,
) -> Result<Case> {
    let parties = take_turns(runner.rounds(), entrants)?;
    Ok(Case::new(
        row,
        series,
        account.size(),
        "ns a query",
        parties,
    ))
}

pub(crate) fn threads(count: usize) -> Result<ThreadPool> {
    Ok(ThreadPoolBuilder::new().num_threads(count).build()?)
}

fn ask(pool: &ThreadPool, account: &GpuCredit, questions: &[i64], batch: usize) -> Turn {
    let (balances, time) = pool.install(|| {
        timed(|| {
            let batches = questions.chunks(batch);
            batches
                .map(|batch| account.get_balances(batch))
                .collect::<Vec<_>>()
        })
    });
    let checksum: Checksum = balances.into_iter().flatten().collect();
    Turn {
        time,
        operations: questions.len(),
        checksum,
    }
}

fn ask_table(account: &Account, questions: &[i64]) -> Turn {
    ask_each(questions, |time| account.table.get(time))
}

fn ask_each(questions: &[i64], get: impl Fn(i64) -> Option<u64>) -> Turn {
    let (checksum, time) = timed(|| questions.iter().map(|time| get(*time)).collect());
    Turn {
        time,
        operations: questions.len(),
        checksum,
    }
}
