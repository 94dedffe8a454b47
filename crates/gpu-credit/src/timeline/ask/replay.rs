//! A replay of boundaries, with the usage of each epoch from the index.

use super::super::boundary::Key;
use super::super::live::{Live, LiveGrant};
use super::super::tree::Position;
use super::{Standing, View};

/// A replay under way: it stands in an epoch, before any usage of it.
#[derive(Clone, Debug)]
pub(crate) struct Replay<'a> {
    view: View<'a>,
    pub(crate) at: Position,
    pub(crate) live: Live,
    /// The number of windows that contain the epoch.
    pub(crate) windows: i64,
}

impl<'a> Replay<'a> {
    /// A replay that stands in an epoch that is not beyond the frontier.
    pub(super) fn new(view: View<'a>, at: Position, live: Live) -> Self {
        let windows = view.tree.live(at);
        Replay {
            view,
            at,
            live,
            windows,
        }
    }
}

impl Replay<'_> {
    /// The time of the next boundary, if there is one.
    pub(crate) fn next_time(&self) -> Option<i64> {
        self.view.tree.next_time(self.at)
    }

    /// The key of the next boundary, if there is one.
    pub(super) fn next_key(&self) -> Option<Key> {
        let next = self.view.tree.next(self.at)?;
        Some(self.view.tree.get(next).key())
    }

    /// The boundary that opens the epoch.
    pub(super) fn key(&self) -> Key {
        self.view.tree.get(self.at).key()
    }

    /// When the epoch opens.
    pub(crate) fn opening(&self) -> i64 {
        self.view.tree.get(self.at).time
    }

    /// Draws all usage of the epoch and enters the next one. There is one.
    pub(crate) fn advance(&mut self, usage: u64) {
        let next = self.view.tree.next(self.at);
        let next = next.expect("the caller has seen the next boundary");
        self.live.draw(usage, self.view.overdraft);
        let boundary = self.view.tree.get(next);
        self.view.grants.apply(boundary.key(), &mut self.live);
        self.windows += i64::from(boundary.handle.live_change());
        self.at = next;
    }

    /// Goes on to the epoch of `time`, which is not earlier than this one.
    pub(crate) fn advance_to(&mut self, time: i64) {
        let mut walk = self.view.usage.walk();
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
        let usage = self.view.usage;
        self.standing_after(usage.through(time) - usage.before(self.opening()))
    }

    /// How the account stands after so much usage of this epoch.
    pub(crate) fn standing_after(&self, used: u64) -> Standing {
        Standing {
            is_live: self.windows > 0,
            level: self.live.remaining(),
            used: self.live.deficit() + used,
        }
    }
}

impl View<'_> {
    /// A boundary at or before an instant before which nothing was owed, and so the usage that is owed
    /// at the instant is later: the last such boundary, or the beginning of time. O(m log live).
    pub(crate) fn owing_since(self, time: i64) -> i64 {
        let mut replay = Replay::new(self, Position::FIRST, Live::default());
        let mut walk = self.usage.walk();
        let (mut since, mut before) = (i64::MIN, 0);
        while let Some(next) = replay.next_time()
            && next <= time
        {
            let used = walk.before(next);
            let is_covered = used - before <= replay.live.remaining();
            // Of several boundaries at one instant the first: the others see what that has paid.
            if is_covered && replay.live.deficit() == 0 && replay.opening() < next {
                since = next;
            }
            replay.advance(used - before);
            before = used;
        }
        since
    }

    /// What remains of each live grant at `time`, in the order in which usage draws.
    pub(crate) fn remainders_at(self, time: i64) -> Vec<LiveGrant> {
        let mut replay = self.replay_from(time);
        replay.advance_to(time);
        let used = self.usage.through(time) - self.usage.before(replay.opening());
        replay.live.draw(used, self.overdraft);
        replay.live.in_order()
    }
}
