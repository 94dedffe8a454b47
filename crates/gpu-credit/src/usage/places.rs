//! Entries named by their instant and their place: how many entries of that very instant stand
//! before them, in posting order.

use super::instant::Instant;
use super::run::Run;
use super::{Body, UsageIndex};

#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the corrections of an account come next")
)]
impl UsageIndex {
    /// The number of entries at `time`. O(log n + groups of the instant)
    pub(crate) fn count_at(&self, time: i64) -> usize {
        match &self.body {
            Body::Small(run) => run.range_of(time).len(),
            Body::Tree(tree, waiting) => {
                Instant::new(tree, time).count() + waiting.amounts_at(time).count()
            }
        }
    }

    /// The amount of the entry at this place of `time`. O(log n + groups of the instant)
    pub(crate) fn get_at(&self, time: i64, place: usize) -> Option<u64> {
        match &self.body {
            Body::Small(run) => {
                let entry = run.range_of(time).nth(place).and_then(|at| run.get(at));
                entry.map(|(_, amount)| amount)
            }
            Body::Tree(tree, waiting) => {
                let instant = Instant::new(tree, time);
                if let Some((chunk, rank)) = instant.find(place) {
                    return Some(tree.slot(chunk).get(rank).1);
                }
                waiting.amounts_at(time).nth(place - instant.count())
            }
        }
    }

    /// The place of the last entry of this amount at `time`. O(log n + groups of the instant), and
    /// the entries of the instant after it.
    pub(crate) fn find_at(&self, time: i64, amount: u64) -> Option<usize> {
        match &self.body {
            Body::Small(run) => {
                let range = run.range_of(time);
                let start = range.start;
                (range.rev())
                    .find(|at| run.get(*at) == Some((time, amount)))
                    .map(|at| at - start)
            }
            Body::Tree(tree, waiting) => {
                let instant = Instant::new(tree, time);
                let amounts: Vec<u64> = waiting.amounts_at(time).collect();
                match amounts.iter().rposition(|other| *other == amount) {
                    Some(place) => Some(instant.count() + place),
                    None => instant.last_of(amount),
                }
            }
        }
    }

    /// Takes out the entry at this place of `time`, and gives its amount. O(log n + groups of the
    /// instant), amortised
    pub(crate) fn remove_at(&mut self, time: i64, place: usize) -> Option<u64> {
        self.flush();
        let amount = match &mut self.body {
            Body::Small(run) => run.range_of(time).nth(place).map(|at| run.remove(at)),
            Body::Tree(tree, _) => {
                let found = Instant::new(tree, time).find(place);
                found.map(|(chunk, rank)| tree.remove(chunk, rank))
            }
        }?;
        self.total -= amount;
        self.len -= 1;
        if self.len <= self.shape.chunk_entries() / 2 && matches!(self.body, Body::Tree(..)) {
            self.body = Body::Small(Run::new(&self.decode()));
        }
        Some(amount)
    }

    /// Changes the amount of the entry at this place of `time`, which keeps its place, and gives
    /// the old amount. The caller has made sure that the total stays within `i64::MAX`.
    /// O(log n + groups of the instant)
    pub(crate) fn replace_at(&mut self, time: i64, place: usize, amount: u64) -> Option<u64> {
        self.flush();
        let old = match &mut self.body {
            Body::Small(run) => (run.range_of(time).nth(place)).map(|at| run.replace(at, amount)),
            Body::Tree(tree, _) => {
                let found = Instant::new(tree, time).find(place);
                found.map(|(chunk, rank)| tree.replace(chunk, rank, amount))
            }
        }?;
        self.total = self.total - old + amount;
        Some(old)
    }
}
