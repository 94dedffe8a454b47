//! How an account stands at an instant: a level, less what has been used.

use super::super::epoch_table::{Epoch, Limit};
use super::survey::Found;
use super::{Standing, View};

impl View<'_> {
    /// How the account stands at `time`. O(log m + log n) if the level is settled; else as much of
    /// a repair as is needed up to there, and the boundaries beyond the frontier.
    #[inline]
    pub(crate) fn standing(self, time: i64) -> Standing {
        let (at, key) = self.epoch_at(time);
        if self.known.is_sound(key) {
            return Standing {
                is_live: self.tree.live(at) > 0,
                level: self.tree.level(at),
                used: self.usage.through(time),
            };
        }
        self.standing_unsettled(time)
    }

    #[inline(never)]
    fn standing_unsettled(self, time: i64) -> Standing {
        match self.find(time) {
            Found::Level(level) => Standing {
                is_live: self.tree.live(level.at) > 0,
                level: level.value(&self),
                used: self.usage.through(time),
            },
            Found::Replay(mut replay) => {
                replay.advance_to(time);
                replay.standing(time)
            }
        }
    }

    /// The epoch of `time` by the tree; `None` if it is not settled. O(log m).
    pub(crate) fn settled_epoch(self, time: i64) -> Option<Epoch> {
        let (at, key) = self.epoch_at(time);
        if !self.known.is_sound(key) {
            return None;
        }
        let next = self.tree.next_time(at);
        Some(Epoch {
            first: key.time,
            last: next.map_or(i64::MAX, |next| next.saturating_sub(1)),
            limit: Limit::new(self.tree.live(at) > 0, self.tree.level(at)),
        })
    }
}
