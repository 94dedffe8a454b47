//! The accounts in memory: loaded when first needed, brought up to date by whoever needs them.
//!
//! What a commit wrote is laid beside each account that is loaded, and becomes part of it when next
//! somebody has the account to himself: a reader that holds one for long makes nobody wait who posts.
//!
//! If accounts take more memory than they may, those leave it that were not used for longest. One that leaves
//! loses its slot: whoever has found it looks the name up again.
//!
//! Invariants: an account holds what its entries up to some place make, and nothing after `visible`.
//! What was written to a loaded account after that place lies beside it. Whoever reads brings it up to
//! `visible` first; whoever reads several brings all of them up to one `visible`.

mod slot;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::folding::load;
use crate::memory::{Memory, SLOT_BYTES};
use crate::recent::{Share, Written};
use crate::snapshot::{Keeper, cold};
use crate::{Account, AccountKey, Error, Reader, Revision, Sequence, StoreOptions};
use slot::{Held, Slot};

pub(crate) struct Directory {
    pub(crate) keeper: Keeper,
    pub(crate) memory: Memory,
    slots: RwLock<Slots>,
    visible: AtomicU64,
    /// Held while a commit becomes visible.
    publishing: Mutex<()>,
}

#[derive(Default)]
struct Slots {
    by_name: HashMap<Arc<str>, Arc<Slot>>,
    /// How often a name lost its slot.
    removals: u64,
}

impl Directory {
    pub(crate) fn new(visible: Sequence, options: StoreOptions) -> Self {
        Directory {
            memory: Memory::new(options.memory_of_accounts()),
            keeper: Keeper::new(options),
            slots: RwLock::default(),
            visible: AtomicU64::new(visible.get()),
            publishing: Mutex::new(()),
        }
    }

