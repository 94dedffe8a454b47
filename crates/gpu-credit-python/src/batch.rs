//! Many balances at once, answered into arrays.

use gpu_credit::GpuCredit;
use pyo3::PyResult;
use rayon::prelude::*;

use crate::array::{Masked, signed};
use crate::shared::Interrupt;

/// Questions that one thread answers before another may take some. The engine's answers to so many
/// stay in its cache until they are split into two arrays, and take less than what the allocator
/// would map anew for each task: twice as many made the whole twice as slow.
const QUESTIONS_PER_TASK: usize = 4 * 1024;

/// The balance at each instant.
pub(crate) fn balances(
    account: &GpuCredit,
    timestamps: &[i64],
    interrupt: &Interrupt,
) -> PyResult<Masked> {
    let mut balances = Masked::zeroed(timestamps.len())?;
    let Masked {
        numbers,
        is_missing,
    } = &mut balances;
    if timestamps.len() <= QUESTIONS_PER_TASK {
        answer(account, timestamps, numbers, is_missing);
        return Ok(balances);
    }
    timestamps
        .par_chunks(QUESTIONS_PER_TASK)
        .zip(numbers.par_chunks_mut(QUESTIONS_PER_TASK))
        .zip(is_missing.par_chunks_mut(QUESTIONS_PER_TASK))
        .for_each(|((timestamps, numbers), is_missing)| {
            if !interrupt.is_set() {
                answer(account, timestamps, numbers, is_missing);
            }
        });
    Ok(balances)
}

fn answer(account: &GpuCredit, timestamps: &[i64], numbers: &mut [i64], is_missing: &mut [bool]) {
    let balances = account.get_balances(timestamps);
    for ((balance, number), is_missing) in balances.into_iter().zip(numbers).zip(is_missing) {
        *number = signed(balance.unwrap_or(0));
        *is_missing = balance.is_none();
    }
}
