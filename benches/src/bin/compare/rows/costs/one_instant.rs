//! Row C5: usage of one instant is retracted.

use std::time::Duration;

use anyhow::{Result, ensure};
use gpu_credit::UsageId;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::engine;
use gpu_credit_benches::workload::{Entry, Grant};
use gpu_credit_workload::random::Random;

use crate::measure::{nanoseconds, timed};
use crate::outcome::{Case, Party, thousands};
use crate::runner::Runner;

/// The instant of all usage.
const INSTANT: i64 = 0;

/// Covers all usage.
const GRANT: Grant = Grant {
    amount: 1 << 40,
    start: INSTANT,
    expiration: 10,
};

pub(super) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("C5") {
        return Ok(());
    }
    let many = runner.size(50_000, 5_000);
    let (in_order, random) = (
        "retracted, the first posted first",
        "retracted in random order",
    );
    for (series, target) in [(in_order, Some(2.0)), (random, None)] {
        runner.doing(format!("C5: {series}"));
        let sizes = [many, many / 10];
        let name = |count| format!("gpu-credit, {} entries", thousands(count as u64));
        let mut parties = sizes.map(|count| Party::new(name(count), Vec::new()));
        for round in 0..runner.rounds() {
            let seed = runner.seed() + u64::from(round);
            for (count, party) in sizes.into_iter().zip(&mut parties) {
                let shuffled_by = (series == random).then_some(seed);
                let time = retract_all(count, shuffled_by)?;
                party.samples.push(nanoseconds(time, count));
            }
        }
        let size = (many as u64, "entries of one instant");
        let case = Case::new("C5", series, size, "ns a removal", parties.into());
        runner.add(case.at_most(target));
    }
    Ok(())
}

/// The time to retract all usage of an account, in posting order or in a random one.
fn retract_all(count: usize, shuffled_by: Option<u64>) -> Result<Duration> {
    let mut account = engine::open(Overdraft::Carry);
    engine::post_grant(&mut account, &GRANT)?;
    let mut standing = post(&mut account, count)?;
    if let Some(seed) = shuffled_by {
        shuffle(&mut standing, &mut Random::new(seed));
    }
    let second = standing.split_off(count / 2);
    let first_half = retract(&mut account, &standing)?;
    verify(&account, &second)?;
    let second_half = retract(&mut account, &second)?;
    verify(&account, &[])?;
    Ok(first_half + second_half)
}

/// Posts every amount once, so that all entries differ.
fn post(account: &mut GpuCredit, count: usize) -> Result<Vec<(UsageId, Entry)>> {
    let entries = (1..=count as u64).map(|amount| (INSTANT, amount));
    let named = entries.map(|entry| Ok((engine::post_usage(account, entry)?, entry)));
    named.collect()
}

fn retract(account: &mut GpuCredit, posted: &[(UsageId, Entry)]) -> Result<Duration> {
    let (done, time) = timed(|| {
        let mut names = posted.iter().map(|(name, _)| *name);
        names.try_for_each(|name| engine::retract_named(account, name))
    });
    done?;
    Ok(time)
}

/// Compares the usage that stands with the usage that should, in any order.
fn verify(account: &GpuCredit, posted: &[(UsageId, Entry)]) -> Result<()> {
    let mut expected: Vec<Entry> = posted.iter().map(|(_, entry)| *entry).collect();
    let mut standing: Vec<Entry> = engine::usage(account).collect();
    expected.sort_unstable();
    standing.sort_unstable();
    ensure!(standing == expected, "what is not retracted stands");
    let used: u64 = expected.iter().map(|entry| entry.1).sum();
    let balance = account.get_balance(INSTANT);
    ensure!(
        balance == Some(GRANT.amount - used),
        "{balance:?} after {used} were used"
    );
    Ok(())
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        let place = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        items.swap(last, place);
    }
}
