//! One account in memory: the journal's entries folded into an engine account.

mod applying;
mod draws;
mod holds;
mod records;
mod rows;

use std::collections::HashMap;
use std::ops::Range;

use gpu_credit::{Answer, GpuCredit, GrantId, MeteredId, Overdraft, UsageId};
use holds::Holds;
use records::Records;

pub(crate) use applying::NotApplicable;
pub use draws::RecordedDraw;
pub(crate) use holds::HoldRow;
pub(crate) use rows::{GrantRow, UsageRow};

use crate::standing::Standing;
use crate::{AccountKey, BeforeClose, Change, Error, Revision, Totals};

/// An account as it stands at some entry of the journal.
///
/// [`ledger`](Self::ledger) is the engine's account and answers everything the engine can answer. Once
/// the books are closed, its answers hold from [`closed_until`](Self::closed_until) on; the questions
/// asked here refuse earlier instants, that one cannot be asked wrongly.
#[derive(Clone, Debug)]
pub struct Account {
    key: AccountKey,
    revision: Revision,
    closed: Option<i64>,
    records: Records,
    /// Every grant the engine holds, in posting order.
    grants: Vec<(Revision, GrantId)>,
    /// The records that do not stand as they were posted.
    corrected: HashMap<Revision, Standing>,
    holds: Holds,
    credit_id_bytes: u64,
}

impl Account {
    /// The account's name, and where it was opened.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The policy it was opened with.
    pub fn policy(&self) -> Overdraft {
        self.records.engine.overdraft()
    }

    /// The revision that this is: its last entry.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The first instant that is open, if the books were closed.
    pub fn closed_until(&self) -> Option<i64> {
        self.closed
    }

    /// The engine's account, for every question that is not among the methods here.
    ///
    /// It does not know that the books were closed. It then holds what matters from
    /// [`closed_until`](Self::closed_until) on, and answers about earlier instants too: those answers are
    /// wrong, and no error says so. Compare the instant with `closed_until` first, or ask the methods of
    /// `Account`, which refuse earlier instants: [`get_balance`](Self::get_balance),
    /// [`balance_at`](Self::balance_at), [`get_balances`](Self::get_balances),
    /// [`spendable`](Self::spendable), [`spendable_rate`](Self::spendable_rate),
    /// [`runs_dry`](Self::runs_dry) and [`first_uncovered`](Self::first_uncovered).
    pub fn ledger(&self) -> &GpuCredit {
        &self.records.engine
    }

    /// The grant that an entry posted; `None` if the entry posted none, or if it ended before
    /// the books were closed. O(log m).
    pub fn grant_id(&self, revision: Revision) -> Option<GrantId> {
        let place = self.grants.binary_search_by_key(&revision, |(at, _)| *at);
        Some(self.grants[place.ok()?].1)
    }

    /// The entry that posted a grant. O(1).
    pub fn grant_revision(&self, grant: GrantId) -> Option<Revision> {
        Some(self.grants.get(grant.index() as usize)?.0)
    }

    /// The metered usage that an entry posted; `None` if the entry posted none, or if it ended
    /// before the books were closed. O(log j).
    pub fn metered_id(&self, revision: Revision) -> Option<MeteredId> {
        self.records.metered_id(revision)
    }

    /// The entry that posted metered usage. O(1).
    pub fn metered_revision(&self, usage: MeteredId) -> Option<Revision> {
        self.records.metered.get(usage.index() as usize).copied()
    }

