//! Compares answers with those of a peer, one by one or as a sum.

use std::hint::select_unpredictable;

use anyhow::{Result, ensure};

/// Compares answers with those of a peer.
///
/// # Errors
/// At the first that differs, or if one is missing.
pub fn same_answers(
    times: &[i64],
    answers: &[Option<u64>],
    expected: &[Option<u64>],
) -> Result<()> {
    let counts = [times.len(), answers.len(), expected.len()];
    ensure!(
        counts[0] == counts[1] && counts[0] == counts[2],
        "{counts:?} times, answers, expected"
    );
    for ((time, answer), expected) in times.iter().zip(answers).zip(expected) {
        ensure!(
            answer == expected,
            "at {time}: {answer:?}, and a peer has {expected:?}"
        );
    }
    Ok(())
}

/// The sum of balances, in any order. `None` and `Some(0)` differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// Adds a balance. Without a branch: whether there is one is hard to predict, and a wrong guess
    /// would cost as much as a look-up.
    #[inline]
    pub fn add(&mut self, balance: Option<u64>) {
        let number = select_unpredictable(balance.is_some(), balance.unwrap_or_default(), 0)
            .wrapping_add(u64::from(balance.is_some()));
        self.0 = self.0.wrapping_add(number);
    }
}

impl FromIterator<Option<u64>> for Checksum {
    #[inline]
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(balances: I) -> Self {
        let mut sum = Self::default();
        for balance in balances {
            sum.add(balance);
        }
        sum
    }
}
