//! The grant timeline: what the level of each epoch is, and how it is brought up to date.
//!
//! A grant's window gives two boundaries; from one boundary to the next runs an *epoch*. Between
//! two boundaries no grant starts or ends, so draws go down one and the same list: what is left at
//! the end of an epoch depends only on the **sum** of its usage. The timeline therefore needs the
//! boundaries and one number for each epoch, never the usage entries.
//!
//! ```text
//! boundaries   FIRST ─── start a ─── start b ─── end a ─── start c ─── end b ───▶
//! settled      ═════════════════════════════════╪ frontier
//! late writes                 ▲ unsettled
//! ```
//!
//! * Up to and at the **frontier** levels are known; from the frontier's own epoch on no usage is
//!   kept, and no later level: writes there cost nothing. Where all is settled the frontier is the
//!   last boundary.
//! * A late write before the frontier corrects the usage of one epoch, or adds or removes a
//!   boundary, and notes the first boundary that it **unsettles**. Too many of them move the
//!   frontier back instead.
//! * [`settle`](GrantTimeline::settle) repairs what is unsettled and moves the frontier forward. A
//!   record in time order moves the frontier along with it, so that streams stay settled.
//! * A query that falls before all of this reads a level, from the **epoch table** where that is up
//!   to date, else from the tree; any other replays boundaries from the last sound checkpoint, and
//!   stores nothing.
//!
//! Files, in reading order: [`boundary`] (the order of events), [`tree`] (boundaries under sums),
//! [`live`] (the draw rule), [`checkpoint`], [`settle`] (the repair), [`frontier`] (its way
//! forward), [`epochs`] (what is settled, laid out for queries), [`replay`] (queries of what is
//! not), [`trace`], [`what_if`] and [`lows`] (other questions), [`grants`] (the records),
//! [`corrections`] (of records), [`invariants`] (what must hold).

pub(crate) mod boundary;
pub(crate) mod checkpoint;
mod corrections;
pub(crate) mod epochs;
mod frontier;
pub(crate) mod grants;
mod invariants;
pub(crate) mod live;
pub(crate) mod lows;
pub(crate) mod replay;
pub(crate) mod settle;
pub(crate) mod trace;
pub(crate) mod tree;
mod what_if;

use std::collections::BTreeMap;

use crate::usage::UsageIndex;
use crate::{Error, Options, Overdraft, SettlementStatistics};
use boundary::{Event, Key};
use checkpoint::Checkpoints;
use epochs::{EpochTable, Limit};
use grants::Grants;
use tree::{BoundaryTree, Position};

/// Late writes are noted one by one up to half the width of the tree, or one in so many boundaries
/// if that is more; past it, replaying everything later is cheaper than repairing each.
const UNSETTLED_SHARE: usize = 256;

/// The epoch table is built anew where boundaries have been replayed for one in so many.
const REPLAYED_SHARE: usize = 4;

/// Grants that come at once are many if there are more than one for as many boundaries.
const LOAD_SHARE: usize = 16;

/// The grants of one account and the level of each epoch.
#[derive(Clone, Debug)]
pub(crate) struct GrantTimeline {
    pub(crate) grants: Grants,
    tree: BoundaryTree,
    checkpoints: Checkpoints,
    /// The first boundary whose level a late write made unsound, and by how much that write
    /// shifted all later balances on its own.
    unsettled: BTreeMap<Key, i128>,
    frontier: Frontier,
    /// How things stand at the frontier, where it was reached in moving forward: the next move goes
    /// on from there.
    reached: Option<frontier::Reached>,
    /// What is settled, laid out for queries: never for an account whose boundaries fit one chunk.
    epochs: Option<Box<EpochTable>>,
    /// The boundaries that had been replayed when the epoch table was built.
    replayed_before: u64,
    /// The latest time of any usage so far: what is later is the future. Like the next one it
    /// decides what is repaired when, never an answer.
    now: i64,
    /// The latest time of any usage or start so far.
    latest: i64,
    overdraft: Overdraft,
    checkpoint_spacing: usize,
    statistics: SettlementStatistics,
}

