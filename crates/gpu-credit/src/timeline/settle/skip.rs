//! Sections in a repair: skipping one, replaying one, and making one.
//!
//! A repair that comes to a section skips it if it can. If it cannot, it replays it, and brings up
//! to date what the section remembers. Inside, an early stop needs that what was drawn from outliving
//! grants is as remembered, from the opening on: then no outliving grant differs. As soon as that is not so, the
//! repair goes on to where the section ends.
//!
//! A repair that has gone on for as many boundaries as a section has makes sections of those
//! that follow, if they are in none.

use super::super::boundary::{Event, Key};
use super::super::checkpoint::Checkpoints;
use super::super::section::Section;
use super::super::tree::Position;
use super::super::wrapping;
use super::{Budget, REMAINDERS_A_BOUNDARY, Run, Settling};

/// A section has no fewer boundaries than one in so many of the usual number.
const LEAST_SHARE: usize = 16;

/// A section that a repair replays.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct InSection {
    from: Key,
    pub(super) to: Key,
    /// From here on the section still remembers what was.
    since: Key,
    /// Whether the same is left of outliving grants as is remembered.
    is_like_before: bool,
    /// Whether it has replayed all of it up to here.
    is_whole: bool,
    /// Whether nothing was remembered of the section.
    is_new: bool,
}

impl Settling<'_> {
    /// The usual number of boundaries in a section.
    pub(super) fn section_len(&self) -> usize {
        let width = self.tree.width();
        (width.pow(3) / 256).clamp(4, 8_192)
    }

    /// Begins to repair at a boundary, before which the usage of an epoch may have changed.
    pub(super) fn begin_in_section(&mut self, run: &mut Run, at: Position) {
        let before = self.tree.key_before(at);
        if let Some(section) = self.checkpoints.section_mut(before) {
            section.entangle(run.live.is_entangled());
        }
        self.enter_section_inside(run);
    }

    /// Takes note of the section inside which `run` stands.
    pub(super) fn enter_section_inside(&self, run: &mut Run) {
        let key = self.tree.get(run.at).key();
        if let Some(section) = self.checkpoints.section(key)
            && section.from() < key
        {
            run.live.enter_section(section.last_instant());
            run.section = Some(InSection {
                from: section.from(),
                to: section.to(),
                since: key,
                is_like_before: !section.is_torn(),
                is_whole: false,
                is_new: false,
            });
        }
    }

    /// Skips the section that begins here, or enters it; whether it has been skipped.
    pub(super) fn skip(&mut self, run: &mut Run, budget: &mut Budget) -> bool {
        let key = self.tree.get(run.at).key();
        let landed = (run.stretch.is_none() && !budget.is_spent())
            .then(|| self.skipped(run, key, budget))
            .flatten();
        match landed {
            Some(landed) => {
                self.statistics.skips += 1;
                *run = landed;
                true
            }
            None if self.is_crowded(run, key) => {
                self.checkpoints.end_section(key);
                false
            }
            None => {
                let section = self
                    .checkpoints
                    .section(key)
                    .expect("a section begins here");
                let is_like_before = !section.is_torn() && section.opens_with_outliving(&run.live);
                run.enter_section(section, is_like_before, false);
                false
            }
        }
    }

    /// A replay that stands where the section that begins at `key` ends, if it can be skipped.
    fn skipped(&mut self, run: &mut Run, key: Key, budget: &mut Budget) -> Option<Run> {
        let section = self.checkpoints.section_mut(key)?;
        let end = section.end(self.tree, self.known.first_unsettled())?;
        budget.spend(1 + section.remainders_to_skip(&run.live) / REMAINDERS_A_BOUNDARY);
        let left = wrapping(self.tree.balance_before(end)).cast_signed();
        if !section.can_be_skipped(&run.live, wrapping(run.shifted), left) {
            return None;
        }
        section.set_skipped(&run.live);
        let mut live = std::mem::take(&mut run.live);
        section.pass(&mut live, 0, left, self.grants);
        let mut landed = Run::new(self.tree, end, live);
        landed.shifted = run.shifted;
        (landed.lifted, landed.moved) = (run.lifted, run.moved);
        landed.is_far = true;
        Some(landed)
    }

    /// Whether so much is left that the section that begins at `key` has few boundaries for it.
    fn is_crowded(&self, run: &Run, key: Key) -> bool {
        let crowded = self.tree.later(run.at, run.live.len() / 16);
        let section = self.checkpoints.section_from(key);
        section.is_some_and(|section| section.to() < self.tree.get(crowded).key())
    }

    /// Begins a section of boundaries that are in none; whether that is worth it: there are enough of
    /// them, and a grant outlives them of which something is left.
    pub(super) fn begin_section(&mut self, run: &mut Run) -> bool {
        let key = self.tree.get(run.at).key();
        let Some(to) = self.section_end(run) else {
            return false;
        };
        if !run.live.remainders().any(|grant| grant.end >= to.time) {
            return false;
        }
        self.checkpoints.begin_section(key, to, &run.live);
        let section = self.checkpoints.section(key);
        run.enter_section(section.expect("a section begins here"), false, true);
        true
    }

    /// Where a section can end that begins where `run` stands: at a start, before the next section and
    /// the frontier.
    fn section_end(&self, run: &Run) -> Option<Key> {
        let key = self.tree.get(run.at).key();
        // As with checkpoints, memory stays linear in the number of boundaries.
        let least = (self.section_len() / LEAST_SHARE)
            .max(run.live.len() / 4)
            .max(1);
        let most = self.section_len().max(least);
        let next = self.checkpoints.section_after(key).map(Section::from);
        let frontier = self.known.frontier();
        let last = self
            .tree
            .find(next.map_or(frontier, |next| next.min(frontier)));
        let last = last.min(self.tree.later(run.at, most));
        let first = self.tree.later(run.at, least);
        let earlier = std::iter::successors(Some(last), |at| self.tree.previous(*at));
        let mut keys = earlier
            .take_while(|at| first <= *at)
            .map(|at| self.tree.get(at).key());
        let is_start = |key: &Key| matches!(key.handle.event(), Event::Start(_));
        keys.find(|to| key < *to && is_start(to) && to.time > i64::MIN)
    }

    /// Leaves the section in which `run` stands, from which a jump goes to `to`. Nothing remains on
    /// the way, and nothing did.
    pub(super) fn jump_over_sections(&mut self, run: &mut Run, to: Position) {
        let here = self.tree.at_or_next_chunk(run.at);
        let here = self
            .tree
            .get(here.expect("the frontier is a boundary"))
            .key();
        run.break_off_section(self.checkpoints, here, self.known.first_unsettled());
        for section in (self.checkpoints).sections_between(here, self.tree.get(to).key()) {
            section.entangle(true);
        }
    }
}

