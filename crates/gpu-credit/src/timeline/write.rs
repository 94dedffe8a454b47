//! Writing: records posted, taken back and corrected.
//!
//! A write beyond the frontier changes nothing that is known. Any other one changes the sums of the
//! tree, notes from which boundary on levels are unsound, and then, if its turn has come, repairs
//! them within a bounded effort: see [`settle`](super::settle).

use super::boundary::{Event, Key};
use super::checkpoint::Checkpoints;
use super::grants::Window;
use super::known::Unsettled;
use super::tree::{BoundaryTree, Position};
use super::{GrantTimeline, wrapping};
use crate::all_usage::AllUsage;
use crate::error::Error;
use crate::options::Overdraft;
use crate::record::NewGrant;

/// Late writes are noted one by one up to half the width of the tree, or one a checkpoint if that is less,
/// or one in so many boundaries if that is more. Past it, replaying everything later is cheaper than
/// repairing each.
const UNSETTLED_SHARE: usize = 256;

/// If more late writes than so many for each boundary have come, and no question, replaying everything
/// later is cheaper than to go on noting them.
const LATE_FOR_EACH: usize = 4;

/// Records that come at once are many if there are more than one for as many boundaries.
const LOAD_SHARE: usize = 16;

/// What a write has to do with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is in time order.
    InOrder,
    /// It is earlier than the horizon, or unsettles what is known later.
    Late,
}

impl GrantTimeline {
    /// Adds a grant. O(log m + B) if it starts beyond the frontier, else O(B + m / B²); and a
    /// bounded repair.
    pub(crate) fn post_grant(&mut self, usage: &AllUsage, new: NewGrant<'_>) -> Result<u32, Error> {
        let number = self.grants.post(new)?;
        let arrival = self.insert_window(usage, number);
        self.keep_up(usage, arrival);
        Ok(number)
    }

    pub(super) fn insert_window(&mut self, usage: &AllUsage, number: u32) -> Arrival {
        let (start, end) = self.grants.boundaries(number);
        let is_late = start < self.known.frontier() || start.time < self.known.horizon();
        self.known.pass_start(start.time);
        (self.checkpoints).window_changed(start, self.grants.whole(number).end);
        let rise = self.insert(usage, start, self.grants.whole(number).remainder);
        if let Some(end) = end {
            // Nothing lapses there until settling finds otherwise, on its way from the start.
            self.insert(usage, end, 0);
        }
        self.window_changed(start, end, rise);
        if is_late {
            Arrival::Late
        } else {
            Arrival::InOrder
        }
    }

    /// Adds a boundary. By how much it lifts the levels that are known (wrapping).
    fn insert(&mut self, usage: &AllUsage, key: Key, rise: u64) -> u64 {
        let before = self.tree.find(key);
        if key > self.known.frontier() {
            self.known.boundary_beyond(key.time);
            self.table_ends_at(key.time);
            self.tree.insert_blank_after(before, key);
            return 0;
        }
        let used = (self.tree.used_before(before)).wrapping_add(self.tree.get(before).usage);
        let taken = used.wrapping_sub(usage.before(key.time));
        self.tree.insert_after(before, key, rise, taken);
        // What is dropped counts towards the level of the epoch in which it is, which may be two now.
        if rise > 0 || self.overdraft != Overdraft::Carry {
            self.unsettle(key, i128::from(rise));
        }
        rise
    }

    /// The table does not know of a window that has come or gone, nor by how much it lifts the
    /// levels after it.
    fn window_changed(&mut self, start: Key, end: Option<Key>, lift: u64) {
        if let Some(table) = &mut self.table {
            table.change(start.time, end.map_or(i64::MAX, |end| end.time), lift);
        }
    }

    /// Takes a grant back; whether it was there. O(B + m / B²), and a bounded repair.
    pub(crate) fn retract_grant(&mut self, usage: &AllUsage, number: u32) -> bool {
        if self.grants.get(number).is_none() {
            return false;
        }
        self.remove_window(number);
        self.grants.retract(number);
        self.keep_up(usage, Arrival::Late);
        true
    }

