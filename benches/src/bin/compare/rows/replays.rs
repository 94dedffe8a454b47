//! Row R1: what a question costs that replays the account from its first record.

use anyhow::Result;
use gpu_credit::GpuCredit;
use gpu_credit_benches::check::Checksum;
use gpu_credit_replay::{HeapReplay, ListReplay, Replay};

use super::account::Account;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::ENGINE;
use crate::outcome::Party;
use crate::runner::Runner;

/// A question near the end of history, to the account and to the replays of all its records.
pub(crate) fn replays(
    runner: &Runner,
    account: &Account,
    written: &GpuCredit,
) -> Result<Vec<Party>> {
    let mut heap = HeapReplay::new(gpu_credit_replay::Overdraft::Carry);
    let mut list = ListReplay::new(gpu_credit_replay::Overdraft::Carry);
    for grant in &account.history.grants {
        heap.add_credit(grant.amount, grant.start, grant.expiration);
        list.add_credit(grant.amount, grant.start, grant.expiration);
    }
    for (time, amount) in &account.history.usage {
        heap.subtract(*amount, *time);
        list.subtract(*amount, *time);
    }
    let near_the_end = account.history.seconds / 100 * 99;
    let late = |time: &&i64| **time >= near_the_end;
    let times: Vec<i64> = account.questions.iter().filter(late).copied().collect();
    let first = times.first().copied().unwrap_or(near_the_end);
    let expected: Checksum = std::iter::once(written.get_balance(first)).collect();
    let engine = || {
        let (sum, time) = timed(|| {
            let balances = times.iter().map(|time| written.get_balance(*time));
            balances.collect::<Checksum>()
        });
        std::hint::black_box(sum);
        Ok(Turn {
            time,
            operations: times.len(),
            checksum: expected,
        })
    };
    let replay = |get: &dyn Fn(i64) -> Option<u64>| {
        let (balance, time) = timed(|| get(first));
        Turn {
            time,
            operations: 1,
            checksum: std::iter::once(balance).collect(),
        }
    };
    let entrants = vec![
        Entrant::new(ENGINE, engine),
        Entrant::new("heap replay", || Ok(replay(&|time| heap.get_balance(time)))),
        Entrant::new("list replay", || Ok(replay(&|time| list.get_balance(time)))),
    ];
    take_turns(runner.rounds().min(3), entrants)
}
