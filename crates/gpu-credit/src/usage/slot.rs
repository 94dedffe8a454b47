//! A slot of a group: a chunk in whichever encoding holds its entries.

use super::chunk::{EntryAddress, UsageChunk};
use super::encoding::{Encoding, Narrow, UsageEntry, Wide, fits_narrow};
use super::found_block::FoundBlock;
use super::layout::{LANES, Shape, small};
use super::prefetch::prefetch;

/// One chunk, narrow as long as every time and the sum of its amounts fit, or no chunk.
///
/// `len` is the number of its entries. It stands here so that passing over many chunks reads
/// nothing of them.
#[derive(Clone, Debug, Default)]
pub(super) enum Slot {
    #[default]
    Vacant,
    Narrow {
        len: u16,
        origin: i64,
        chunk: Box<UsageChunk<Narrow>>,
    },
    Wide {
        len: u16,
        chunk: Box<UsageChunk<Wide>>,
    },
}

/// A group has 24 lines of slots: the length stands beside the tag.
const _: () = assert!(size_of::<Slot>() <= 24);

/// The origin of every wide chunk.
const WIDE: i64 = 0;

impl Slot {
    /// A chunk of `entries`, in time order, at least one and no more than the shape's.
    pub(super) fn new(entries: &[UsageEntry], shape: Shape) -> Self {
        let mut slot = Self::Vacant;
        slot.refill(entries, shape);
        slot
    }

    /// A chunk without entries, for those from `time` on.
    pub(super) fn start(time: i64) -> Self {
        Self::Narrow {
            len: 0,
            origin: time,
            chunk: UsageChunk::new(),
        }
    }

    /// Holds `entries` from now on, in the narrow encoding if they fit.
    pub(super) fn refill(&mut self, entries: &[UsageEntry], shape: Shape) {
        let len = small(entries.len());
        if fits_narrow(entries) {
            let origin = Narrow::origin(entries[0].0, entries[entries.len() - 1].0);
            let mut chunk = match std::mem::take(self) {
                Self::Narrow { chunk, .. } => chunk,
                _ => UsageChunk::new(),
            };
            chunk.refill(entries, origin, shape);
            *self = Self::Narrow { len, origin, chunk };
        } else {
            let mut chunk = match std::mem::take(self) {
                Self::Wide { chunk, .. } => chunk,
                _ => UsageChunk::new(),
            };
            chunk.refill(entries, WIDE, shape);
            *self = Self::Wide { len, chunk };
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Vacant => 0,
            Self::Narrow { len, .. } | Self::Wide { len, .. } => usize::from(*len),
        }
    }

    /// The sum of all amounts.
    pub(super) fn total(&self) -> u64 {
        match self {
            Self::Vacant => 0,
            Self::Narrow { chunk, .. } => chunk.total().into(),
            Self::Wide { chunk, .. } => chunk.total(),
        }
    }

    /// The sum of the amounts at or before `time`.
    #[inline(always)]
    pub(super) fn sum_through(&self, time: i64) -> u64 {
        self.seek(time).sum()
    }

