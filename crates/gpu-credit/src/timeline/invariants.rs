//! What must hold of a timeline, checked against a replay of all boundaries.

use super::boundary::Key;
use super::live::Live;
use super::section::{Section, Start};
use super::tree::Position;
use super::{GrantTimeline, wrapping};
use crate::all_usage::AllUsage;

impl GrantTimeline {
    /// Panics unless every level, checkpoint and sum before what is unsettled is what a replay of
    /// all boundaries finds.
    pub(crate) fn assert_invariants(&self, usage: &AllUsage) {
        self.tree.assert_invariants(Some(self.known.frontier()));
        if let Some(table) = &self.table {
            let view = self.ask(usage);
            table.assert_invariants(|time| view.settled_epoch(time).map(|epoch| epoch.limit));
        }
        self.assert_known();
        let keys = self.grants.numbers_from(0).flat_map(|number| {
            let (start, end) = self.grants.boundaries(number);
            [Some(start), end]
        });
        let mut keys: Vec<Key> = keys.flatten().collect();
        keys.sort_unstable();
        assert!(
            self.tree.keys().skip(1).eq(keys),
            "a boundary for each window's start and end"
        );
        let mut remembered = self.checkpoints.keys().into_iter().peekable();
        let mut live = Live::default();
        let mut starts = Vec::new();
        let mut section = None;
        let (mut at, mut used, mut windows) = (Position::FIRST, 0, 0);
        while let Some(next) = self.tree.next(at) {
            let key = self.tree.get(next).key();
            if !self.known.is_sound(key) {
                break;
            }
            let before = usage.before(key.time);
            assert_eq!(
                self.tree.get(at).usage,
                before - used,
                "usage of the epoch before {key:?}"
            );
            live.draw(before - used, self.overdraft);
            used = before;
            if remembered.next_if_eq(&key).is_some()
                && let Some((_, remembered)) =
                    (self.checkpoints.at_or_before(key)).filter(|(found, _)| *found == key)
            {
                assert_eq!(
                    remembered.live(&self.grants).in_order(),
                    live.in_order(),
                    "what remains just before {key:?}"
                );
            }
            if let Some(left) = section.take_if(|section: &mut &Section| section.to() <= key) {
                left.assert_passed(&starts, &live);
                live.leave_section();
            }
            if let Some(entered) = self.checkpoints.section_from(key) {
                live.enter_section(entered.last_instant());
                live.disentangle();
                starts.clear();
                section = Some(entered);
            }
            let left = live.outliving();
            self.grants.apply(key, &mut live);
            if live.outliving() != left {
                starts.push(Start { key, left });
            }
            windows += i64::from(key.handle.live_change());
            let level = self.tree.level(next).wrapping_sub(used);
            assert_eq!(
                level,
                wrapping(live.balance()),
                "level of the epoch of {key:?}"
            );
            assert_eq!(
                self.tree.live(next),
                windows,
                "live grants in the epoch of {key:?}"
            );
            at = next;
        }
    }

    /// Panics unless what is said to be known can be.
    fn assert_known(&self) {
        let frontier = self.known.frontier();
        let at = self.tree.find(frontier);
        assert_eq!(
            self.tree.get(at).key(),
            frontier,
            "the frontier is a boundary"
        );
        assert_eq!(
            self.known.frontier_ends(),
            self.tree.next_time(at),
            "the frontier's epoch ends at the next boundary"
        );
        let beyond = |key: &Key| *key > frontier;
        assert!(
            !(self.known.unsettled()).any(|unsettled| beyond(&unsettled.last)),
            "nothing unsettled beyond the frontier"
        );
        assert!(
            !self.checkpoints.keys().iter().any(beyond),
            "no checkpoint beyond the frontier"
        );
        self.checkpoints.assert_sections(frontier);
    }
}
