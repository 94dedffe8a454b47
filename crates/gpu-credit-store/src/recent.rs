//! What the commit lane has written lately: what facts that were gathered a moment ago may not know.
//!
//! Whoever gathers facts pins the place up to which they are whole. What was written after the first
//! pin is kept, so that facts never grow too old while they wait for their turn.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::facts::Record;
use crate::standing::Standing;
use crate::{AccountKey, Change, Entry, Head, Moved, RecordId, Revision, Sequence};

/// What one commit wrote.
#[derive(Default)]
pub struct Written {
    /// In ascending sequence; not empty.
    pub(crate) entries: Vec<Entry>,
    /// The records that its corrections correct, by the places of the corrections.
    pub(crate) corrected: HashMap<Sequence, Record>,
    pub(crate) shares: Vec<Share>,
}

/// What one account has of a commit.
pub(crate) struct Share {
    pub(crate) account: AccountKey,
    pub(crate) is_deleted: bool,
    /// Its entries among those written.
    pub(crate) entries: Vec<usize>,
}

impl Written {
    pub(crate) fn last(&self) -> Option<Sequence> {
        Some(self.entries.last()?.sequence)
    }

    /// Moves all of it.
    pub(crate) fn renumber(&mut self, moved: Moved) {
        for entry in &mut self.entries {
            entry.sequence = moved.place(entry.sequence);
            entry.account.opened = moved.place(entry.account.opened);
        }
        let corrected = mem::take(&mut self.corrected).into_iter();
        self.corrected = corrected.map(|(by, of)| (moved.place(by), of)).collect();
        for share in &mut self.shares {
            share.account.opened = moved.place(share.account.opened);
        }
    }

    /// The record that an entry of it corrects.
    pub(crate) fn corrects(&self, entry: &Entry) -> Option<Record> {
        self.corrected.get(&entry.sequence).cloned()
    }

    /// The entries of a share, in order, each with the record that it corrects.
    pub(crate) fn entries_of(
        &self,
        share: &Share,
    ) -> impl Iterator<Item = (&Entry, Option<Record>)> {
        let entries = share.entries.iter().map(|place| &self.entries[*place]);
        entries.map(|entry| (entry, self.corrects(entry)))
    }
}

/// An account that was written to.
pub(crate) struct Touched {
    /// As it stands after all that was written.
    pub(crate) head: Head,
    /// The head is the last it had then.
    pub(crate) is_deleted: bool,
    /// The sequences of the entries, by id.
    pub(crate) ids: HashMap<RecordId, Sequence>,
    /// The records that were corrected: by which entry last, and how they stand.
    pub(crate) corrected: HashMap<Revision, (Revision, Standing)>,
}

/// Everything written after [`start`](Self::start).
pub(crate) struct Recent {
    start: Sequence,
    commits: VecDeque<Arc<Written>>,
    /// Entries of the first commit that are forgotten already.
    forgotten: usize,
    accounts: HashMap<Arc<str>, Touched>,
}

impl Recent {
    pub(crate) fn new(start: Sequence) -> Self {
        Recent {
            start,
            commits: VecDeque::new(),
            forgotten: 0,
            accounts: HashMap::new(),
        }
    }

    /// The entries that it holds.
    pub(crate) fn entry_count(&self) -> usize {
        let entries = self.commits.iter().map(|commit| commit.entries.len());
        entries.sum()
    }

    /// Whether it knows all that was written after a place.
    pub(crate) fn reaches(&self, place: Sequence) -> bool {
        self.start <= place
    }

    /// What was written to the account of this name; a deleted one is found here too.
    pub(crate) fn account(&self, name: &str) -> Option<&Touched> {
        self.accounts.get(name)
    }

    /// The record that an id of an account stands for.
    pub(crate) fn find(&self, account: &AccountKey, id: &RecordId) -> Option<Record> {
        let touched = self.touched(account)?;
        let sequence = *touched.ids.get(id)?;
        let commit = self
            .commits
            .partition_point(|commit| commit.last() < Some(sequence));
        let entries = &self.commits[commit].entries;
        let place = entries.binary_search_by_key(&sequence, |entry| entry.sequence);
        let entry = &entries[place.expect("an id leads to an entry")];
        Some((entry.revision, entry.change.clone()))
    }

    /// Whether an entry of this id was written to an account.
    pub(crate) fn has(&self, account: &AccountKey, id: &RecordId) -> bool {
        self.touched(account)
            .is_some_and(|touched| touched.ids.contains_key(id))
    }

    /// Whether an account of this name was deleted under this id. O(everything).
    pub(crate) fn is_deleted(&self, name: &str, id: &RecordId) -> bool {
        let mut entries = self.commits.iter().flat_map(|commit| &commit.entries);
        entries.any(|entry| {
            entry.change == Change::DeleteAccount && *entry.account.name == *name && entry.id == *id
        })
    }

