//! The engine against the replay reference, and the laws it must keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "quickcheck hands values over"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

mod book;
mod bytes;
mod cases;
mod corrections;
mod costs;
mod differential;
mod interpreted;
mod laws;
mod ledgers;
mod line;
mod metered;
mod questions;
mod records;
mod scale;
mod sections;
mod spendable;
mod threads;
mod what_if;

use gpu_credit::{GpuCredit, UsageRecord};

/// The usage of an account as `(timestamp, amount)`, in event order.
fn usage(account: &GpuCredit) -> impl Iterator<Item = (i64, u64)> {
    let usage = account.usage(..);
    usage.map(|(_, usage)| (usage.timestamp, usage.amount))
}

/// Takes back the usage of this amount at this instant that was posted last.
fn retract_latest(account: &mut GpuCredit, amount: u64, timestamp: i64) -> bool {
    let found = account.find_usage(UsageRecord { amount, timestamp });
    found.is_some_and(|usage| account.retract_usage(usage).is_ok())
}

/// All that an account says of itself: equal if nothing has changed.
fn state(account: &GpuCredit) -> String {
    let steps: Vec<_> = account.steps(..).collect();
    format!(
        "{account:?} {:?} {:?} {steps:?} {:?} {} {}",
        account.grants().collect::<Vec<_>>(),
        account.usage(..).collect::<Vec<_>>(),
        account.settlement(),
        account.checkpoint_count(),
        account.memory_used(),
    )
}

/// How many ledgers to try: 4,000, or what `GPU_CREDIT_LEDGERS` says.
fn ledger_count() -> u64 {
    let asked = std::env::var("GPU_CREDIT_LEDGERS").ok();
    asked.map_or(4_000, |count| count.parse().expect("a number of ledgers"))
}

/// Of so many ledgers one had so many late writes pending. A few ledgers need not be so deep.
fn assert_deep(deepest: u64, least: u64) {
    assert!(
        deepest >= least || ledger_count() < 1_000,
        "at most {deepest} writes were pending"
    );
}
