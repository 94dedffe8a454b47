//! Row R1: what a question costs that replays the account from its first record.

use anyhow::Result;
use gpu_credit::GpuCredit;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::workload::History;
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay};

use super::account::Account;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::names::ENGINE;
use crate::outcome::Case;
use crate::runner::Runner;

/// Questions near the end of history to the account, and the first of them to the replays of all
/// its records.
pub(crate) fn replays(runner: &Runner, account: &Account, written: &GpuCredit) -> Result<Case> {
    let mut heap = HeapReplay::new(Overdraft::Carry);
    let mut list = ListReplay::new(Overdraft::Carry);
    post(&account.history, &mut heap);
    post(&account.history, &mut list);
    let times = near_the_end(account);
    let first = times[0];
    let expected: Checksum = std::iter::once(written.get_balance(first)).collect();
    let engine = || {
        let balances = || times.iter().map(|time| written.get_balance(*time));
        let (sum, time) = timed(|| balances().collect::<Checksum>());
        std::hint::black_box(sum);
        Ok(Turn {
            time,
            operations: times.len(),
            checksum: expected,
        })
    };
    let entrants = vec![
        Entrant::new(ENGINE, engine),
        Entrant::new("heap replay", || Ok(ask(&heap, first))),
        Entrant::new("list replay", || Ok(ask(&list, first))),
    ];
    let parties = take_turns(runner.rounds().min(3), entrants)?;
    let series = "query or replay";
    Ok(Case::new(
        "R1",
        series,
        account.size(),
        "ns a query",
        parties,
    ))
}

fn post(history: &History, replay: &mut impl Replay) {
    for grant in &history.grants {
        replay.add_credit(grant.amount, grant.start, grant.expiration);
    }
    for (time, amount) in &history.usage {
        replay.subtract(*amount, *time);
    }
}

/// The questions about the last hundredth of history, or its end if there is none.
fn near_the_end(account: &Account) -> Vec<i64> {
    let from = account.history.seconds / 100 * 99;
    let questions = account.questions.iter().copied();
    let mut times: Vec<i64> = questions.filter(|time| *time >= from).collect();
    if times.is_empty() {
        times.push(from);
    }
    times
}

fn ask(replay: &impl Replay, time: i64) -> Turn {
    let (balance, time) = timed(|| replay.get_balance(time));
    Turn {
        time,
        operations: 1,
        checksum: std::iter::once(balance).collect(),
    }
}
