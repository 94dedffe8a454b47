//! Repairing what a late write has unsettled.
//!
//! * **Early stop.** At a checkpoint whose remainders are the new ones with `shifted = 0`, or
//!   wherever `shifted = 0` and nothing remains unless under `Forfeit`, all later levels stand. Only the
//!   writes passed so far are done: the next repair starts from the checkpoint before the next
//!   unsettled boundary. (Stopping for good at the first agreement with two writes pending is
//!   wrong.)
//! * **Deficit jump.** While old and new balance are both at or below zero, nothing remains of any
//!   grant in either world and nothing can lapse: jump to the first epoch that ends with a tree
//!   balance above `min(0, shifted)`; or, under a credit line, in which either world reaches the line
//!   and may drop usage, which changes its level: there `shifted` is found again, and two worlds
//!   that stand at the line are one. Checkpoints in between remember that nothing remains, and stay
//!   sound.
//! * **[Skip](super::skip).** A section is skipped if only grants that outlive it differ.
//! * **Suspension.** When the budget is spent, the boundary gets a checkpoint, and what is
//!   unsettled begins at the next one.

use std::ops::ControlFlow;

use super::super::boundary::{Event, Key};
use super::super::checkpoint::Checkpoints;
use super::super::grants::Grants;
use super::super::known::{Known, Reached, Unsettled};
use super::super::live::Live;
use super::super::owing::Owing;
use super::super::resume;
use super::super::tree::{Boundary, Position};
use super::super::wrapping;
use super::run::Passing;
use super::{Budget, LOOKAHEAD, Run, SettlementStatistics, Settling};
use crate::options::Overdraft;

/// A repair that has replayed so many times the smallest distance of checkpoints, 1,024 boundaries as
/// usual, keeps them further apart from there on.
const CHECKPOINTS_PASSED: usize = 32;

/// By how many times further. Those that are there are kept from half of the distance on: every eighth.
const SPARSER: usize = 16;

/// A repair under way: what it knows beside the tree.
struct Repair<'a> {
    run: &'a mut Run,
    /// Levels of later epochs are not asked for.
    until: i64,
    budget: &'a mut Budget,
    grants: &'a Grants,
    /// The repair is long when so many boundaries have been replayed.
    long_from: u64,
    section_len: usize,
    checkpoints: &'a mut Checkpoints,
    /// The next checkpoint.
    checkpoint: Option<Key>,
    checkpoint_spacing: usize,
    known: &'a mut Known,
    /// The next unsettled boundary.
    write: Option<Key>,
    overdraft: Overdraft,
    statistics: &'a mut SettlementStatistics,
}

/// The levels that a repair sets in a chunk.
struct Levels {
    /// The level where the chunk opens.
    opening: u64,
    /// The last level that has been set, and what it was before.
    new: u64,
    old: u64,
    /// By how much the one before all has been lifted (wrapping).
    lift: u64,
    /// Not 0 if any has been lifted by another amount.
    moved: u64,
    /// How far the new balance is from the remembered one if the level is not lifted at all.
    shifted: i128,
    is_forfeit: bool,
}

/// How a repair leaves a chunk.
enum Passage {
    /// At its end.
    Through,
    /// All that is later stands.
    Agreed,
    /// At the frontier: nothing is known beyond.
    AtFrontier,
    /// At the last boundary that the budget allows.
    Suspended,
    /// Nothing remains of any grant, neither now nor as remembered.
    Owing,
    /// Before a boundary at which a section begins.
    AtSection,
    /// Before a boundary at which a section may begin: the repair is long.
    Long,
}