    /// The last entry that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        Sequence::new(self.visible.load(Ordering::SeqCst))
    }

    /// The account of this name that is open.
    pub(crate) fn key(&self, journal: &dyn Reader, name: &str) -> Result<AccountKey, Error> {
        Ok(self.slot(journal, name)?.key.clone())
    }

    /// Reads an account, loading it if need be.
    pub(crate) fn read<R>(
        &self,
        journal: &dyn Reader,
        name: &str,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        let slot = self.slot(journal, name)?;
        self.read_slot(journal, slot, question)
    }

    fn read_slot<R>(
        &self,
        journal: &dyn Reader,
        mut slot: Arc<Slot>,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        loop {
            if let Some(guard) = self.enter(journal, &slot)?
                && let Some(account) = &*guard
            {
                return Ok(question(account));
            }
            slot = self.slot(journal, &slot.key.name)?;
        }
    }

    /// The same for a question about the balance at an instant: if the account is not loaded, its snapshot may
    /// tell that, and then the question gets an account that has that balance alone.
    pub(crate) fn read_at<R>(
        &self,
        journal: &dyn Reader,
        name: &str,
        timestamp: i64,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        let slot = self.slot(journal, name)?;
        let is_loaded = slot
            .account
            .try_read()
            .is_some_and(|account| account.is_some());
        if !is_loaded && let Some(cold) = self.cold(journal, &slot, timestamp) {
            return Ok(question(&cold));
        }
        self.read_slot(journal, slot, question)
    }

    /// What a snapshot tells of the balance at an instant.
    fn cold(&self, journal: &dyn Reader, slot: &Slot, timestamp: i64) -> Option<Account> {
        let read = slot.read_cold.load(Ordering::Relaxed);
        let tail_max = |revision| self.keeper.tail_max(revision, read);
        // Whoever loads the account finds what is odd.
        let cold = cold::at(journal, &slot.key, timestamp, self.visible(), tail_max).ok()??;
        let read = self.keeper.has_answered(cold.tail);
        slot.read_cold.fetch_add(read, Ordering::Relaxed);
        Some(cold.account)
    }

    /// Reads an account if it is loaded and up to date.
    pub(crate) fn read_loaded<R>(
        &self,
        name: &str,
        question: impl FnOnce(&Account) -> R,
    ) -> Option<R> {
        let slot = self.slots.read().by_name.get(name).map(Arc::clone)?;
        let visible = self.visible();
        let account = slot.account.read();
        let account = account.as_ref().filter(|_| slot.is_up_to(visible))?;
        Some(question(account))
    }

    /// The same, unless somebody has the account to himself. What lies beside it is taken in if nobody reads it.
    pub(crate) fn read_now<R>(
        &self,
        name: &str,
        question: impl FnOnce(&Account) -> R,
    ) -> Option<R> {
        let slot = self.slots.try_read()?.by_name.get(name).map(Arc::clone)?;
        let visible = self.visible();
        slot.touch(&self.memory);
        if let Some(account) = slot.account.try_read()
            && slot.is_up_to(visible)
        {
            return account.as_ref().map(question);
        }
        None
    }

    /// Reads several accounts at one point of the journal. The question gets them in the order of the
    /// names.
    pub(crate) fn read_all<R>(
        &self,
        journal: &dyn Reader,
        names: &[&str],
        question: impl FnOnce(&[&Account]) -> R,
    ) -> Result<R, Error> {
        loop {
            let named = names.iter().map(|name| self.slot(journal, name));
            let named: Vec<_> = named.collect::<Result<_, _>>()?;
            let mut slots = named.clone();
            slots.sort_unstable_by_key(|slot| slot.key.opened);
            slots.dedup_by_key(|slot| slot.key.opened);
            let Some(guards) = self.enter_all(journal, &slots)? else {
                continue;
            };
            let answer = {
                let accounts: Vec<_> = guards.iter().filter_map(|guard| guard.as_ref()).collect();
                let place = |slot: &Arc<Slot>| {
                    slots.partition_point(|other| other.key.opened < slot.key.opened)
                };
                let in_order: Vec<_> = named.iter().map(|slot| accounts[place(slot)]).collect();
                question(&in_order)
            };
            drop(guards);
            self.make_room();
            return Ok(answer);
        }
    }

    /// Brings an account up to date if it is loaded and nobody else has it.
    pub(crate) fn tidy(&self, name: &str) {
        let slot = self.slots.read().by_name.get(name).map(Arc::clone);
        if let Some(slot) = slot
            && let Some(mut account) = slot.account.try_write()
        {
            slot.advance(&mut account, self.visible(), &self.memory);
        }
        self.make_room();
    }

    /// Has accounts leave memory, those first that were not used for longest, if accounts take more than the
    /// limit. What is in use stays.
    fn make_room(&self) {
        if !self.memory.is_limited() {
            return;
        }
        let mut too_much = self.memory.too_much();
        if too_much == 0 {
            return;
        }
        let slots: Vec<Arc<Slot>> = self.slots.read().by_name.values().cloned().collect();
        let used_at = |slot: &Arc<Slot>| slot.used_at.load(Ordering::Relaxed);
        let mut slots: Vec<_> = slots
            .into_iter()
            .map(|slot| (used_at(&slot), slot))
            .collect();
        slots.sort_unstable_by_key(|(used_at, _)| *used_at);
        for (_, slot) in slots {
            too_much = too_much.saturating_sub(self.evict(&slot));
            if too_much == 0 {
                return self.memory.try_again();
            }
        }
        self.memory.has_not_freed_enough();
    }

    /// Has an account leave memory; the bytes that it took, or 0 if it is in use.
    fn evict(&self, slot: &Arc<Slot>) -> usize {
        let Some(mut account) = slot.account.try_write() else {
            return 0;
        };
        if slot.held.load(Ordering::SeqCst) > 0 {
            return 0;
        }
        let bytes = {
            let mut slots = self.slots.write();
            // It may have left already, and another may be in its place.
            let found = slots.by_name.get(&slot.key.name);
            if !found.is_some_and(|found| Arc::ptr_eq(found, slot)) {
                return 0;
            }
            slots.by_name.remove(&slot.key.name);
            slot.leave(&self.memory)
        };
        if let Some(account) = account.take() {
            self.memory.has_evicted();
            if self.keeper.looks_at(account.revision()) {
                self.keeper.want_soon(&slot.key);
            }
        }
        bytes.max(SLOT_BYTES)
    }

    /// Shows readers what has become durable: all of it in one step. What is of no use any more is given
    /// back, to be dropped where there is time for it.
    pub(crate) fn publish(&self, written: &Arc<Written>) -> Vec<Arc<dyn Send + Sync>> {
        let mut removed: Vec<Arc<dyn Send + Sync>> = Vec::new();
        let _publishing = self.publishing.lock();
        for (share, Share { account, .. }) in written.shares.iter().enumerate() {
            if written.shares[share].is_deleted {
                let mut slots = self.slots.write();
                slots.removals += 1;
                if let Some(slot) = slots.by_name.remove(&account.name) {
                    slot.leave(&self.memory);
                    removed.push(slot);
                }
                continue;
            }
            let slots = self.slots.read();
            if let Some(slot) = slots.by_name.get(&account.name) {
                slot.lay(written, share);
            }
        }
        if let Some(last) = written.last() {
            self.visible.store(last.get(), Ordering::SeqCst);
        }
        removed
    }

    /// Forgets accounts, to be loaded anew up to and including `visible`; the others are as they were.
    pub(crate) fn reload(&self, names: &[Arc<str>], visible: Sequence) {
        let _publishing = self.publishing.lock();
        let mut slots = self.slots.write();
        slots.removals += 1;
        for name in names {
            if let Some(slot) = slots.by_name.remove(name) {
                slot.leave(&self.memory);
            }
        }
        self.visible.store(visible.get(), Ordering::SeqCst);
    }

    /// Forgets all accounts, to be loaded anew up to and including `visible`.
    pub(crate) fn forget(&self, visible: Sequence) {
        let _publishing = self.publishing.lock();
        let mut slots = self.slots.write();
        slots.removals += 1;
        for (_, slot) in slots.by_name.drain() {
            slot.leave(&self.memory);
        }
        self.visible.store(visible.get(), Ordering::SeqCst);
    }

    fn slot(&self, journal: &dyn Reader, name: &str) -> Result<Arc<Slot>, Error> {
        loop {
            let removals = {
                let slots = self.slots.read();
                if let Some(slot) = slots.by_name.get(name) {
                    return Ok(Arc::clone(slot));
                }
                slots.removals
            };
            let head = journal.heads(&[name])?.pop().flatten();
            let key = head.map(|head| head.account);
            let key = key
                .filter(|key| key.opened <= self.visible())
                .ok_or_else(|| Error::NoSuchAccount(name.to_owned()))?;
            let mut slots = self.slots.write();
            // What was looked up may be deleted by now.
            if slots.removals == removals {
                let slot = slots.by_name.entry(Arc::clone(&key.name));
                return Ok(Arc::clone(slot.or_insert_with(|| Arc::new(Slot::new(key)))));
            }
        }
    }

    /// The account, up to date; `None` if it is to be looked up again.
    fn enter<'s>(
        &self,
        journal: &dyn Reader,
        slot: &'s Slot,
    ) -> Result<Option<RwLockReadGuard<'s, Option<Account>>>, Error> {
        let visible = self.visible();
        slot.touch(&self.memory);
        let account = slot.account.read();
        if account.is_some() && slot.is_up_to(visible) {
            return Ok(Some(account));
        }
        drop(account);
        let mut account = slot.account.write();
        let is_there = self.bring_up(journal, slot, &mut account)?;
        Ok(is_there.then(|| RwLockWriteGuard::downgrade(account)))
    }

    /// The accounts, all up to one `visible`; `None` if one is to be looked up again. The slots are
    /// sorted and without repetition, so that no two who lock several wait for each other.
    fn enter_all<'s>(
        &self,
        journal: &dyn Reader,
        slots: &'s [Arc<Slot>],
    ) -> Result<Option<Vec<RwLockReadGuard<'s, Option<Account>>>>, Error> {
        let _held: Vec<_> = slots
            .iter()
            .map(|slot| Held::new(slot, &self.memory))
            .collect();
        let read: Vec<_> = slots.iter().map(|slot| slot.account.read()).collect();
        // Read once they are held: nobody can bring one further.
        let visible = self.visible();
        let mut both = read.iter().zip(slots);
        if both.all(|(account, slot)| account.is_some() && slot.is_up_to(visible)) {
            return Ok(Some(read));
        }
        drop(read);
        // Loaded one by one, so that none is held while another is loaded.
        for slot in slots {
            if self.enter(journal, slot)?.is_none() {
                return Ok(None);
            }
        }
        let mut held: Vec<_> = slots.iter().map(|slot| slot.account.write()).collect();
        let visible = self.visible();
        for (account, slot) in held.iter_mut().zip(slots) {
            slot.advance(account, visible, &self.memory);
            if account.is_none() {
                return Ok(None);
            }
        }
        let held = held.into_iter().map(RwLockWriteGuard::downgrade);
        Ok(Some(held.collect()))
    }

    /// Loads the account if need be, and takes in what lies beside it; whether it is there.
    fn bring_up(
        &self,
        journal: &dyn Reader,
        slot: &Slot,
        account: &mut Option<Account>,
    ) -> Result<bool, Error> {
        if account.is_none() {
            let _room = self.memory.begin_loading(self.entries(journal, slot)?);
            self.make_room();
            let Some(through) = self.begin_loading(slot) else {
                return Ok(false);
            };
            let loaded = load(journal, &slot.key, Revision::END, through, &self.keeper);
            let loaded = loaded.inspect_err(|_| slot.end_loading(&self.memory))?;
            (self.keeper).has_entries(journal, &slot.key, loaded.revision());
            slot.count(&loaded, &self.memory);
            *account = Some(loaded);
        }
        let is_there = slot.advance(account, self.visible(), &self.memory);
        self.make_room();
        Ok(is_there)
    }

    /// How many entries an account has, if memory is limited.
    fn entries(&self, journal: &dyn Reader, slot: &Slot) -> Result<u64, Error> {
        if !self.memory.is_limited() {
            return Ok(0);
        }
        let head = journal.heads(&[&slot.key.name])?.pop().flatten();
        Ok(head.map_or(0, |head| head.revision.get()))
    }

    /// From now on what is written to the account is kept; what was written up to the place that is
    /// told is to be loaded. `None` if the account is gone.
    fn begin_loading(&self, slot: &Slot) -> Option<Sequence> {
        // No commit is on its way, which would be in neither.
        let _publishing = self.publishing.lock();
        let is_there = slot.begin_loading(&self.memory);
        is_there.then(|| self.visible())
    }
}
