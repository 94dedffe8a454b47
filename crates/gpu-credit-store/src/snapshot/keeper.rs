//! When snapshots are written, and how: by a thread of its own, from the journal.
//!
//! One is due once so many entries follow the last one that reading them takes a share of what reading all
//! takes. At the end of a store, after a close and when an account leaves memory, fewer are enough.
//! The account is loaded for it, from the last snapshot and the entries after it: what is in memory has no
//! part in it, and nobody waits for it, but for the writes, which are short.
//!
//! Each snapshot of n entries comes after n/64 entries at least that no snapshot has. So for each entry that is ever
//! written, 64 are loaded at most, O(1), however often a store is opened for a few postings and closed again.
//! And of a store that was closed, one in 64 entries at most is read after the last snapshot.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use super::header::Header;
use super::{Made, make, thinning};
use crate::folding::load;
use crate::{
    AccountKey, Error, JournalError, Reader, Revision, SegmentNumber, Sequence, SnapshotChange,
    StoreOptions,
};

/// Bytes of segments that are written together: appends wait for no more.
const WRITTEN_AT_ONCE: usize = 1 << 20;
/// A snapshot is due at the latest when one in so many entries is in none.
const SHARE: u64 = 8;
/// None is written before one in so many entries is in none.
const SHARE_MIN: u64 = 64;

/// Entries of a snapshot that are loaded in the time in which one after it is read and folded, about.
const FOLDED_AS: u64 = 8;

/// What is known of the snapshots of a store.
pub(crate) struct Keeper {
    options: StoreOptions,
    state: Mutex<State>,
    /// Whether something may be waiting.
    is_wanted: AtomicBool,
    counts: Counts,
}

#[derive(Default)]
struct State {
    /// The revision of the last snapshot of each account that was looked at, by its number.
    last: HashMap<Sequence, Revision>,
    /// The accounts that so many entries were added to since that a snapshot is worth it, and not so many that it is
    /// due.
    touched: HashMap<Sequence, AccountKey>,
    waiting: VecDeque<Wanted>,
    /// Accounts that have snapshots that are of no use.
    odd: HashSet<Sequence>,
    is_running: bool,
    is_stopped: bool,
}

/// A snapshot that is to be written.
struct Wanted {
    account: AccountKey,
    lacking: Lacking,
}

/// How many entries must be in no snapshot yet: what asks for fewer comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lacking {
    /// It is written anew.
    None,
    /// As many as are [enough](Keeper::enough) at the end of the store.
    Enough,
    /// It is [due](Keeper::due), if nobody has written it meanwhile.
    Due,
}

#[derive(Default)]
struct Counts {
    read: AtomicU64,
    refused: AtomicU64,
    written: AtomicU64,
    answered: AtomicU64,
}

/// What a store did with snapshots since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotStatistics {
    /// Accounts that were loaded from a snapshot.
    pub read: u64,
    /// Snapshots that were of no use: damaged, incomplete, or not of their account.
    pub refused: u64,
    /// Snapshots that were written.
    pub written: u64,
    /// Balances that were answered from a snapshot without loading the account.
    pub answered: u64,
}

impl Keeper {
    pub(crate) fn new(options: StoreOptions) -> Self {
        Keeper {
            options,
            state: Mutex::default(),
            is_wanted: AtomicBool::new(false),
            counts: Counts::default(),
        }
    }

    pub(crate) fn statistics(&self) -> SnapshotStatistics {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SnapshotStatistics {
            read: count(&self.counts.read),
            refused: count(&self.counts.refused),
            written: count(&self.counts.written),
            answered: count(&self.counts.answered),
        }
    }

    /// An account was loaded from a snapshot.
    pub(crate) fn has_read(&self) {
        self.counts.read.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether an account of so many entries is better looked for in its snapshots than read whole.
    pub(crate) fn is_large(&self, revision: Revision) -> bool {
        revision.get() > self.options.few_entries()
    }

    /// How many entries after the snapshot of an account at a revision are read for a balance without loading the
    /// account; `None` if that is to be loaded, as it is once what was [read](Self::has_answered) for such
    /// balances took about as long.
    pub(crate) fn tail_max(&self, revision: Revision, read: u64) -> Option<u64> {
        let left = revision.get().checked_sub(read)?;
        let left = left.checked_sub(self.options.few_entries())?;
        Some(left / FOLDED_AS)
    }

    /// A balance was answered from a snapshot and so many entries after it: as many of a snapshot are loaded in
    /// about the time that it took.
    pub(crate) fn has_answered(&self, tail: u64) -> u64 {
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
        self.options.few_entries() + FOLDED_AS * tail
    }

    /// A snapshot of an account is of no use: it is written anew.
    pub(crate) fn refuse(&self, account: &AccountKey) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        if self.options.keeps_snapshots() {
            self.state.lock().odd.insert(account.opened);
            self.want(account, Lacking::None);
        }
    }

    /// Whether snapshots are written at all.
    pub(super) fn keeps_any(&self) -> bool {
        self.options.keeps_snapshots()
    }

