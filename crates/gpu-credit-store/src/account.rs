//! One account in memory: the journal's entries folded into an engine account.

use std::collections::HashMap;
use std::ops::Range;

use gpu_credit::{
    Answer, GpuCredit, GrantId, GrantRecord, MeteredId, MeteredUsage, Overdraft, Record, UsageId,
    UsageRecord,
};

use crate::facts;
use crate::metered::part_from;
use crate::standing::{Granted, Standing};
use crate::usage_ids::UsageIds;
use crate::{AccountKey, BeforeClose, Change, Entry, Error, Sequence, Totals};

/// An account as it stands at some entry of the journal.
///
/// [`ledger`](Self::ledger) is the engine's account and answers everything the engine can answer. Once
/// the books are closed, its answers hold from [`closed_until`](Self::closed_until) on; the questions
/// asked here refuse earlier instants, that one cannot be asked wrongly.
#[derive(Clone, Debug)]
pub struct Account {
    key: AccountKey,
    last: Sequence,
    closed: Option<i64>,
    engine: GpuCredit,
    /// Every grant the engine holds, in posting order.
    grants: Vec<(Sequence, GrantId)>,
    /// The records that do not stand as they were posted.
    corrected: HashMap<Sequence, Standing>,
    usage_ids: UsageIds,
    /// The entries of all metered usage that the engine was told of, in the order of its numbers.
    metered: Vec<Sequence>,
    credit_id_bytes: u64,
}

impl Account {
    /// The account's name, and where it was opened.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The policy it was opened with.
    pub fn policy(&self) -> Overdraft {
        self.engine.overdraft()
    }

    /// The last entry of the account that is part of this.
    pub fn last_sequence(&self) -> Sequence {
        self.last
    }

    /// The first instant that is open, if the books were closed.
    pub fn closed_until(&self) -> Option<i64> {
        self.closed
    }

    /// The engine's account. If the books were closed it holds what matters from then on: its
    /// answers about earlier instants mean nothing.
    pub fn ledger(&self) -> &GpuCredit {
        &self.engine
    }

    /// The grant that an entry posted; `None` if the entry posted none, or if it ended before
    /// the books were closed. O(log m).
    pub fn grant_id(&self, sequence: Sequence) -> Option<GrantId> {
        let place = self.grants.binary_search_by_key(&sequence, |(at, _)| *at);
        Some(self.grants[place.ok()?].1)
    }

    /// The entry that posted a grant. O(1).
    pub fn grant_sequence(&self, grant: GrantId) -> Option<Sequence> {
        Some(self.grants.get(grant.index() as usize)?.0)
    }

    /// The metered usage that an entry posted; `None` if the entry posted none, or if it ended
    /// before the books were closed. O(log j).
    pub fn metered_id(&self, sequence: Sequence) -> Option<MeteredId> {
        let place = self.metered.binary_search(&sequence).ok()?;
        Some(MeteredId::from_index(u32::try_from(place).ok()?))
    }

    /// The entry that posted metered usage. O(1).
    pub fn metered_sequence(&self, usage: MeteredId) -> Option<Sequence> {
        self.metered.get(usage.index() as usize).copied()
    }

