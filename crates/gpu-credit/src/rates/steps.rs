//! Changes of rate in few bytes.

use std::iter::zip;

use super::change::{Change, Key, Mark};
use super::line::Line;
use crate::usage::prefetch::prefetch_all;

/// So many changes are added up together: of those before them the sum is known.
const BLOCK: usize = 16;

/// The most changes in a chunk.
pub(super) const CHANGES: usize = 64;

/// How times and rates are kept.
pub(super) trait Width: Copy + Default + Into<i64> + TryFrom<i64> {
    const MAX: Self;
}

impl Width for i16 {
    const MAX: i16 = i16::MAX;
}

impl Width for i32 {
    const MAX: i32 = i32::MAX;
}

impl Width for i64 {
    const MAX: i64 = i64::MAX;
}

/// Up to 64 changes in order as distances from an origin (frame of reference).
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Steps<T> {
    origin: i64,
    len: usize,
    /// Whose each change is.
    marks: Box<[Mark; CHANGES]>,
    /// What the changes before each block add up to, their moments counted from the origin.
    before: [Line; CHANGES / BLOCK],
    /// Free places are at the end of time and change nothing: no question about sums needs to know how
    /// many are taken, or whose they are.
    steps: [Step<T>; CHANGES],
}

/// When the rate changes, and by how much.
#[derive(Clone, Copy, Debug)]
struct Step<T> {
    offset: T,
    rise: T,
}

impl<T: Width> Step<T> {
    fn free() -> Self {
        Step {
            offset: T::MAX,
            rise: T::default(),
        }
    }

    /// `None` if one of them does not fit.
    fn new(offset: i64, rise: u64) -> Option<Self> {
        Some(Step {
            offset: T::try_from(offset).ok()?,
            rise: T::try_from(rise.cast_signed()).ok()?,
        })
    }

    /// Its moment counted from the origin.
    #[inline]
    fn line(&self) -> Line {
        Line::change(self.offset.into(), self.rise.into().cast_unsigned())
    }
}

impl<T: Width> Steps<T> {
    /// `None` if a change does not fit.
    pub(super) fn new(origin: i64, changes: &[Change]) -> Option<Self> {
        let mut steps = Steps {
            origin,
            len: changes.len(),
            marks: Box::new([Mark::default(); CHANGES]),
            before: Default::default(),
            steps: [Step::free(); CHANGES],
        };
        for (at, change) in changes.iter().enumerate() {
            steps.steps[at] = steps.step(*change)?;
            steps.marks[at] = change.key.mark;
        }
        steps.add_up();
        Some(steps)
    }

    fn step(&self, change: Change) -> Option<Step<T>> {
        let offset = change.key.time.checked_sub(self.origin)?;
        Step::new(offset, change.rise)
    }

    fn time(&self, step: &Step<T>) -> i64 {
        self.origin + step.offset.into()
    }

    /// Takes note that changes have moved.
    fn add_up(&mut self) {
        let mut line = Line::default();
        for (before, block) in zip(&mut self.before, self.steps.as_chunks::<BLOCK>().0) {
            *before = line;
            line += block.iter().map(Step::line).sum();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Change {
        let step = &self.steps[..self.len][index];
        Change {
            key: Key {
                time: self.time(step),
                mark: self.marks[index],
            },
            rise: step.rise.into().cast_unsigned(),
        }
    }

    /// The number of changes before `key`.
    pub(super) fn rank(&self, key: Key) -> usize {
        let steps = &self.steps[..self.len];
        let first = steps.partition_point(|step| self.time(step) < key.time);
        let last = steps.partition_point(|step| self.time(step) <= key.time);
        first + self.marks[first..last].partition_point(|mark| *mark < key.mark)
    }

    /// What is used through a tick by the changes up to it (wrapping). There is no branch on which these
    /// are: the processor would guess wrong, and wait for memory before it begins the next question.
    #[inline]
    pub(super) fn through(&self, time: i64) -> u64 {
        prefetch_all(&self.steps);
        let (blocks, _) = self.steps.as_chunks::<BLOCK>();
        let last = time.saturating_sub(self.origin);
        let fences = blocks[1..].iter().map(|block| block[0].offset.into());
        let block: usize = fences.map(|fence| usize::from(fence <= last)).sum();

        let now = time.wrapping_sub(self.origin);
        let mut used = 0_i64;
        for step in &blocks[block] {
            let ticks = now.wrapping_add(1).wrapping_sub(step.offset.into());
            let ticks = if step.offset.into() <= last { ticks } else { 0 };
            used = used.wrapping_add(ticks.wrapping_mul(step.rise.into()));
        }
        let before = self.before[block].through(now);
        before.wrapping_add(used.cast_unsigned())
    }

    /// Puts a change at a place; `false` if it does not fit. There is room.
    pub(super) fn insert(&mut self, at: usize, change: Change) -> bool {
        let Some(step) = self.step(change) else {
            return false;
        };
        self.steps.copy_within(at..self.len, at + 1);
        self.marks.copy_within(at..self.len, at + 1);
        self.len += 1;
        self.steps[at] = step;
        self.marks[at] = change.key.mark;
        self.add_up();
        true
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.steps[at..self.len].rotate_left(1);
        self.marks[at..self.len].rotate_left(1);
        self.len -= 1;
        self.steps[self.len] = Step::free();
        self.add_up();
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        size_of_val(&*self.marks)
    }
}
