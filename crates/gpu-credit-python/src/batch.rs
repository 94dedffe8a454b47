//! Many questions at once, answered into arrays.

use gpu_credit::GpuCredit;
use rayon::prelude::*;

use crate::array::{Masked, signed};

/// Questions that one thread answers before another may take some. The engine's answers to so many
/// stay in its cache until they are split into two arrays, and take less than what the allocator
/// would map anew for each task: twice as many made the whole twice as slow.
const QUESTIONS_PER_TASK: usize = 4 * 1024;

/// The balance at each instant. Settles first, as far as it pays for so many questions.
pub(crate) fn balances(account: &mut GpuCredit, timestamps: &[i64]) -> Masked {
    settle(account, timestamps);
    let account = &*account;
    let mut balances = Masked::zeroed(timestamps.len());
    if timestamps.len() <= QUESTIONS_PER_TASK {
        answer(
            account,
            timestamps,
            &mut balances.numbers,
            &mut balances.is_missing,
        );
        return balances;
    }
    timestamps
        .par_chunks(QUESTIONS_PER_TASK)
        .zip(balances.numbers.par_chunks_mut(QUESTIONS_PER_TASK))
        .zip(balances.is_missing.par_chunks_mut(QUESTIONS_PER_TASK))
        .for_each(|((timestamps, numbers), is_missing)| {
            answer(account, timestamps, numbers, is_missing);
        });
    balances
}

fn settle(account: &mut GpuCredit, timestamps: &[i64]) {
    if timestamps.len() >= account.grant_count() {
        account.settle();
    } else if let Some(last) = timestamps.iter().max() {
        account.settle_to(*last);
    }
}

fn answer(account: &GpuCredit, timestamps: &[i64], numbers: &mut [i64], is_missing: &mut [bool]) {
    let balances = account.get_balances(timestamps);
    for ((balance, number), is_missing) in balances.into_iter().zip(numbers).zip(is_missing) {
        *number = signed(balance.unwrap_or(0));
        *is_missing = balance.is_none();
    }
}
