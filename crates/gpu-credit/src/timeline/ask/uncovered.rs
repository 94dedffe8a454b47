//! When posted usage is first not drawn whole.

use super::super::tree::Counting;
use super::View;

impl View<'_> {
    /// The first tick between two, both included, at which usage is not drawn whole as it falls.
    ///
    /// That is usage after which there is less than nothing. After the first usage of the range, if
    /// that is paid, only new usage takes a balance below zero: until then there is no deficit.
    pub(crate) fn first_uncovered(self, (from, to): (i64, i64)) -> Option<i64> {
        let is_in_range = |tick: &i64| *tick <= to;
        let first = self.usage.first_above(self.usage.before(from));
        let first = first.map(|(tick, _)| tick).filter(is_in_range)?;
        let standing = self.standing(first);
        if standing.level < standing.used {
            return Some(first);
        }
        let stretch = self.first_below((first, to), 0, Counting::All)?;
        Some(stretch.first_at_most(self.usage, -1))
    }
}