    /// See [`GpuCredit::get_balance`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn get_balance(&self, timestamp: i64) -> Result<Option<u64>, BeforeClose> {
        self.check(timestamp)?;
        Ok(self.engine.get_balance(timestamp))
    }

    /// See [`GpuCredit::balance_at`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn balance_at(&self, timestamp: i64) -> Result<Answer, BeforeClose> {
        self.check(timestamp)?;
        Ok(self.engine.balance_at(timestamp))
    }

    /// See [`GpuCredit::get_balances`].
    ///
    /// # Errors
    /// If an instant is before the close of the books.
    pub fn get_balances(&self, timestamps: &[i64]) -> Result<Vec<Option<u64>>, BeforeClose> {
        timestamps.iter().try_for_each(|at| self.check(*at))?;
        Ok(self.engine.get_balances(timestamps))
    }

    /// See [`GpuCredit::spendable`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn spendable(&self, timestamp: i64) -> Result<u64, BeforeClose> {
        self.check(timestamp)?;
        Ok(self.engine.spendable(timestamp))
    }

    /// See [`GpuCredit::spendable_rate`].
    ///
    /// # Errors
    /// If there are no ticks, or the first is before the close of the books.
    pub fn spendable_rate(&self, ticks: Range<i64>) -> Result<u64, Error> {
        self.check(ticks.start)?;
        Ok(self.engine.spendable_rate(ticks)?)
    }

    /// See [`GpuCredit::runs_dry`].
    ///
    /// # Errors
    /// If the first tick is before the close of the books.
    pub fn runs_dry(&self, rate: u64, from: i64) -> Result<Option<i64>, BeforeClose> {
        self.check(from)?;
        Ok(self.engine.runs_dry(rate, from))
    }

    /// The first tick from an instant on at which usage that stands is not drawn whole as it falls: see
    /// [`GpuCredit::first_unpaid`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn first_unpaid(&self, from: i64) -> Result<Option<i64>, BeforeClose> {
        self.check(from)?;
        Ok(self.engine.first_unpaid(from..))
    }

    fn check(&self, timestamp: i64) -> Result<(), BeforeClose> {
        match self.closed {
            Some(until) if timestamp < until => Err(BeforeClose { until, timestamp }),
            _ => Ok(()),
        }
    }

    pub(crate) fn open(key: AccountKey, policy: Overdraft) -> Self {
        Account {
            last: key.opened,
            key,
            closed: None,
            engine: GpuCredit::with_overdraft(policy),
            grants: Vec::new(),
            corrected: HashMap::new(),
            usage_ids: UsageIds::default(),
            metered: Vec::new(),
            credit_id_bytes: 0,
        }
    }

    /// The identity in the engine of the usage that an entry posted; `None` if it holds none.
    pub(crate) fn usage_id(&mut self, timestamp: i64, sequence: Sequence) -> Option<UsageId> {
        self.usage_ids.get(timestamp, sequence)
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            closed: self.closed,
            granted: self.engine.granted(),
            used: self.engine.used(),
            grants: self.grants.len() as u64,
            usage_records: (self.usage_ids.len() + self.metered.len()) as u64,
            credit_id_bytes: self.credit_id_bytes,
        }
    }

    /// How a record of the account stands; `None` if the entry is no record.
    pub(crate) fn standing(&self, sequence: Sequence, posted: &Change) -> Option<Standing> {
        if let Some(standing) = self.corrected.get(&sequence) {
            return Some(*standing);
        }
        let standing = Standing::posted(posted)?;
        let is_held = match standing {
            Standing::Grant(_) => self.grant_id(sequence).is_some(),
            Standing::Metered(_) => self.metered_id(sequence).is_some(),
            _ => true,
        };
        Some(match self.closed {
            Some(_) if !is_held => Standing::FoldedAway,
            _ => standing,
        })
    }

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
            if entry.sequence <= self.last {
                continue;
            }
            let at = |problem| NotApplicable {
                sequence: entry.sequence,
                problem,
            };
            self.apply_one(entry, corrects, &mut usage).map_err(at)?;
            self.last = entry.sequence;
        }
        let sequence = self.last;
        let at = |problem| NotApplicable { sequence, problem };
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
                self.usage_ids.post(timestamp, entry.sequence);
                Ok(())
            }
            &Change::MeteredUsage { rate, from, until } => {
                let job = MeteredUsage { rate, from, until };
                usage.metered.push(job);
                self.metered.push(entry.sequence);
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
                self.grants.push((entry.sequence, grant));
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
        of: Sequence,
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
    fn held_usage(&mut self, timestamp: i64, of: Sequence) -> UsageId {
        let usage = self.usage_id(timestamp, of);
        usage.expect("usage that stands is held")
    }

    /// The identity of metered usage that admits a correction: the engine holds it.
    fn held_metered(&self, of: Sequence) -> MeteredId {
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
            let sequence = self.grant_sequence(grant)?;
            self.corrected.get(&sequence).copied()
        })?;
        let sequences = folded.kept.iter().map(|(old, new)| {
            let (sequence, _) = self.grants[old.index() as usize];
            (sequence, *new)
        });
        self.grants = sequences.collect();
        let metered = folded.metered.iter();
        self.metered = metered
            .map(|old| self.metered[old.index() as usize])
            .collect();
        self.engine = folded.engine;
        self.closed = Some(until);
        let corrected = &self.corrected;
        self.usage_ids.close(until, |sequence| {
            corrected.get(&sequence) != Some(&Standing::Retracted)
        });
        let (grants, metered) = (&self.grants, &self.metered);
        self.corrected.retain(|sequence, standing| match standing {
            Standing::Grant(_) => grants.binary_search_by_key(sequence, |(at, _)| *at).is_ok(),
            Standing::Metered(_) => metered.binary_search(sequence).is_ok(),
            Standing::Usage { timestamp, .. } => *timestamp >= until,
            // What was retracted is not in the engine, and may be asked to be retracted again.
            Standing::Retracted | Standing::FoldedAway => true,
        });
        let held = self.engine.grants();
        self.credit_id_bytes = held.map(|(_, grant)| grant.credit_id.len() as u64).sum();
        Ok(())
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn memory_used(&self) -> usize {
        const CORRECTED_BYTES: usize = 80;
        self.engine.memory_used()
            + self.grants.capacity() * size_of::<(Sequence, GrantId)>()
            + self.corrected.capacity() * CORRECTED_BYTES
            + self.usage_ids.memory_used()
    }

    /// Settles the engine's account; see [`GpuCredit::settle`].
    pub(crate) fn settle(&mut self) {
        self.engine.settle();
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
    pub(crate) sequence: Sequence,
    pub(crate) problem: String,
}
