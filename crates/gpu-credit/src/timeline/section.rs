//! Sections: runs of boundaries that a repair can skip.
//!
//! A grant that ends sooner is drawn first. So what is drawn inside a section from the grants that
//! **outlive** it does not depend on how much is left of these, as long as they can pay: it depends on
//! the grants that end **inside** only. A section therefore remembers, beside what was left of each
//! grant where it opens, how much was left of the outliving ones together before each of them that
//! starts inside. If what is left differs in outliving grants only, that says what is left of each
//! where the section ends, and no level inside changes.
//!
//! Checkpoints inside a section hold what is left of grants that end inside, and the sum of what is
//! left of all: so they stay right if the section is skipped.
//!
//! ```text
//! from ├──────────────────────────────────────────┤ to
//! ──────────── outlives ───────────────────────────────────
//!   ── inside ──        ├─ inside ─┤    ├── outlives, starts inside ──
//! ```

use std::collections::BTreeMap;

use super::boundary::{Event, Key};
use super::checkpoint::Checkpoint;
use super::grants::Grants;
use super::live::{Live, LiveGrant, Remainders, checksum};
use super::tree::{BoundaryTree, Position};

/// The boundaries from `from` on and before `to`.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// A boundary that is there.
    from: Key,
    /// A start of a grant that was there. So a grant outlives the section if its last instant is not
    /// before that of this start.
    to: Key,
    /// What was left of each grant just before the first boundary.
    opening: Checkpoint,
    /// The sum of that.
    opening_left: u64,
    /// The starts of grants that outlive the section, in order.
    starts: Vec<Start>,
    checkpoints: BTreeMap<Key, Inside>,
    /// All sums of what is left of outliving grants are higher by so much (wrapping).
    shift: u64,
    /// Whether what is drawn from outliving grants may depend on what is left of them.
    is_entangled: bool,
    /// Checkpoints and starts from here on are remembered of other outliving grants than those before.
    torn_from: Option<Key>,
}

/// The start of a grant that outlives the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) key: Key,
    /// What was left before of outliving grants; in a section, less its shift (wrapping).
    pub(super) left: u64,
}

/// A checkpoint inside a section.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    /// What was left of grants that end inside.
    remainders: Remainders,
    /// What was left of all, less the shift (wrapping).
    left: u64,
}

impl Section {
    /// A section of which nothing but its opening is known.
    pub(super) fn new(from: Key, to: Key, live: &Live) -> Self {
        Section {
            from,
            to,
            opening: Checkpoint::of(live),
            opening_left: live.remaining(),
            starts: Vec::new(),
            checkpoints: BTreeMap::new(),
            shift: 0,
            is_entangled: true,
            torn_from: Some(from),
        }
    }

    pub(super) fn from(&self) -> Key {
        self.from
    }

    pub(super) fn to(&self) -> Key {
        self.to
    }

    /// The last instant of it: grants that end later outlive it.
    pub(super) fn last_instant(&self) -> i64 {
        self.to.time - 1
    }

    pub(super) fn opening(&self) -> &Checkpoint {
        &self.opening
    }

    pub(super) fn set_opening(&mut self, live: &Live) {
        self.opening.set(live);
        self.opening_left = live.remaining();
    }

    pub(super) fn into_opening(self) -> Checkpoint {
        self.opening
    }

    pub(super) fn is_torn(&self) -> bool {
        self.torn_from.is_some()
    }

    /// Takes note from where on what is remembered is not of the same grants as before.
    pub(super) fn set_torn(&mut self, from: Option<Key>) {
        self.torn_from = from;
    }

    pub(super) fn set_entangled(&mut self, is_entangled: bool) {
        self.is_entangled = is_entangled;
    }

    /// Takes note of usage that went unpaid inside, or may have.
    pub(super) fn entangle(&mut self, is_entangled: bool) {
        self.is_entangled |= is_entangled;
    }

    /// Takes note of a grant that starts inside and comes, goes or changes.
    pub(super) fn window_changed(&mut self, start: Key, end: i64) {
        if end > self.last_instant() {
            self.torn_from = Some(self.torn_from.map_or(start, |torn| torn.min(start)));
        }
    }

    /// Remembers what is left inside. O(live).
    pub(super) fn store(&mut self, key: Key, live: &Live) {
        let last = self.last_instant();
        let ending = || live.remainders().filter(|grant| grant.end <= last);
        let mut remainders = Remainders::with_capacity(ending().count());
        ending().for_each(|grant| remainders.push(*grant));
        let left = live.remaining().wrapping_sub(self.shift);
        self.checkpoints.insert(key, Inside { remainders, left });
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.checkpoints.remove(&key);
    }

