//! The constants of the layout, and how a test makes them small.

/// Entries of a block: 16 times and 16 amounts of 4 bytes fill two cache lines.
pub(super) const LANES: usize = 16;
/// Blocks of a chunk: one head a block makes the chunk's own two cache lines.
pub(super) const BLOCKS: usize = 16;
/// Chunks of a group. A chunk that splits moves the slots of its group and nothing else.
pub(super) const SLOTS: usize = 64;
/// Entries of a chunk, at most.
pub(super) const CHUNK_ENTRIES: usize = LANES * BLOCKS;
/// Sums that share one running sum, see [`sums`](super::sums).
pub(super) const SPAN: usize = 16;
/// Look-ups that wait for memory together, see [`batch`](super::batch).
pub(super) const IN_FLIGHT: usize = 32;
/// Entries that enter the tree together, see [`insert_buffer`](super::insert_buffer).
pub(super) const BUFFERED: usize = 32;
/// Questions that one thread answers before another may take some.
pub(super) const QUESTIONS_PER_TASK: usize = 8 * 1024;

/// How much of the arrays is put to use. The arrays are always of the lengths above, so that
/// loops over them are unrolled; a smaller shape fills less of them, so that few entries build
/// a deep tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    lanes: u8,
    blocks: u8,
    slots: u8,
}

impl Shape {
    /// A shape whose chunks hold about `chunk_entries`, brought into 4 to [`CHUNK_ENTRIES`]:
    /// as many blocks as lanes or one fewer, and a quarter as many slots.
    pub(super) fn new(chunk_entries: usize) -> Self {
        let entries = chunk_entries.clamp(4, CHUNK_ENTRIES);
        let lanes = (2..LANES)
            .find(|lanes| lanes * lanes >= entries)
            .unwrap_or(LANES);
        Self {
            lanes: small(lanes),
            blocks: small(entries.div_ceil(lanes)),
            slots: small((entries / 4).clamp(4, SLOTS)),
        }
    }

    /// Entries of a block, at most.
    pub(super) fn lanes(self) -> usize {
        usize::from(self.lanes)
    }

    /// Blocks of a chunk, at most.
    pub(super) fn blocks(self) -> usize {
        usize::from(self.blocks)
    }

    /// Chunks of a group, at most.
    pub(super) fn slots(self) -> usize {
        usize::from(self.slots)
    }

    /// Entries of a chunk, at most. An account with no more of them needs no tree.
    pub(super) fn chunk_entries(self) -> usize {
        self.lanes() * self.blocks()
    }

    /// Whether so many entries are laid out flat for questions: more than a chunk's, and no more than
    /// are laid out in about a millisecond.
    pub(super) fn is_flat(self, entries: usize) -> bool {
        entries > self.chunk_entries() && entries <= self.flat_entries()
    }

    /// The most entries that are laid out flat.
    #[inline]
    pub(super) fn flat_entries(self) -> usize {
        2 * self.chunk_entries() * self.chunk_entries()
    }

    /// Entries that stay unsorted until they become a run, at most.
    pub(super) fn unsorted(self) -> usize {
        (self.chunk_entries() / 8).clamp(2, BUFFERED)
    }

    /// Corrections of entries that are laid out, each of which goes over all later ones, may go over
    /// each of them so often. This takes a part of the time in which a tree is built, in which a
    /// correction changes a chunk.
    pub(super) fn flat_moves(self) -> usize {
        (self.chunk_entries() / 32).max(2)
    }

    /// Entries of a chunk that is built in bulk: an eighth stays free for late entries.
    pub(super) fn chunk_entries_built(self) -> usize {
        share(self.chunk_entries(), 7, 8)
    }

    /// Entries of a chunk that may take in some of a full neighbour's, at most: both have room
    /// afterwards.
    pub(super) fn chunk_entries_even(self) -> usize {
        share(self.chunk_entries(), 13, 16).min(self.chunk_entries() - 2)
    }

    /// Entries below which a chunk is merged with a neighbour.
    pub(super) fn chunk_entries_sparse(self) -> usize {
        share(self.chunk_entries(), 1, 4)
    }

    /// Slots of a group that is built in bulk.
    pub(super) fn slots_built(self) -> usize {
        share(self.slots(), 3, 4)
    }

    /// Slots below which a group is merged with a neighbour.
    pub(super) fn slots_sparse(self) -> usize {
        share(self.slots(), 1, 4)
    }
}

/// 16 times nothing, then 16 times everything.
const LATER: [i32; 2 * LANES] = {
    let mut masks = [0; 2 * LANES];
    let mut at = LANES;
    while at < 2 * LANES {
        masks[at] = -1;
        at += 1;
    }
    masks
};

/// For each of 16 lanes or blocks whether it is after `index`: then it is not 0. A constant that is read
/// makes compilers treat "all from here on" as a mask, and not as 16 branches.
#[inline]
pub(super) fn later_than(index: usize) -> &'static [i32; LANES] {
    LATER[LANES - 1 - index % LANES..]
        .first_chunk()
        .expect("it starts in the first half")
}

fn share(whole: usize, parts: usize, of: usize) -> usize {
    (whole * parts / of).max(1)
}

/// A count within one of the arrays above, in its stored width.
pub(super) fn small<T: TryFrom<usize>>(count: usize) -> T {
    T::try_from(count).unwrap_or_else(|_| panic!("{count} of what is at most 256"))
}
