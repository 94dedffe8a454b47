//! Rows W1 to W3: usage in random order and in time order, and all records at once.

use std::time::Duration;

use anyhow::Result;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::workload::{Entry, Grant, History, in_order, questions, years};
use rayon::ThreadPool;

use super::{answers, threads};
use crate::Settings;
use crate::turns::{Accounts, Prepare, Work, measured};
use crate::version::{Policy, Version};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let mut accounts = Accounts::new(settings, &Empty)?;
    // 10 M would take minutes in random order.
    if settings.wants("W1") {
        let work = Load::new(settings, settings.size(4_000_000, 100_000));
        accounts.take_turns(settings, "W1", "usage in random order", &Random(work))?;
    }
    let full = settings.size(10_000_000, 100_000);
    if settings.wants("W2") {
        let work = Load::new(settings, full);
        let history = in_order(&work.history);
        let work = InOrder(Load { history, ..work });
        accounts.take_turns(settings, "W2", "records in time order", &work)?;
    }
    if settings.wants("W3") {
        let work = AtOnce(Load::new(settings, full), threads(1)?);
        accounts.take_turns(settings, "W3", "all records at once, first answer", &work)?;
    }
    Ok(())
}

/// What is posted, and what is asked of the account afterwards.
struct Load {
    history: History,
    questions: Vec<i64>,
}

impl Load {
    fn new(settings: &Settings, usage_count: usize) -> Self {
        let history = years(settings.seed, usage_count, 1_000);
        Self {
            questions: questions(settings.seed, &history, 10_000),
            history,
        }
    }
}

/// Loads make accounts of their own.
struct Empty;

impl Prepare for Empty {
    fn prepare<V: Version>(&self) -> Result<V> {
        Ok(V::open(Policy::Carry))
    }
}

/// Row W1: the grants are posted before, and settled.
struct Random(Load);

impl Work for Random {
    fn turn<V: Version>(&self, _account: &mut V, _round: usize) -> Result<(Duration, Checksum)> {
        let mut account = V::open(Policy::Carry);
        post_grants(&mut account, &self.0.history.grants)?;
        let (done, time) = measured(|| post_usage(&mut account, &self.0.history.usage));
        done?;
        Ok((time, answers(&account, &self.0.questions)))
    }
}

/// Row W2: each grant is posted when it starts.
struct InOrder(Load);

impl Work for InOrder {
    fn turn<V: Version>(&self, _account: &mut V, _round: usize) -> Result<(Duration, Checksum)> {
        let mut account = V::open(Policy::Carry);
        let (done, time) = measured(|| append(&mut account, &self.0.history));
        done?;
        Ok((time, answers(&account, &self.0.questions)))
    }
}

/// Row W3: on one thread, to the first answer.
struct AtOnce(Load, ThreadPool);

impl Work for AtOnce {
    fn turn<V: Version>(&self, _account: &mut V, _round: usize) -> Result<(Duration, Checksum)> {
        let Load { history, questions } = &self.0;
        let load = || -> Result<(V, Option<u64>)> {
            let mut account = V::open(Policy::Carry);
            account.extend(history)?;
            let answer = account.get_balance(history.seconds / 2);
            Ok((account, answer))
        };
        let (loaded, time) = self.1.install(|| measured(load));
        let (account, answer) = loaded?;
        let mut sum = answers(&account, questions);
        sum.add(answer);
        Ok((time, sum))
    }
}

pub(super) fn post_grants<V: Version>(account: &mut V, grants: &[Grant]) -> Result<()> {
    for grant in grants {
        account.add_credit(grant)?;
    }
    account.settle();
    Ok(())
}

pub(super) fn post_usage<V: Version>(account: &mut V, usage: &[Entry]) -> Result<()> {
    for entry in usage {
        account.subtract(entry)?;
    }
    account.settle();
    Ok(())
}

fn append<V: Version>(account: &mut V, history: &History) -> Result<()> {
    let mut grants = history.grants.iter().peekable();
    for entry in &history.usage {
        while let Some(grant) = grants.next_if(|grant| grant.start <= entry.0) {
            account.add_credit(grant)?;
        }
        account.subtract(entry)?;
    }
    for grant in grants {
        account.add_credit(grant)?;
    }
    account.settle();
    Ok(())
}
