//! Row W3: all records at once, to the first answer.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::{Entry, Spread, YEARS_SECONDS};
use rayon::ThreadPool;

use super::account::Account;
use super::queries::threads;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::ENGINE;
use crate::outcome::Case;
use crate::runner::Runner;

/// The first question: about the middle of history.
const FIRST: i64 = YEARS_SECONDS / 2;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("W3") {
        return Ok(());
    }
    let usage_count = runner.size(10_000_000, 100_000);
    runner.doing("loading");
    let account = Account::new(runner, usage_count, Spread::Even);
    let (one, two) = (threads(1)?, threads(2)?);
    account.verify(&engine::load(&account.history, Overdraft::Carry)?)?;
    let entrants = vec![
        Entrant::new(ENGINE, || load(&one, &account)),
        Entrant::new("sort_unstable of raw records", || Ok(sort(&account))),
        Entrant::new("gpu-credit on two threads", || load(&two, &account)),
    ];
    let parties = take_turns(runner.rounds(), entrants)?;
    let series = "bulk load to the first answer";
    runner.add(Case::new("W3", series, account.size(), "ns a record", parties).at_most(1.25));
    Ok(())
}

fn load(pool: &ThreadPool, account: &Account) -> Result<Turn> {
    let (loaded, time) = pool.install(|| {
        timed(|| -> Result<(GpuCredit, Option<u64>)> {
            let loaded = engine::load(&account.history, Overdraft::Carry)?;
            let answer = loaded.get_balance(FIRST);
            Ok((loaded, answer))
        })
    });
    let (_, answer) = loaded?;
    Ok(Turn {
        time,
        operations: account.history.usage.len(),
        checksum: std::iter::once(answer).collect(),
    })
}

/// Sorts and answers nothing; the answer comes from the table.
fn sort(account: &Account) -> Turn {
    let mut usage: Vec<Entry> = account.history.usage.clone();
    let ((), time) = timed(|| usage.sort_unstable_by_key(|entry| entry.0));
    assert!(usage.is_sorted_by_key(|entry| entry.0), "sorted");
    Turn {
        time,
        operations: usage.len(),
        checksum: std::iter::once(account.table.get(FIRST)).collect(),
    }
}
