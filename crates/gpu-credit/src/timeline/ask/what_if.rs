//! How things would stand if one more record had been posted.

use super::super::boundary::Key;
use super::super::live::LiveGrant;
use super::replay::Replay;
use super::{Standing, View};
use crate::all_usage::AllUsage;
use crate::options::Overdraft;
use crate::rates::Job;

impl View<'_> {
    /// How the account would stand at `time` with one more usage entry, a time and an amount.
    pub(crate) fn standing_if_used(self, (used_at, amount): (i64, u64), time: i64) -> Standing {
        if used_at > time {
            return self.standing(time);
        }
        let mut replay = self.replay_from(used_at);
        replay.advance_to(used_at);
        // Of one epoch only the sum decides, so that it may come first.
        replay.live.draw(amount, self.overdraft);
        replay.advance_to(time);
        replay.standing(time)
    }

    /// How the account would stand at `time` with one more job, which fits.
    pub(crate) fn standing_if_metered(self, job: Job, time: i64) -> Standing {
        if job.from > time {
            return self.standing(time);
        }
        let metered = |last| u64::try_from(job.through(last)).expect("the job fits");
        let mut replay = self.replay_from(job.from);
        let mut walk = self.usage.walk();
        let mut before = walk.before(replay.opening());
        while let Some(next) = replay.next_time()
            && next <= time
        {
            let used = walk.before(next) + next.checked_sub(1).map_or(0, metered);
            replay.advance(used - before);
            before = used;
        }
        replay.standing_after(self.usage.through(time) + metered(time) - before)
    }

    /// How the account would stand at `time` with one more grant, which is not in the table.
    pub(crate) fn standing_if_granted(self, start: i64, whole: LiveGrant, time: i64) -> Standing {
        if start > time {
            return self.standing(time);
        }
        let opening = Key::start(start, whole.grant);
        let closing = Key::end(whole.end, whole.grant).filter(|key| key.time <= time);
        let mut replay = self.replay_from(start);
        let usage = self.usage;
        let mut used = usage.before(replay.opening());
        advance_before(&mut replay, usage, self.overdraft, opening, &mut used);
        replay.live.start(whole);
        replay.windows += 1;
        if let Some(closing) = closing {
            advance_before(&mut replay, usage, self.overdraft, closing, &mut used);
            replay.live.end(whole.grant, || whole.priority);
            replay.windows -= 1;
        }
        while replay.next_key().is_some_and(|next| next.time <= time) {
            advance(&mut replay, usage, &mut used);
        }
        replay.standing_after(usage.through(time) - used)
    }
}

/// Goes on to the epoch into which `key` falls, which is not in the tree, and draws all usage of it
/// before `key`. All usage before `used` has been drawn, and then all before the time of `key` has.
fn advance_before(
    replay: &mut Replay<'_>,
    usage: &AllUsage,
    overdraft: Overdraft,
    key: Key,
    used: &mut u64,
) {
    while replay.next_key().is_some_and(|next| next < key) {
        advance(replay, usage, used);
    }
    let before = usage.before(key.time);
    (replay.live).draw(before - *used, overdraft);
    *used = before;
}

/// Enters the next epoch.
fn advance(replay: &mut Replay<'_>, usage: &AllUsage, used: &mut u64) {
    if let Some(next) = replay.next_time() {
        let before = usage.before(next);
        replay.advance(before - *used);
        *used = before;
    }
}
