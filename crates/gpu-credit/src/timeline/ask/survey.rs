//! A survey of what is not settled: it replays what a repair would replay, and stops where a
//! repair would stop, but stores nothing.
//!
//! Beyond the place where it stops, levels are those of the tree, lifted by what the repair would
//! have lifted them.

use std::collections::vec_deque;
use std::iter::Peekable;
use std::ops::ControlFlow;

use super::super::boundary::Key;
use super::super::known::Unsettled;
use super::super::live::Live;
use super::super::owing::Owing;
use super::super::resume;
use super::super::tree::Position;
use super::super::wrapping;
use super::View;
use super::replay::Replay;
use crate::options::Overdraft;

/// How a question finds the epoch of an instant.
pub(super) enum Found<'a> {
    Level(Level),
    /// A replay that stands in it, or in the epoch of the frontier, if that is earlier.
    Replay(Replay<'a>),
}

/// An epoch whose level is known.
pub(super) struct Level {
    pub(super) at: Position,
    /// By how much the levels of the tree are too low there.
    lift: i128,
    /// Where the survey last came upon what is known.
    met: Option<Met>,
}

impl Level {
    pub(super) fn value(&self, view: &View<'_>) -> u64 {
        view.tree.level(self.at).wrapping_add(wrapping(self.lift))
    }
}

/// A part of the timeline as it is surveyed.
pub(super) enum Piece {
    /// Epochs from `from` on and before `to`: their levels are those of the tree and `lift`.
    Known {
        from: Position,
        to: Position,
        lift: i128,
    },
    /// One epoch and its level.
    Epoch { at: Position, level: u64 },
}

/// What stands just before a boundary from which on all is as remembered.
#[derive(Clone, Debug)]
struct Met {
    key: Key,
    at: Position,
    live: Live,
}

/// A survey under way.
struct Survey<'a> {
    view: View<'a>,
    /// The unsettled boundaries to come.
    writes: Peekable<vec_deque::Iter<'a, Unsettled>>,
    /// By how much the levels of the tree are too low from here on.
    lift: i128,
    met: Option<Met>,
    /// What is replayed at present.
    run: Option<Run>,
}

/// A replay that stands in an epoch, before any usage of it; or just before its boundary.
struct Run {
    /// The unsettled boundary.
    from: Key,
    at: Position,
    live: Live,
    /// All usage before the epoch.
    used: u64,
    /// How far the new balance is from the remembered one.
    shifted: i128,
    /// The boundary at which a stretch of late writes ends, as long as the replay is inside one.
    stretch: Option<Key>,
}