    /// The block that answers a question for `time`.
    #[inline(always)]
    pub(super) fn seek(&self, time: i64) -> FoundBlock<'_> {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => {
                let key = Narrow::question(time, *origin);
                let (block, before) = chunk.seek(key);
                FoundBlock::Narrow { block, key, before }
            }
            Self::Wide { chunk, .. } => {
                let (block, before) = chunk.seek(time);
                let key = time;
                FoundBlock::Wide { block, key, before }
            }
        }
    }

    /// Asks for the whole chunk.
    pub(super) fn prefetch(&self) {
        match self {
            Self::Vacant => {}
            Self::Narrow { chunk, .. } => prefetch(chunk.as_ref()),
            Self::Wide { chunk, .. } => prefetch(chunk.as_ref()),
        }
    }

    /// Asks for what [`seek`](Self::seek) will read.
    #[inline]
    pub(super) fn prefetch_heads(&self) {
        match self {
            Self::Vacant => {}
            Self::Narrow { chunk, .. } => chunk.prefetch_heads(),
            Self::Wide { chunk, .. } => chunk.prefetch_heads(),
        }
    }

    /// Asks for what counts entries, which only an insertion reads.
    #[inline]
    pub(super) fn prefetch_lens(&self) {
        match self {
            Self::Vacant => {}
            Self::Narrow { chunk, .. } => chunk.prefetch_lens(),
            Self::Wide { chunk, .. } => chunk.prefetch_lens(),
        }
    }

    /// Puts an entry after those at or before its time. False if the chunk is full.
    #[inline]
    pub(super) fn insert(&mut self, (time, amount): UsageEntry, shape: Shape) -> bool {
        if let Self::Narrow { len, origin, chunk } = self
            && let Some((key, amount)) = fit(chunk, (time, amount), *origin)
        {
            let done = chunk.insert(key, amount, shape);
            *len += u16::from(done);
            return done;
        }
        let (len, chunk) = self.widen(shape);
        let done = chunk.insert(time, amount, shape);
        *len += u16::from(done);
        done
    }

    /// Puts the first of `entries`, which are in order and at least one, at the end, where they
    /// belong. Gives their number; 0 if there is no room.
    #[inline]
    pub(super) fn append(&mut self, entries: &[UsageEntry], shape: Shape) -> usize {
        if let Self::Narrow { len, origin, chunk } = self {
            let fitting = if fit_all(chunk, entries, *origin) {
                entries
            } else if fit(chunk, entries[0], *origin).is_some() {
                &entries[..1]
            } else {
                &[]
            };
            if !fitting.is_empty() {
                let appended = chunk.append(fitting, *origin, shape);
                *len += small::<u16>(appended);
                return appended;
            }
        }
        let (len, chunk) = self.widen(shape);
        let appended = chunk.append(entries, WIDE, shape);
        *len += small::<u16>(appended);
        appended
    }

    /// The chunk in the wide encoding, which fits everything, and its length.
    #[cold]
    fn widen(&mut self, shape: Shape) -> (&mut u16, &mut UsageChunk<Wide>) {
        if !matches!(self, Self::Wide { .. }) {
            let mut entries = Vec::with_capacity(self.len());
            self.decode_into(&mut entries);
            let mut chunk = UsageChunk::new();
            chunk.refill(&entries, WIDE, shape);
            let len = small(entries.len());
            *self = Self::Wide { len, chunk };
        }
        match self {
            Self::Wide { len, chunk } => (len, chunk),
            _ => unreachable!("it has just been made wide"),
        }
    }

    /// Takes out the entry with so many before it, and gives its amount; there is one.
    pub(super) fn remove(&mut self, rank: usize) -> u64 {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { len, chunk, .. } => {
                *len -= 1;
                chunk.remove(rank).into()
            }
            Self::Wide { len, chunk } => {
                *len -= 1;
                chunk.remove(rank)
            }
        }
    }

    /// Changes the amount of the entry with so many before it, and gives the old one; there is
    /// one.
    pub(super) fn replace(&mut self, rank: usize, amount: u64, shape: Shape) -> u64 {
        if let Self::Narrow { chunk, .. } = self
            && let Some(amount) = fit_instead(chunk, rank, amount)
        {
            return chunk.replace(rank, amount).into();
        }
        let (_, chunk) = self.widen(shape);
        chunk.replace(rank, amount)
    }

    /// The entry with so many before it; there is one.
    pub(super) fn get(&self, rank: usize) -> UsageEntry {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => {
                let (key, amount) = chunk.get(rank);
                (Narrow::time(key, *origin), amount.into())
            }
            Self::Wide { chunk, .. } => chunk.get(rank),
        }
    }

    /// How many entries are at or before `time`.
    pub(super) fn rank_after(&self, time: i64) -> usize {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => chunk.rank_after(Narrow::question(time, *origin)),
            Self::Wide { chunk, .. } => chunk.rank_after(time),
        }
    }

    /// How many entries are before the last one of this time and amount, if there is one.
    pub(super) fn last_rank_of(&self, (time, amount): UsageEntry) -> Option<usize> {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => {
                chunk.last_rank_of(Narrow::key(time, *origin)?, Narrow::amount(amount)?)
            }
            Self::Wide { chunk, .. } => chunk.last_rank_of(time, amount),
        }
    }

    /// The address of the first entry after `time`.
    pub(super) fn address_after(&self, time: i64) -> EntryAddress {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => {
                chunk.address_after(Narrow::question(time, *origin))
            }
            Self::Wide { chunk, .. } => chunk.address_after(time),
        }
    }

    /// Writes the entries of a block to the front of `entries`, and gives their number.
    pub(super) fn read_block(&self, block: usize, entries: &mut [UsageEntry; LANES]) -> usize {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => chunk.read_block(block, *origin, entries),
            Self::Wide { chunk, .. } => chunk.read_block(block, WIDE, entries),
        }
    }

    /// The first entry whose running total within the chunk is above `sum`: its time, and the
    /// total before it.
    /// The chunk's total is above `sum`.
    pub(super) fn first_above(&self, sum: u64) -> (i64, u64) {
        match self {
            Self::Vacant => vacant(),
            Self::Narrow { origin, chunk, .. } => {
                let sum = Narrow::amount(sum).expect("the total of a narrow chunk is above it");
                let (key, before) = chunk.first_above(sum);
                (Narrow::time(key, *origin), before.into())
            }
            Self::Wide { chunk, .. } => chunk.first_above(sum),
        }
    }

    /// Adds all entries to `entries`, in order.
    pub(super) fn decode_into(&self, entries: &mut Vec<UsageEntry>) {
        match self {
            Self::Vacant => {}
            Self::Narrow { origin, chunk, .. } => chunk.decode_into(entries, *origin),
            Self::Wide { chunk, .. } => chunk.decode_into(entries, WIDE),
        }
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match self {
            Self::Vacant => 0,
            Self::Narrow { .. } => size_of::<UsageChunk<Narrow>>(),
            Self::Wide { .. } => size_of::<UsageChunk<Wide>>(),
        }
    }

    /// Checks the chunk.
    pub(super) fn assert_invariants(&self, shape: Shape) {
        match self {
            Self::Vacant => {}
            Self::Narrow { len, chunk, .. } => {
                assert_eq!(
                    usize::from(*len),
                    chunk.count_entries(),
                    "length of a chunk"
                );
                chunk.assert_invariants(shape);
            }
            Self::Wide { len, chunk } => {
                assert_eq!(
                    usize::from(*len),
                    chunk.count_entries(),
                    "length of a chunk"
                );
                chunk.assert_invariants(shape);
            }
        }
    }
}