    /// See [`GpuCredit::get_balance`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn get_balance(&self, timestamp: i64) -> Result<Option<u64>, BeforeClose> {
        self.check(timestamp)?;
        Ok(self.records.engine.get_balance(timestamp))
    }

    /// See [`GpuCredit::balance_at`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn balance_at(&self, timestamp: i64) -> Result<Answer, BeforeClose> {
        self.check(timestamp)?;
        Ok(self.records.engine.balance_at(timestamp))
    }

    /// See [`GpuCredit::get_balances`].
    ///
    /// # Errors
    /// If an instant is before the close of the books.
    pub fn get_balances(&self, timestamps: &[i64]) -> Result<Vec<Option<u64>>, BeforeClose> {
        timestamps.iter().try_for_each(|at| self.check(*at))?;
        Ok(self.records.engine.get_balances(timestamps))
    }

    /// The largest amount that would be [held](crate::Store::authorise) from an instant on:
    /// [`GpuCredit::spendable`] of the account in which every hold that ends after the instant, later ones
    /// too, stands as usage at its start. Without holds it is that of the [`ledger`](Self::ledger). Cost
    /// besides, as [`available`](Self::available) says.
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn spendable(&self, timestamp: i64) -> Result<u64, BeforeClose> {
        self.check(timestamp)?;
        let spendable = self.with_holds(timestamp, |ledger| ledger.spendable(timestamp));
        Ok(spendable.unwrap_or(0))
    }

    /// [`GpuCredit::spendable_rate`] beside the holds that end after the first tick.
    ///
    /// # Errors
    /// If there are no ticks, or the first is before the close of the books.
    pub fn spendable_rate(&self, ticks: Range<i64>) -> Result<u64, Error> {
        self.check(ticks.start)?;
        let from = ticks.start;
        let rate = self.with_holds(from, |ledger| ledger.spendable_rate(ticks));
        Ok(rate.unwrap_or(Ok(0))?)
    }

    /// [`GpuCredit::runs_dry`] beside the holds that end after the first tick.
    ///
    /// # Errors
    /// If the first tick is before the close of the books.
    pub fn runs_dry(&self, rate: u64, from: i64) -> Result<Option<i64>, BeforeClose> {
        self.check(from)?;
        let dry = self.with_holds(from, |ledger| ledger.runs_dry(rate, from));
        Ok(dry.unwrap_or((rate > 0).then_some(from)))
    }

    /// The first tick from an instant on at which usage that stands is not drawn whole as it happens: see
    /// [`GpuCredit::first_uncovered`].
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn first_uncovered(&self, from: i64) -> Result<Option<i64>, BeforeClose> {
        self.check(from)?;
        Ok(self.records.engine.first_uncovered(from..))
    }

    pub(crate) fn check(&self, timestamp: i64) -> Result<(), BeforeClose> {
        match self.closed {
            Some(until) if timestamp < until => Err(BeforeClose { until, timestamp }),
            _ => Ok(()),
        }
    }

    pub(crate) fn open(key: AccountKey, policy: Overdraft) -> Self {
        Account {
            revision: Revision::new(1),
            key,
            closed: None,
            records: Records::new(policy),
            grants: Vec::new(),
            corrected: HashMap::new(),
            holds: Holds::default(),
            credit_id_bytes: 0,
        }
    }

    /// The identity in the engine of the usage that an entry posted; `None` if it holds none.
    pub(crate) fn usage_id(&mut self, timestamp: i64, revision: Revision) -> Option<UsageId> {
        self.records.usage_ids.get(timestamp, revision)
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            closed: self.closed,
            granted: self.records.engine.granted(),
            used: self.records.engine.used(),
            grants: self.grants.len() as u64,
            usage_records: (self.records.usage_ids.len() + self.records.metered.len()) as u64,
            credit_id_bytes: self.credit_id_bytes,
        }
    }

    /// How a record of the account stands; `None` if the entry is no record.
    pub(crate) fn standing(&self, revision: Revision, posted: &Change) -> Option<Standing> {
        if let Some(standing) = self.corrected.get(&revision) {
            return Some(*standing);
        }
        let standing = Standing::posted(posted)?;
        let is_held = match standing {
            Standing::Grant(_) => self.grant_id(revision).is_some(),
            Standing::Metered(_) => self.metered_id(revision).is_some(),
            _ => true,
        };
        Some(match self.closed {
            Some(_) if !is_held => Standing::FoldedAway,
            _ => standing,
        })
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn memory_used(&self) -> usize {
        const CORRECTED_BYTES: usize = 80;
        self.records.engine.memory_used()
            + self.grants.capacity() * size_of::<(Revision, GrantId)>()
            + self.corrected.capacity() * CORRECTED_BYTES
            + self.records.metered.capacity() * size_of::<Revision>()
            + self.records.usage_ids.memory_used()
            + self.holds.memory_used()
    }

    /// Settles the engine's account; see [`GpuCredit::settle`].
    pub(crate) fn settle(&mut self) {
        self.records.engine.settle();
    }
}
