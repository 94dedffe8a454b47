//! Rows Q1 to Q4: questions to an account of 10 M usage entries in random posting order.

use std::time::Duration;

use anyhow::Result;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::workload::{History, questions, years};
use rayon::ThreadPool;

use super::{answers, loads, threads};
use crate::Settings;
use crate::turns::{Accounts, Prepare, Work, measured};
use crate::version::{Policy, Version};

/// A batch of row Q2.
const BATCH: usize = 4_096;

pub(super) fn run(settings: &Settings) -> Result<()> {
    if !["Q1", "Q2", "Q3", "Q4"]
        .iter()
        .any(|row| settings.wants(row))
    {
        return Ok(());
    }
    let history = years(settings.seed, settings.size(10_000_000, 100_000), 1_000);
    let count = settings.size(1_000_000, 50_000);
    let unsorted = questions(settings.seed, &history, count);
    let mut sorted = unsorted.clone();
    sorted.sort_unstable();
    let mut accounts = Accounts::new(settings, &Written(&history))?;
    accounts.verify(&unsorted)?;
    let (one, two) = (threads(1)?, threads(2)?);
    if settings.wants("Q1") {
        accounts.take_turns(settings, "Q1", "single questions", &Single(&unsorted))?;
    }
    let batches = [
        ("Q2", "batches of 4,096", &unsorted, BATCH, &one),
        ("Q3", "sorted batch", &sorted, count, &one),
        (
            "Q4",
            "unsorted batch on two threads",
            &unsorted,
            count,
            &two,
        ),
    ];
    for (row, name, questions, batch, pool) in batches {
        if settings.wants(row) {
            let work = Batches {
                questions,
                batch,
                pool,
            };
            accounts.take_turns(settings, row, name, &work)?;
        }
    }
    drop(accounts);
    if settings.wants("Q3") {
        let mut accounts = Accounts::new(settings, &Loaded(&history))?;
        accounts.verify(&unsorted)?;
        let work = Batches {
            questions: &sorted,
            batch: count,
            pool: &one,
        };
        accounts.take_turns(settings, "Q3", "sorted batch, all loaded at once", &work)?;
    }
    Ok(())
}

/// An account whose usage was posted one by one.
struct Written<'a>(&'a History);

impl Prepare for Written<'_> {
    fn prepare<V: Version>(&self) -> Result<V> {
        let mut account = V::open(Policy::Carry);
        loads::post_grants(&mut account, &self.0.grants)?;
        loads::post_usage(&mut account, &self.0.usage)?;
        Ok(account)
    }
}

/// An account whose records were all loaded at once.
struct Loaded<'a>(&'a History);

impl Prepare for Loaded<'_> {
    fn prepare<V: Version>(&self) -> Result<V> {
        let mut account = V::open(Policy::Carry);
        account.extend(self.0)?;
        Ok(account)
    }
}

/// One question after the other.
struct Single<'a>(&'a [i64]);

impl Work for Single<'_> {
    fn turn<V: Version>(&self, account: &mut V, _round: usize) -> Result<(Duration, Checksum)> {
        let (sum, time) = measured(|| answers(account, self.0));
        Ok((time, sum))
    }
}

/// Many questions at once.
struct Batches<'a> {
    questions: &'a [i64],
    batch: usize,
    pool: &'a ThreadPool,
}

impl Work for Batches<'_> {
    fn turn<V: Version>(&self, account: &mut V, _round: usize) -> Result<(Duration, Checksum)> {
        let account = &*account;
        let ask = || {
            let batches = self.questions.chunks(self.batch);
            let balances = batches.map(|batch| account.get_balances(batch));
            balances.collect::<Vec<_>>()
        };
        let (balances, time) = self.pool.install(|| measured(ask));
        Ok((time, balances.into_iter().flatten().collect()))
    }
}