    /// Gives a grant another window, as if it had been posted with that. Its number stands, and so
    /// its place in posting order. O(B + m / B²), and a bounded repair.
    pub(crate) fn change_window(&mut self, usage: &AllUsage, number: u32, window: Window) {
        if self.grants.window(number) == window {
            return;
        }
        // Draws may change from its start on, for the new end is another place in their order.
        self.remove_window(number);
        self.grants.set_window(number, window);
        if self.grants.is_ever_live(number) {
            self.insert_window(usage, number);
        }
        self.keep_up(usage, Arrival::Late);
    }

    /// Gives a grant another priority, as if it had been posted with that. O(log m), and a bounded
    /// repair.
    pub(crate) fn change_priority(&mut self, usage: &AllUsage, number: u32, priority: i16) {
        self.grants.set_priority(number, priority);
        if self.grants.is_ever_live(number) {
            let (start, _) = self.grants.boundaries(number);
            if start <= self.known.frontier() {
                (self.checkpoints).window_changed(start, self.grants.whole(number).end);
                // No balance shifts but by what lapses, which the repair finds.
                self.unsettle(start, 0);
            }
            self.keep_up(usage, Arrival::Late);
        }
    }

    pub(super) fn remove_window(&mut self, number: u32) {
        if self.grants.is_ever_live(number) {
            let (start, end) = self.grants.boundaries(number);
            (self.checkpoints).window_changed(start, self.grants.whole(number).end);
            let mut fall = 0_u64;
            for key in [Some(start), end].into_iter().flatten() {
                fall = fall.wrapping_add(self.remove(key));
            }
            self.window_changed(start, end, fall.wrapping_neg());
        }
    }

    /// Takes a boundary away. By how much that lets the levels fall that are known (wrapping).
    fn remove(&mut self, key: Key) -> u64 {
        let at = self.tree.find(key);
        assert_eq!(
            self.tree.get(at).key(),
            key,
            "a grant's boundaries are in the tree"
        );
        let before = self
            .tree
            .previous(at)
            .expect("the first boundary is no grant's");
        if self.known.frontier() == key {
            self.move_frontier_back(before);
        }
        self.checkpoints.boundary_removed(key);
        if self.known.frontier() < key {
            self.tree.remove(at, 0);
            let frontier = self.tree.find(self.known.frontier());
            self.known.set_frontier_ends(self.tree.next_time(frontier));
            0
        } else {
            let rise = (self.tree.level(at)).wrapping_sub(self.tree.level(before));
            self.tree.remove(at, rise);
            // With what was dropped a rise may pass 63 bits; then shifts count modulo 2^64 only.
            self.unsettle(key, -i128::from(rise.cast_signed()));
            rise
        }
    }

    /// Takes note of usage that has been added to the index. O(1) if it is in time order or beyond
    /// the frontier, else O(B + m / B²); and a bounded repair.
    #[inline]
    pub(crate) fn usage_posted(&mut self, usage: &AllUsage, time: i64, amount: u64) {
        if !self.known.pass_usage_at_frontier(time) {
            self.usage_posted_elsewhere(usage, time, amount);
        }
    }

    #[inline(never)]
    fn usage_posted_elsewhere(&mut self, usage: &AllUsage, time: i64, amount: u64) {
        self.expect_usage(time);
        let horizon = self.known.horizon();
        let is_in_order = self.known.pass_usage(time);
        if self.known.keeps_usage(time) {
            self.usage_posted_before_frontier(usage, time, amount, is_in_order.then_some(horizon));
        } else if is_in_order {
            if self.known.count_write_in_order() {
                self.keep_up(usage, Arrival::InOrder);
            }
        } else {
            self.keep_up(usage, Arrival::Late);
        }
    }

    /// Before any usage the frontier follows the starts of grants. The first usage says that all
    /// later ones are the future, unless they have been settled for good.
    #[inline]
    pub(super) fn expect_usage(&mut self, time: i64) {
        if !self.known.has_usage() && self.known.keeps_usage(time) && !self.known.is_settled() {
            self.move_frontier_back(self.tree.find_time(time));
        }
    }

