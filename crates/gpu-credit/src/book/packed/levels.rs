//! The levels of a small account: a replay of its boundaries.

use super::metered::metered_after;
use super::records::Records;
use crate::options::Overdraft;
use crate::timeline::boundary::{Event, Key};
use crate::timeline::live::{Live, LiveGrant};

/// An epoch that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch {
    /// When it opens.
    pub(super) time: i64,
    pub(super) level: u64,
    pub(super) is_live: bool,
}

/// A replay that stands in an epoch.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) live: Live,
    /// All usage that has been drawn.
    pub(super) used: u64,
    pub(super) overdraft: Overdraft,
}

impl Replay {
    /// Draws what is used until then, and goes on over all boundaries of an instant. The level of the
    /// epoch that they open.
    pub(super) fn pass(
        &mut self,
        used: u64,
        boundaries: &[Key],
        grant: impl Fn(u32) -> LiveGrant,
    ) -> u64 {
        self.live.draw(used - self.used, self.overdraft);
        self.used = used;
        for boundary in boundaries {
            match boundary.handle.event() {
                Event::Start(number) => self.live.start(grant(number)),
                Event::End(number) => {
                    self.live.end(number, || grant(number).priority);
                }
            }
        }
        // It is used before it is owed, so that this is not negative.
        used + self.live.remaining() - self.live.deficit()
    }
}

/// All epochs that last, by the records. `changes` are those of their jobs.
pub(super) fn epochs(records: &Records<'_>, changes: &[(i64, u64)]) -> Vec<Epoch> {
    let grants = records.grants.iter().zip(0..);
    let keys = grants.flat_map(|(grant, number)| {
        [
            Some(Key::start(grant.start, number)),
            Key::end(grant.end, number),
        ]
    });
    let mut keys: Vec<Key> = keys.flatten().collect();
    keys.sort_unstable();
    let grant = |number: u32| {
        let grant = &records.grants[number as usize];
        LiveGrant {
            end: grant.end,
            grant: number,
            priority: grant.priority,
            remainder: grant.amount,
        }
    };
    let mut replay = Replay {
        live: Live::default(),
        used: 0,
        overdraft: records.overdraft,
    };
    let mut used = UsedBefore::new(&records.usage, changes);
    let mut windows = 0;
    let instants = keys.chunk_by(|one, other| one.time == other.time);
    let epochs = instants.map(|boundaries| {
        let time = boundaries[0].time;
        let level = replay.pass(used.before(time), boundaries, grant);
        windows += (boundaries.iter())
            .map(|key| key.handle.live_change())
            .sum::<i32>();
        Epoch {
            time,
            level,
            is_live: windows > 0,
        }
    });
    epochs.collect()
}

/// What is used before instants that do not decrease.
struct UsedBefore<'a> {
    usage: &'a [(i64, u64)],
    /// What the entries that are gone from it add up to.
    instants: u64,
    /// From the last one before the instant on, if there is one.
    changes: &'a [(i64, u64)],
}

impl<'a> UsedBefore<'a> {
    fn new(usage: &'a [(i64, u64)], changes: &'a [(i64, u64)]) -> Self {
        UsedBefore {
            usage,
            instants: 0,
            changes,
        }
    }

    fn before(&mut self, time: i64) -> u64 {
        while let Some(((at, amount), later)) = self.usage.split_first()
            && *at < time
        {
            self.instants += amount;
            self.usage = later;
        }
        while let [_, next, ..] = self.changes
            && next.0 < time
        {
            self.changes = &self.changes[1..];
        }
        let distance = |from: i64, to: &(i64, u64)| (to.0.abs_diff(from), to.1);
        let metered = match self.changes {
            [first, ..] if first.0 >= time => 0,
            [last, next, ..] => {
                let next = distance(last.0, next);
                metered_after((0, last.1), next, time.abs_diff(last.0))
            }
            [last] => last.1, // After the last change nothing is metered.
            [] => 0,
        };
        self.instants + metered
    }
}
