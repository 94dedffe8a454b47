//! What entries make of an account.

use gpu_credit::{
    GpuCredit, GrantId, GrantRecord, MeteredId, MeteredUsage, Record, UsageId, UsageRecord,
};

use super::Account;
use crate::facts;
use crate::metered::part_from;
use crate::standing::{Granted, Standing};
use crate::{Change, Entry, Revision};

impl Account {
    /// Takes entries in, in order. Entries that are part of the account already are passed over.
    ///
    /// Each comes with the record that it corrects, if it corrects one. On an error the account is not
    /// to be used any more.
    pub(crate) fn apply<'e>(
        &mut self,
        entries: impl IntoIterator<Item = (&'e Entry, Option<facts::Record>)>,
    ) -> Result<(), NotApplicable> {
        let mut usage = KeptBack::default();
        for (entry, corrects) in entries {
            if entry.revision <= self.revision {
                continue;
            }
            let at = |problem| NotApplicable {
                revision: entry.revision,
                problem,
            };
            if entry.revision != self.revision.next() {
                return Err(at(format!("the account is at revision {}", self.revision)));
            }
            self.apply_one(entry, corrects, &mut usage).map_err(at)?;
            self.revision = entry.revision;
        }
        let revision = self.revision;
        let at = |problem| NotApplicable { revision, problem };
        usage.post(&mut self.engine).map_err(at)
    }

    /// Usage is kept back as long as nothing refers to it: in one go it is cheaper.
    fn apply_one(
        &mut self,
        entry: &Entry,
        corrects: Option<facts::Record>,
        usage: &mut KeptBack,
    ) -> Result<(), String> {
        match &entry.change {
            &Change::Usage { amount, timestamp } => {
                usage.instants.push(UsageRecord { amount, timestamp });
                self.usage_ids.post(timestamp, entry.revision);
                Ok(())
            }
            &Change::MeteredUsage { rate, from, until } => {
                let job = MeteredUsage { rate, from, until };
                usage.metered.push(job);
                self.metered.push(entry.revision);
                Ok(())
            }
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                let expiration = expiration.unwrap_or(timestamp.abs_diff(i64::MAX));
                self.credit_id_bytes += credit_id.len() as u64;
                let grant = GrantRecord::new(credit_id, *amount, *timestamp, expiration);
                let posted = self.engine.post_grant(grant.priority(*priority));
                let grant = posted.map_err(|error| error.to_string())?;
                self.grants.push((entry.revision, grant));
                Ok(())
            }
            Change::CloseBooks { until } => {
                usage.post(&mut self.engine)?;
                self.close(*until).map_err(|error| error.to_string())
            }
            change => {
                if change.corrects().is_none() {
                    return Err("an account that has entries is opened once".to_owned());
                }
                usage.post(&mut self.engine)?;
                let (of, posted) = corrects.ok_or("the record it corrects is not there")?;
                let before = self.standing(of, &posted);
                let before = before.ok_or("it corrects what is not a record")?;
                let after = before.corrected(change, self.closed);
                let after = after.map_err(|refusal| refusal.to_string())?;
                let corrected = self.correct(of, before, after);
                corrected.map_err(|error| error.to_string())
            }
        }
    }

    /// Brings a record from how it stands to how it is to stand.
    fn correct(
        &mut self,
        of: Revision,
        before: Standing,
        after: Standing,
    ) -> Result<(), gpu_credit::Error> {
        match (before, after) {
            (Standing::Usage { timestamp, .. }, Standing::Retracted) => {
                let usage = self.held_usage(timestamp, of);
                self.engine.retract_usage(usage)?;
            }
            (Standing::Usage { timestamp, .. }, Standing::Usage { amount, .. }) => {
                let usage = self.held_usage(timestamp, of);
                self.engine.change_usage(usage, amount)?;
            }
            (Standing::Metered(_), Standing::Retracted) => {
                let usage = self.held_metered(of);
                self.engine.retract_metered(usage)?;
            }
            (Standing::Metered(_), Standing::Metered(after)) => {
                let usage = self.held_metered(of);
                let held = part_from(after, self.closed.unwrap_or(i64::MIN));
                self.engine.change_metered(usage, held)?;
            }
            (Standing::Grant(before), after) => {
                let grant = self.grant_id(of);
                let grant = grant.expect("a grant that can be corrected is held");
                correct_grant(&mut self.engine, grant, before, after)?;
            }
            _ => {}
        }
        self.corrected.insert(of, after);
        Ok(())
    }

    /// The identity of usage that stands: the engine holds it.
    fn held_usage(&mut self, timestamp: i64, of: Revision) -> UsageId {
        let usage = self.usage_id(timestamp, of);
        usage.expect("usage that stands is held")
    }

    /// The identity of metered usage that admits a correction: the engine holds it.
    fn held_metered(&self, of: Revision) -> MeteredId {
        let usage = self.metered_id(of);
        usage.expect("metered usage that can be corrected is held")
    }

    /// Closes the books: a new engine account takes over what still matters from `until` on. An
    /// instant that is closed already changes nothing.
    fn close(&mut self, until: i64) -> Result<(), gpu_credit::Error> {
        if self.closed.is_some_and(|closed| until <= closed) {
            return Ok(());
        }
        let folded = crate::close::fold(&self.engine, until, |grant| {
            let revision = self.grant_revision(grant)?;
            self.corrected.get(&revision).copied()
        })?;
        let revisions = folded.kept.iter().map(|(old, new)| {
            let (revision, _) = self.grants[old.index() as usize];
            (revision, *new)
        });
        self.grants = revisions.collect();
        let metered = folded.metered.iter();
        self.metered = metered
            .map(|old| self.metered[old.index() as usize])
            .collect();
        self.engine = folded.engine;
        self.closed = Some(until);
        let corrected = &self.corrected;
        self.usage_ids.close(until, |revision| {
            corrected.get(&revision) != Some(&Standing::Retracted)
        });
        let (grants, metered) = (&self.grants, &self.metered);
        self.corrected.retain(|revision, standing| match standing {
            Standing::Grant(_) => grants.binary_search_by_key(revision, |(at, _)| *at).is_ok(),
            Standing::Metered(_) => metered.binary_search(revision).is_ok(),
            Standing::Usage { timestamp, .. } => *timestamp >= until,
            // What was retracted is not in the engine, and may be asked to be retracted again.
            Standing::Retracted | Standing::FoldedAway => true,
        });
        let held = self.engine.grants();
        self.credit_id_bytes = held.map(|(_, grant)| grant.credit_id.len() as u64).sum();
        Ok(())
    }
}

