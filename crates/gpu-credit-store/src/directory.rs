//! The accounts in memory: loaded when first needed, changed by one thread, read by many.
//!
//! Invariants: a reader sees an account up to `visible` or not at all, and `visible` moves while every
//! account that an append touches is locked: of two accounts locked together, both show it or neither.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;

use crate::account::NotApplicable;
use crate::{Account, AccountKey, Change, Entry, Error, Journal, RecordId, Sequence};

/// Entries that are folded at a time while an account is loaded.
const LOADED_AT_ONCE: usize = 8_192;
/// An account that takes in so many entries at once is settled at once.
const SETTLED_FROM: usize = 64;

pub(crate) struct Directory {
    slots: RwLock<HashMap<Arc<str>, Arc<Slot>>>,
    visible: AtomicU64,
}

/// The place of one account. `None` until it is needed, and after a failure: what is durable is in
/// the journal, so that forgetting is always sound.
pub(crate) struct Slot {
    pub(crate) key: AccountKey,
    account: RwLock<Option<Account>>,
}

impl Directory {
    pub(crate) fn new(visible: Sequence) -> Self {
        Directory {
            slots: RwLock::default(),
            visible: AtomicU64::new(visible.get()),
        }
    }

    /// The last entry that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        Sequence::new(self.visible.load(Ordering::SeqCst))
    }

    /// The place of the account of this name.
    pub(crate) fn slot(&self, journal: &dyn Journal, name: &str) -> Result<Arc<Slot>, Error> {
        self.find_slot(journal, name)?
            .ok_or_else(|| Error::NoSuchAccount(name.to_owned()))
    }

    pub(crate) fn find_slot(
        &self,
        journal: &dyn Journal,
        name: &str,
    ) -> Result<Option<Arc<Slot>>, Error> {
        if let Some(slot) = read(&self.slots).get(name) {
            return Ok(Some(Arc::clone(slot)));
        }
        // Under the lock, so that no account is put here after it was removed.
        let mut slots = write(&self.slots);
        if let Some(slot) = slots.get(name) {
            return Ok(Some(Arc::clone(slot)));
        }
        let head = journal.heads(&[name])?.pop().flatten();
        let Some(key) = head
            .map(|head| head.account)
            .filter(|key| key.opened <= self.visible())
        else {
            return Ok(None);
        };
        let slot = Arc::new(Slot::new(key, None));
        slots.insert(Arc::clone(&slot.key.name), Arc::clone(&slot));
        Ok(Some(slot))
    }

    /// Reads an account, loading it if need be.
    pub(crate) fn read<R>(
        &self,
        journal: &dyn Journal,
        slot: &Slot,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        loop {
            if let Some(account) = &*read(&slot.account) {
                return Ok(question(account));
            }
            self.load(journal, slot)?;
        }
    }

    /// Reads several accounts at one point of the journal. The question gets them in the order of the
    /// slots, which are sorted by key and without repetition.
    pub(crate) fn read_all<R>(
        &self,
        journal: &dyn Journal,
        slots: &[Arc<Slot>],
        question: impl FnOnce(&[&Account]) -> R,
    ) -> Result<R, Error> {
        loop {
            let guards: Vec<_> = slots.iter().map(|slot| read(&slot.account)).collect();
            let accounts: Vec<_> = guards.iter().filter_map(|guard| guard.as_ref()).collect();
            if accounts.len() == slots.len() {
                return Ok(question(&accounts));
            }
            drop(guards);
            for slot in slots {
                self.load(journal, slot)?;
            }
        }
    }

    fn load(&self, journal: &dyn Journal, slot: &Slot) -> Result<(), Error> {
        let mut account = write(&slot.account);
        if account.is_none() {
            *account = Some(fold(journal, &slot.key, self.visible())?);
        }
        Ok(())
    }

    /// Shows readers what has become durable: all of it in one step.
    pub(crate) fn apply(&self, journal: &dyn Journal, entries: &[Entry]) {
        let Some(last) = entries.last() else { return };
        let mut touched: HashMap<&AccountKey, Vec<&Entry>> = HashMap::new();
        for entry in entries {
            touched.entry(&entry.account).or_default().push(entry);
        }
        let mut touched: Vec<_> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(key, _)| key.opened);
        // Accounts opened just now have no place yet, and their place is not found before the end.
        let slots: Vec<_> = touched.iter().map(|(key, _)| self.place(key)).collect();
        let mut accounts: Vec<_> = slots.iter().map(|slot| write(&slot.account)).collect();
        let mut places = write(&self.slots);
        for (index, (key, entries)) in touched.iter().enumerate() {
            if matches!(
                entries.last().map(|entry| &entry.change),
                Some(Change::DeleteAccount)
            ) {
                *accounts[index] = None;
                places.remove(&key.name);
                continue;
            }
            places.insert(Arc::clone(&key.name), Arc::clone(&slots[index]));
            // While it is out, a panic leaves nothing half-done behind: it is loaded anew.
            let taken = accounts[index].take();
            *accounts[index] = taken
                .or_else(|| opened(key, entries))
                .and_then(|mut account| {
                    let find = |id: &RecordId| find_in(journal, key, id);
                    apply_all(&mut account, entries.iter().copied(), find).ok()?;
                    if entries.len() >= SETTLED_FROM {
                        account.settle();
                    }
                    Some(account)
                });
        }
        self.visible.store(last.sequence.get(), Ordering::SeqCst);
    }

    /// Forgets all accounts, to be loaded anew up to and including `visible`.
    pub(crate) fn forget(&self, visible: Sequence) {
        let mut slots = write(&self.slots);
        for slot in slots.values() {
            *write(&slot.account) = None;
        }
        slots.clear();
        self.visible.store(visible.get(), Ordering::SeqCst);
    }

    fn place(&self, key: &AccountKey) -> Arc<Slot> {
        let slots = read(&self.slots);
        match slots.get(&key.name) {
            Some(slot) if slot.key == *key => Arc::clone(slot),
            _ => Arc::new(Slot::new(key.clone(), None)),
        }
    }
}

