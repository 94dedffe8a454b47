//! What an account is made of, row by row, and an account made of such rows.
//!
//! The rows follow from the entries of the account alone, not from how it came to be in memory.

use std::iter;

use gpu_credit::{
    Error, GpuCredit, GrantId, GrantRecord, MeteredId, MeteredUsage, Overdraft, UsageRecord,
};
use serde::{Deserialize, Serialize};

use super::{Account, HoldRow};
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
    pub(super) revision: Revision,
    /// As the engine holds it; `None` if it is retracted.
    pub(super) held: Option<MeteredUsage>,
}

/// A record that does not stand as it was posted.
pub(crate) type CorrectedRow = (Revision, Standing);

impl Account {
    /// All usage at instants, in order of time and then of posting. O(n log n)
    pub(crate) fn usage_rows(&self) -> impl Iterator<Item = UsageRow> {
        let mut engine = self.records.engine.usage(..).peekable();
        let mut ids = self.records.usage_ids.in_order().into_iter().peekable();
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
            let held = self.records.engine.grant(*id).map(|grant| {
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
        let numbered = self.records.metered.iter().zip(0..);
        numbered.map(|(revision, number)| JobRow {
            revision: *revision,
            held: self
                .records
                .engine
                .metered_usage(MeteredId::from_index(number)),
        })
    }

    /// All holds that are neither settled nor released, in posting order.
    pub(crate) fn hold_rows(&self) -> impl Iterator<Item = &HoldRow> {
        self.holds.rows()
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
        self.records.add_usage(rows)
    }

    /// Adds metered usage that follows what was added, in posting order.
    pub(crate) fn add_jobs(&mut self, rows: &[JobRow]) -> Result<(), Error> {
        self.records.add_jobs(rows)
    }

    /// Adds grants that follow those that were added, in posting order.
    pub(crate) fn add_grants(
        &mut self,
        rows: impl IntoIterator<Item = GrantRow>,
    ) -> Result<(), Error> {
        let grants = &mut self.grants;
        add_grants(&mut self.records.engine, rows, |revision, grant| {
            grants.push((revision, grant));
        })
    }

    /// Adds holds that are neither settled nor released.
    pub(crate) fn add_holds(&mut self, rows: impl IntoIterator<Item = HoldRow>) {
        for row in rows {
            self.holds.give(row);
        }
    }

    /// Adds records that do not stand as they were posted.
    pub(crate) fn add_corrected(&mut self, rows: impl IntoIterator<Item = CorrectedRow>) {
        self.corrected.extend(rows);
    }
}

/// Adds grants to an engine, in posting order; `each` is told which entry posted which.
pub(super) fn add_grants(
    engine: &mut GpuCredit,
    rows: impl IntoIterator<Item = GrantRow>,
    mut each: impl FnMut(Revision, GrantId),
) -> Result<(), Error> {
    for row in rows {
        let Some(held) = row.held else {
            let retracted = engine.post_grant(GrantRecord::new("", 0, 0, 0))?;
            engine.retract_grant(retracted)?;
            each(row.revision, retracted);
            continue;
        };
        let length = held.end.abs_diff(held.start);
        let record = GrantRecord::new(held.credit_id, held.amount, held.start, length);
        let grant = engine.post_grant(record.priority(held.priority))?;
        if let Some(from) = held.revoked_from {
            engine.revoke_grant(grant, from)?;
        }
        each(row.revision, grant);
    }
    Ok(())
}