impl Settling<'_> {
    /// Repairs what the late write at `from` has unsettled up to `until`, and what later ones have
    /// as far as the replay gets. It breaks off if the budget does not allow to begin.
    pub(super) fn repair(&mut self, from: Key, until: i64, budget: &mut Budget) -> ControlFlow<()> {
        let at = self.tree.first_from(from);
        let Some(mut run) = self.run_before(at, from, budget) else {
            return ControlFlow::Break(());
        };
        self.statistics.repairs += 1;
        let begun_at = self.statistics.boundaries_replayed;
        let mut long_from = begun_at + self.section_len() as u64;
        if self.approach(&mut run, at, budget).is_break() {
            return ControlFlow::Continue(());
        }
        self.begin_in_section(&mut run, at);
        loop {
            let spacing = self.spacing_since(begun_at);
            let passage = self.repair_chunk(&mut run, until, budget, long_from, spacing);
            run.finish_chunk(self.tree);
            match passage {
                Passage::Through => {
                    let next = self.tree.next_chunk(run.at);
                    run.at = next.expect("the frontier is a boundary");
                    continue;
                }
                Passage::Owing => {
                    self.jump(&mut run);
                    continue;
                }
                Passage::AtSection => {
                    if self.skip(&mut run, budget) {
                        self.tell_table(&mut run);
                    }
                    continue;
                }
                Passage::Long => {
                    if !self.begin_section(&mut run) {
                        let again = self.section_len() as u64;
                        long_from = self.statistics.boundaries_replayed + again;
                    }
                    continue;
                }
                Passage::Agreed => self.statistics.early_stops += 1,
                Passage::Suspended => self.suspend(&mut run),
                Passage::AtFrontier => {
                    self.tell_table(&mut run);
                    self.end_at_frontier(run);
                    return ControlFlow::Continue(());
                }
            }
            self.tell_table(&mut run);
            return ControlFlow::Continue(());
        }
    }

    /// A replay that stands just before the boundary at `at`, the first from `from` on, or at the
    /// last checkpoint before; `None` if the budget does not allow that.
    fn run_before(&self, at: Position, from: Key, budget: &mut Budget) -> Option<Run> {
        if let Some(deficit) = resume::deficit(self.tree, self.overdraft, at, 0) {
            let mut run = Run::new(self.tree, at, Live::owing(deficit));
            run.is_far = self.is_long();
            return Some(run);
        }
        let before = self.tree.get(self.tree.last_before(from)).key();
        let start = resume::before(self.tree, self.checkpoints, self.overdraft, before);
        let is_allowed = budget.allows_copy(start.remainders());
        is_allowed.then(|| Run::new(self.tree, start.at, start.live(self.grants)))
    }

    /// Whether a replay of all boundaries would be longer than from one checkpoint to the next.
    fn is_long(&self) -> bool {
        self.tree.len() > self.checkpoint_spacing
    }

    /// The distance of checkpoints in a repair that began when so many boundaries had been replayed.
    fn spacing_since(&self, begun_at: u64) -> usize {
        let passed = self.statistics.boundaries_replayed - begun_at;
        let spacing = self.checkpoint_spacing;
        if passed < spacing.saturating_mul(CHECKPOINTS_PASSED) as u64 {
            return spacing;
        }
        spacing.saturating_mul(SPARSER)
    }

    /// Repairs the chunk in which `run` stands, from there on.
    fn repair_chunk(
        &mut self,
        run: &mut Run,
        until: i64,
        budget: &mut Budget,
        long_from: u64,
        checkpoint_spacing: usize,
    ) -> Passage {
        let section_len = self.section_len();
        let opening = self.tree.opening(run.at).level;
        let checkpoint = self.checkpoints.after(self.tree.key_before(run.at));
        let mut repair = Repair {
            run,
            until,
            budget,
            grants: self.grants,
            long_from,
            section_len,
            checkpoint,
            checkpoints: self.checkpoints,
            checkpoint_spacing,
            write: self.known.first_unsettled(),
            known: self.known,
            overdraft: self.overdraft,
            statistics: self.statistics,
        };
        let frontier = repair.known.frontier();
        let boundaries = &mut self.tree.chunk_mut(repair.run.at).boundaries;
        let coming = boundaries[repair.run.at.index..].iter().take(LOOKAHEAD - 1);
        self.grants.prefetch(coming);
        while repair.run.at.index < boundaries.len() {
            let coming = &mut boundaries[repair.run.at.index..];
            let key = coming[0].key();
            let is_last = match repair.arrive(key) {
                ControlFlow::Continue(is_last) => is_last,
                ControlFlow::Break(passage) => return passage,
            };
            if key == frontier || is_last {
                repair.enter_last(self.grants, &mut coming[0], opening);
                return if key == frontier {
                    Passage::AtFrontier
                } else {
                    Passage::Suspended
                };
            }
            let count = repair.count_to_next(coming);
            let passed = repair.pass(self.grants, coming, count, opening);
            if (repair.run).owes_on(self.overdraft, coming.get(passed), opening)
                && repair.run.stretch.is_none()
            {
                return Passage::Owing;
            }
        }
        Passage::Through
    }

    /// Jumps to the next boundary from which anything may differ, or to the next late write, or to
    /// the frontier.
    fn jump(&mut self, run: &mut Run) {
        self.statistics.jumps += 1;
        let frontier = self.known.frontier();
        let write = self.known.first_unsettled();
        let limit = self
            .tree
            .first_from(write.map_or(frontier, |write| write.min(frontier)));
        let owing = Owing::new(self.overdraft, run.shifted).expect("it owes");
        let to = owing.first_other(self.tree, run.at, limit, 0);
        let to = to.unwrap_or(limit);
        self.jump_over_sections(run, to);
        let deficit = resume::deficit(self.tree, self.overdraft, to, 0);
        let deficit = deficit.expect("a jump lands in a deficit");
        let mut landed = Run::new(self.tree, to, Live::owing(deficit));
        landed.shifted = run.shifted;
        (landed.lifted, landed.moved) = (run.lifted, run.moved);
        landed.is_far = self.is_long();
        *run = landed;
        self.enter_section_inside(run);
    }

    /// Leaves the rest unsettled.
    fn suspend(&mut self, run: &mut Run) {
        let at = self.tree.at_or_next_chunk(run.at);
        let at = at.expect("the frontier is a boundary");
        let key = self.tree.get(at).key();
        run.break_off_section(self.checkpoints, key, Some(key));
        self.known.unsettle(Unsettled {
            first: key,
            last: run.stretch.map_or(key, |last| last.max(key)),
            shift: run.shifted,
        });
    }

    /// All that is known has been replayed.
    fn end_at_frontier(&mut self, run: Run) {
        self.known.set_reached(Reached {
            live: run.live,
            since: run.since,
        });
    }

    /// Tells the table which levels have changed, and by how much all later ones have been lifted.
    fn tell_table(&mut self, run: &mut Run) {
        let lifted = std::mem::take(&mut run.lifted);
        match run.moved.take() {
            Some((from, to)) => {
                if let Some(table) = &mut self.table {
                    table.change(from, to, lifted);
                }
            }
            None => assert_eq!(lifted, 0, "a level has been lifted first"),
        }
    }
}

