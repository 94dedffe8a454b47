//! Checkpoints: remembered remainders at some boundaries. They change cost, never meaning.
//!
//! Those inside a [section](super::section) are kept by it, in its own form.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::boundary::Key;
use super::grants::Grants;
use super::live::{Live, LiveGrant, Remainders};
use super::section::{Inside, Section};

/// What was left of each grant just before a boundary. The deficit is not here: the tree knows
/// the balance.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoint {
    remainders: Remainders,
    /// Of what is left: see [`Live::checksum`].
    checksum: u64,
}

impl Checkpoint {
    pub(super) fn of(live: &Live) -> Self {
        let mut checkpoint = Checkpoint::default();
        checkpoint.set(live);
        checkpoint
    }

    pub(super) fn remainders(&self) -> &[LiveGrant] {
        &self.remainders
    }

    /// Remembers this in place of what it remembered before, and in the same memory if that fits.
    pub(super) fn set(&mut self, live: &Live) {
        let capacity = self.remainders.capacity();
        if capacity < live.len() || (self.remainders.spilled() && capacity / 2 > live.len()) {
            // Exactly as many as there are, here and in a clone.
            self.remainders = Remainders::with_capacity(live.len());
        }
        self.remainders.clear();
        live.copy_to(&mut self.remainders);
        self.checksum = live.checksum();
    }

    /// Heap bytes.
    pub(super) fn spilled(&self) -> usize {
        if self.remainders.spilled() {
            self.remainders.capacity() * size_of::<LiveGrant>()
        } else {
            0
        }
    }

    /// Whether exactly this is left. O(1) if the number or the first grant differs, O(live)
    /// if the checksum does, which is nearly always, else O(live log live) at most: only what
    /// does not stand in the same place is sorted.
    pub(super) fn agrees(&self, live: &Live) -> bool {
        if self.remainders.len() != live.len()
            || self.remainders.first() != live.first().as_ref()
            || self.checksum != live.checksum()
        {
            return false;
        }
        let pairs = self.remainders.iter().zip(live.remainders());
        let moved = pairs.filter(|(remembered, grant)| remembered != grant);
        let (mut remembered, mut remainders): (Vec<LiveGrant>, Vec<LiveGrant>) = moved.unzip();
        remembered.sort_unstable_by_key(|grant| grant.grant);
        remainders.sort_unstable_by_key(|grant| grant.grant);
        remembered == remainders
    }
}

/// What was left of each grant just before a boundary, as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Remembered<'a> {
    Whole(&'a [LiveGrant]),
    Inside(&'a Section, Key, &'a Inside),
}

impl Remembered<'_> {
    /// How many remainders are gone through to find it.
    pub(super) fn len(self) -> usize {
        match self {
            Remembered::Whole(remainders) => remainders.len(),
            Remembered::Inside(section, _, inside) => section.remainders_at(inside),
        }
    }

    /// What stands if there is no deficit. O(len).
    pub(super) fn live(self, grants: &Grants) -> Live {
        match self {
            Remembered::Whole(remainders) => Live::new(remainders),
            Remembered::Inside(section, key, inside) => section.live(key, inside, grants),
        }
    }
}

/// The checkpoints of a timeline, by the boundary before which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// Those in no section.
    by_key: BTreeMap<Key, Checkpoint>,
    /// Heap bytes of the remainders that are too many to stand inline.
    spilled: usize,
    /// In order. None reaches beyond the frontier.
    sections: Vec<Section>,
}

impl Clone for Checkpoints {
    /// A clone has no memory to spare, so that its bytes are counted anew.
    fn clone(&self) -> Self {
        let by_key = self.by_key.clone();
        let spilled = by_key.values().map(Checkpoint::spilled).sum();
        let sections = self.sections.clone();
        Checkpoints {
            by_key,
            spilled,
            sections,
        }
    }
}

impl Checkpoints {
    pub(crate) fn len(&self) -> usize {
        let inside = self.sections.iter().map(|section| 1 + section.len());
        self.by_key.len() + inside.sum::<usize>()
    }

    /// The place of the section that contains `key`.
    fn place_of(&self, key: Key) -> Option<usize> {
        let after = self
            .sections
            .partition_point(|section| section.from() <= key);
        let place = after.checked_sub(1)?;
        (key < self.sections[place].to()).then_some(place)
    }

    /// The section that contains `key`.
    pub(super) fn section(&self, key: Key) -> Option<&Section> {
        self.place_of(key).map(|place| &self.sections[place])
    }

    pub(super) fn section_mut(&mut self, key: Key) -> Option<&mut Section> {
        self.place_of(key).map(|place| &mut self.sections[place])
    }

    /// The section that begins at `key`.
    pub(super) fn section_from(&self, key: Key) -> Option<&Section> {
        self.section(key).filter(|section| section.from() == key)
    }

    /// The first section that begins after `key`.
    pub(super) fn section_after(&self, key: Key) -> Option<&Section> {
        let after = self
            .sections
            .partition_point(|section| section.from() <= key);
        self.sections.get(after)
    }

    /// The sections of which a part lies between two boundaries.
    pub(super) fn sections_between(
        &mut self,
        from: Key,
        to: Key,
    ) -> impl Iterator<Item = &mut Section> {
        let sections = self.sections.iter_mut();
        sections.filter(move |section| from <= section.to() && section.from() <= to)
    }

    /// Begins a section, of which all checkpoints are forgotten. No other section contains a part of it.
    pub(super) fn begin_section(&mut self, from: Key, to: Key, live: &Live) {
        let inside: Vec<Key> = self.by_key.range(from..to).map(|(key, _)| *key).collect();
        inside.into_iter().for_each(|key| self.remove(key));
        let place = self
            .sections
            .partition_point(|section| section.from() < from);
        self.sections.insert(place, Section::new(from, to, live));
    }