    /// Usage in time order may come before the frontier, if more than the past has been settled.
    /// In one epoch it is repaired as late writes are; each epoch begins the count again.
    fn usage_posted_before_frontier(
        &mut self,
        usage: &AllUsage,
        time: i64,
        amount: u64,
        in_order_after: Option<i64>,
    ) {
        let at = self.change_usage(time, i128::from(amount));
        if in_order_after.is_some_and(|horizon| self.tree.get(at).time > horizon) {
            self.known.count_write_in_order();
        }
        self.keep_up(usage, Arrival::Late);
    }

    /// Takes note of many usage records that have been added to the index: of all of them before
    /// anything is repaired, for a repair reads the index.
    pub(crate) fn usage_posted_many(&mut self, usage: &AllUsage, entries: &[(i64, u64)]) {
        let Some(latest) = entries.iter().map(|(time, _)| *time).max() else {
            return;
        };
        if let Some(earliest) = entries.iter().map(|(time, _)| *time).min() {
            self.expect_usage(earliest);
        }
        for (time, amount) in entries {
            if self.known.keeps_usage(*time) {
                self.change_usage(*time, i128::from(*amount));
            }
        }
        let is_in_order = self.known.pass_usage(latest) && !self.known.keeps_usage(latest);
        self.keep_up(
            usage,
            if is_in_order {
                Arrival::InOrder
            } else {
                Arrival::Late
            },
        );
    }

    /// Takes note of usage that has been taken from the index. O(B + m / B²), and a bounded repair.
    pub(crate) fn usage_retracted(&mut self, usage: &AllUsage, amount: u64, time: i64) {
        self.usage_changed(usage, time, amount, 0);
    }

    /// Takes note of usage whose amount has changed in the index. O(B + m / B²), and a bounded
    /// repair.
    pub(crate) fn usage_changed(
        &mut self,
        usage: &AllUsage,
        time: i64,
        amount: u64,
        new_amount: u64,
    ) {
        if self.known.keeps_usage(time) {
            self.change_usage(time, i128::from(new_amount) - i128::from(amount));
        }
        self.keep_up(usage, Arrival::Late);
    }

    /// Changes the usage of an epoch before the frontier, and returns the epoch. Levels later than
    /// it become unsound.
    fn change_usage(&mut self, time: i64, change: i128) -> Position {
        let at = self.tree.find_time(time);
        if change != 0 {
            self.tree.add_usage(at, wrapping(change));
            let next = self.tree.next(at).expect("the frontier is later");
            self.unsettle(self.tree.get(next).key(), -change);
        }
        at
    }

    /// Notes that levels from `key` on are unsound, and all later balances shifted by `shift`.
    fn unsettle(&mut self, key: Key, shift: i128) {
        self.unsettle_stretch(Unsettled {
            first: key,
            last: key,
            shift,
        });
    }

    pub(super) fn unsettle_stretch(&mut self, unsettled: Unsettled) {
        self.known.unsettle(unsettled);
        let len = self.tree.len();
        let checkpoints = (len / self.checkpoint_spacing).max(2);
        let most = (self.tree.width() / 2)
            .min(checkpoints)
            .max(len / UNSETTLED_SHARE);
        let are_many = self.known.unsettled_len() > most;
        let are_many_for_each = self.known.late_writes() > LATE_FOR_EACH * len;
        if (are_many || are_many_for_each)
            && let Some(first) = self.known.first_unsettled()
        {
            self.move_frontier_back(self.tree.last_before(first));
        }
        self.tell_table();
    }

    /// Takes note of many usage records added at once: all levels after the epoch of `earliest`
    /// become unknown. O(log m), and a bounded part of settling.
    pub(crate) fn usage_loaded(&mut self, usage: &AllUsage, earliest: i64, latest: i64) {
        self.known.pass_usage(latest);
        if self.known.keeps_usage(earliest) {
            self.move_frontier_back(self.tree.find_time(earliest));
        }
        self.keep_up(usage, Arrival::InOrder);
    }

