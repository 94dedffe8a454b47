//! Changes of rate in few bytes.

use super::change::{Change, Key, Mark, Step};
use super::line::Line;
use crate::usage::prefetch::prefetch_all;

/// Changes in order as distances from an origin (frame of reference), apart from whose they are, which
/// no question about sums reads.
#[derive(Clone, Debug)]
pub(super) struct Narrow {
    origin: i64,
    steps: Vec<Step>,
    /// Whose each step is.
    marks: Vec<Mark>,
}

impl Narrow {
    /// `None` if one does not fit.
    pub(super) fn new(changes: &[Change]) -> Option<Self> {
        let origin = changes.first().map_or(0, |first| first.key.time);
        let steps = changes.iter().map(|change| Step::new(origin, *change));
        Some(Narrow {
            origin,
            steps: steps.collect::<Option<_>>()?,
            marks: changes.iter().map(|change| change.key.mark).collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Change {
        self.steps[index].of(self.marks[index], self.origin)
    }

    /// The number of changes before `key`.
    pub(super) fn rank(&self, key: Key) -> usize {
        let Some(offset) = key.time.checked_sub(self.origin) else {
            return if key.time < self.origin {
                0
            } else {
                self.len()
            };
        };
        let place = |step: &Step| i64::from(step.offset);
        let first = self.steps.partition_point(|step| place(step) < offset);
        let last = self.steps.partition_point(|step| place(step) <= offset);
        first + self.marks[first..last].partition_point(|mark| *mark < key.mark)
    }

    /// What the changes up to an instant add up to; all of them add up to `total`.
    #[inline]
    pub(super) fn line_at(&self, time: i64, total: Line) -> Line {
        if time < self.origin {
            return Line::default();
        }
        let steps = self.steps.as_slice();
        prefetch_all(steps);
        let last = u32::try_from(time.abs_diff(self.origin)).unwrap_or(u32::MAX);
        let middle = steps.get(steps.len() / 2);
        // From the nearer end.
        if middle.is_some_and(|middle| middle.offset <= last) {
            let later = steps.iter().rev().take_while(|step| step.offset > last);
            total - Step::sum(later).moved_from(self.origin)
        } else {
            let begun = steps.iter().take_while(|step| step.offset <= last);
            Step::sum(begun).moved_from(self.origin)
        }
    }

    /// Puts a change at a place, among at most `width`; `false` if it does not fit.
    pub(super) fn insert(&mut self, at: usize, change: Change, width: usize) -> bool {
        let Some(step) = Step::new(self.origin, change) else {
            return false;
        };
        insert(&mut self.steps, at, step, width);
        insert(&mut self.marks, at, change.key.mark, width);
        true
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.steps.remove(at);
        self.marks.remove(at);
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.steps.capacity() * size_of::<Step>() + self.marks.capacity() * size_of::<Mark>()
    }
}

/// Grows in small steps, the last of which ends at `width` exactly.
pub(super) fn insert<T>(items: &mut Vec<T>, at: usize, item: T, width: usize) {
    if items.len() == items.capacity() {
        let room = width.saturating_sub(items.len()).max(1);
        items.reserve_exact(room.min(items.len().clamp(4, 8)));
    }
    items.insert(at, item);
}