    /// Whether snapshots of accounts with so many entries are ever written.
    pub(crate) fn looks_at(&self, revision: Revision) -> bool {
        self.options.keeps_snapshots() && revision.get() >= self.options.snapshot_at_end
    }

    /// An account has entries up to a revision. O(1), but for the first time.
    pub(crate) fn has_entries(&self, journal: &dyn Reader, account: &AccountKey, to: Revision) {
        if !self.looks_at(to) {
            return;
        }
        let known = self.state.lock().last.get(&account.opened).copied();
        // What cannot be read is said by whoever needs it.
        let last = known.unwrap_or_else(|| last(journal, account).unwrap_or_default());
        let entries = to.get().saturating_sub(last.get());
        let mut state = self.state.lock();
        state.last.entry(account.opened).or_insert(last);
        if entries >= self.due(to) {
            state.want(account, Lacking::Due);
            self.is_wanted.store(true, Ordering::Relaxed);
        } else if entries >= self.enough(to) {
            state.touched.insert(account.opened, account.clone());
        }
    }

    /// A snapshot of an account is to be written if so many of its entries are in none.
    fn want(&self, account: &AccountKey, lacking: Lacking) {
        if self.options.keeps_snapshots() {
            self.state.lock().want(account, lacking);
            self.is_wanted.store(true, Ordering::Relaxed);
        }
    }

    /// How many entries of an account with so many in all make a snapshot due, if they are in none.
    fn due(&self, all: Revision) -> u64 {
        self.options.snapshot_after.max(all.get() / SHARE)
    }

    /// How many entries of an account with so many in all make a snapshot worth it, if they are in none.
    fn enough(&self, all: Revision) -> u64 {
        self.options.snapshot_at_end.max(all.get() / SHARE_MIN)
    }

    /// A snapshot of an account is to be written as at the end of the store.
    pub(crate) fn want_soon(&self, account: &AccountKey) {
        self.want(account, Lacking::Enough);
    }

    /// Whether a thread is to be made that [writes](Self::write_all) what is wanted.
    pub(crate) fn begin(&self) -> bool {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return false;
        }
        self.is_wanted.store(false, Ordering::Relaxed);
        let mut state = self.state.lock();
        let begins = !state.waiting.is_empty() && !state.is_running && !state.is_stopped;
        state.is_running |= begins;
        begins
    }

    /// The thread could not be made.
    pub(crate) fn give_up(&self) {
        self.state.lock().is_running = false;
    }

    /// Writes what is wanted until nothing more is, or the store ends.
    pub(crate) fn write_all(&self, journal: &dyn Reader, visible: impl Fn() -> Sequence) {
        loop {
            let Wanted { account, lacking } = {
                let mut state = self.state.lock();
                // What is left when the store ends is written then.
                let next = match state.is_stopped {
                    true => None,
                    false => state.waiting.pop_front(),
                };
                let Some(next) = next else {
                    state.is_running = false;
                    return;
                };
                next
            };
            // A snapshot that cannot be written is missed by nobody.
            let _ = self.write(journal, &account, lacking, visible());
        }
    }

    /// No thread goes on beyond the snapshot that it is at.
    pub(crate) fn stop(&self) {
        self.state.lock().is_stopped = true;
    }

    /// Threads may be made again.
    pub(crate) fn go_on(&self) {
        self.state.lock().is_stopped = false;
    }

    /// The store ends: what is worth it is written.
    pub(crate) fn end(&self, journal: &dyn Reader, visible: Sequence) {
        let (waiting, touched) = {
            let mut state = self.state.lock();
            (mem::take(&mut state.waiting), mem::take(&mut state.touched))
        };
        for Wanted { account, lacking } in waiting {
            let _ = self.write(journal, &account, lacking, visible);
        }
        for account in touched.into_values() {
            let _ = self.write(journal, &account, Lacking::Enough, visible);
        }
    }

    /// Writes a snapshot of an account if so many of its entries are in none.
    fn write(
        &self,
        journal: &dyn Reader,
        account: &AccountKey,
        lacking: Lacking,
        visible: Sequence,
    ) -> Result<(), Error> {
        let head = journal.heads(&[&account.name])?.pop().flatten();
        let Some(head) = head.filter(|head| head.account == *account) else {
            let mut state = self.state.lock();
            state.last.remove(&account.opened);
            state.odd.remove(&account.opened);
            return Ok(());
        };
        let needed = match lacking {
            Lacking::None => 0,
            Lacking::Due => self.due(head.revision),
            Lacking::Enough => self.enough(head.revision),
        };
        let is_enough = |snapshots: &[Revision]| {
            let last = snapshots.last().copied().unwrap_or_default();
            let is_enough = head.revision.get() >= last.get().saturating_add(needed);
            if !is_enough {
                // Others may have written it.
                self.state.lock().last.insert(account.opened, last);
            }
            is_enough
        };
        if !is_enough(&journal.snapshots(account)?) {
            return Ok(());
        }
        let Some(_claim) = Claim::of(journal, account)? else {
            // Somebody else is writing one of them.
            self.state.lock().last.insert(account.opened, head.revision);
            return Ok(());
        };
        // What was dropped and what was written before is seen now.
        let snapshots = journal.snapshots(account)?;
        if !is_enough(&snapshots) {
            return Ok(());
        }
        let loaded = load(journal, account, Revision::END, visible, self)?;
        let is_odd = self.state.lock().odd.remove(&account.opened);
        let written = Writing {
            journal,
            account,
            change: SnapshotChange::default(),
            bytes: 0,
            is_there: journal.segment_numbers(account)?.into_iter().collect(),
        };
        let revision = loaded.revision();
        if written.write(&loaded, &snapshots, is_odd, self.options.segment_rows)? {
            self.counts.written.fetch_add(1, Ordering::Relaxed);
            self.state.lock().last.insert(account.opened, revision);
        }
        Ok(())
    }
}

