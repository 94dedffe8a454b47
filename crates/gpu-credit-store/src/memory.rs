//! How much of memory accounts take, and how many are loaded at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// Accounts that are loaded at once.
const LOADS_MAX: usize = 4;
/// What an account takes beside its [`memory_used`](crate::Account::memory_used), about.
pub(crate) const SLOT_BYTES: usize = 512;
/// What an entry of an account takes of memory, about.
const ENTRY_BYTES: usize = 48;

/// The limit on memory, and what is taken.
pub(crate) struct Memory {
    /// Bytes; `usize::MAX` is no limit.
    limit: usize,
    used: AtomicUsize,
    /// Counts loads.
    clock: AtomicU64,
    evicted: AtomicU64,
    /// If what could be freed was not enough: how much is taken before it is tried again.
    tried_again_at: AtomicUsize,
    loading: Mutex<Loading>,
    ended: Condvar,
}

#[derive(Default)]
struct Loading {
    accounts: usize,
    /// Bytes that they will take, about.
    bytes: usize,
}

/// What accounts take of memory, and how they came and went since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStatistics {
    /// Bytes of accounts in memory, about.
    pub used: usize,
    /// Accounts that were loaded, each time that they were.
    pub loaded: u64,
    /// Accounts that left memory to make room.
    pub evicted: u64,
}

/// Room for an account that is being loaded, until it is dropped.
pub(crate) struct Room<'m> {
    memory: &'m Memory,
    bytes: usize,
}

impl Memory {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Memory {
            limit: limit.unwrap_or(usize::MAX),
            used: AtomicUsize::new(0),
            clock: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            tried_again_at: AtomicUsize::new(0),
            loading: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.limit < usize::MAX
    }

    pub(crate) fn statistics(&self) -> MemoryStatistics {
        MemoryStatistics {
            used: self.used.load(Ordering::Relaxed),
            loaded: self.clock.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    /// How often accounts were loaded: the time by which it is known which were not used for long.
    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Waits until an account of so many entries may be loaded. One that alone takes more than the limit
    /// waits until no other is.
    pub(crate) fn begin_loading(&self, entries: u64) -> Room<'_> {
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let bytes = entries.saturating_mul(ENTRY_BYTES).min(self.limit);
        let mut loading = self.loading.lock();
        while loading.accounts > 0
            && (loading.accounts >= LOADS_MAX || loading.bytes.saturating_add(bytes) > self.limit)
        {
            self.ended.wait(&mut loading);
        }
        loading.accounts += 1;
        loading.bytes += bytes;
        self.clock.fetch_add(1, Ordering::Relaxed);
        Room {
            memory: self,
            bytes,
        }
    }

    /// How many bytes are to be freed. If any are, it is an eighth of the limit more, so that it is not for
    /// each account that all are looked at.
    pub(crate) fn too_much(&self) -> usize {
        let taken = self.taken();
        let is_tried = taken >= self.tried_again_at.load(Ordering::Relaxed);
        match taken.saturating_sub(self.limit) {
            over if over > 0 && is_tried => over + self.limit / 8,
            _ => 0,
        }
    }

    /// What could be freed was not enough, as the rest is in use: it is tried again once an eighth of the
    /// limit more is taken.
    pub(crate) fn has_not_freed_enough(&self) {
        let again = self.taken().saturating_add(self.limit / 8);
        self.tried_again_at.store(again, Ordering::Relaxed);
    }

    /// What was in use may be free.
    pub(crate) fn try_again(&self) {
        self.tried_again_at.store(0, Ordering::Relaxed);
    }

    /// What accounts take, and those that are being loaded will.
    fn taken(&self) -> usize {
        let expected = self.loading.lock().bytes;
        self.used.load(Ordering::Relaxed).saturating_add(expected)
    }

    /// An account takes other bytes than before.
    pub(crate) fn change(&self, before: usize, now: usize) {
        match now.checked_sub(before) {
            Some(more) => self.used.fetch_add(more, Ordering::Relaxed),
            None => self.used.fetch_sub(before - now, Ordering::Relaxed),
        };
    }

    pub(crate) fn has_evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut loading = self.memory.loading.lock();
        loading.accounts -= 1;
        loading.bytes -= self.bytes;
        self.memory.ended.notify_all();
    }
}