impl Repair<'_> {
    /// Comes to the boundary at `key`, before it is applied. Breaks off if all that is later
    /// stands; otherwise whether it is the last boundary that the budget allows.
    #[inline(always)]
    fn arrive(&mut self, key: Key) -> ControlFlow<Passage, bool> {
        self.absorb_while(|write| write < key);
        self.run.leave_section_before(self.checkpoints, key);
        let is_due = self.checkpoint == Some(key);
        let is_struck = self.write == Some(key);
        let is_inside = self.run.stretch.is_some() && self.is_inside_stretch(key);
        if !is_struck && !is_inside && self.agrees(key, is_due) {
            return ControlFlow::Break(self.agreed(key, is_due));
        }
        if self.run.section.is_none() {
            if is_due && self.checkpoints.section_from(key).is_some() {
                return ControlFlow::Break(Passage::AtSection);
            }
            if self.is_long() && matches!(key.handle.event(), Event::Start(_)) {
                return ControlFlow::Break(Passage::Long);
            }
        }
        let is_last = self.budget.is_spent() || key.time > self.until;
        self.budget.spend(1);
        if is_last {
            self.run.forget_new_section(self.checkpoints);
        }
        self.keep_checkpoint(key, is_due, is_last);
        if is_due {
            self.checkpoint = self.checkpoints.after(key);
        }
        if is_struck {
            self.absorb_while(|write| write == key);
        }
        self.statistics.boundaries_replayed += 1;
        ControlFlow::Continue(is_last)
    }

    /// How many boundaries pass until anything is to be looked at, the one that has been arrived at
    /// among them: a checkpoint that is there or due, a late write, the frontier, or the last boundary.
    fn count_to_next(&self, coming: &[Boundary]) -> usize {
        let section = self.run.section.as_ref().map(|section| section.to);
        let stops = [self.checkpoint, self.write, self.run.stretch, section];
        let frontier = self.known.frontier();
        let stop = stops.into_iter().flatten().fold(frontier, Key::min);
        let most = self.run.room(self.checkpoint_spacing);
        let most = most.min(self.budget.left().saturating_add(1));
        let later = &coming[1..most.min(coming.len())];
        1 + later.partition_point(|boundary| boundary.key() < stop && boundary.time <= self.until)
    }

    /// Goes through so many boundaries, or fewer if the two worlds owe after one.
    fn pass(
        &mut self,
        grants: &Grants,
        coming: &mut [Boundary],
        count: usize,
        opening: u64,
    ) -> usize {
        let mut levels = Levels::new(self.run, self.overdraft, opening);
        let passed = (self.run).pass(grants, self.overdraft, coming, count, &mut levels);
        let has_moved = levels.moved != 0;
        (self.run).levels_set(&coming[..passed], has_moved, levels.old, levels.new);
        self.budget.spend(passed - 1);
        self.statistics.boundaries_replayed += passed as u64 - 1;
        passed
    }

    /// Enters the epoch of the last boundary.
    fn enter_last(&mut self, grants: &Grants, boundary: &mut Boundary, opening: u64) {
        let old = boundary.level;
        self.run.enter(grants, boundary, opening);
        self.run.at.index += 1;
        let new = boundary.level;
        let [before, after] = [old, new].map(|level| opening.wrapping_add(level));
        let has_moved = after.wrapping_sub(before) != wrapping(self.run.lift);
        (self.run).levels_set(std::slice::from_ref(boundary), has_moved, before, after);
    }

    /// Takes late writes into account.
    #[inline(always)]
    fn absorb_while(&mut self, is_passed: impl Fn(Key) -> bool) {
        while self.write.is_some_and(&is_passed) {
            let write = self.known.absorb_first();
            self.run.shifted += write.shift;
            self.run.stretch = self.run.stretch.max(write.stretch_end());
            self.write = self.known.first_unsettled();
        }
    }

    /// Whether all that is later stands as remembered, just before the boundary at `key`; `is_due`
    /// if it has a checkpoint.
    #[inline(always)]
    fn agrees(&mut self, key: Key, is_due: bool) -> bool {
        if self.overdraft != Overdraft::Forfeit {
            if self.run.shifted != 0 {
                return false;
            }
            if self.run.live.balance() <= 0 {
                return true;
            }
        }
        is_due
            && match self.run.section {
                None => (self.checkpoints).agrees(key, &self.run.live, self.grants),
                Some(_) => self.run.agrees_in_section(self.checkpoints, key),
            }
    }

    /// Whether the repair has gone on for long, and may go on for so long.
    fn is_long(&self) -> bool {
        self.statistics.boundaries_replayed >= self.long_from
            && self.budget.left() >= self.section_len
    }

    /// Ends where all that is later stands.
    #[inline(always)]
    fn agreed(&mut self, key: Key, is_due: bool) -> Passage {
        self.run
            .break_off_section(self.checkpoints, key, self.write);
        if is_due && self.run.is_dense(self.checkpoint_spacing) {
            self.checkpoints.remove(key);
        }
        // Under `Forfeit` levels may have been shifted for good.
        self.run.settle_shift(key.time);
        Passage::Agreed
    }

    #[inline(always)]
    fn keep_checkpoint(&mut self, key: Key, is_due: bool, is_last: bool) {
        let is_written = if is_last {
            self.run.store_checkpoint(self.checkpoints, key);
            true
        } else {
            (self.run).keep_checkpoint(self.checkpoints, key, is_due, self.checkpoint_spacing)
        };
        self.statistics.checkpoints_written += u64::from(is_written);
    }

    /// Whether usage after the boundary at `key` has changed: the replay leaves a stretch at its last
    /// boundary.
    #[cold]
    fn is_inside_stretch(&mut self, key: Key) -> bool {
        self.run.stretch.take_if(|last| key >= *last);
        self.run.stretch.is_some()
    }
}

impl Levels {
    fn new(run: &Run, overdraft: Overdraft, opening: u64) -> Self {
        Levels {
            opening,
            new: 0,
            old: 0,
            lift: wrapping(run.lift),
            moved: 0,
            shifted: run.shifted - run.lift,
            is_forfeit: overdraft == Overdraft::Forfeit,
        }
    }
}

impl Passing for Levels {
    #[inline(always)]
    fn enter(&mut self, coming: &mut [Boundary], place: usize, level: u64) {
        let boundary = &mut coming[place];
        self.old = self.opening.wrapping_add(boundary.level);
        self.new = level;
        self.moved |= self.new.wrapping_sub(self.old) ^ self.lift;
        boundary.level = level.wrapping_sub(self.opening);
    }

    /// Nothing remains as it is remembered either, and something may be owed.
    #[inline(always)]
    fn stops(&self, deficit: u64) -> bool {
        let shifted = self.shifted + i128::from(self.new) - i128::from(self.old);
        !self.is_forfeit && -i128::from(deficit) <= shifted
    }
}
