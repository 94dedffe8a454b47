//! Many entries on their way to being loaded: in posting order, with what the load must know of
//! all of them, so that it need not read them once more to find out.

use super::encoding::UsageEntry;

/// The distance of a time from an origin, and the amount.
pub(super) type PackedEntry = (u32, u32);

/// Entries in posting order.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    pub(super) entries: StagedEntries,
    pub(super) earliest: i64,
    pub(super) latest: i64,
    pub(super) total: u64,
    pub(super) is_in_order: bool,
}

/// Packed as long as times are within 2^31 of the first, and amounts less than 2^32.
#[derive(Clone, Debug)]
pub(super) enum StagedEntries {
    Packed {
        origin: i64,
        entries: Vec<PackedEntry>,
    },
    Plain(Vec<UsageEntry>),
}

impl Staged {
    /// No entries.
    pub(crate) fn new() -> Self {
        Self {
            entries: StagedEntries::Packed {
                origin: 0,
                entries: Vec::new(),
            },
            earliest: i64::MAX,
            latest: i64::MIN,
            total: 0,
            is_in_order: true,
        }
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        match &self.entries {
            StagedEntries::Packed { entries, .. } => entries.len(),
            StagedEntries::Plain(entries) => entries.len(),
        }
    }

    /// The first and the last time, if there are entries.
    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        (self.len() > 0).then_some((self.earliest, self.latest))
    }

    /// Adds an entry. The caller has made sure that the total stays within `i64::MAX`.
    #[inline]
    pub(crate) fn push(&mut self, (time, amount): UsageEntry) {
        self.is_in_order &= time >= self.latest;
        self.earliest = self.earliest.min(time);
        self.latest = self.latest.max(time);
        self.total += amount;
        if let StagedEntries::Packed { origin, entries } = &mut self.entries {
            if entries.is_empty() {
                *origin = time.saturating_sub(1 << 31);
            }
            if let Some(entry) = pack((time, amount), *origin) {
                entries.push(entry);
                return;
            }
        }
        self.push_plain((time, amount));
    }

    #[inline(never)]
    fn push_plain(&mut self, entry: UsageEntry) {
        let entries = std::mem::replace(&mut self.entries, StagedEntries::Plain(Vec::new()));
        let mut entries = entries.into_plain();
        entries.push(entry);
        self.entries = StagedEntries::Plain(entries);
    }

    /// All entries.
    pub(crate) fn into_entries(self) -> Vec<UsageEntry> {
        self.entries.into_plain()
    }
}

impl StagedEntries {
    /// The entries as they were posted.
    pub(super) fn into_plain(self) -> Vec<UsageEntry> {
        match self {
            Self::Packed { origin, entries } => {
                entries.iter().map(|entry| unpack(*entry, origin)).collect()
            }
            Self::Plain(entries) => entries,
        }
    }
}

impl FromIterator<UsageEntry> for Staged {
    fn from_iter<I: IntoIterator<Item = UsageEntry>>(entries: I) -> Self {
        let mut staged = Self::new();
        entries.into_iter().for_each(|entry| staged.push(entry));
        staged
    }
}

/// The entry packed, if it fits.
#[inline]
pub(super) fn pack((time, amount): UsageEntry, origin: i64) -> Option<PackedEntry> {
    let distance = u32::try_from(time.checked_sub(origin)?).ok()?;
    Some((distance, u32::try_from(amount).ok()?))
}

/// The entry that was packed.
#[inline]
pub(super) fn unpack((distance, amount): PackedEntry, origin: i64) -> UsageEntry {
    (origin + i64::from(distance), amount.into())
}
