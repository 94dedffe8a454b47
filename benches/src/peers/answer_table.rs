//! Every answer computed beforehand: a query is one binary search.

use super::{BareReplay, SortedUsage};

/// Stands for an answer of `None`.
const NONE: i64 = -1;

/// The balance from each instant on at which it may change, under
/// [`Overdraft::Carry`](gpu_credit::Overdraft::Carry).
#[derive(Clone, Debug)]
pub struct AnswerTable {
    times: Vec<i64>,
    balances: Vec<i64>,
}

impl AnswerTable {
    /// Computes the answers of an account that no longer changes: levels less usage. O(n + m)
    pub fn new(replay: &BareReplay, usage: &SortedUsage) -> Self {
        let mut table = Self {
            times: Vec::with_capacity(usage.times().len()),
            balances: Vec::with_capacity(usage.times().len()),
        };
        let levels = replay.levels();
        let mut entries = usage.running().peekable();
        let mut used = 0;
        for (place, (opens, level, is_live)) in levels.iter().enumerate() {
            table.put(*opens, answer(*level, used, *is_live));
            let next = levels.get(place + 1);
            while let Some((time, total)) =
                entries.next_if(|(time, _)| next.is_none_or(|next| *time < next.0))
            {
                used = total;
                table.put(time, answer(*level, used, *is_live));
            }
        }
        table.times.shrink_to_fit();
        table.balances.shrink_to_fit();
        table
    }

    /// A later answer for the same instant replaces the earlier one.
    fn put(&mut self, time: i64, balance: i64) {
        if self.times.last() == Some(&time) {
            self.times.pop();
            self.balances.pop();
        }
        self.times.push(time);
        self.balances.push(balance);
    }

    /// The balance at an instant. O(log n)
    #[inline]
    pub fn get(&self, time: i64) -> Option<u64> {
        let place = self.times.partition_point(|other| *other <= time);
        u64::try_from(self.balances[place.checked_sub(1)?]).ok()
    }

    /// The number of answers.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Always false: there is an answer before all records.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

fn answer(level: i64, used: u64, is_live: bool) -> i64 {
    let balance = level - used.cast_signed();
    if is_live { balance.max(NONE) } else { NONE }
}