impl<'a> View<'a> {
    /// The epoch of an instant.
    pub(super) fn find(self, time: i64) -> Found<'a> {
        let (at, key) = self.epoch_at(time);
        if self.known.is_sound(key) {
            let (lift, met) = (0, None);
            return Found::Level(Level { at, lift, met });
        }
        self.known.mark_asked();
        let frontier = self.known.frontier();
        let mut survey = Survey::new(self);
        survey.seek(key.min(frontier));
        match survey.run {
            Some(run) => Found::Replay(Replay::new(self, run.at, run.live)),
            None if key <= frontier => {
                let Survey { lift, met, .. } = survey;
                Found::Level(Level { at, lift, met })
            }
            None => Found::Replay(survey.replay_from_frontier()),
        }
    }

    /// A replay that stands in the epoch of the last sound checkpoint at or before `time`, or later
    /// but not after `time`.
    pub(crate) fn replay_from(self, time: i64) -> Replay<'a> {
        match self.find(time) {
            Found::Replay(replay) => replay,
            Found::Level(level) => {
                let key = self.tree.get(level.at).key();
                let (at, live) = self.state_before(key, level.lift, level.met.as_ref());
                self.replay_after(at, live)
            }
        }
    }

    /// A replay that stands in the epoch of a boundary, from what stands just before that.
    fn replay_after(self, at: Position, mut live: Live) -> Replay<'a> {
        self.grants.apply(self.tree.get(at).key(), &mut live);
        Replay::new(self, at, live)
    }

    /// What stands just before the boundary at `key`, or at the last place ahead of it at which
    /// that is known; `met` is where a survey last came upon what is known.
    fn state_before(self, key: Key, lift: i128, met: Option<&Met>) -> (Position, Live) {
        if let Some(met) = met
            && key <= met.key
        {
            return (met.at, met.live.clone());
        }
        let owing = |at| {
            let deficit = resume::deficit(self.tree, self.overdraft, at, lift)?;
            Some((at, Live::owing(deficit)))
        };
        let checkpoint = self.checkpoints.at_or_before(key);
        let sound = checkpoint.filter(|(key, _)| met.is_none_or(|met| met.key <= *key));
        owing(self.tree.find(key)).unwrap_or_else(|| match (sound, met) {
            (Some((key, remainders)), _) => {
                let at = self.tree.find(key);
                owing(at).unwrap_or_else(|| (at, remainders.live(self.grants)))
            }
            (None, Some(met)) => (met.at, met.live.clone()),
            (None, None) => (Position::FIRST, Live::default()),
        })
    }

    /// Goes through the epochs from that of `from` to that of `to`, in order, as far as they are
    /// not beyond the frontier; then a replay that stands in the first that is not told of, if that
    /// is not later than `to`.
    pub(super) fn survey<T>(
        self,
        from: i64,
        to: i64,
        mut tell: impl FnMut(Piece) -> ControlFlow<T>,
    ) -> ControlFlow<T, Option<Replay<'a>>> {
        let last_asked = self.epoch_at(to).1;
        let last = last_asked.min(self.known.frontier());
        let first = self.epoch_at(from).1.min(last);
        let mut survey = Survey::new(self);
        if !self.known.is_sound(last_asked) {
            self.known.mark_asked();
        }
        survey.seek(first);
        let mut at = self.tree.find(first);
        while self.tree.get(at).key() < last {
            at = survey.tell_next(at, last, &mut tell)?;
        }
        // If a late write has unsettled this very boundary, its replay is still to begin.
        survey.seek(last);
        if last == last_asked {
            let level = survey.level(at);
            tell(Piece::Epoch { at, level })?;
            return ControlFlow::Continue(None);
        }
        ControlFlow::Continue(Some(match survey.run {
            Some(run) => Replay::new(self, run.at, run.live),
            None => survey.replay_from_frontier(),
        }))
    }
}

impl<'a> Survey<'a> {
    fn new(view: View<'a>) -> Self {
        Survey {
            view,
            writes: view.known.unsettled().peekable(),
            lift: 0,
            met: None,
            run: None,
        }
    }

    /// The next unsettled boundary, if it is not later than `last`.
    fn next_write(&mut self, last: Key) -> Option<Key> {
        let write = self.writes.peek().map(|write| write.first);
        write.filter(|key| *key <= last)
    }

    /// Goes to the boundary at `target`: then either a replay stands in its epoch, or its level is
    /// known.
    fn seek(&mut self, target: Key) {
        loop {
            let at = self
                .run
                .as_ref()
                .map(|run| self.view.tree.get(run.at).key());
            match (at, self.next_write(target)) {
                (Some(at), _) if at == target => return,
                (Some(_), _) => _ = self.leave(target),
                (None, Some(write)) => self.begin(write),
                (None, None) => return,
            }
        }
    }

    /// Tells of what begins at the boundary at `at`, which is before `last`, and goes to where that
    /// ends.
    fn tell_next<T>(
        &mut self,
        at: Position,
        last: Key,
        tell: &mut impl FnMut(Piece) -> ControlFlow<T>,
    ) -> ControlFlow<T, Position> {
        if self.run.is_some() {
            let level = self.level(at);
            tell(Piece::Epoch { at, level })?;
            // What is jumped over is lifted as before the boundary to which it comes.
            let lift = self.lift;
            let to = self.leave(last);
            let from = self.view.tree.next(at).expect("a later boundary follows");
            self.tell_known(from, to, lift, tell)?;
            return ControlFlow::Continue(to);
        }
        let write = self.next_write(last);
        let to = self.view.tree.first_from(write.unwrap_or(last));
        self.tell_known(at, to, self.lift, tell)?;
        if let Some(write) = write {
            self.begin(write);
        }
        ControlFlow::Continue(to)
    }

    fn tell_known<T>(
        &self,
        from: Position,
        to: Position,
        lift: i128,
        tell: &mut impl FnMut(Piece) -> ControlFlow<T>,
    ) -> ControlFlow<T> {
        let mut at = from;
        if lift != 0 && self.view.overdraft != Overdraft::Carry {
            // What is dropped counts: levels count modulo 2^64 until they are lifted: they cannot be searched.
            while at < to {
                let level = self.view.tree.level(at).wrapping_add(wrapping(lift));
                tell(Piece::Epoch { at, level })?;
                at = self.view.tree.next(at).expect("a later boundary follows");
            }
        } else if from < to {
            tell(Piece::Known { from, to, lift })?;
        }
        ControlFlow::Continue(())
    }