impl State {
    fn want(&mut self, account: &AccountKey, lacking: Lacking) {
        let waiting = self.waiting.iter_mut();
        let known = waiting.filter(|wanted| wanted.account == *account).last();
        match known {
            Some(known) => known.lacking = known.lacking.min(lacking),
            None => self.waiting.push_back(Wanted {
                account: account.clone(),
                lacking,
            }),
        }
        self.touched.remove(&account.opened);
    }
}

/// Nobody else writes snapshots of an account, until it is dropped.
struct Claim<'c> {
    journal: &'c dyn Reader,
    account: &'c AccountKey,
}

impl<'c> Claim<'c> {
    fn of(journal: &'c dyn Reader, account: &'c AccountKey) -> Result<Option<Self>, JournalError> {
        let is_free = journal.claim_snapshots(account)?;
        Ok(is_free.then_some(Claim { journal, account }))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.journal.leave_snapshots(self.account);
    }
}

/// The revision of the last snapshot of an account.
fn last(journal: &dyn Reader, account: &AccountKey) -> Result<Revision, JournalError> {
    let snapshots = journal.snapshots(account)?;
    Ok(snapshots.last().copied().unwrap_or_default())
}

/// A snapshot that is being written: its segments first, so that none is ever seen without them.
struct Writing<'w> {
    journal: &'w dyn Reader,
    account: &'w AccountKey,
    change: SnapshotChange,
    /// Of the segments of the change.
    bytes: usize,
    /// The segments that were there before.
    is_there: HashSet<SegmentNumber>,
}

impl Writing<'_> {
    /// Whether the account is still there.
    fn write(
        mut self,
        loaded: &crate::Account,
        snapshots: &[Revision],
        is_odd: bool,
        rows: u32,
    ) -> Result<bool, JournalError> {
        let Some(last) = self.journal.entry_at(self.account, loaded.revision())? else {
            return Ok(false);
        };
        let was_there = mem::take(&mut self.is_there);
        let is_there = |number| !is_odd && was_there.contains(&number);
        let made = make(loaded, &last, rows, is_there, &mut |number, bytes| {
            self.take(number, bytes)
        })?;
        self.finish(made, snapshots, was_there)
    }

    fn take(&mut self, number: SegmentNumber, bytes: Vec<u8>) -> Result<(), JournalError> {
        self.bytes += bytes.len();
        self.change.segments.push((number, bytes));
        if self.bytes >= WRITTEN_AT_ONCE {
            self.bytes = 0;
            let change = mem::take(&mut self.change);
            self.journal.change_snapshots(self.account, &change)?;
        }
        Ok(())
    }

    /// Writes the header, and drops what is not needed any more.
    fn finish(
        mut self,
        made: Made,
        snapshots: &[Revision],
        was_there: HashSet<SegmentNumber>,
    ) -> Result<bool, JournalError> {
        let mut all: Vec<Revision> = snapshots.to_vec();
        all.retain(|revision| *revision != made.revision);
        let place = all.partition_point(|revision| *revision < made.revision);
        all.insert(place, made.revision);
        let mut dropped = thinning::to_drop(&all);
        let mut needed = made.segments;
        all.retain(|revision| *revision != made.revision && !dropped.contains(revision));
        for revision in all {
            match self.header(revision)? {
                Some(header) => needed.extend(header.segments()),
                None => dropped.push(revision),
            }
        }
        let not_needed = was_there
            .into_iter()
            .filter(|number| !needed.contains(number));
        self.change.dropped_segments = not_needed.collect();
        self.change.dropped = dropped;
        self.change.header = Some((made.revision, made.header));
        self.journal.change_snapshots(self.account, &self.change)
    }

    /// The header of a snapshot; `None` if it is of no use.
    fn header(&self, revision: Revision) -> Result<Option<Header>, JournalError> {
        let found = self.journal.snapshot(self.account, revision)?;
        let found = found.filter(|(at, _)| *at == revision);
        Ok(found.and_then(|(_, bytes)| Header::from_bytes(self.account, revision, &bytes).ok()))
    }
}