impl Run {
    /// Enters a section at its first boundary.
    fn enter_section(&mut self, section: &Section, is_like_before: bool, is_new: bool) {
        self.live.enter_section(section.last_instant());
        self.live.disentangle();
        self.starts.clear();
        // The opening is kept in any case.
        self.is_far = true;
        self.section = Some(InSection {
            from: section.from(),
            to: section.to(),
            since: section.from(),
            is_like_before,
            is_whole: true,
            is_new,
        });
    }

    /// Leaves the section if it ends before or at the boundary at `key`.
    #[inline(always)]
    pub(super) fn leave_section_before(&mut self, checkpoints: &mut Checkpoints, key: Key) {
        if self.section.is_some_and(|section| section.to <= key) {
            self.leave_section(checkpoints);
        }
    }

    fn leave_section(&mut self, checkpoints: &mut Checkpoints) {
        let Some(inside) = self.section else {
            return;
        };
        self.remember_starts(checkpoints, inside.to);
        let section = inside.section(checkpoints);
        section.set_torn(None);
        let is_entangled = self.live.is_entangled();
        if inside.is_whole {
            section.set_entangled(is_entangled);
        } else {
            section.entangle(is_entangled);
        }
        self.live.leave_section();
        self.section = None;
    }

    /// Leaves the section before the boundary at `key`, from which on all is as remembered but for the
    /// next unsettled boundary, if there is one.
    pub(super) fn break_off_section(
        &mut self,
        checkpoints: &mut Checkpoints,
        key: Key,
        unsettled: Option<Key>,
    ) {
        self.leave_section_before(checkpoints, key);
        self.forget_new_section(checkpoints);
        self.remember_starts(checkpoints, key);
        let Some(inside) = self.section.take() else {
            return;
        };
        let section = inside.section(checkpoints);
        section.entangle(self.live.is_entangled());
        if !inside.is_like_before {
            let is_unsettled = unsettled.is_some_and(|first| first < inside.to);
            section.set_torn(is_unsettled.then_some(key));
        }
        self.live.leave_section();
    }

    /// Makes no section of the boundaries that were to be one.
    pub(super) fn forget_new_section(&mut self, checkpoints: &mut Checkpoints) {
        if let Some(inside) = self.section
            && inside.is_new
        {
            checkpoints.end_section(inside.from);
            self.section = None;
            self.starts.clear();
            self.live.leave_section();
            self.is_far = true;
        }
    }

    /// Brings the section up to date before the boundary at `key`.
    fn remember_starts(&mut self, checkpoints: &mut Checkpoints, key: Key) {
        if let Some(inside) = &mut self.section {
            let starts = std::mem::take(&mut self.starts);
            let section = inside.section(checkpoints);
            inside.is_like_before &= section.replace_starts(inside.since, key, starts);
            inside.since = key;
        }
    }

    /// Whether the checkpoint at `key` in the section remembers exactly this.
    pub(super) fn agrees_in_section(&mut self, checkpoints: &mut Checkpoints, key: Key) -> bool {
        self.remember_starts(checkpoints, key);
        self.section.is_some_and(|inside| {
            let section = inside.section(checkpoints);
            inside.is_like_before && section.agrees_if_outliving_do(key, &self.live)
        })
    }
}

impl InSection {
    fn section<'a>(&self, checkpoints: &'a mut Checkpoints) -> &'a mut Section {
        let section = checkpoints.section_mut(self.from);
        section.expect("a repair replays the section")
    }
}