/// The last boundary whose level is known. Usage from its epoch on is not kept.
#[derive(Clone, Copy, Debug)]
struct Frontier {
    key: Key,
    /// The time of the next boundary, where its epoch is over.
    epoch_end: Option<i64>,
}

impl Frontier {
    /// Whether usage at `time` falls where none is kept.
    #[inline]
    fn reaches(&self, time: i64) -> bool {
        time >= self.key.time
    }

    /// Whether usage at `time` is later than its epoch.
    #[inline]
    fn is_over(&self, time: i64) -> bool {
        self.epoch_end.is_some_and(|end| time >= end)
    }

    /// Takes note of a boundary behind it.
    fn meet(&mut self, time: i64) {
        self.epoch_end = Some(self.epoch_end.map_or(time, |end| end.min(time)));
    }
}

impl GrantTimeline {
    pub(crate) fn new(options: &Options) -> Self {
        GrantTimeline {
            grants: Grants::default(),
            tree: BoundaryTree::new(options.boundary_chunk.clamp(4, 256)),
            checkpoints: Checkpoints::default(),
            unsettled: BTreeMap::new(),
            frontier: Frontier {
                key: Key::FIRST,
                epoch_end: None,
            },
            reached: None,
            epochs: None,
            replayed_before: 0,
            now: i64::MIN,
            latest: i64::MIN,
            overdraft: options.overdraft,
            checkpoint_spacing: options.checkpoint_spacing.max(1),
            statistics: SettlementStatistics::default(),
        }
    }

    pub(crate) fn statistics(&self) -> SettlementStatistics {
        self.statistics
    }

    pub(crate) fn checkpoint_count(&self) -> usize {
        self.checkpoints.len()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.frontier.epoch_end.is_none() && self.unsettled.is_empty()
    }

    /// Adds a grant. O(log m + B) where it is in time order or behind the frontier, else
    /// O(B + m / B²).
    pub(crate) fn post_grant(
        &mut self,
        usage: &UsageIndex,
        name: &str,
        amount: u64,
        start: i64,
        expiration: u64,
    ) -> Result<u32, Error> {
        let number = self.grants.post(name, amount, start, expiration)?;
        self.grant_posted(usage, number);
        Ok(number)
    }

    fn grant_posted(&mut self, usage: &UsageIndex, number: u32) {
        let (start, end) = self.grants.boundaries(number);
        if start.time >= self.now && start < self.frontier.key {
            // No usage is so late: what is settled there is the future, and not worth repairing.
            self.move_frontier_back(self.tree.find(start));
        }
        self.insert(usage, start, self.grants.whole(number).amount);
        if let Some(end) = end {
            // Nothing lapses there until settling finds otherwise, on its way from the start.
            self.insert(usage, end, 0);
        }
        if start.time >= self.latest {
            self.latest = start.time;
            self.keep_up(usage, start.time);
        }
    }

    fn insert(&mut self, usage: &UsageIndex, key: Key, rise: u64) {
        self.unsettle_epochs(key.time);
        if key > self.frontier.key {
            self.frontier.meet(key.time);
            self.tree.insert_blank(key);
            return;
        }
        let before = self.tree.find(key);
        let used = (self.tree.used_before(before)).wrapping_add(self.tree.get(before).usage);
        let taken = used.wrapping_sub(usage.before(key.time));
        self.tree.insert(key, rise, taken);
        if rise > 0 || self.overdraft == Overdraft::Forfeit {
            self.unsettle(key, i128::from(rise));
        }
    }

    /// Takes a grant back; whether it was there. O(B + m / B²).
    pub(crate) fn retract_grant(&mut self, number: u32) -> bool {
        if self.grants.get(number).is_none() {
            return false;
        }
        self.remove_window(number);
        self.grants.retract(number);
        true
    }

    fn remove_window(&mut self, number: u32) {
        if self.grants.is_ever_live(number) {
            let (start, end) = self.grants.boundaries(number);
            for key in [Some(start), end].into_iter().flatten() {
                self.remove(key);
            }
        }
    }

