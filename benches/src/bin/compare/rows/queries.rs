//! Rows Q1 to Q4: questions one at a time, and many at once.

use anyhow::Result;
use gpu_credit::GpuCredit;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::peers::FenwickIndex;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::account::Account;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::{ANSWER_TABLE, ENGINE, FENWICK};
use crate::outcome::Party;
use crate::runner::Runner;

/// Independent questions, one after the other.
pub(crate) fn single(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
) -> Result<Vec<Party>> {
    let mut index = FenwickIndex::new(&account.usage, &account.bare);
    for entry in &account.history.usage {
        index.insert(*entry);
    }
    let entrants = vec![
        Entrant::new(ENGINE, || {
            Ok(ask_each(account, |time| written.get_balance(time)))
        }),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account))),
        Entrant::new(FENWICK, || Ok(ask_each(account, |time| index.get(time)))),
    ];
    take_turns(runner.rounds(), entrants)
}

/// Random questions in batches of one size, on one thread.
pub(crate) fn unsorted(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
    batch: usize,
) -> Result<Vec<Party>> {
    let pool = threads(1)?;
    let entrants = vec![
        Entrant::new(ENGINE, || {
            Ok(ask(&pool, written, &account.questions, batch))
        }),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account))),
    ];
    take_turns(runner.rounds(), entrants)
}

/// The same questions sorted, in one batch, on one thread. The table is asked unsorted.
pub(crate) fn sorted(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
) -> Result<Vec<Party>> {
    let pool = threads(1)?;
    let mut questions = account.questions.clone();
    questions.sort_unstable();
    let all = questions.len();
    let entrants = vec![
        Entrant::new(ENGINE, || Ok(ask(&pool, written, &questions, all))),
        Entrant::new(ANSWER_TABLE, || Ok(ask_table(account))),
    ];
    take_turns(runner.rounds(), entrants)
}

/// Random questions in one batch, on two threads against one.
pub(crate) fn on_two_threads(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
) -> Result<Vec<Party>> {
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
    take_turns(runner.rounds(), entrants)
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

fn ask_table(account: &Account) -> Turn {
    ask_each(account, |time| account.table.get(time))
}

fn ask_each(account: &Account, get: impl Fn(i64) -> Option<u64>) -> Turn {
    let questions = &account.questions;
    let (checksum, time) = timed(|| questions.iter().map(|time| get(*time)).collect());
    Turn {
        time,
        operations: questions.len(),
        checksum,
    }
}
