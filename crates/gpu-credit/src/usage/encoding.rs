//! The two encodings of a chunk: narrow (4 bytes a time, 4 an amount) and wide (8 and 8).

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// One usage record: its time and its amount.
pub(crate) type UsageEntry = (i64, u64);

/// How times and amounts are written down in a chunk.
///
/// A time is written as its distance from the chunk's **origin** (frame of reference), signed,
/// because that is what the oldest x86-64 can compare four at a time. Whatever an encoding cannot hold
/// it refuses: [`key`](Self::key) and [`amount`](Self::amount) give `None`, and nothing is cut off.
pub(super) trait Encoding: Clone + Copy + Debug + Send + Sync + 'static {
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

    /// At or before every entry: the head of a chunk's first block.
    const KEY_MIN: Self::Key;
    /// At or after every entry: what stands in free lanes, beside an amount of 0.
    const KEY_MAX: Self::Key;

    /// The origin that leaves room on both sides of entries from `first` to `last`.
    fn origin(first: i64, last: i64) -> i64;

    /// `time` as that of an entry, if it fits.
    fn key(time: i64, origin: i64) -> Option<Self::Key>;

    /// `time` as that of a question: out of range it stands before, or not before, all entries.
    fn question(time: i64, origin: i64) -> Self::Key;

    /// An entry that is known to fit.
    fn encode(entry: UsageEntry, origin: i64) -> (Self::Key, Self::Amount);

    /// The time written as `key`.
    fn time(key: Self::Key, origin: i64) -> i64;

    /// `amount`, or a sum of them, if it fits.
    #[inline]
    fn amount(amount: u64) -> Option<Self::Amount> {
        Self::Amount::try_from(amount).ok()
    }
}

/// Times less than 2^31 from the origin, and amounts that sum to less than 2^32 in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow;

impl Encoding for Narrow {
    type Key = i32;
    type Amount = u32;
    const KEY_MIN: i32 = i32::MIN;
    const KEY_MAX: i32 = i32::MAX;

    fn origin(first: i64, last: i64) -> i64 {
        first.midpoint(last)
    }

    /// [`KEY_MIN`](Encoding::KEY_MIN) is not given out: a question before all entries reads so.
    #[inline]
    fn key(time: i64, origin: i64) -> Option<i32> {
        let key = i32::try_from(time.checked_sub(origin)?).ok()?;
        (key > Self::KEY_MIN).then_some(key)
    }

    #[inline]
    fn question(time: i64, origin: i64) -> i32 {
        let out_of_range = if time < origin { i32::MIN } else { i32::MAX };
        time.checked_sub(origin)
            .and_then(|distance| i32::try_from(distance).ok())
            .unwrap_or(out_of_range)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it is known to fit")]
    fn encode((time, amount): UsageEntry, origin: i64) -> (i32, u32) {
        debug_assert!(Self::key(time, origin).is_some() && Self::amount(amount).is_some());
        ((time - origin) as i32, amount as u32)
    }

    #[inline]
    fn time(key: i32, origin: i64) -> i64 {
        origin + i64::from(key)
    }
}

/// Times and amounts as they are. There is no origin, it reads 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide;

impl Encoding for Wide {
    type Key = i64;
    type Amount = u64;
    const KEY_MIN: i64 = i64::MIN;
    const KEY_MAX: i64 = i64::MAX;

    fn origin(_first: i64, _last: i64) -> i64 {
        0
    }

    #[inline]
    fn key(time: i64, _origin: i64) -> Option<i64> {
        Some(time)
    }

    #[inline]
    fn question(time: i64, _origin: i64) -> i64 {
        time
    }

    #[inline]
    fn encode(entry: UsageEntry, _origin: i64) -> UsageEntry {
        entry
    }

    #[inline]
    fn time(key: i64, _origin: i64) -> i64 {
        key
    }
}

/// Whether `entries`, in time order and at least one, can stand in one narrow chunk.
pub(super) fn fits_narrow(entries: &[UsageEntry]) -> bool {
    let (first, last) = (entries[0].0, entries[entries.len() - 1].0);
    let origin = Narrow::origin(first, last);
    Narrow::key(first, origin).is_some()
        && Narrow::key(last, origin).is_some()
        && Narrow::amount(entries.iter().map(|entry| entry.1).sum()).is_some()
}
