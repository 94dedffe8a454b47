//! Reading sums in time order.

use super::cursor::Cursor;
use super::insert_buffer::InsertBuffer;
use super::{Body, UsageIndex};

/// Reads prefix sums at times that do not decrease: it stays in a chunk as long as the questions
/// do, and steps into the next. Right for any times, and amortised O(1) for dense ones in order.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    index: &'a UsageIndex,
    cursor: Option<(Cursor<'a>, &'a InsertBuffer)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(index: &'a UsageIndex) -> Self {
        let cursor = match &index.body {
            Body::Tree(tree, buffer) => Some((Cursor::new(tree), buffer)),
            _ => None,
        };
        Self { index, cursor }
    }

    /// The sum of the amounts at or before `time`.
    #[inline]
    pub(crate) fn through(&mut self, time: i64) -> u64 {
        match &mut self.cursor {
            Some((cursor, buffer)) => cursor.sum_through(time) + buffer.sum_through(time),
            None => self.index.through(time),
        }
    }
}
