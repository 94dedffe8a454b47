//! Row B5: one record at a time into a book of many small accounts.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gpu_credit::{CreditBook, GpuCredit, Record};
use gpu_credit_workload::random::Random;

use super::book::{SMALL, Shape, filled, name, records};
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::outcome::Case;
use crate::runner::Runner;

/// In the middle of the year: until then the accounts have used something.
const NOW: i64 = SMALL.until / 2;
/// No job runs longer.
const JOB_SECONDS: i64 = 3 * 3_600;
/// Records that an account gets in a round, on average.
const WRITES_AN_ACCOUNT: usize = 8;
/// The number of the first record of a round: greater than those of all before.
const FIRST_WRITE: usize = 1 << 20;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("B5") {
        return Ok(());
    }
    let small = Shape {
        until: NOW,
        ..SMALL
    };
    let metered = Shape {
        is_metered: true,
        ..small
    };
    for (shape, kind) in [(small, ""), (metered, ", half of the usage metered")] {
        for (is_late, order, at_most) in [(false, "in time order", 1.5), (true, "late", 4.0)] {
            let series = format!("usage {order} into a book, one by one{kind}");
            let case = write(runner, shape, is_late, &series)?;
            runner.add(case.at_most(at_most));
        }
    }
    Ok(())
}

/// Usage by account, and nothing that answers for a balance.
type Map = HashMap<String, BTreeMap<(i64, usize), u64>>;

fn write(runner: &Runner, shape: Shape, is_late: bool, series: &str) -> Result<Case> {
    let accounts = runner.size(20_000, 1_000);
    let book = filled(runner, shape, accounts)?;
    let map = map(runner.seed(), shape, accounts);
    let writes = writes(runner, accounts, is_late);
    runner.doing(series);
    let mut written = None;
    let entrants = vec![
        Entrant::new("gpu-credit", || {
            let mut book = book.clone();
            let post = || {
                let mut writes = writes.iter().map(std::slice::from_ref);
                writes.try_for_each(|write| book.ingest(write))
            };
            let (posted, time) = timed(post);
            posted?;
            let used = |number| {
                let account = book.get(&name(number))?;
                Some(account.usage(..).map(|(_, usage)| usage.amount).sum())
            };
            let turn = turn(time, &writes, (0..accounts).map(used));
            written = Some(book);
            turn
        }),
        Entrant::new("HashMap of BTreeMap", || {
            let mut map = map.clone();
            let post = || {
                for (at, (name, record)) in writes.iter().enumerate() {
                    if let (Record::Usage(usage), Some(of_one)) = (record, map.get_mut(name)) {
                        of_one.insert((usage.timestamp, FIRST_WRITE + at), usage.amount);
                    }
                }
            };
            let ((), time) = timed(post);
            let used = |number| Some(map.get(&name(number))?.values().sum());
            turn(time, &writes, (0..accounts).map(used))
        }),
    ];
    let parties = take_turns(runner.rounds(), entrants)?;
    let written = written.context("one round at least")?;
    verify(runner, &written, shape, &writes)?;
    let size = (accounts as u64, "accounts");
    Ok(Case::new("B5", series, size, "ns a record", parties))
}

fn turn(
    time: Duration,
    writes: &[(String, Record)],
    used: impl Iterator<Item = Option<u64>>,
) -> Result<Turn> {
    Ok(Turn {
        time,
        operations: writes.len(),
        checksum: used.collect(),
    })
}

/// The usage at instants.
fn map(seed: u64, shape: Shape, accounts: usize) -> Map {
    let usage = |number| {
        let records = records(seed, number, shape).enumerate();
        let usage = records.filter_map(|(nth, record)| match record {
            Record::Usage(usage) => Some(((usage.timestamp, nth), usage.amount)),
            _ => None,
        });
        (name(number), usage.collect())
    };
    (0..accounts).map(usage).collect()
}

/// Records of random accounts.
fn writes(runner: &Runner, accounts: usize, is_late: bool) -> Vec<(String, Record)> {
    let mut random = Random::new(!runner.seed());
    let mut now = NOW + JOB_SECONDS;
    let mut write = |_| {
        now += 1;
        let number = usize::try_from(random.below(accounts as u64)).unwrap_or(0);
        let time = if is_late { random.between(0, NOW) } else { now };
        (name(number), Record::usage(random.below(40_000), time))
    };
    (0..accounts * WRITES_AN_ACCOUNT).map(&mut write).collect()
}

/// Compares some accounts with an account outside the book.
fn verify(
    runner: &Runner,
    book: &CreditBook,
    shape: Shape,
    writes: &[(String, Record)],
) -> Result<()> {
    for number in (0..book.len()).step_by(97) {
        let name = name(number);
        let mut account = GpuCredit::new();
        account.extend(records(runner.seed(), number, shape))?;
        let written = writes.iter().filter(|(of, _)| *of == name);
        account.extend(written.map(|(_, record)| record.clone()))?;
        for day in 0..=365 {
            let (time, found) = (day * 86_400, book.balance_at(&name, day * 86_400));
            ensure!(
                found == Some(account.balance_at(time)),
                "{name} at {time}: {found:?}"
            );
        }
    }
    Ok(())
}