    /// How a record of an account stands, if it was corrected.
    pub(crate) fn standing(&self, account: &AccountKey, revision: Revision) -> Option<Standing> {
        let (_, standing) = self.touched(account)?.corrected.get(&revision)?;
        Some(*standing)
    }

    /// The entries of an account, in order, each with the record that it corrects.
    pub(crate) fn entries(
        &self,
        account: &AccountKey,
    ) -> impl Iterator<Item = (&Entry, Option<Record>)> {
        self.commits.iter().flat_map(|commit| {
            let mut shares = commit.shares.iter();
            let own = shares.find(|share| share.account == *account);
            own.into_iter().flat_map(|share| commit.entries_of(share))
        })
    }

    fn touched(&self, account: &AccountKey) -> Option<&Touched> {
        let touched = self.accounts.get(&account.name);
        touched.filter(|touched| touched.head.account == *account)
    }

    /// Takes in what was written just now.
    pub(crate) fn take_in(&mut self, written: Arc<Written>, touched: Vec<Touched>) {
        self.commits.push_back(written);
        for account in touched {
            let name = Arc::clone(&account.head.account.name);
            match self.accounts.get_mut(&name) {
                Some(known) if known.head.account == account.head.account => known.add(account),
                _ => {
                    self.accounts.insert(name, account);
                }
            }
        }
    }

    /// Forgets what was written up to `through`, `entries` at most; what it has no more use for is given
    /// back, to be dropped where there is time for it.
    pub(crate) fn forget(&mut self, through: Sequence, entries: usize) -> Vec<Arc<Written>> {
        let mut done = Vec::new();
        for _ in 0..entries {
            let Some(commit) = self.commits.front() else {
                break;
            };
            let commit = Arc::clone(commit);
            let entry = &commit.entries[self.forgotten];
            if entry.sequence > through {
                break;
            }
            self.forget_entry(&commit, entry);
            self.start = entry.sequence;
            self.forgotten += 1;
            if self.forgotten == commit.entries.len() {
                self.forgotten = 0;
                done.extend(self.commits.pop_front());
            }
        }
        done
    }

    fn forget_entry(&mut self, commit: &Written, entry: &Entry) {
        let name = &entry.account.name;
        let Some(touched) = self.accounts.get_mut(name) else {
            return;
        };
        if touched.head.account != entry.account {
            return;
        }
        if touched.head.last <= entry.sequence {
            self.accounts.remove(name);
            return;
        }
        touched.ids.remove(&entry.id);
        if let Some((of, _)) = commit.corrected.get(&entry.sequence)
            && touched
                .corrected
                .get(of)
                .is_some_and(|(by, _)| *by == entry.revision)
        {
            touched.corrected.remove(of);
        }
    }
}

impl Touched {
    /// Moves the places of what was written.
    pub(crate) fn renumber(&mut self, moved: Moved) {
        self.head.renumber(moved);
        for sequence in self.ids.values_mut() {
            *sequence = moved.place(*sequence);
        }
    }

    fn add(&mut self, later: Touched) {
        self.head = later.head;
        self.is_deleted = later.is_deleted;
        self.ids.extend(later.ids);
        self.corrected.extend(later.corrected);
    }
}

/// The places that facts are pinned to.
#[derive(Default)]
pub(crate) struct Pins(Arc<Mutex<BTreeMap<Sequence, usize>>>);

/// Keeps what was written after a place.
pub(crate) struct Pin {
    pins: Arc<Mutex<BTreeMap<Sequence, usize>>>,
    as_of: Sequence,
}

impl Pins {
    /// Pins the place that `visible` tells.
    pub(crate) fn pin(&self, visible: impl FnOnce() -> Sequence) -> Pin {
        let mut pins = self.0.lock();
        let as_of = visible();
        *pins.entry(as_of).or_default() += 1;
        Pin {
            pins: Arc::clone(&self.0),
            as_of,
        }
    }

    /// The first place that is pinned; what `visible` tells if none is.
    pub(crate) fn first(&self, visible: impl FnOnce() -> Sequence) -> Sequence {
        let pins = self.0.lock();
        let first = pins.first_key_value();
        first.map_or_else(visible, |(place, _)| *place)
    }
}

impl Pins {
    /// Does something while nothing is pinned, and nothing can be; not at all if something is.
    pub(crate) fn if_none<R>(&self, act: impl FnOnce() -> Option<R>) -> Option<R> {
        let pins = self.0.lock();
        pins.is_empty().then(act).flatten()
    }
}

impl Pin {
    pub(crate) fn as_of(&self) -> Sequence {
        self.as_of
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock();
        if let Some(count) = pins.get_mut(&self.as_of) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.as_of);
            }
        }
    }
}