/// The entry as a narrow chunk writes it, if it does and the chunk's total still fits.
#[inline]
fn fit(chunk: &UsageChunk<Narrow>, (time, amount): UsageEntry, origin: i64) -> Option<(i32, u32)> {
    let key = Narrow::key(time, origin)?;
    let total = Narrow::amount(u64::from(chunk.total()).checked_add(amount)?)?;
    Some((key, total - chunk.total()))
}

/// Whether a narrow chunk can hold all of `entries`, which are in order and at least one.
#[inline]
fn fit_all(chunk: &UsageChunk<Narrow>, entries: &[UsageEntry], origin: i64) -> bool {
    let (first, last) = (entries[0].0, entries[entries.len() - 1].0);
    let amounts: u64 = entries.iter().map(|entry| entry.1).sum();
    Narrow::key(first, origin).is_some()
        && Narrow::key(last, origin).is_some()
        && Narrow::amount(u64::from(chunk.total()).saturating_add(amounts)).is_some()
}

/// The amount as a narrow chunk writes it in place of that of an entry, if its total still fits.
fn fit_instead(chunk: &UsageChunk<Narrow>, rank: usize, amount: u64) -> Option<u32> {
    let rest = chunk.total() - chunk.get(rank).1;
    Narrow::amount(u64::from(rest).checked_add(amount)?)?;
    Narrow::amount(amount)
}

/// There are no questions about the entries of a slot that has none.
#[cold]
fn vacant() -> ! {
    panic!("a search has led to a vacant slot")
}