    /// The number of boundaries, of which one is before all grants.
    pub(crate) fn boundary_count(&self) -> usize {
        self.tree.len()
    }

    /// Whether so many records are many beside the boundaries that there are.
    pub(crate) fn are_many(&self, records: usize) -> bool {
        records > self.tree.len() / LOAD_SHARE
    }

    /// Takes note of the grants from `number` on, which are in the table of grants already; whether
    /// they are many. Then the tree is built anew and all levels are forgotten: O(m log m).
    pub(crate) fn grants_posted(&mut self, usage: &AllUsage, number: usize) -> bool {
        let numbers: Vec<u32> = self.grants.numbers_from(number).collect();
        if self.are_many(numbers.len()) {
            self.load_windows(&numbers);
            return true;
        }
        let mut arrival = Arrival::InOrder;
        for number in numbers {
            if self.insert_window(usage, number) == Arrival::Late {
                arrival = Arrival::Late;
            }
        }
        self.keep_up(usage, arrival);
        false
    }

    fn load_windows(&mut self, numbers: &[u32]) {
        let windows = numbers.iter().map(|number| self.grants.boundaries(*number));
        let added = windows
            .flat_map(|(start, end)| [Some(start), end])
            .flatten();
        let mut keys: Vec<Key> = self.tree.keys().skip(1).chain(added).collect();
        keys.sort_unstable();
        let is_start = |key: &&Key| matches!(key.handle.event(), Event::Start(_));
        if let Some(latest) = keys.iter().rfind(is_start) {
            self.known.pass_start(latest.time);
        }
        self.tree = BoundaryTree::from_keys(self.tree.width(), &keys);
        self.checkpoints = Checkpoints::default();
        self.table = None;
        self.move_frontier_back(Position::FIRST);
    }

    /// Repairs and settles within a bounded effort, if it is time to.
    #[inline(always)]
    pub(super) fn keep_up(&mut self, usage: &AllUsage, arrival: Arrival) {
        let is_due = match arrival {
            Arrival::InOrder => true,
            Arrival::Late => self.known.count_late_write(),
        };
        if is_due && self.is_behind() {
            self.catch_up(usage);
        }
    }

    #[inline(never)]
    fn catch_up(&mut self, usage: &AllUsage) {
        if self.known.is_planning() {
            return;
        }
        if self.settling().keep_up(usage).is_break() {
            self.resume_present();
        }
        self.tell_table();
    }

    /// So much is live that a repair cannot even begin at a bounded cost. If only what is later than
    /// the present is unsettled, the frontier moves back to there: from then on it stays settled.
    fn resume_present(&mut self) {
        if let Some(present) = self.known.present() {
            self.move_frontier_back(self.tree.find(present));
            self.known.resume_present();
        }
    }

    /// Whether anything up to the horizon is not settled.
    #[inline]
    fn is_behind(&self) -> bool {
        self.known.is_beyond(self.known.horizon()) || self.known.first_unsettled().is_some()
    }

    /// Forgets the levels after a boundary; from a stretch of late writes on that reaches beyond it,
    /// all levels, which are unsound anyway: by how much a part of a stretch shifts balances is not
    /// known. O(log m), and O(1) for each checkpoint that goes.
    pub(super) fn move_frontier_back(&mut self, mut at: Position) {
        while let Some(first) = self.known.stretch_beyond(self.tree.get(at).key()) {
            at = self.tree.last_before(first);
        }
        let key = self.tree.get(at).key();
        let ends = self.tree.next_time(at);
        self.checkpoints.forget_after(key, &self.grants);
        self.known.move_back(key, ends);
        if let Some(end) = ends {
            self.table_ends_at(end);
        }
        self.tell_table();
    }

    fn table_ends_at(&mut self, time: i64) {
        if let Some(table) = &mut self.table {
            table.end_at(time);
        }
    }

    /// Tells the table from when on levels are unsound.
    fn tell_table(&mut self) {
        if let Some(table) = &mut self.table {
            table.set_unsettled(self.known.first_unsettled().map(|first| first.time));
        }
    }
}
