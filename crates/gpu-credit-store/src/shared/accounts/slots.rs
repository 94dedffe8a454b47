//! The places of accounts in memory. If accounts take more than they may, those leave it that were not used for
//! longest.
//!
//! Whoever uses a place has a handle to it, and what somebody has a handle to stays: so one that leaves is used by
//! nobody, and nobody loads an account into a place that is not found by its name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::memory::{Memory, SLOT_BYTES};
use crate::snapshot::Keeper;
use crate::{Account, StoreOptions};

/// What an account takes of memory is counted again after so many entries at least.
const UNCOUNTED_MIN: u64 = 64;

/// All places, by the names of the accounts.
pub(super) struct Slots {
    pub(super) memory: Arc<Memory>,
    by_name: RwLock<HashMap<Arc<str>, Arc<Slot>>>,
    /// Held by who makes room.
    making_room: Mutex<()>,
}

/// The place of one account.
pub(super) struct Slot {
    name: Arc<str>,
    pub(super) account: RwLock<Place>,
    /// When it was last used, by the loads of the store.
    used_at: AtomicU64,
    /// What was read for balances while it was not loaded, in entries of a snapshot that are loaded in the time.
    pub(super) read_cold: AtomicU64,
    memory: Arc<Memory>,
}

/// An account; `None` until it is loaded, and after a failure.
#[derive(Default)]
pub(super) struct Place {
    pub(super) account: Option<Account>,
    /// What it is reckoned to take of memory,
    bytes: usize,
    /// and how many entries it had then.
    counted_at: u64,
}

impl Slots {
    pub(super) fn new(options: StoreOptions) -> Self {
        Slots {
            memory: Arc::new(Memory::new(options.memory)),
            by_name: RwLock::default(),
            making_room: Mutex::default(),
        }
    }

    /// The place of a name, used now.
    pub(super) fn get(&self, name: &str) -> Arc<Slot> {
        let slot = self.find(name).unwrap_or_else(|| {
            let mut slots = self.by_name.write();
            let name: Arc<str> = name.into();
            let slot = slots.entry(Arc::clone(&name));
            let new = || Arc::new(Slot::new(name, Arc::clone(&self.memory)));
            Arc::clone(slot.or_insert_with(new))
        });
        slot.used_at.store(self.memory.now(), Ordering::Relaxed);
        slot
    }

    /// The place of a name, if it has one.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Slot>> {
        self.by_name.read().get(name).map(Arc::clone)
    }

    /// The name has no account.
    pub(super) fn forget(&self, name: &str) {
        self.by_name.write().remove(name);
    }

    /// Has accounts leave memory, those first that were not used for longest, if accounts take more than the
    /// limit. What is in use stays. O(n log n) for n accounts, each time that an eighth of the limit was loaded.
    pub(super) fn make_room(&self, keeper: &Keeper) {
        if !self.memory.is_limited() || self.memory.too_much() == 0 {
            return;
        }
        let Some(_making_room) = self.making_room.try_lock() else {
            return;
        };
        let mut too_much = self.memory.too_much();
        let used_at = |slot: &Arc<Slot>| slot.used_at.load(Ordering::Relaxed);
        let slots: Vec<Arc<Slot>> = self.by_name.read().values().cloned().collect();
        let slots = slots.into_iter().map(|slot| (used_at(&slot), slot));
        let mut slots: Vec<(u64, Arc<Slot>)> = slots.collect();
        slots.sort_unstable_by_key(|(used_at, _)| *used_at);
        for (_, slot) in slots {
            if too_much == 0 {
                return self.memory.try_again();
            }
            too_much = too_much.saturating_sub(self.evict(&slot, keeper));
        }
        match too_much {
            0 => self.memory.try_again(),
            _ => self.memory.has_not_freed_enough(),
        }
    }

    /// Has an account leave memory; the bytes that it took, or 0 if it is in use.
    fn evict(&self, slot: &Arc<Slot>, keeper: &Keeper) -> usize {
        {
            let mut slots = self.by_name.write();
            // One handle is here and one there; others are handed out while no one writes there.
            let is_used = Arc::strong_count(slot) > 2;
            let found = slots.get(&slot.name);
            if is_used || !found.is_some_and(|found| Arc::ptr_eq(found, slot)) {
                return 0;
            }
            slots.remove(&slot.name);
        }
        let place = slot.account.read();
        if let Some(account) = &place.account {
            self.memory.has_evicted();
            if keeper.looks_at(account.revision()) {
                keeper.want_soon(account.key());
            }
        }
        place.bytes.max(SLOT_BYTES)
    }
}

impl Slot {
    fn new(name: Arc<str>, memory: Arc<Memory>) -> Self {
        Slot {
            name,
            account: RwLock::default(),
            used_at: AtomicU64::new(0),
            read_cold: AtomicU64::new(0),
            memory,
        }
    }

    /// Counts what the account takes of memory, if it may be much else than it was. O(n) steps of one chunk each.
    pub(super) fn count(&self, place: &mut Place) {
        let (bytes, entries) = match &place.account {
            None => (0, 0),
            Some(account) => {
                let entries = account.revision().get();
                let added = entries.saturating_sub(place.counted_at);
                if place.bytes > 0 && added <= UNCOUNTED_MIN + entries / 16 {
                    return;
                }
                let bytes = account.memory_used() + SLOT_BYTES + 2 * self.name.len();
                (bytes, entries)
            }
        };
        self.memory.change(place.bytes, bytes);
        (place.bytes, place.counted_at) = (bytes, entries);
    }
}

/// What it took of memory is free.
impl Drop for Slot {
    fn drop(&mut self) {
        self.memory.change(self.account.get_mut().bytes, 0);
    }
}
