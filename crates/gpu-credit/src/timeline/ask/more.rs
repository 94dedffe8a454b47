//! More usage beside what is posted: what it takes from the records that are.
//!
//! Two replays go side by side, one of what is posted and one with the usage that is asked about.
//! Of every grant the second has at most as much left as the first. It is charged what the first
//! pays as it falls, and no more: what it cannot pay of that is noted, and forgiven. A lapse, and a
//! moment at which the first has nothing left, bring the two together.

use super::super::boundary::{Event, Key};
use super::super::live::Live;
use super::View;
use super::freed::Freed;
use super::replay::Replay;
use crate::all_usage::{AllUsage, AllUsageWalk};
use crate::options::Overdraft;
use crate::rates::Job;

/// Usage that is not posted, and would be posted last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum More {
    /// At an instant.
    Once { amount: u64, timestamp: i64 },
    /// At each tick of a job, of which all together fits an account.
    Job(Job),
}

impl More {
    fn first(self) -> i64 {
        match self {
            More::Once { timestamp, .. } => timestamp,
            More::Job(job) => job.from,
        }
    }

    /// What of it falls before a tick.
    fn before(self, tick: i64) -> u64 {
        match self {
            More::Once { amount, timestamp } if timestamp < tick => amount,
            More::Once { .. } => 0,
            More::Job(job) => {
                let until = job.until.min(tick);
                let ticks = if job.from < until {
                    job.from.abs_diff(until)
                } else {
                    0
                };
                let units = u128::from(job.rate) * u128::from(ticks);
                units.try_into().expect("the job fits an account")
            }
        }
    }

    fn total(self) -> u64 {
        match self {
            More::Once { amount, .. } => amount,
            More::Job(job) => self.before(job.until),
        }
    }

    /// What of it is drawn before a record.
    fn before_record(self, record: Record) -> u64 {
        match self {
            // It comes after usage at its instant, and before what is metered.
            More::Once { amount, timestamp } if timestamp == record.tick && record.is_metered => {
                amount
            }
            _ => self.before(record.tick),
        }
    }
}

/// Posted usage that is not drawn whole as it falls.
#[derive(Clone, Copy)]
struct Record {
    tick: i64,
    /// Then it is all that is metered at the tick.
    is_metered: bool,
    /// All usage before it.
    before: u64,
}

/// What cannot be paid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uncovered {
    /// So much, since the replays were last alike, of what is posted and of what is added.
    pub(crate) amount: u64,
    /// What has been added since then.
    pub(crate) added: u64,
    /// What was added in the last epoch.
    pub(crate) added_last: u64,
    /// What has been added in all.
    pub(crate) added_in_all: u64,
}

/// Two replays side by side. They stand in an epoch, before any usage of it.
pub(crate) struct SideBySide<'a> {
    view: View<'a>,
    posted: Replay<'a>,
    with_more: Live,
    more: More,
    /// More than this is not added.
    most: u64,
    walk: AllUsageWalk<'a>,
    /// All posted usage before the epoch.
    used: u64,
    uncovered: Uncovered,
    freed: Freed,
    is_over: bool,
}

impl<'a> View<'a> {
    /// Two replays that stand where more usage begins.
    pub(crate) fn with_more(self, more: More) -> SideBySide<'a> {
        let mut posted = self.replay_from(more.first());
        posted.advance_to(more.first());
        let mut walk = self.usage.walk();
        SideBySide {
            view: self,
            with_more: posted.live.clone(),
            more,
            most: more.total(),
            used: walk.before(posted.opening()),
            posted,
            walk,
            uncovered: Uncovered::default(),
            freed: Freed::default(),
            is_over: false,
        }
    }
}