    fn remove(&mut self, key: Key) {
        let at = self.tree.find(key);
        let before = self.tree.previous(at).unwrap_or(Position::FIRST);
        if self.frontier.key == key {
            self.move_frontier_back(before);
        }
        self.checkpoints.remove(key);
        if self.frontier.key < key {
            self.tree.remove(at, 0);
            self.find_epoch_end();
        } else {
            let rise = (self.tree.level(at)).wrapping_sub(self.tree.level(before));
            self.tree.remove(at, rise);
            // Under `Forfeit` a rise may pass 63 bits; there shifts count modulo 2^64 only.
            self.unsettle(key, -i128::from(rise.cast_signed()));
        }
    }

    /// Takes note of usage that has been added to the index. O(1) where it is in time order or
    /// behind the frontier, else O(B + m / B²).
    #[inline]
    pub(crate) fn usage_posted(&mut self, usage: &UsageIndex, time: i64, amount: u64) {
        self.note_usage(time, amount);
        self.pass_time(usage, time);
    }

    /// Takes note of many usage entries that have been added to the index: of all of them before
    /// the frontier moves forward, for as it moves it reads the index.
    pub(crate) fn usage_posted_many(&mut self, usage: &UsageIndex, entries: &[(i64, u64)]) {
        let mut latest = i64::MIN;
        for (time, amount) in entries {
            self.note_usage(*time, *amount);
            latest = latest.max(*time);
        }
        if !entries.is_empty() {
            self.pass_time(usage, latest);
        }
    }

    #[inline]
    fn note_usage(&mut self, time: i64, amount: u64) {
        if self.frontier.reaches(time) {
            // None is kept there.
        } else if time >= self.now {
            self.move_frontier_back(self.tree.find_time(time));
        } else {
            self.change_usage(time, i128::from(amount));
        }
    }

    /// Usage has been posted that is as late as `time`.
    #[inline]
    fn pass_time(&mut self, usage: &UsageIndex, time: i64) {
        if time >= self.now {
            self.now = time;
            self.latest = self.latest.max(time);
            self.keep_up(usage, time);
        }
    }

    /// Takes note of usage that has been taken from the index. O(B + m / B²).
    pub(crate) fn usage_retracted(&mut self, amount: u64, time: i64) {
        if !self.frontier.reaches(time) {
            self.change_usage(time, -i128::from(amount));
        }
    }

    /// Changes the usage of an epoch before the frontier. Levels later than it become unsound.
    fn change_usage(&mut self, time: i64, change: i128) {
        let at = self.tree.find_time(time);
        self.tree.add_usage(at, wrapping(change));
        if let Some(next) = self.tree.next(at) {
            self.unsettle(self.tree.get(next).key(), -change);
        }
    }

    /// Notes that levels from `key` on are unsound, and all later balances shifted by `shift`.
    fn unsettle(&mut self, key: Key, shift: i128) {
        self.reached = None;
        self.unsettle_epochs(key.time);
        *self.unsettled.entry(key).or_default() += shift;
        let most = (self.tree.width() / 2).max(self.tree.len() / UNSETTLED_SHARE);
        if self.unsettled.len() > most
            && let Some((first, _)) = self.unsettled.first_key_value()
        {
            let at = self.last_before(*first);
            self.move_frontier_back(at);
        }
    }

    /// Takes note of many records added at once: all levels after the epoch of `earliest` become
    /// unknown. O(log m).
    pub(crate) fn usage_loaded(&mut self, earliest: i64, latest: i64) {
        self.now = self.now.max(latest);
        self.latest = self.latest.max(latest);
        if !self.frontier.reaches(earliest) {
            self.move_frontier_back(self.tree.find_time(earliest));
        }
    }

