//! Where everything went: the conservation law, grant by grant and for the account.

use crate::account::GpuCredit;
use crate::options::Overdraft;
use crate::record::GrantId;
use crate::timeline::ask::trace::{Movement, Trace};
use crate::timeline::live::LiveGrant;

/// Where one grant went, as of an instant:
/// `amount = drawn + lapsed + forfeited + revoked + remaining`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GrantStatement {
    /// The grant.
    pub grant: GrantId,
    /// As posted, in the smallest unit like the rest.
    pub amount: u64,
    /// What usage drew from it.
    pub drawn: u64,
    /// Its remainder at the end of its window.
    pub lapsed: u64,
    /// What an overdraft took. Always 0 unless under [`Overdraft::Forfeit`].
    pub forfeited: u64,
    /// Its remainder when it was revoked: all of it if it was never live.
    pub revoked: u64,
    /// What is undrawn and live.
    pub remaining: u64,
}

/// Where all grants and all usage at or before an instant went: `used = drawn + deficit + dropped`,
/// and `drawn` is the sum of what was drawn from the grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Statement {
    /// The grants that have started, in posting order.
    pub grants: Vec<GrantStatement>,
    /// All usage.
    pub used: u64,
    /// Usage that grants have covered.
    pub drawn: u64,
    /// Usage that no grant has covered yet. Always 0 under [`Overdraft::Forfeit`].
    pub deficit: u64,
    /// Usage that was dropped. Always 0 under [`Overdraft::Carry`].
    pub dropped: u64,
}

