//! A block on its way from being found to being read: in between, it comes from memory.

use super::block::Block;
use super::encoding::{Narrow, Wide};
use super::prefetch::prefetch;

/// A block that has been found for a question, and the sum of those before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum FoundBlock<'a> {
    /// What stands in an array before something is found.
    Nothing,
    Narrow {
        block: &'a Block<Narrow>,
        key: i32,
        before: u32,
    },
    Wide {
        block: &'a Block<Wide>,
        key: i64,
        before: u64,
    },
}

impl FoundBlock<'_> {
    /// Asks for what [`sum`](Self::sum) will read.
    #[inline]
    pub(super) fn prefetch(self) {
        match self {
            Self::Nothing => {}
            Self::Narrow { block, .. } => prefetch(block),
            Self::Wide { block, .. } => prefetch(block),
        }
    }

    /// The sum of the chunk's amounts up to what was asked about.
    #[inline(always)]
    pub(super) fn sum(self) -> u64 {
        match self {
            Self::Nothing => unreachable!("a block was found for each question"),
            Self::Narrow { block, key, before } => (before + block.sum_through(key)).into(),
            Self::Wide { block, key, before } => before + block.sum_through(key),
        }
    }
}