    /// Takes note that there is no boundary at `key` any more.
    pub(super) fn boundary_removed(&mut self, key: Key) {
        self.remove(key);
        self.starts.retain(|start| start.key != key);
    }

    /// How many checkpoints are inside.
    pub(super) fn len(&self) -> usize {
        self.checkpoints.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.checkpoints.keys().copied()
    }

    /// The last checkpoint inside from which it is known what is left of each grant, at or before `key`.
    pub(super) fn at_or_before(&self, key: Key) -> Option<(Key, &Inside)> {
        let sound = self.checkpoints.range(..=key).rev();
        let mut sound = sound.skip_while(|(key, _)| !self.is_whole_at(**key));
        sound.next().map(|(key, inside)| (*key, inside))
    }

    pub(super) fn after(&self, key: Key) -> Option<Key> {
        use std::ops::Bound::{Excluded, Unbounded};
        let later = self.checkpoints.range((Excluded(key), Unbounded));
        later.map(|(key, _)| *key).next()
    }

    fn is_whole_at(&self, key: Key) -> bool {
        self.torn_from.is_none_or(|torn| key < torn)
    }

    fn ends_inside(&self, grant: &LiveGrant) -> bool {
        grant.end <= self.last_instant()
    }

    /// How many remainders are gone through to find what is left at a checkpoint.
    pub(super) fn remainders_at(&self, inside: &Inside) -> usize {
        self.opening.remainders().len() + self.starts.len() + inside.remainders.len()
    }

    /// What was left of each grant at a checkpoint. O(live + starts) and the draws of outliving grants.
    pub(super) fn live(&self, key: Key, inside: &Inside, grants: &Grants) -> Live {
        let remainders = self.opening.remainders().iter();
        let outliving = remainders.filter(|grant| !self.ends_inside(grant));
        let mut live = Live::from_unordered(outliving.copied().collect());
        let starts = &self.starts[..self.starts.partition_point(|start| start.key < key)];
        for start in starts {
            live.draw_down_to(start.left.wrapping_add(self.shift));
            live.start(start.whole(grants));
        }
        let ending = || inside.remainders.iter();
        let left = inside.left.wrapping_add(self.shift);
        let ending_left: u64 = ending().map(|grant| grant.remainder).sum();
        live.draw_down_to(left.wrapping_sub(ending_left));
        ending().for_each(|grant| live.start(*grant));
        live
    }

    /// Whether a checkpoint remembers exactly this. O(1) if the sum differs, else as
    /// [`live`](Self::live).
    pub(super) fn agrees(&self, key: Key, live: &Live, grants: &Grants) -> bool {
        let inside = self.checkpoints.get(&key);
        inside.is_some_and(|inside| {
            self.is_whole_at(key)
                && self.agrees_inside(inside, live)
                && same(
                    self.live(key, inside, grants).remainders(),
                    live.remainders(),
                )
        })
    }

    /// The same, if all that was drawn from outliving grants is as remembered.
    pub(super) fn agrees_if_outliving_do(&self, key: Key, live: &Live) -> bool {
        let inside = self.checkpoints.get(&key);
        inside.is_some_and(|inside| self.agrees_inside(inside, live))
    }

    fn agrees_inside(&self, inside: &Inside, live: &Live) -> bool {
        live.remaining() == inside.left.wrapping_add(self.shift)
            && same(
                inside.remainders.iter(),
                live.remainders().filter(|grant| self.ends_inside(grant)),
            )
    }

    /// Whether the same is left of outliving grants as was at the opening. O(live).
    pub(super) fn opens_with_outliving(&self, live: &Live) -> bool {
        let outlives = |grant: &&LiveGrant| !self.ends_inside(grant);
        same(
            self.opening.remainders().iter().filter(outlives),
            live.remainders().filter(outlives),
        )
    }

    /// Puts these starts in place of those from `from` on and before `to`; whether they are the same.
    pub(super) fn replace_starts(&mut self, from: Key, to: Key, new: Vec<Start>) -> bool {
        let first = self.starts.partition_point(|start| start.key < from);
        let end = self.starts.partition_point(|start| start.key < to);
        let shift = self.shift;
        let new = new.into_iter().map(|start| Start {
            left: start.left.wrapping_sub(shift),
            ..start
        });
        if new.clone().eq(self.starts[first..end].iter().copied()) {
            return true;
        }
        self.starts.splice(first..end, new);
        false
    }

    /// The first boundary after the section, unless something that is not settled comes first.
    pub(super) fn end(&self, tree: &BoundaryTree, unsettled: Option<Key>) -> Option<Position> {
        let end = tree.first_from(self.to);
        let key = tree.get(end).key();
        let is_known = self.to <= key && unsettled.is_none_or(|first| key < first);
        is_known.then_some(end)
    }

