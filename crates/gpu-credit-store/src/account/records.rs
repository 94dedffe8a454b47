//! An engine's account, and which entries posted the usage that it holds.

use gpu_credit::{
    Error, GpuCredit, GrantId, MeteredId, MeteredUsage, Overdraft, Record, UsageId, UsageRecord,
};

use super::rows::{JobRow, UsageRow};
use crate::Revision;
use crate::metered::part_from;
use crate::standing::{Granted, Standing};
use crate::usage_ids::UsageIds;

/// What the entries of an account told an engine.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub(super) engine: GpuCredit,
    pub(super) usage_ids: UsageIds,
    /// The entries of all metered usage that the engine was told of, in the order of its numbers.
    pub(super) metered: Vec<Revision>,
}

impl Records {
    pub(super) fn new(policy: Overdraft) -> Self {
        Records {
            engine: GpuCredit::with_overdraft(policy),
            usage_ids: UsageIds::default(),
            metered: Vec::new(),
        }
    }

    /// The metered usage that an entry posted. O(log j)
    pub(super) fn metered_id(&self, revision: Revision) -> Option<MeteredId> {
        let place = self.metered.binary_search(&revision).ok()?;
        Some(MeteredId::from_index(u32::try_from(place).ok()?))
    }

    pub(super) fn post_usage(
        &mut self,
        usage: UsageRecord,
        revision: Revision,
    ) -> Result<(), Error> {
        self.engine.subtract(usage.amount, usage.timestamp)?;
        self.usage_ids.post(usage.timestamp, revision);
        Ok(())
    }

    pub(super) fn post_metered(
        &mut self,
        usage: MeteredUsage,
        revision: Revision,
    ) -> Result<(), Error> {
        self.engine.post_metered(usage)?;
        self.metered.push(revision);
        Ok(())
    }

    /// Brings the record of an entry from how it stands to how it is to stand; `grant` is the grant that the
    /// entry posted, and the books are closed up to `closed`.
    pub(super) fn correct(
        &mut self,
        of: Revision,
        grant: Option<GrantId>,
        (before, after): (Standing, Standing),
        closed: Option<i64>,
    ) -> Result<(), Error> {
        match (before, after) {
            (Standing::Usage { timestamp, .. }, Standing::Retracted) => {
                let usage = self.held_usage(timestamp, of);
                self.engine.retract_usage(usage).map(drop)
            }
            (Standing::Usage { timestamp, .. }, Standing::Usage { amount, .. }) => {
                let usage = self.held_usage(timestamp, of);
                self.engine.change_usage(usage, amount)
            }
            (Standing::Metered(_), Standing::Retracted) => {
                let usage = self.held_metered(of);
                self.engine.retract_metered(usage).map(drop)
            }
            (Standing::Metered(_), Standing::Metered(after)) => {
                let usage = self.held_metered(of);
                let held = part_from(after, closed.unwrap_or(i64::MIN));
                self.engine.change_metered(usage, held)
            }
            (Standing::Grant(before), after) => {
                let grant = grant.expect("a grant that can be corrected is held");
                correct_grant(&mut self.engine, grant, before, after)
            }
            _ => Ok(()),
        }
    }

    /// The identity of usage that stands: the engine holds it.
    fn held_usage(&mut self, timestamp: i64, of: Revision) -> UsageId {
        let usage = self.usage_ids.get(timestamp, of);
        usage.expect("usage that stands is held")
    }

    /// The identity of metered usage that admits a correction: the engine holds it.
    fn held_metered(&self, of: Revision) -> MeteredId {
        let usage = self.metered_id(of);
        usage.expect("metered usage that can be corrected is held")
    }

    /// Adds usage that follows what was added, in order.
    pub(super) fn add_usage(&mut self, rows: &[UsageRow]) -> Result<(), Error> {
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

    /// Adds metered usage that follows what was added, in posting order.
    pub(super) fn add_jobs(&mut self, rows: &[JobRow]) -> Result<(), Error> {
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
}

/// Brings a grant from how it stands to `after`.
fn correct_grant(
    engine: &mut GpuCredit,
    id: GrantId,
    before: Granted,
    after: Standing,
) -> Result<(), Error> {
    let Standing::Grant(after) = after else {
        return engine.retract_grant(id);
    };
    if after.priority != before.priority {
        engine.change_priority(id, after.priority)?;
    }
    match after.revoked_from {
        Some(from) if before.revoked_from != Some(from) => engine.revoke_grant(id, from),
        None if before.end != after.end => {
            engine.change_expiration(id, after.end.abs_diff(after.start))
        }
        _ => Ok(()),
    }
}