    /// Makes a section of none of the boundaries of the one that contains `key`, and forgets its
    /// checkpoints but the opening.
    pub(super) fn end_section(&mut self, key: Key) {
        if let Some(place) = self.place_of(key) {
            let section = self.sections.remove(place);
            let from = section.from();
            let opening = section.into_opening();
            self.spilled += opening.spilled();
            let before = self.by_key.insert(from, opening);
            assert!(before.is_none(), "what opens a section is kept by it");
        }
    }

    /// Takes note of a grant that comes, goes or changes, and of its last instant.
    pub(super) fn window_changed(&mut self, start: Key, end: i64) {
        if let Some(section) = self.section_mut(start) {
            section.window_changed(start, end);
        }
    }

    /// The last checkpoint before or at `key`, with what was left there.
    pub(crate) fn at_or_before(&self, key: Key) -> Option<(Key, Remembered<'_>)> {
        let loose = self.by_key.range(..=key).next_back();
        let loose =
            loose.map(|(key, checkpoint)| (*key, Remembered::Whole(&checkpoint.remainders)));
        let after = self
            .sections
            .partition_point(|section| section.from() <= key);
        let section = after.checked_sub(1).map(|place| &self.sections[place]);
        let in_section = section.map(|section| match section.at_or_before(key) {
            Some((key, inside)) => (key, Remembered::Inside(section, key, inside)),
            None => (
                section.from(),
                Remembered::Whole(section.opening().remainders()),
            ),
        });
        loose
            .into_iter()
            .chain(in_section)
            .max_by_key(|(key, _)| *key)
    }

    /// The first checkpoint after `key`.
    pub(crate) fn after(&self, key: Key) -> Option<Key> {
        let range = (Bound::Excluded(key), Bound::Unbounded);
        let loose = self.by_key.range(range).next().map(|(key, _)| *key);
        if self.sections.is_empty() {
            return loose;
        }
        let inside = self.section(key).and_then(|section| section.after(key));
        let opening = self.section_after(key).map(Section::from);
        [loose, inside, opening].into_iter().flatten().min()
    }

    /// Whether the checkpoint at `key` remembers exactly this.
    pub(crate) fn agrees(&self, key: Key, live: &Live, grants: &Grants) -> bool {
        if let Some(section) = self.section(key) {
            return if section.from() == key {
                section.opening().agrees(live)
            } else {
                section.agrees(key, live, grants)
            };
        }
        (self.by_key.get(&key)).is_some_and(|checkpoint| checkpoint.agrees(live))
    }

    /// Remembers what is left, in place of what was remembered there before.
    pub(crate) fn store(&mut self, key: Key, live: &Live) {
        if let Some(section) = self.section_mut(key) {
            return if section.from() == key {
                section.set_opening(live);
            } else {
                section.store(key, live);
            };
        }
        let checkpoint = self.by_key.entry(key).or_default();
        self.spilled -= checkpoint.spilled();
        checkpoint.set(live);
        self.spilled += checkpoint.spilled();
    }

    /// Forgets the checkpoint at `key`, unless a section begins there.
    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(section) = self.section_mut(key) {
            return section.remove(key);
        }
        if let Some(old) = self.by_key.remove(&key) {
            self.spilled -= old.spilled();
        }
    }

    /// Takes note that there is no boundary at `key` any more.
    pub(crate) fn boundary_removed(&mut self, key: Key) {
        if self.section_from(key).is_some() {
            self.end_section(key);
        }
        match self.section_mut(key) {
            Some(section) => section.boundary_removed(key),
            None => self.remove(key),
        }
    }

    /// Forgets all checkpoints after `key`, up to which all is sound.
    pub(crate) fn forget_after(&mut self, key: Key, grants: &Grants) {
        let before = self
            .sections
            .partition_point(|section| section.from() <= key);
        self.sections.truncate(before);
        if self.section(key).is_some_and(|section| section.to() > key) {
            let last = self.at_or_before(key);
            let last = last.map(|(key, remembered)| (key, remembered.live(grants)));
            self.end_section(key);
            if let Some((key, live)) = last {
                self.store(key, &live);
            }
        }
        let Some(first) = self.after(key) else {
            return;
        };
        for checkpoint in self.by_key.split_off(&first).values() {
            self.spilled -= checkpoint.spilled();
        }
    }

    /// Heap bytes: nodes of the map have room for 11 and are taken as two thirds full.
    pub(crate) fn memory_used(&self) -> usize {
        let entry = size_of::<Key>() + size_of::<Checkpoint>();
        let sections = self.sections.iter().map(Section::memory_used);
        self.by_key.len().div_ceil(7) * 11 * entry
            + self.spilled
            + self.sections.capacity() * size_of::<Section>()
            + sections.sum::<usize>()
    }

    /// Panics unless sections are in order and apart from one another and from other checkpoints.
    pub(super) fn assert_sections(&self, frontier: Key) {
        for pair in self.sections.windows(2) {
            assert!(pair[0].to() <= pair[1].from(), "sections in order");
        }
        for section in &self.sections {
            let (from, to) = (section.from(), section.to());
            assert!(from < to && to <= frontier, "a section before the frontier");
            assert_eq!(
                self.by_key.range(from..to).count(),
                0,
                "its checkpoints are inside it"
            );
        }
    }

    /// The boundaries of all checkpoints, in order.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let inside = |section: &Section| -> Vec<Key> {
            [section.from()].into_iter().chain(section.keys()).collect()
        };
        let in_sections = self.sections.iter().flat_map(inside);
        let mut keys: Vec<Key> = self.by_key.keys().copied().chain(in_sections).collect();
        keys.sort_unstable();
        keys
    }
}
