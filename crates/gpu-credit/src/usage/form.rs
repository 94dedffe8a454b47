//! The two forms of a chunk: narrow (4 bytes a time, 4 an amount) and wide (8 and 8).

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// One posted usage: its time and its amount.
pub(crate) type Entry = (i64, u64);

/// How times and amounts are written down in a chunk.
///
/// A time is written as its distance from the chunk's **origin** (frame of reference), signed, so
/// that the SIMD instructions of every x86-64 compare it. Everything in a chunk is written in one
/// form, and a form that cannot hold a time or a sum says so: [`key`](Self::key) and
/// [`amount`](Self::amount) give `None`, and nothing is cut off.
pub(super) trait Form: Clone + Copy + Debug + Send + Sync + 'static {
    /// A time as it is written down.
    type Key: Copy + Ord + Debug + Send + Sync;
    /// An amount, and a sum within one chunk.
    type Amount: Copy
        + Ord
        + Debug
        + Default
        + Send
        + Sync
        + Add<Output = Self::Amount>
        + Sub<Output = Self::Amount>
        + AddAssign
        + SubAssign
        + Into<u64>
        + TryFrom<u64>;

    /// Below every entry: the head of a chunk's first block.
    const KEY_MIN: Self::Key;
    /// Not below any entry: what stands in free places, beside an amount of 0.
    const KEY_MAX: Self::Key;

    /// The origin that leaves room on both sides of entries from `first` to `last`.
    fn origin(first: i64, last: i64) -> i64;

    /// `time` as an entry of a chunk with this origin, if it fits.
    fn key(time: i64, origin: i64) -> Option<Self::Key>;

    /// `time` as a question to a chunk with this origin: out of range it stands before, or not
    /// before, all entries.
    fn question(time: i64, origin: i64) -> Self::Key;

    /// The time written as `key`.
    fn time(key: Self::Key, origin: i64) -> i64;

    /// `amount`, or a sum of them, if it fits.
    fn amount(amount: u64) -> Option<Self::Amount> {
        Self::Amount::try_from(amount).ok()
    }
}

/// Times within 2^31 of the origin, and amounts that sum to less than 2^32 in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow;

impl Form for Narrow {
    type Key = i32;
    type Amount = u32;
    const KEY_MIN: i32 = i32::MIN;
    const KEY_MAX: i32 = i32::MAX;

    fn origin(first: i64, last: i64) -> i64 {
        first.midpoint(last)
    }

    fn key(time: i64, origin: i64) -> Option<i32> {
        let key = i32::try_from(time.checked_sub(origin)?).ok()?;
        (key > Self::KEY_MIN).then_some(key)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to the range of i32"
    )]
    fn question(time: i64, origin: i64) -> i32 {
        time.saturating_sub(origin)
            .clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }

    fn time(key: i32, origin: i64) -> i64 {
        origin + i64::from(key)
    }
}

/// Times and amounts as they are. The origin is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide;

impl Form for Wide {
    type Key = i64;
    type Amount = u64;
    const KEY_MIN: i64 = i64::MIN;
    const KEY_MAX: i64 = i64::MAX;

    fn origin(_first: i64, _last: i64) -> i64 {
        0
    }

    fn key(time: i64, _origin: i64) -> Option<i64> {
        Some(time)
    }

    fn question(time: i64, _origin: i64) -> i64 {
        time
    }

    fn time(key: i64, _origin: i64) -> i64 {
        key
    }
}

/// Whether `entries`, in time order and not empty, can stand in one narrow chunk.
pub(super) fn fits_narrow(entries: &[Entry]) -> bool {
    let (first, last) = (entries[0].0, entries[entries.len() - 1].0);
    let origin = Narrow::origin(first, last);
    Narrow::key(first, origin).is_some()
        && Narrow::key(last, origin).is_some()
        && Narrow::amount(entries.iter().map(|entry| entry.1).sum()).is_some()
}