impl GpuCredit {
    /// What became of a grant, as of an instant: with every record at or before it applied. `None` if
    /// the grant has not started by then, was never posted, or is retracted.
    ///
    /// Replays boundaries from the last sound checkpoint before the instant, or before its end: O(log
    /// live) each. Under [`Overdraft::Forfeit`], if it has no remainder, from before its start.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 50, 10, 5)?;
    /// account.subtract(20, 12)?;
    /// let statement = account.grant_statement(trial, 12).unwrap();
    /// assert_eq!((statement.drawn, statement.remaining), (20, 30));
    /// let statement = account.grant_statement(trial, 16).unwrap();
    /// assert_eq!((statement.drawn, statement.lapsed), (20, 30));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn grant_statement(&self, grant: GrantId, timestamp: i64) -> Option<GrantStatement> {
        let mut statement = self.opening_statement(grant, timestamp)?;
        if statement.revoked > 0 || statement.amount == 0 {
            return Some(statement);
        }
        let posted = self.grant(grant)?;
        let until = timestamp.min(posted.end);
        let remainder = remainder_of(grant, &self.view().remainders_at(until));
        if remainder == 0 && self.overdraft == Overdraft::Forfeit {
            statement.forfeited = self.forfeited(grant, posted.start, until);
        }
        statement.drawn = statement.amount - remainder - statement.forfeited;
        statement.remaining = 0;
        if timestamp <= posted.end {
            statement.remaining = remainder;
        } else if posted.revoked_from.is_some() {
            statement.revoked = remainder;
        } else {
            statement.lapsed = remainder;
        }
        Some(statement)
    }

    /// Where everything went, as of an instant: every grant that has started by then, and all usage
    /// at or before it. O(m log m), and under [`Overdraft::Forfeit`] O(log n) for each overdraft.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("trial", 50, 10, 5)?;
    /// account.subtract(60, 12)?;
    /// let statement = account.statement(12);
    /// assert_eq!((statement.used, statement.drawn, statement.deficit), (60, 50, 10));
    /// assert_eq!(statement.grants[0].drawn, 50);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn statement(&self, timestamp: i64) -> Statement {
        let ids = self.grants().map(|(grant, _)| grant);
        let mut grants: Vec<GrantStatement> = ids
            .filter_map(|grant| self.opening_statement(grant, timestamp))
            .collect();
        let mut statement = Statement {
            used: self.used_at(timestamp),
            ..Statement::default()
        };
        self.trace_to(timestamp, &mut |movement| match movement {
            Movement::Drawn { grant, amount } => {
                statement.drawn += amount;
                add(&mut grants, grant, |row| row.drawn += amount);
            }
            Movement::Repaid { grant, amount } => {
                statement.drawn += amount;
                statement.deficit -= amount;
                add(&mut grants, grant, |row| row.drawn += amount);
            }
            Movement::Owed { amount } => statement.deficit += amount,
            Movement::Dropped { amount } => statement.dropped += amount,
            Movement::Forfeited { grant, amount } => {
                add(&mut grants, grant, |row| row.forfeited += amount);
            }
            Movement::Ended { grant, amount } => {
                let is_revoked = self.is_revoked(GrantId(grant));
                add(&mut grants, grant, |row| {
                    if is_revoked {
                        row.revoked += amount;
                    } else {
                        row.lapsed += amount;
                    }
                });
            }
        });
        for row in &mut grants {
            row.remaining = row.amount - row.drawn - row.lapsed - row.forfeited - row.revoked;
        }
        statement.grants = grants;
        statement
    }

    pub(super) fn is_revoked(&self, grant: GrantId) -> bool {
        (self.grant(grant)).is_some_and(|grant| grant.revoked_from.is_some())
    }

    /// The statement of a grant that has started by an instant, before anything happens to it. One
    /// that was never live has nothing to happen to it.
    fn opening_statement(&self, grant: GrantId, timestamp: i64) -> Option<GrantStatement> {
        let posted = self
            .grant(grant)
            .filter(|posted| posted.start <= timestamp)?;
        let is_never_live = posted.revoked_from == Some(posted.start);
        Some(GrantStatement {
            grant,
            amount: posted.amount,
            drawn: 0,
            lapsed: 0,
            forfeited: 0,
            revoked: if is_never_live { posted.amount } else { 0 },
            remaining: 0,
        })
    }

    /// What an overdraft took of a grant up to an instant of its window: the first overdraft since
    /// it started takes its whole remainder.
    fn forfeited(&self, grant: GrantId, start: i64, until: i64) -> u64 {
        let mut replay = self.view().replay_from(start);
        replay.advance_to(start);
        let mut before = self.usage.before(replay.opening());
        loop {
            let end = replay.next_time().filter(|time| *time <= until);
            let used = match end {
                Some(end) => self.usage.before(end),
                None => self.usage.through(until),
            };
            let covered = before + replay.live.remaining();
            if used > covered {
                let overdraft = self.usage.first_above(covered);
                let (_, paid) = overdraft.expect("more is used than that");
                replay.live.draw(paid - before, self.overdraft);
                return remainder_of(grant, &replay.live.in_order());
            }
            if end.is_none() {
                return 0;
            }
            replay.advance(used - before);
            before = used;
        }
    }

    /// Every movement of credit up to an instant, epoch by epoch; and a trace that stands there.
    pub(super) fn trace_to(&self, timestamp: i64, note: &mut impl FnMut(Movement)) -> Trace<'_> {
        let mut trace = self.view().trace();
        let mut walk = self.usage.walk();
        let mut before = 0;
        while let Some(end) = trace.next_time()
            && end <= timestamp
        {
            let used = walk.before(end);
            trace.draw_epoch(before, used, note);
            trace.enter_next(note);
            before = used;
        }
        trace.draw_epoch(before, walk.through(timestamp), note);
        trace
    }
}

/// The remainder of a grant among those that have one.
fn remainder_of(grant: GrantId, remainders: &[LiveGrant]) -> u64 {
    let mut remainders = remainders.iter();
    let found = remainders.find(|live| live.grant == grant.0);
    found.map_or(0, |live| live.remainder)
}

/// Adds to the statement of a grant, which is among these: they are all that have started.
fn add(grants: &mut [GrantStatement], grant: u32, part: impl FnOnce(&mut GrantStatement)) {
    let place = grants.binary_search_by_key(&GrantId(grant), |row| row.grant);
    part(&mut grants[place.expect("a grant that pays has started")]);
}
