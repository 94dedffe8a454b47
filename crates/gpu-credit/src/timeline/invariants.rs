//! What must hold of a timeline, checked against a replay of all boundaries.

use super::boundary::Key;
use super::live::Live;
use super::tree::Position;
use super::{GrantTimeline, wrapping};
use crate::usage::UsageIndex;

impl GrantTimeline {
    /// Panics unless every level, checkpoint and sum before what is unsettled is what a replay of
    /// all boundaries finds.
    pub(crate) fn assert_invariants(&self, usage: &UsageIndex) {
        self.tree.assert_invariants(Some(self.frontier.key));
        if let Some(epochs) = &self.epochs {
            epochs.assert_invariants(|time| self.epoch_in_tree(time).map(|epoch| epoch.limit));
        }
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
        let frontier = self.frontier;
        let at = self.tree.find(frontier.key);
        assert_eq!(
            self.tree.get(at).key(),
            frontier.key,
            "the frontier is a boundary"
        );
        let next = self.tree.next(at).map(|next| self.tree.get(next).time);
        assert_eq!(
            frontier.epoch_end, next,
            "the frontier's epoch ends at the next boundary"
        );
        let behind = |key: &Key| *key > frontier.key;
        assert!(
            !self.unsettled.keys().any(behind),
            "nothing unsettled behind the frontier"
        );
        assert!(
            !self.checkpoints.iter().any(|(key, _)| behind(&key)),
            "no checkpoint behind the frontier"
        );
        let mut remembered = self.checkpoints.iter().peekable();
        let mut live = Live::default();
        let (mut at, mut used, mut windows) = (Position::FIRST, 0, 0);
        while let Some(next) = self.tree.next(at) {
            let key = self.tree.get(next).key();
            if !self.is_sound(key) {
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
            if let Some((_, lefts)) = remembered.next_if(|(at, _)| *at == key) {
                let remembered = Live::new(lefts).in_order();
                assert_eq!(
                    remembered,
                    live.in_order(),
                    "what is left just before {key:?}"
                );
            }
            self.grants.apply(key, &mut live);
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
}