    /// Takes note of the grants from `number` on, which are in the table already. O(m log m) where
    /// they are many: then the tree is built anew and all levels are forgotten.
    pub(crate) fn grants_posted(&mut self, usage: &UsageIndex, number: usize) {
        let many = self.tree.len() / LOAD_SHARE;
        if self.grants.next_number() - number <= many {
            let numbers: Vec<u32> = self.grants.numbers_from(number).collect();
            for number in numbers {
                self.grant_posted(usage, number);
            }
            return;
        }
        let added = self.grants.numbers_from(number).flat_map(|number| {
            let (start, end) = self.grants.boundaries(number);
            [Some(start), end]
        });
        let mut keys: Vec<Key> = self.tree.keys().skip(1).chain(added.flatten()).collect();
        keys.sort_unstable();
        let starts = keys
            .iter()
            .filter(|key| matches!(key.handle.event(), Event::Start(_)));
        self.latest = starts.map(|key| key.time).fold(self.latest, i64::max);
        self.tree = BoundaryTree::from_keys(self.tree.width(), &keys);
        self.checkpoints = Checkpoints::default();
        self.move_frontier_back(Position::FIRST);
    }

    /// Moves the frontier forward to the epoch of a record that comes in time order, by half the
    /// width of the tree at most. It stays where anything before it is unsettled: a replay from
    /// there would not be sound.
    #[inline]
    fn keep_up(&mut self, usage: &UsageIndex, time: i64) {
        if self.frontier.is_over(time) && self.unsettled.is_empty() {
            self.move_frontier_forward(usage, time, self.tree.width() / 2);
        }
    }

    fn move_frontier_back(&mut self, at: Position) {
        let key = self.tree.get(at).key();
        self.reached = None;
        self.checkpoints.forget_after(key);
        while let Some(last) = self.unsettled.last_entry()
            && *last.key() > key
        {
            last.remove();
        }
        self.frontier.key = key;
        self.find_epoch_end();
        if let Some(end) = self.frontier.epoch_end {
            self.unsettle_epochs(end);
        }
    }

    /// Takes note of a write that changes what opens at `time` or later.
    fn unsettle_epochs(&mut self, time: i64) {
        if let Some(epochs) = &mut self.epochs {
            epochs.unsettle(time);
        }
    }

    /// Builds the epoch table anew, if all is settled and what has been replayed is worth it: as
    /// much as it would gain, so that building costs a small part of settling. O(m) where it does.
    fn build_epochs(&mut self) {
        let len = self.tree.len();
        if !self.is_settled() || len <= self.tree.width() {
            return;
        }
        let sound = (self.epochs.as_ref()).map_or(0, |epochs| epochs.sound_len());
        let replayed = self.statistics.boundaries_replayed - self.replayed_before;
        // The boundary at the beginning of time is never replayed.
        let worth = (len - 1).saturating_sub(sound).max(len / REPLAYED_SHARE);
        if usize::try_from(replayed).is_ok_and(|replayed| replayed < worth) {
            return;
        }
        self.replayed_before = self.statistics.boundaries_replayed;
        let epochs = self
            .tree
            .epochs()
            .map(|(time, live, level)| (time, Limit::new(live > 0, level, self.overdraft)));
        self.epochs = EpochTable::new(len, epochs).map(Box::new);
    }

    fn find_epoch_end(&mut self) {
        let next = self.tree.next(self.tree.find(self.frontier.key));
        self.frontier.epoch_end = next.map(|next| self.tree.get(next).time);
    }

    /// The last boundary before `key`, whether or not there is one at `key`.
    fn last_before(&self, key: Key) -> Position {
        let at = self.tree.find(key);
        if self.tree.get(at).key() == key {
            self.tree.previous(at).unwrap_or(Position::FIRST)
        } else {
            at
        }
    }

    /// Whether the level of the epoch that opens at `key` is what a replay would find.
    #[inline]
    fn is_sound(&self, key: Key) -> bool {
        key <= self.frontier.key
            && (self.unsettled.first_key_value()).is_none_or(|(first, _)| key < *first)
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.grants.memory_used()
            + self.tree.memory_used()
            + self.checkpoints.memory_used()
            + self.unsettled.len() * size_of::<(Key, i128)>() * 3 / 2
            + (self.reached.as_ref()).map_or(0, frontier::Reached::memory_used)
            + (self.epochs.as_ref()).map_or(0, |epochs| epochs.memory_used())
    }
}

/// A difference as it is added to a wrapping sum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn wrapping(difference: i128) -> u64 {
    difference as u64
}
