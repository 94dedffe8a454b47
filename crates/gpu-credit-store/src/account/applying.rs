//! What entries make of an account.

use gpu_credit::{GpuCredit, GrantRecord, MeteredUsage, Record, UsageRecord};

use super::{Account, HoldRow};
use crate::facts;
use crate::standing::Standing;
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
        usage.post(&mut self.records.engine).map_err(at)
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
                self.use_once(UsageRecord { amount, timestamp }, entry.revision, usage);
                Ok(())
            }
            &Change::MeteredUsage { rate, from, until } => {
                let job = MeteredUsage { rate, from, until };
                self.meter(job, entry.revision, usage);
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
                self.grant(grant.priority(*priority), entry.revision)
                    .map_err(|error| error.to_string())
            }
            Change::Hold(hold) => {
                self.holds.give(HoldRow {
                    revision: entry.revision,
                    id: entry.id.clone(),
                    hold: (**hold).clone(),
                });
                Ok(())
            }
            // It is in the journal alone.
            Change::RefuseHold(_) => Ok(()),
            Change::CloseBooks { until } => {
                usage.post(&mut self.records.engine)?;
                self.close(*until).map_err(|error| error.to_string())
            }
            change => {
                if change.corrects().is_none() {
                    return Err("an account that has entries is opened once".to_owned());
                }
                usage.post(&mut self.records.engine)?;
                let (of, posted) = corrects.ok_or("the record it corrects is not there")?;
                let before = self.standing(of, &posted);
                let before = before.ok_or("it corrects what is not a record")?;
                let after = before.corrected(change, entry.revision, self.closed);
                let after = after.map_err(|refusal| refusal.to_string())?;
                let corrected = self.correct(of, before, after);
                corrected.map_err(|error| error.to_string())?;
                match Standing::posted(change) {
                    Some(Standing::Usage { amount, timestamp }) => {
                        self.use_once(UsageRecord { amount, timestamp }, entry.revision, usage);
                    }
                    Some(Standing::Metered(job)) => self.meter(job, entry.revision, usage),
                    _ => {}
                }
                Ok(())
            }
        }
    }

    fn use_once(&mut self, record: UsageRecord, revision: Revision, usage: &mut KeptBack) {
        usage.instants.push(record);
        self.records.usage_ids.post(record.timestamp, revision);
        self.holds
            .follow(|records| records.post_usage(record, revision));
    }

    fn meter(&mut self, job: MeteredUsage, revision: Revision, usage: &mut KeptBack) {
        usage.metered.push(job);
        self.records.metered.push(revision);
        self.holds
            .follow(|records| records.post_metered(job, revision));
    }

    fn grant(&mut self, grant: GrantRecord, revision: Revision) -> Result<(), gpu_credit::Error> {
        self.holds
            .follow(|records| records.engine.post_grant(grant.clone()).map(|_| ()));
        let grant = self.records.engine.post_grant(grant)?;
        self.grants.push((revision, grant));
        Ok(())
    }

    /// Brings a record from how it stands to how it is to stand.
    fn correct(
        &mut self,
        of: Revision,
        before: Standing,
        after: Standing,
    ) -> Result<(), gpu_credit::Error> {
        if before.is_hold() {
            self.holds.close(of);
        } else {
            let (grant, closed) = (self.grant_id(of), self.closed);
            let change = (before, after);
            self.holds
                .follow(|records| records.correct(of, grant, change, closed));
            self.records.correct(of, grant, change, closed)?;
        }
        self.corrected.insert(of, after);
        Ok(())
    }

    /// Closes the books: a new engine account takes over what still matters from `until` on. An
    /// instant that is closed already changes nothing.
    fn close(&mut self, until: i64) -> Result<(), gpu_credit::Error> {
        if self.closed.is_some_and(|closed| until <= closed) {
            return Ok(());
        }
        let folded = crate::close::fold(&self.records.engine, until, |grant| {
            let revision = self.grant_revision(grant)?;
            self.corrected.get(&revision).copied()
        })?;
        let revisions = folded.kept.iter().map(|(old, new)| {
            let (revision, _) = self.grants[old.index() as usize];
            (revision, *new)
        });
        self.grants = revisions.collect();
        let metered = folded.metered.iter();
        self.records.metered = metered
            .map(|old| self.records.metered[old.index() as usize])
            .collect();
        self.records.engine = folded.engine;
        self.closed = Some(until);
        self.holds.forget_view();
        let corrected = &self.corrected;
        self.records.usage_ids.close(until, |revision| {
            corrected.get(&revision) != Some(&Standing::Retracted)
        });
        let (grants, metered) = (&self.grants, &self.records.metered);
        self.corrected.retain(|revision, standing| match standing {
            Standing::Grant(_) => grants.binary_search_by_key(revision, |(at, _)| *at).is_ok(),
            Standing::Metered(_) => metered.binary_search(revision).is_ok(),
            Standing::Usage { timestamp, .. } => *timestamp >= until,
            // What was retracted is not in the engine, and may be asked to be retracted again; a hold that
            // is closed, to be settled.
            Standing::Retracted
            | Standing::FoldedAway
            | Standing::Hold { .. }
            | Standing::ClosedHold { .. } => true,
        });
        let held = self.records.engine.grants();
        self.credit_id_bytes = held.map(|(_, grant)| grant.credit_id.len() as u64).sum();
        Ok(())
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