/// Brings a grant from how it stands to `after`.
fn correct_grant(
    engine: &mut GpuCredit,
    id: GrantId,
    before: Granted,
    after: Standing,
) -> Result<(), gpu_credit::Error> {
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

/// Usage that the engine is not told of yet.
#[derive(Default)]
struct KeptBack {
    instants: Vec<UsageRecord>,
    metered: Vec<MeteredUsage>,
}

impl KeptBack {
    /// Tells the engine of it.
    fn post(&mut self, engine: &mut GpuCredit) -> Result<(), String> {
        let posted = match (self.instants.as_slice(), self.metered.as_slice()) {
            ([], []) => return Ok(()),
            // In time order this keeps the account settled, which a batch does not.
            ([one], []) => engine.subtract(one.amount, one.timestamp),
            ([], [one]) => engine.post_metered(*one).map(|_| ()),
            (many, []) => engine.subtract_many(many).map_err(|refused| refused.error),
            (instants, metered) => {
                let instants = instants.iter().copied().map(Record::from);
                let metered = metered.iter().copied().map(Record::from);
                let extended = engine.extend(instants.chain(metered));
                extended.map_err(|refused| refused.error)
            }
        };
        self.instants.clear();
        self.metered.clear();
        posted.map_err(|error| error.to_string())
    }
}

/// An entry that does not follow from those before it.
#[derive(Debug)]
pub(crate) struct NotApplicable {
    pub(crate) revision: Revision,
    pub(crate) problem: String,
}