    /// The level of the epoch to which it has come.
    fn level(&self, at: Position) -> u64 {
        match &self.run {
            Some(run) => run.level(),
            None => self.lifted_level(at),
        }
    }

    fn lifted_level(&self, at: Position) -> u64 {
        (self.view.tree.level(at)).wrapping_add(wrapping(self.lift))
    }

    /// Begins a replay of what the write at `from` has unsettled, up to its boundary or the first
    /// after it.
    fn begin(&mut self, from: Key) {
        let tree = self.view.tree;
        let target = tree.first_from(from);
        let deficit = resume::deficit(tree, self.view.overdraft, target, self.lift);
        let (at, live) = match deficit {
            Some(deficit) => (target, Live::owing(deficit)),
            None => {
                let before = tree.get(tree.last_before(from)).key();
                (self.view).state_before(before, self.lift, self.met.as_ref())
            }
        };
        let mut run = Run {
            from,
            at,
            live,
            used: tree.used_before(at),
            shifted: 0,
            stretch: None,
        };
        while run.at < target {
            run.enter(self.view);
            run.leave(self.view);
        }
        self.run = Some(run);
        self.arrive();
    }

    /// Comes to the boundary of the replay, and enters its epoch; or ends the replay if all that is
    /// later stands as remembered.
    fn arrive(&mut self) {
        let Some(mut run) = self.run.take() else {
            return;
        };
        let key = self.view.tree.get(run.at).key();
        if key > run.from {
            self.absorb_while(&mut run, |write| write < key);
            run.stretch.take_if(|last| key >= *last);
            if run.stretch.is_none() && run.agrees(self.view, key) {
                // Under `Forfeit` levels may have been shifted for good.
                self.lift -= run.shifted;
                let Run { at, live, .. } = run;
                self.met = Some(Met { key, at, live });
                return;
            }
        }
        self.absorb_while(&mut run, |write| write == key);
        run.enter(self.view);
        let change = i128::from(run.level()) - i128::from(self.lifted_level(run.at));
        self.lift += change;
        run.shifted += change;
        self.run = Some(run);
    }

    /// Takes late writes into account.
    fn absorb_while(&mut self, run: &mut Run, is_passed: impl Fn(Key) -> bool) {
        while let Some(write) = self.writes.next_if(|write| is_passed(write.first)) {
            run.shifted += write.shift;
            run.stretch = run.stretch.max(write.stretch_end());
        }
    }

    /// Goes on from the epoch in which the replay stands to the next one, or jumps over a stretch of
    /// deficit, not past `last`. The boundary to which it comes.
    fn leave(&mut self, last: Key) -> Position {
        let tree = self.view.tree;
        let run = self.run.as_mut().expect("a replay is under way");
        run.leave(self.view);
        let write = self.writes.peek().map(|write| write.first);
        let limit = tree.first_from(write.map_or(last, |write| write.min(last)));
        if run.stretch.is_none()
            && let Some(owing) = run.owes_on(self.view, self.lift)
            && run.at < limit
        {
            let to = owing.first_other(tree, run.at, limit, self.lift);
            run.at = to.unwrap_or(limit);
            let deficit = resume::deficit(tree, self.view.overdraft, run.at, self.lift);
            run.live = Live::owing(deficit.expect("a jump lands in a deficit"));
            run.used = tree.used_before(run.at);
        }
        while run.skip(self.view, self.lift, write, last) {}
        let at = run.at;
        self.arrive();
        at
    }

    /// A replay that stands in the epoch of the frontier, all before it surveyed.
    fn replay_from_frontier(&self) -> Replay<'a> {
        let frontier = self.view.known.frontier();
        if let Some(reached) = self.view.known.reached() {
            let at = self.view.tree.find(frontier);
            return Replay::new(self.view, at, reached.live.clone());
        }
        let (at, live) = (self.view).state_before(frontier, self.lift, self.met.as_ref());
        self.view.replay_after(at, live)
    }
}