    /// How many remainders are gone through to skip it.
    pub(super) fn remainders_to_skip(&self, live: &Live) -> usize {
        live.len() + self.starts.len()
    }

    /// Whether it is known what stands where the section ends if `live` opens it, without a replay: the
    /// same is left of grants that end inside, how much is drawn from the others does not depend on what
    /// is left of them, and they can pay. In all `left` is left where it ends.
    ///
    /// `shifted` is how far the balance has come from the remembered one (wrapping). If that is not what
    /// has changed in remainders, usage was dropped just before, now or as remembered, which the first
    /// level inside counts. O(live + starts).
    pub(super) fn can_be_skipped(&self, live: &Live, shifted: u64, left: i64) -> bool {
        let is_sound = !self.is_entangled && !self.is_torn();
        if !is_sound || live.deficit() > 0 || live.is_ranked() || self.rise(live) != shifted {
            return false;
        }
        let shift = self.shift.wrapping_add(shifted);
        let lefts = self
            .starts
            .iter()
            .map(|start| start.left.wrapping_add(shift));
        let can_pay = left >= 0 && lefts.map(u64::cast_signed).all(|left| left >= 0);
        let ends_inside = |grant: &&LiveGrant| self.ends_inside(grant);
        can_pay
            && same(
                self.opening.remainders().iter().filter(ends_inside),
                live.remainders().filter(ends_inside),
            )
    }

    /// Takes `live` from where the section opens to where it ends, which
    /// [can be said](Self::can_be_skipped) if the sum of what is left has risen by `rise` since it was
    /// remembered. O(starts + grants that end inside), and the draws of outliving grants.
    pub(super) fn pass(&self, live: &mut Live, rise: u64, left: i64, grants: &Grants) {
        let shift = self.shift.wrapping_add(rise);
        let starts = self.starts.iter();
        starts.for_each(|start| grants.prefetch_start(start.key.handle));
        live.lapse_through(self.last_instant());
        for start in &self.starts {
            live.draw_down_to(start.left.wrapping_add(shift));
            live.start(start.whole(grants));
        }
        live.draw_down_to(left.cast_unsigned());
    }

    /// Takes note that `live` opens the section, which is skipped.
    pub(super) fn set_skipped(&mut self, live: &Live) {
        self.shift = self.shift.wrapping_add(self.rise(live));
        self.set_opening(live);
    }

    /// By how much more is left than was at the opening (wrapping). O(1).
    fn rise(&self, live: &Live) -> u64 {
        live.remaining().wrapping_sub(self.opening_left)
    }

    /// Panics unless a replay that has left the section found what may be relied on when it is
    /// skipped.
    pub(super) fn assert_passed(&self, starts: &[Start], live: &Live) {
        if self.is_entangled || self.is_torn() {
            return;
        }
        assert!(!live.is_entangled(), "{:?} is entangled", self.from);
        let remembered = self.starts.iter().map(|start| Start {
            left: start.left.wrapping_add(self.shift),
            ..*start
        });
        assert!(
            remembered.eq(starts.iter().copied()),
            "starts inside {:?}",
            self.from
        );
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        let entry = size_of::<Key>() + size_of::<Inside>();
        let spilled = |inside: &Inside| {
            let remainders = &inside.remainders;
            if remainders.spilled() {
                remainders.capacity() * size_of::<LiveGrant>()
            } else {
                0
            }
        };
        self.opening.spilled()
            + self.starts.capacity() * size_of::<Start>()
            + self.checkpoints.len().div_ceil(7) * 11 * entry
            + self.checkpoints.values().map(spilled).sum::<usize>()
    }
}

impl Start {
    fn whole(&self, grants: &Grants) -> LiveGrant {
        match self.key.handle.event() {
            Event::Start(grant) => grants.whole(grant),
            Event::End(_) => unreachable!("a grant starts here"),
        }
    }
}

/// Whether the same is left of the same grants, in any order. O(n), and O(n log n) if it is or seems so.
fn same<'a>(
    one_of: impl Iterator<Item = &'a LiveGrant>,
    other_of: impl Iterator<Item = &'a LiveGrant>,
) -> bool {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    // Not `collect`: chained iterators are quick from inside only.
    one_of.for_each(|grant| one.push(grant));
    other_of.for_each(|grant| other.push(grant));
    if one.len() != other.len() || checksum(one.iter().copied()) != checksum(other.iter().copied())
    {
        return false;
    }
    one.sort_unstable_by_key(|grant| grant.grant);
    other.sort_unstable_by_key(|grant| grant.grant);
    one == other
}