impl SideBySide<'_> {
    /// Goes on to the end of the next epoch at which something cannot be paid that could be, or
    /// would have been added; `None` if there is none.
    pub(crate) fn next_uncovered(&mut self) -> Option<Uncovered> {
        while !self.is_over {
            let next = self.posted.next_time();
            let uncovered = self.leave(next);
            let found = self.uncovered;
            if self.are_alike() {
                (self.uncovered.amount, self.uncovered.added) = (0, 0);
                self.is_over |= self.uncovered.added_in_all == self.most;
            }
            // Then no usage is to come that could be paid or not.
            self.is_over |=
                self.used == self.view.usage.total() && self.uncovered.added_in_all == self.most;
            if next.is_none() {
                self.is_over = true;
            } else if !self.is_over {
                self.enter_next();
            }
            if uncovered {
                return Some(found);
            }
        }
        None
    }

    /// Of usage at an instant, how much is paid: all of it, or the most of it with which nothing would
    /// have been uncovered so far.
    pub(crate) fn paid(&self) -> u64 {
        self.freed
            .first_missing()
            .map_or(self.most, |unit| unit - 1)
    }

    /// Adds no more than has been added so far.
    pub(crate) fn add_no_more(&mut self) {
        self.most = self.uncovered.added_in_all;
        self.is_over |= self.are_alike();
    }

    /// Draws all usage of the epoch, which lasts until just before `next`. Whether some of it is
    /// uncovered.
    fn leave(&mut self, next: Option<i64>) -> bool {
        let usage = self.view.usage;
        let through = next.map_or(usage.total(), |next| self.walk.before(next));
        let added_through = next.map_or(self.more.total(), |next| self.more.before(next));
        let added_before = self.uncovered.added_in_all;
        let added = added_through.min(self.most) - added_before;
        self.uncovered.added += added;
        self.uncovered.added_last = added;
        self.uncovered.added_in_all += added;

        let drawn = through - self.used;
        let available = self.posted.live.remaining();
        let (paid, too_late) = if drawn <= available {
            (drawn, 0)
        } else if self.view.overdraft == Overdraft::Forfeit {
            // What comes after the record that forfeits the rest finds nothing.
            let record = forfeiting(usage, self.used + available);
            let in_time = self.more.before_record(record).min(self.most);
            let too_late = added - in_time.saturating_sub(added_before).min(added);
            (record.before - self.used, too_late)
        } else {
            (available, 0)
        };
        let due = paid + (added - too_late);
        let has = self.with_more.remaining();
        let uncovered = due.saturating_sub(has) + too_late;
        self.uncovered.amount += uncovered;
        if uncovered > 0 {
            // Before anything is forfeited, which sets free what still lacks.
            let lacking = (available - paid) - (has - due.min(has));
            self.freed.missing(lacking);
        }

        self.posted.live.draw(drawn, self.view.overdraft);
        if drawn > available {
            self.with_more = Live::owing(self.posted.live.deficit());
        } else {
            self.with_more.draw(due.min(has), self.view.overdraft);
        }
        self.used = through;
        uncovered > 0
    }

    /// How much less is left with more usage.
    fn difference(&self) -> u64 {
        self.posted.live.remaining() - self.with_more.remaining()
    }

    /// Whether nothing that has been added makes a difference any more.
    fn are_alike(&self) -> bool {
        self.posted.live.balance() == self.with_more.balance()
    }

    fn enter_next(&mut self) {
        let before = self.difference();
        self.posted.advance(0);
        let key = self.posted.key();
        self.view.grants.apply(key, &mut self.with_more);
        let freed = before - self.difference();
        if freed > 0 {
            self.freed.note(freed, self.lacking_before(key));
        }
    }

    /// Of the grants that are drawn before the one that has ended, how much less is left with more
    /// usage. O(live), and O(1) if there are none, as there never are if all have one priority.
    fn lacking_before(&self, ended: Key) -> u64 {
        let Event::End(grant) = ended.handle.event() else {
            unreachable!("a start frees nothing");
        };
        let place = self.view.grants.whole(grant).place();
        let first = self.posted.live.first();
        if first.is_none_or(|first| first.place() > place) {
            return 0;
        }
        let left = |live: &Live| {
            let earlier = live.remainders().filter(|left| left.place() < place);
            earlier.map(|left| left.remainder).sum::<u64>()
        };
        left(&self.posted.live) - left(&self.with_more)
    }
}

/// The first record whose running total is above `sum`. There is one.
fn forfeiting(usage: &AllUsage, sum: u64) -> Record {
    let found = usage.first_above(sum);
    let (tick, before) = found.expect("more is used than that");
    Record {
        tick,
        is_metered: before == usage.through_instants(tick),
        before,
    }
}