impl Run {
    /// The level of the epoch in which it stands.
    fn level(&self) -> u64 {
        self.used.wrapping_add(wrapping(self.live.balance()))
    }

    /// Enters the epoch of its boundary.
    fn enter(&mut self, view: View<'_>) {
        (view.grants).apply(view.tree.get(self.at).key(), &mut self.live);
    }

    /// Draws the usage of its epoch, and stands just before the next boundary.
    fn leave(&mut self, view: View<'_>) {
        let usage = view.tree.get(self.at).usage;
        self.live.draw(usage, view.overdraft);
        self.used = self.used.wrapping_add(usage);
        let next = view.tree.next(self.at);
        self.at = next.expect("the frontier is a boundary");
    }

    /// Whether all that is later stands as remembered, just before the boundary at `key`.
    fn agrees(&self, view: View<'_>, key: Key) -> bool {
        if view.overdraft != Overdraft::Forfeit {
            if self.shifted != 0 {
                return false;
            }
            if self.live.balance() <= 0 {
                return true;
            }
        }
        view.checkpoints.agrees(key, &self.live, view.grants)
    }

    /// Skips the section that begins at its boundary, if it can and what is left differs; not past
    /// `last`, nor past what is not settled. Whether it has.
    fn skip(&mut self, view: View<'_>, lift: i128, unsettled: Option<Key>, last: Key) -> bool {
        let key = view.tree.get(self.at).key();
        let Some(section) = view.checkpoints.section_from(key) else {
            return false;
        };
        let end = section.end(view.tree, unsettled);
        let Some(end) = end.filter(|end| view.tree.get(*end).key() <= last) else {
            return false;
        };
        let left = wrapping(view.tree.balance_before(end) + lift).cast_signed();
        let shifted = wrapping(self.shifted);
        if self.stretch.is_some()
            || self.agrees(view, key)
            || !section.can_be_skipped(&self.live, shifted, left)
        {
            return false;
        }
        section.pass(&mut self.live, shifted, left, view.grants);
        self.used = view.tree.used_before(end);
        self.at = end;
        true
    }

    /// If nothing remains of any grant, neither now nor as remembered, before its boundary and at the
    /// end of its epoch: as long as which balances that is so. `lift` is by how much the levels of
    /// the tree are too low.
    fn owes_on(&self, view: View<'_>, lift: i128) -> Option<Owing> {
        let owing = Owing::new(view.overdraft, self.shifted)?;
        let goes_on = owing.contains(self.live.balance())
            && owing.contains(view.tree.balance_after(self.at) + lift);
        goes_on.then_some(owing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GpuCredit, Record};

    /// How many epochs a question about all time replays one by one.
    fn replayed(account: &GpuCredit) -> usize {
        let mut epochs = 0;
        let survey = account.view().survey(i64::MIN, i64::MAX, |piece| {
            epochs += usize::from(matches!(piece, Piece::Epoch { .. }));
            ControlFlow::<()>::Continue(())
        });
        let is_over = matches!(survey, ControlFlow::Continue(None));
        assert!(is_over, "nothing is beyond the frontier");
        epochs
    }

    fn days(amount: u64, expiration: u64, used: u64) -> GpuCredit {
        let grants = (0..2_000).map(|day| Record::grant("daily", amount, day * 10, expiration));
        let usage = (0..2_000).map(|day| Record::usage(used, day * 10));
        let mut account = GpuCredit::new();
        account.extend(grants.chain(usage)).expect("all fit");
        account
    }

    /// Of late writes in a row the third is not repaired.
    fn three_late_writes(account: &mut GpuCredit) {
        for time in [15_005, 10_005, 5_005] {
            account.subtract(1, time).expect("it fits");
        }
        assert!(!account.is_settled(), "one write is pending");
    }

    #[test]
    fn a_settled_account_is_not_replayed() {
        // The last epoch is told by itself.
        assert_eq!(replayed(&days(10, 9, 5)), 1);
    }

    #[test]
    fn stops_at_the_first_checkpoint_that_is_as_remembered() {
        // Something is always left of some grant.
        let mut account = days(10, 14, 5);
        three_late_writes(&mut account);
        assert!(replayed(&account) <= 2 + 32, "{}", replayed(&account));
    }

    #[test]
    fn jumps_over_debt() {
        let mut account = days(1, 9, 5);
        three_late_writes(&mut account);
        assert!(replayed(&account) <= 4, "{}", replayed(&account));
    }
}
