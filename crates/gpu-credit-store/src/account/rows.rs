//! What an account is made of, row by row, and an account made of such rows.
//!
//! The rows follow from the entries of the account alone, not from how it came to be in memory.

use std::iter;

use gpu_credit::{Error, GrantRecord, MeteredId, MeteredUsage, Overdraft, Record, UsageRecord};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::standing::Standing;
use crate::{AccountKey, Revision, Totals};

/// Usage at an instant that the engine was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsageRow {
    pub(crate) timestamp: i64,
    /// 0 if it is retracted.
    pub(crate) amount: u64,
    /// The entry that posted it; [`Revision::START`] of the deficit from before the close of the books.
    pub(crate) revision: Revision,
    pub(crate) is_retracted: bool,
}

/// A grant that the engine was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantRow {
    pub(crate) revision: Revision,
    /// `None` if it is retracted.
    pub(crate) held: Option<HeldGrant>,
}

/// A grant that stands, with the window that it has if it is not revoked; if it was never live, with the one that it
/// had before that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldGrant {
    credit_id: String,
    amount: u64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) revoked_from: Option<i64>,
    priority: i16,
}

/// Metered usage that the engine was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRow {
    revision: Revision,
    /// As the engine holds it; `None` if it is retracted.
    held: Option<MeteredUsage>,
}

/// A record that does not stand as it was posted.
pub(crate) type CorrectedRow = (Revision, Standing);

impl Account {
    /// All usage at instants, in order of time and then of posting. O(n log n)
    pub(crate) fn usage_rows(&self) -> impl Iterator<Item = UsageRow> {
        let mut engine = self.engine.usage(..).peekable();
        let mut ids = self.usage_ids.in_order().into_iter().peekable();
        let mut before: Option<(i64, u32)> = None;
        iter::from_fn(move || {
            let next = ids.peek().copied();
            let deficit = engine.next_if(|(id, _)| next.is_none_or(|(at, _)| id.timestamp < at));
            if let Some((_, UsageRecord { amount, timestamp })) = deficit {
                let is_from_before = self.closed.is_some_and(|closed| timestamp < closed);
                assert!(is_from_before, "an entry posted all usage that is open");
                return Some(UsageRow {
                    timestamp,
                    amount,
                    revision: Revision::START,
                    is_retracted: false,
                });
            }
            let (timestamp, revision) = ids.next()?;
            let nth = match before {
                Some((at, nth)) if at == timestamp => nth + 1,
                _ => 0,
            };
            before = Some((timestamp, nth));
            let held = engine.next_if(|(id, _)| (id.timestamp, id.nth) == (timestamp, nth));
            Some(UsageRow {
                timestamp,
                amount: held.map_or(0, |(_, usage)| usage.amount),
                revision,
                is_retracted: held.is_none(),
            })
        })
    }

    /// All grants, in posting order. O(1) each.
    pub(crate) fn grant_rows(&self) -> impl Iterator<Item = GrantRow> {
        self.grants.iter().map(|(revision, id)| {
            let held = self.engine.grant(*id).map(|grant| {
                let (end, revoked_from) = match self.corrected.get(revision) {
                    // One that was never live keeps the end that it had before: an earlier revocation may have set it.
                    Some(Standing::Grant(standing)) if grant.revoked_from != Some(grant.start) => {
                        (standing.end, standing.revoked_from)
                    }
                    _ => (grant.end, grant.revoked_from),
                };
                HeldGrant {
                    credit_id: grant.credit_id.to_owned(),
                    amount: grant.amount,
                    start: grant.start,
                    end,
                    revoked_from,
                    priority: grant.priority,
                }
            });
            let revision = *revision;
            GrantRow { revision, held }
        })
    }

    /// All metered usage, in posting order. O(1) each.
    pub(crate) fn job_rows(&self) -> impl Iterator<Item = JobRow> {
        let numbered = self.metered.iter().zip(0..);
        numbered.map(|(revision, number)| JobRow {
            revision: *revision,
            held: self.engine.metered_usage(MeteredId::from_index(number)),
        })
    }

    /// All records that do not stand as they were posted, in posting order. O(c log c)
    pub(crate) fn corrected_rows(&self) -> Vec<CorrectedRow> {
        let rows = self.corrected.iter();
        let mut rows: Vec<_> = rows
            .map(|(revision, standing)| (*revision, *standing))
            .collect();
        rows.sort_unstable_by_key(|(revision, _)| *revision);
        rows
    }

    /// An account at a revision that holds nothing yet: what it is made of is added before anything else.
    pub(crate) fn bare(
        key: AccountKey,
        revision: Revision,
        policy: Overdraft,
        totals: &Totals,
    ) -> Self {
        Account {
            revision,
            closed: totals.closed,
            credit_id_bytes: totals.credit_id_bytes,
            ..Account::open(key, policy)
        }
    }

    /// Adds usage that follows what was added, in order.
    pub(crate) fn add_usage(&mut self, rows: &[UsageRow]) -> Result<(), Error> {
        let mut standing = Vec::new();
        for run in rows.split_inclusive(|row| row.is_retracted) {
            let usage = |row: &UsageRow| UsageRecord {
                amount: row.amount,
                timestamp: row.timestamp,
            };
            standing.clear();
            standing.extend(run.iter().filter(|row| !row.is_retracted).map(usage));
            let posted = self.engine.subtract_many(&standing);
            posted.map_err(|refused| refused.error)?;
            if let Some(last) = run.last().filter(|last| last.is_retracted) {
                let retracted = self.engine.post_usage(usage(last))?;
                self.engine.retract_usage(retracted)?;
            }
        }
        for row in rows.iter().filter(|row| row.revision != Revision::START) {
            self.usage_ids.post(row.timestamp, row.revision);
        }
        Ok(())
    }

    /// Adds grants that follow those that were added, in posting order.
    pub(crate) fn add_grants(&mut self, rows: Vec<GrantRow>) -> Result<(), Error> {
        for row in rows {
            let Some(held) = row.held else {
                let retracted = self.engine.post_grant(GrantRecord::new("", 0, 0, 0))?;
                self.engine.retract_grant(retracted)?;
                self.grants.push((row.revision, retracted));
                continue;
            };
            let length = held.end.abs_diff(held.start);
            let record = GrantRecord::new(held.credit_id, held.amount, held.start, length);
            let grant = self.engine.post_grant(record.priority(held.priority))?;
            if let Some(from) = held.revoked_from {
                self.engine.revoke_grant(grant, from)?;
            }
            self.grants.push((row.revision, grant));
        }
        Ok(())
    }

    /// Adds metered usage that follows what was added, in posting order.
    pub(crate) fn add_jobs(&mut self, rows: &[JobRow]) -> Result<(), Error> {
        const NOTHING: MeteredUsage = MeteredUsage {
            rate: 0,
            from: 0,
            until: 0,
        };
        let jobs = rows.iter().map(|row| row.held.unwrap_or(NOTHING));
        let extended = self.engine.extend(jobs.map(Record::from));
        extended.map_err(|refused| refused.error)?;
        for row in rows {
            if row.held.is_none() {
                let number = u32::try_from(self.metered.len()).expect("the limits count the jobs");
                self.engine.retract_metered(MeteredId::from_index(number))?;
            }
            self.metered.push(row.revision);
        }
        Ok(())
    }

    /// Adds records that do not stand as they were posted.
    pub(crate) fn add_corrected(&mut self, rows: impl IntoIterator<Item = CorrectedRow>) {
        self.corrected.extend(rows);
    }
}
