//! Queries of what is not settled: boundaries replayed from the last sound checkpoint.

use super::GrantTimeline;
use super::boundary::Key;
use super::epochs::{Epoch, Limit};
use super::live::Live;
use super::tree::Position;
use crate::Overdraft;
use crate::usage::UsageIndex;

/// How an account stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether any window contains the instant.
    pub(crate) is_live: bool,
    /// The balance is this, which is a level or what is left ...
    pub(crate) level: u64,
    /// ... less this: what has been used since.
    pub(crate) used: u64,
}

/// A replay under way: it stands in an epoch, before any usage of it.
#[derive(Clone, Debug)]
pub(crate) struct Replay<'a> {
    timeline: &'a GrantTimeline,
    usage: &'a UsageIndex,
    pub(crate) at: Position,
    pub(crate) live: Live,
    /// The number of windows that contain the epoch.
    pub(crate) windows: i64,
}

impl Replay<'_> {
    /// The next boundary, if any.
    pub(crate) fn next_time(&self) -> Option<i64> {
        let next = self.timeline.tree.next(self.at)?;
        Some(self.timeline.tree.get(next).time)
    }

    /// The key of the next boundary, if any.
    pub(super) fn next_key(&self) -> Option<Key> {
        let next = self.timeline.tree.next(self.at)?;
        Some(self.timeline.tree.get(next).key())
    }

    /// When the epoch opens.
    pub(crate) fn opening(&self) -> i64 {
        self.timeline.tree.get(self.at).time
    }

    /// Draws all usage of the epoch and enters the next one, if there is one.
    pub(crate) fn advance(&mut self, usage: u64) {
        let Some(next) = self.timeline.tree.next(self.at) else {
            return;
        };
        self.live.draw(usage, self.timeline.overdraft);
        let boundary = self.timeline.tree.get(next);
        self.timeline.grants.apply(boundary.key(), &mut self.live);
        self.windows += i64::from(boundary.handle.live_change());
        self.at = next;
    }

    /// Goes on to the epoch of `time`, which is not earlier than this one.
    pub(crate) fn advance_to(&mut self, time: i64) {
        let mut walk = self.usage.walk();
        let mut before = walk.before(self.opening());
        while let Some(next) = self.next_time()
            && next <= time
        {
            let used = walk.before(next);
            self.advance(used - before);
            before = used;
        }
    }

    /// How the account stands at `time`, which falls into this epoch.
    pub(crate) fn standing(&self, time: i64) -> Standing {
        let used = self.usage.through(time) - self.usage.before(self.opening());
        self.standing_after(used)
    }

    /// How the account stands after so much usage of this epoch.
    pub(crate) fn standing_after(&self, used: u64) -> Standing {
        Standing {
            is_live: self.windows > 0,
            level: self.live.left(),
            used: self.live.deficit() + used,
        }
    }
}

impl GrantTimeline {
    /// How the account stands at `time`. O(log m + log n) where the level is settled; else the
    /// boundaries from the last sound checkpoint to `time` are replayed.
    #[inline]
    pub(crate) fn standing(&self, usage: &UsageIndex, time: i64) -> Standing {
        let at = self.tree.find_time(time);
        if self.is_sound(self.tree.get(at).key()) {
            return Standing {
                is_live: self.tree.live(at) > 0,
                level: self.tree.level(at),
                used: usage.through(time),
            };
        }
        let mut replay = self.replay_from(usage, time);
        replay.advance_to(time);
        replay.standing(time)
    }

    /// The limit of the epoch of `time`, where the epoch table has it. O(1) where epochs are spread
    /// evenly, else O(log m).
    #[inline]
    pub(crate) fn limit(&self, time: i64) -> Option<Limit> {
        self.epochs.as_ref()?.limit(time)
    }

    /// The epoch of `time`; `None` where it is not settled. O(log m).
    #[inline]
    pub(crate) fn epoch(&self, time: i64) -> Option<Epoch> {
        let epoch = self.epochs.as_ref().and_then(|epochs| epochs.epoch(time));
        epoch.or_else(|| self.epoch_in_tree(time))
    }

    pub(super) fn epoch_in_tree(&self, time: i64) -> Option<Epoch> {
        let at = self.tree.find_time(time);
        let boundary = self.tree.get(at);
        if !self.is_sound(boundary.key()) {
            return None;
        }
        let next = self.tree.next(at).map(|next| self.tree.get(next).time);
        Some(Epoch {
            first: boundary.time,
            last: next.map_or(i64::MAX, |next| next.saturating_sub(1)),
            limit: Limit::new(self.tree.live(at) > 0, self.tree.level(at), self.overdraft),
        })
    }

    /// What is left of each live grant at `time`, in the order in which usage draws.
    pub(crate) fn lefts_at(&self, usage: &UsageIndex, time: i64) -> Vec<super::live::Left> {
        let mut replay = self.replay_from(usage, time);
        replay.advance_to(time);
        let used = usage.through(time) - usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        replay.live.in_order()
    }

    /// A replay that stands in the epoch of the last sound checkpoint at or before `time`.
    pub(crate) fn replay_from<'a>(&'a self, usage: &'a UsageIndex, time: i64) -> Replay<'a> {
        let mut key = self.tree.get(self.tree.find_time(time)).key();
        key = key.min(self.frontier.key);
        if let Some((first, _)) = self.unsettled.first_key_value() {
            key = key.min(self.tree.get(self.last_before(*first)).key());
        }
        let (at, live) = self.remembered(key);
        Replay {
            timeline: self,
            usage,
            at,
            live,
            windows: self.tree.live(at),
        }
    }

    /// How things stand in the epoch of `key`, or in that of the last checkpoint before it, before
    /// any usage of it; all up to there sound.
    pub(super) fn remembered(&self, key: Key) -> (Position, Live) {
        let (at, mut live) = self.remembered_before(key);
        self.grants.apply(self.tree.get(at).key(), &mut live);
        (at, live)
    }

    /// How things stand just before the boundary at `key`, or at the last checkpoint before it; all
    /// before it sound.
    pub(super) fn remembered_before(&self, key: Key) -> (Position, Live) {
        let at = self.tree.find(key);
        if let Some(live) = self.owing_before(at) {
            return (at, live);
        }
        match self.checkpoints.at_or_before(key) {
            Some((key, lefts)) => {
                let at = self.tree.find(key);
                let owing = self.owing_before(at);
                (at, owing.unwrap_or_else(|| Live::new(lefts)))
            }
            None => (Position::FIRST, Live::default()),
        }
    }

    /// What is live just before a boundary where the balance is at or below zero: nothing has
    /// anything left, so that no checkpoint is needed. `None` elsewhere. O(B).
    pub(super) fn owing_before(&self, at: Position) -> Option<Live> {
        let deficit = u64::try_from(-self.balance_before(at)).ok()?;
        (self.overdraft == Overdraft::Carry).then(|| Live::owing(deficit))
    }

    /// The balance at the end of the epoch before a boundary, as far as the tree knows. O(B).
    fn balance_before(&self, at: Position) -> i128 {
        let before = self.tree.previous(at);
        let level = before.map_or(0, |before| self.tree.level(before));
        i128::from(level) - i128::from(self.tree.used_before(at))
    }
}
