//! The place of an account in memory: the account, and what was written since it was brought up to date.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::facts::Record;
use crate::folding::apply_all;
use crate::memory::{Memory, SLOT_BYTES};
use crate::recent::{Share, Written};
use crate::{Account, AccountKey, Entry, Sequence};

/// An account that takes in so many entries at once is settled at once.
const SETTLED_FROM: usize = 64;
/// What an account takes of memory is counted again after so many entries at least.
const UNCOUNTED_MIN: u64 = 64;

/// The place of one account. `None` until it is needed, and after a failure: what is durable is in
/// the journal, so that forgetting is always sound.
pub(super) struct Slot {
    pub(super) key: AccountKey,
    pub(super) account: RwLock<Option<Account>>,
    /// Locked for a moment only, and last.
    later: Mutex<Later>,
    /// When it was last used, by the loads of the store.
    pub(super) used_at: AtomicU64,
    /// Questions that need it in memory together with others.
    pub(super) held: AtomicUsize,
    /// What was read for balances while it was not loaded, in entries of a snapshot that are loaded in the time.
    pub(super) read_cold: AtomicU64,
}

/// What was written after what the account holds.
enum Later {
    /// The account is not loaded, and nothing is kept.
    NotLoaded,
    Commits(Commits),
    /// The name has no such account any more: it is to be looked up again.
    Gone,
}

/// What was written beside an account, and what it is reckoned to take of memory.
#[derive(Default)]
struct Commits {
    waiting: VecDeque<Commit>,
    bytes: usize,
    /// Entries that were taken in since the bytes were counted.
    uncounted: usize,
}

/// What a commit wrote to one account.
struct Commit {
    written: Arc<Written>,
    /// The account's share of it.
    share: usize,
}

impl Slot {
    pub(super) fn new(key: AccountKey) -> Self {
        Slot {
            key,
            account: RwLock::new(None),
            later: Mutex::new(Later::NotLoaded),
            used_at: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            read_cold: AtomicU64::new(0),
        }
    }

    /// Takes note that it is used.
    pub(super) fn touch(&self, memory: &Memory) {
        let now = memory.now();
        if self.used_at.load(Ordering::Relaxed) != now {
            self.used_at.store(now, Ordering::Relaxed);
        }
    }

    /// It is to be looked up again; the bytes that it took.
    pub(super) fn leave(&self, memory: &Memory) -> usize {
        self.replace(&mut self.later.lock(), Later::Gone, memory)
    }

    /// Replaces what lies beside it, and what it takes of memory with it, which is returned.
    fn replace(&self, later: &mut Later, by: Later, memory: &Memory) -> usize {
        let bytes = match std::mem::replace(later, by) {
            Later::Commits(commits) => commits.bytes,
            Later::NotLoaded | Later::Gone => 0,
        };
        memory.change(bytes, 0);
        bytes
    }

    /// Counts what the account takes of memory. O(n) steps of one chunk each.
    pub(super) fn count(&self, account: &Account, memory: &Memory) {
        let bytes = account.memory_used() + SLOT_BYTES + 2 * self.key.name.len();
        if let Later::Commits(commits) = &mut *self.later.lock() {
            memory.change(commits.bytes, bytes);
            (commits.bytes, commits.uncounted) = (bytes, 0);
        }
    }

    /// From now on what is written to the account is kept; whether it is still there.
    pub(super) fn begin_loading(&self, memory: &Memory) -> bool {
        let mut later = self.later.lock();
        let is_there = !matches!(*later, Later::Gone);
        if is_there {
            self.replace(&mut later, Later::Commits(Commits::default()), memory);
        }
        is_there
    }

    /// It could not be loaded: nothing is kept for it.
    pub(super) fn end_loading(&self, memory: &Memory) {
        let mut later = self.later.lock();
        if let Later::Commits(_) = *later {
            self.replace(&mut later, Later::NotLoaded, memory);
        }
    }

    /// Lays beside the account what a commit wrote to it, if it is loaded.
    pub(super) fn lay(&self, written: &Arc<Written>, share: usize) {
        if let Later::Commits(commits) = &mut *self.later.lock() {
            let written = Arc::clone(written);
            commits.waiting.push_back(Commit { written, share });
        }
    }

    /// Whether the account is there, and nothing up to `visible` lies beside it.
    pub(super) fn is_up_to(&self, visible: Sequence) -> bool {
        match &*self.later.lock() {
            Later::Commits(commits) => {
                let first = commits.waiting.front();
                first.is_none_or(|first| !first.is_in(visible))
            }
            Later::NotLoaded | Later::Gone => false,
        }
    }

    /// Takes in what lies beside the account, up to `visible`; whether the account is there then. What
    /// cannot be taken in makes it forgotten: loading it anew says why.
    pub(super) fn advance(
        &self,
        account: &mut Option<Account>,
        visible: Sequence,
        memory: &Memory,
    ) -> bool {
        let commits = match self.take_later(visible) {
            Some(commits) if commits.is_empty() => return account.is_some(),
            Some(commits) => commits,
            None => {
                *account = None;
                return false;
            }
        };
        // While it is out, a panic leaves nothing half-done behind: it is loaded anew.
        let taken = account.take();
        *account = taken.and_then(|mut account| {
            let count = commits.iter().map(|commit| commit.share().entries.len());
            let count: usize = count.sum();
            let entries = commits.iter().flat_map(Commit::entries);
            apply_all(&mut account, entries).ok()?;
            if count >= SETTLED_FROM {
                account.settle();
            }
            Some(account)
        });
        if let Some(account) = account
            && self.is_to_be_counted(account)
        {
            self.count(account, memory);
        }
        account.is_some()
    }

    /// Whether so much was taken in since the account was counted that it may take much more.
    fn is_to_be_counted(&self, account: &Account) -> bool {
        match &*self.later.lock() {
            Later::Commits(commits) => {
                commits.uncounted as u64 > UNCOUNTED_MIN + account.revision().get() / 16
            }
            Later::NotLoaded | Later::Gone => false,
        }
    }

    /// `None` if nothing is kept, as the account is not to be used.
    fn take_later(&self, visible: Sequence) -> Option<Vec<Commit>> {
        let mut later = self.later.lock();
        let Later::Commits(commits) = &mut *later else {
            return None;
        };
        let waiting = &mut commits.waiting;
        let count = waiting.partition_point(|commit| commit.is_in(visible));
        let taken: Vec<Commit> = waiting.drain(..count).collect();
        let entries = taken.iter().map(|commit| commit.share().entries.len());
        commits.uncounted += entries.sum::<usize>();
        Some(taken)
    }
}

/// An account that stays in memory until this is dropped.
pub(super) struct Held<'s> {
    slot: &'s Slot,
    memory: &'s Memory,
}

impl<'s> Held<'s> {
    pub(super) fn new(slot: &'s Slot, memory: &'s Memory) -> Self {
        slot.held.fetch_add(1, Ordering::SeqCst);
        Held { slot, memory }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.slot.held.fetch_sub(1, Ordering::SeqCst);
        self.memory.try_again();
    }
}

impl Commit {
    fn is_in(&self, visible: Sequence) -> bool {
        self.written.last() <= Some(visible)
    }

    fn share(&self) -> &Share {
        &self.written.shares[self.share]
    }

    fn entries(&self) -> impl Iterator<Item = (&Entry, Option<Record>)> {
        self.written.entries_of(self.share())
    }
}