impl Slot {
    fn new(key: AccountKey, account: Option<Account>) -> Self {
        Slot {
            key,
            account: RwLock::new(account),
        }
    }
}

/// The account as its entries up to and including `through` make it.
pub(crate) fn fold(
    journal: &dyn Journal,
    key: &AccountKey,
    through: Sequence,
) -> Result<Account, Error> {
    let mut account: Option<Account> = None;
    let mut entries = Vec::new();
    let mut failure = None;
    let take_in = |account: &mut Option<Account>, entries: &mut Vec<Entry>| {
        let all: Vec<&Entry> = entries.iter().collect();
        if account.is_none() {
            *account = opened(key, &all);
        }
        if let Some(account) = account {
            apply_all(account, all, |id| find_in(journal, key, id))?;
        }
        entries.clear();
        Ok::<(), Error>(())
    };
    journal.entries(key, Sequence::START, through, &mut |entry| {
        entries.push(entry);
        if entries.len() < LOADED_AT_ONCE {
            return ControlFlow::Continue(());
        }
        match take_in(&mut account, &mut entries) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    take_in(&mut account, &mut entries)?;
    let mut account = account.ok_or_else(|| Error::NoSuchAccount(key.name.to_string()))?;
    account.settle();
    Ok(account)
}

/// The account that the first of its entries opens.
pub(crate) fn opened(key: &AccountKey, entries: &[&Entry]) -> Option<Account> {
    let first = entries.first()?;
    match first.change {
        Change::OpenAccount { policy } if first.sequence == key.opened => {
            Some(Account::open(key.clone(), policy))
        }
        _ => None,
    }
}

/// Applies entries that follow those of the account; `find` finds the entry of an id.
pub(crate) fn apply_all<'e>(
    account: &mut Account,
    entries: impl IntoIterator<Item = &'e Entry>,
    find: impl Fn(&RecordId) -> Result<Option<(Sequence, Change)>, Error>,
) -> Result<(), Error> {
    let mut failure = None;
    let found = |id: &RecordId| {
        find(id).unwrap_or_else(|error| {
            failure = Some(error);
            None
        })
    };
    let applied = account.apply(entries, found);
    if let Some(error) = failure {
        return Err(error);
    }
    applied.map_err(|NotApplicable { sequence, problem }| Error::NotApplicable {
        account: account.key().name.to_string(),
        sequence,
        problem,
    })
}

fn find_in(
    journal: &dyn Journal,
    key: &AccountKey,
    id: &RecordId,
) -> Result<Option<(Sequence, Change)>, Error> {
    let found = journal.find_many(&[(key.clone(), id.clone())])?;
    let found = found.into_iter().next().flatten();
    Ok(found.map(|entry| (entry.sequence, entry.change)))
}

/// A panic under these locks leaves `None` behind, which is sound.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
