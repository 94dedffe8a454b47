//! Searching the ends of epochs: the first that is low, and the lowest.
//!
//! Only epochs count that last and, if so asked, that have a live grant. The spans know the first but
//! for the last epoch of each chunk, and nothing of the second, which a grant far away may change: the
//! minimum of a span is at or below whatever counts in it. So stretches that cannot matter are
//! passed over, and the other chunks are looked at boundary by boundary.

use super::directory::Node;
use super::{BoundaryTree, Position, Root};

/// A balance at or below the ends of all epochs of a stretch, and where the stretch begins; or the
/// balance at the end of an epoch, and the epoch.
pub(crate) type Low = (i128, Position);

/// Which of the epochs that last count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    All,
    /// Those with a live grant.
    Live,
}

impl BoundaryTree {
    /// The first epoch from `at` on and before `limit` that counts and ends with a balance below
    /// `amount`. O(B + m / B²), and O(B) for each chunk before it in which only epochs that do not
    /// count end so low.
    pub(crate) fn first_below(
        &self,
        at: Position,
        limit: Position,
        amount: i128,
        counting: Counting,
    ) -> Option<Position> {
        let groups = self.group_lows(at, limit);
        let groups = groups.filter(|(low, _)| *low < amount);
        let chunks = groups.flat_map(|(_, group)| self.chunk_lows(group, at, limit));
        let mut chunks = chunks.filter(|(low, _)| *low < amount);
        chunks.find_map(|(_, chunk)| {
            let mut ends = self.ends(chunk, limit, counting);
            ends.find_map(|(end, epoch)| (end < amount).then_some(epoch))
        })
    }

    /// Of the epochs from `at` on and before `limit` that last and have a live grant, the first of those that end
    /// lowest; every end below `least` taken as `least`. O(B + m / B²), and O(B) for each chunk in
    /// which any epoch, whether it counts or not, ends as low.
    pub(crate) fn lowest(&self, at: Position, limit: Position, least: i128) -> Option<Low> {
        let taken = |(low, place): Low| (low.max(least), place);
        let mut lowest: Option<Low> = None;
        let mut groups: Vec<Low> = self.group_lows(at, limit).map(taken).collect();
        groups.sort_unstable();
        for group in groups {
            if lowest.is_some_and(|lowest| lowest < group) {
                continue;
            }
            let chunks = self.chunk_lows(group.1, at, limit);
            let mut chunks: Vec<Low> = chunks.map(taken).collect();
            chunks.sort_unstable();
            for chunk in chunks {
                if lowest.is_none_or(|lowest| chunk < lowest) {
                    let ends = self.ends(chunk.1, limit, Counting::Live).map(taken);
                    lowest = lowest.into_iter().chain(ends).min();
                }
            }
        }
        lowest
    }

    /// The groups from that of `at` up to that of `limit`. Sums after `limit` may mean nothing, so
    /// that of the last one nothing is known.
    fn group_lows(&self, at: Position, limit: Position) -> impl Iterator<Item = Low> {
        (at.group..=limit.group).map(move |group| {
            let place = Position {
                group,
                ..Position::FIRST
            };
            match &self.root {
                Root::Top(top) if group < limit.group => {
                    let opening = top.opening_of(group).balance();
                    (opening + top.span_of(group).min, place)
                }
                _ => (i128::MIN, place),
            }
        })
    }

    /// The chunks of a group, as far as they are between `at` and `limit`.
    fn chunk_lows(
        &self,
        group: Position,
        at: Position,
        limit: Position,
    ) -> impl Iterator<Item = Low> {
        let group = group.group;
        let first = if group == at.group { at.chunk } else { 0 };
        let end = match &self.root {
            Root::Top(top) if group < limit.group => top.child(group).len(),
            _ => limit.chunk + 1,
        };
        (first..end).map(move |chunk| {
            let index = 0;
            let place = Position {
                group,
                chunk,
                index,
            };
            match &self.root {
                Root::Top(top) if (group, chunk) != (limit.group, limit.chunk) => {
                    let opening = self.opening(place).balance();
                    let low = opening + top.child(group).span_of(chunk).min;
                    (low, place.max(at))
                }
                _ => (i128::MIN, place.max(at)),
            }
        })
    }

    /// The epochs of a chunk that count, from `at` on and before `limit`, with the balance at their
    /// ends.
    fn ends(&self, at: Position, limit: Position, counting: Counting) -> impl Iterator<Item = Low> {
        let opening = self.opening(at);
        let boundaries = &self.chunk(at).boundaries;
        let next_chunk = self.next_chunk(at).map(|next| self.get(next).time);
        let mut used = self.used_before(at);
        let epochs = boundaries.iter().enumerate().skip(at.index);
        let epochs = epochs.map(move |(index, boundary)| {
            used = used.wrapping_add(boundary.usage);
            let level = opening.level.wrapping_add(boundary.level);
            let end = i128::from(level) - i128::from(used);
            (end, Position { index, ..at })
        });
        epochs.filter(move |(_, epoch)| {
            let boundary = &boundaries[epoch.index];
            let next = boundaries.get(epoch.index + 1).map(|next| next.time);
            let lasts = next.or(next_chunk) != Some(boundary.time);
            let live = opening.live.wrapping_add(i64::from(boundary.live));
            lasts && (live > 0 || counting == Counting::All) && *epoch < limit
        })
    }
}
