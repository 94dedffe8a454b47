//! The holds of an account that are neither settled nor released, and the account with them as usage.
//!
//! ```text
//!   asked at t:   records  +  every hold that ends after t, as usage at its start
//! ```
//!
//! Which holds stand depends on the instant that is asked about. The account with holds is made when it is first
//! needed, and follows every entry from then on; when another instant is asked about, the holds that end in
//! between are raised from nothing or lowered to it, in their places. So a question costs what it does without
//! holds, and O(log n) for each hold that has ended since the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use gpu_credit::{Error, GpuCredit, MeteredUsage, UsageRecord};
use parking_lot::{RwLock, RwLockWriteGuard};
use serde::{Deserialize, Serialize};

use super::Account;
use super::records::Records;
use super::rows::{JobRow, UsageRow};
use crate::{BeforeClose, Funds, HeldUsage, Hold, RecordId, Revision};

/// The most that all usage of an account adds up to.
const SUM_MAX: u128 = i64::MAX.unsigned_abs() as u128;

/// A hold that is neither settled nor released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldRow {
    pub(crate) revision: Revision,
    pub(crate) id: RecordId,
    pub(crate) hold: Hold,
}

/// The holds that are neither settled nor released, those that have ended too.
#[derive(Debug, Default)]
pub(super) struct Holds {
    rows: BTreeMap<Revision, HoldRow>,
    /// By their ends.
    ends: BTreeSet<(i64, Revision)>,
    /// The account with holds, if somebody needed it.
    view: RwLock<Option<WithHolds>>,
}

/// The account with holds as usage.
#[derive(Clone, Debug)]
struct WithHolds {
    records: Records,
    /// The holds that end after this instant stand; the others are nothing, in their places.
    after: i64,
}

impl Clone for Holds {
    fn clone(&self) -> Self {
        Holds {
            rows: self.rows.clone(),
            ends: self.ends.clone(),
            view: RwLock::new(self.view.read().clone()),
        }
    }
}

impl Holds {
    pub(super) fn rows(&self) -> impl Iterator<Item = &HoldRow> {
        self.rows.values()
    }

    /// Takes in a hold that is given.
    pub(super) fn give(&mut self, row: HoldRow) {
        let (revision, until) = (row.revision, row.hold.until);
        self.follow_at(|records, after| post(records, &row, after));
        self.ends.insert((until, revision));
        self.rows.insert(revision, row);
    }

    /// Forgets a hold that is settled or released, if it is there.
    pub(super) fn close(&mut self, revision: Revision) {
        let Some(row) = self.rows.remove(&revision) else {
            return;
        };
        self.ends.remove(&(row.hold.until, revision));
        self.follow(|records| retract(records, &row));
    }

    /// Does to the account with holds what is done to the account without. If it is too much there, holds
    /// and all, there is none until it fits.
    pub(super) fn follow(&mut self, change: impl FnOnce(&mut Records) -> Result<(), Error>) {
        self.follow_at(|records, _| change(records));
    }

    fn follow_at(&mut self, change: impl FnOnce(&mut Records, i64) -> Result<(), Error>) {
        let view = self.view.get_mut();
        if let Some(with) = view
            && change(&mut with.records, with.after).is_err()
        {
            *view = None;
        }
    }

    /// From now on the account with holds is made anew if it is needed.
    pub(super) fn forget_view(&mut self) {
        *self.view.get_mut() = None;
    }

    /// Bytes of memory that they take, about.
    pub(super) fn memory_used(&self) -> usize {
        const HOLD_BYTES: usize = 300;
        let view = self.view.read();
        let view = view.as_ref().map_or(0, |with| {
            with.records.engine.memory_used() + with.records.usage_ids.memory_used()
        });
        view + self.rows.len() * HOLD_BYTES
    }

    /// The holds that end after an instant.
    fn after(&self, instant: i64) -> impl Iterator<Item = &HoldRow> {
        let later = (Bound::Excluded((instant, Revision::END)), Bound::Unbounded);
        let ends = self.ends.range::<(i64, Revision), _>(later);
        ends.map(|(_, revision)| &self.rows[revision])
    }

    /// The holds that stand at one of two instants, and not at the other.
    fn between(&self, one: i64, other: i64) -> impl Iterator<Item = &HoldRow> {
        let (first, last) = (one.min(other), one.max(other));
        let ends = self.ends.range((
            Bound::Excluded((first, Revision::END)),
            Bound::Included((last, Revision::END)),
        ));
        ends.map(|(_, revision)| &self.rows[revision])
    }
}

impl Account {
    /// The holds that are neither settled nor released, each with the entry that gave it and its id. Those that
    /// have ended are among them: they can still be settled.
    pub fn holds(&self) -> impl Iterator<Item = (Revision, &RecordId, &Hold)> {
        let rows = self.holds.rows();
        rows.map(|row| (row.revision, &row.id, &row.hold))
    }

    /// The sum of the holds that are open at an instant: of metered ones, all of their ticks. O(holds that end
    /// after it)
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn held(&self, timestamp: i64) -> Result<u64, BeforeClose> {
        self.check(timestamp)?;
        let open = self
            .holds
            .after(timestamp)
            .filter(|row| row.hold.is_open_at(timestamp));
        let sum: u128 = open.map(|row| row.hold.total()).sum();
        Ok(u64::try_from(sum).unwrap_or(u64::MAX))
    }

    /// The balance with the holds that are open at an instant as usage at their starts, never below 0. It is not
    /// the balance less what is held: credit that has lapsed since a hold began covers it first.
    ///
    /// Cost as [`get_balance`](Self::get_balance), and O(log n) for each hold that ends between
    /// the instant and the one that was last asked about. The first question about holds after the
    /// account was loaded costs as much as loading it.
    ///
    /// # Errors
    /// If the instant is before the close of the books.
    pub fn available(&self, timestamp: i64) -> Result<u64, BeforeClose> {
        self.check(timestamp)?;
        let balance = self.with_holds(timestamp, |ledger| ledger.get_balance(timestamp));
        Ok(balance.flatten().unwrap_or(0))
    }

    /// What the account has at the start of a hold, such as one that is given or refused: for a metered one
    /// `spendable` is a rate from its start to its end. Cost as [`available`](Self::available) and
    /// [`spendable`](Self::spendable)
    ///
    /// # Errors
    /// If the hold starts before the close of the books.
    pub fn funds(&self, asked: &Hold) -> Result<Funds, BeforeClose> {
        let at = asked.at;
        let spendable = match asked.usage {
            HeldUsage::Amount(_) => self.spendable(at)?,
            HeldUsage::Metered { end, .. } => {
                let rate = self.with_holds(at, |ledger| ledger.spendable_rate(at..end));
                rate.and_then(Result::ok).unwrap_or(0)
            }
        };
        Ok(Funds {
            balance: self.get_balance(at)?,
            held: self.held(at)?,
            available: self.available(at)?,
            spendable,
        })
    }

    /// Makes the account with holds, so that following and asking it takes no time that depends on how much the
    /// account holds.
    pub(crate) fn prepare_holds(&mut self) {
        let after = self.closed.unwrap_or(i64::MIN);
        if self.holds.view.get_mut().is_some() {
            return;
        }
        let made = match self.holds.rows.is_empty() {
            true => Some(WithHolds {
                records: self.records.clone(),
                after,
            }),
            false if self.fits(after) => self.make_view(after).ok(),
            false => None,
        };
        *self.holds.view.get_mut() = made;
    }

    /// Asks the account with every hold that ends after an instant as usage at its start; `None` if that is more
    /// than an account can hold.
    pub(super) fn with_holds<R>(
        &self,
        timestamp: i64,
        question: impl FnOnce(&GpuCredit) -> R,
    ) -> Option<R> {
        if self.holds.after(timestamp).next().is_none() {
            return Some(question(&self.records.engine));
        }
        let stands = |with: &WithHolds| self.holds.between(with.after, timestamp).next().is_none();
        let view = self.holds.view.read();
        if let Some(with) = &*view
            && stands(with)
        {
            return Some(question(&with.records.engine));
        }
        drop(view);
        if !self.fits(timestamp) {
            return None;
        }
        let mut view = self.holds.view.write();
        // While it is out, a failure leaves nothing half-done behind.
        let moved = match view.take() {
            Some(with) => self.move_view(with, timestamp),
            None => self.make_view(timestamp),
        };
        *view = Some(moved.ok()?);
        let view = RwLockWriteGuard::downgrade(view);
        view.as_ref().map(|with| question(&with.records.engine))
    }

    /// Whether all usage with the holds that end after an instant is no more than an account can hold.
    fn fits(&self, timestamp: i64) -> bool {
        let held: u128 = self
            .holds
            .after(timestamp)
            .map(|row| row.hold.total())
            .sum();
        held + u128::from(self.records.engine.used()) <= SUM_MAX
    }

    fn move_view(&self, mut with: WithHolds, timestamp: i64) -> Result<WithHolds, Error> {
        // All are lowered before, or all raised: that fits in between, too.
        for row in self.holds.between(with.after, timestamp) {
            set(&mut with.records, row, row.hold.ends_after(timestamp))?;
        }
        with.after = timestamp;
        Ok(with)
    }

    /// The account with holds, as if each had been posted as usage in its place. O(n log n)
    fn make_view(&self, after: i64) -> Result<WithHolds, Error> {
        let mut records = Records::new(self.policy());
        let (usage, jobs): (Vec<&HoldRow>, Vec<&HoldRow>) = self
            .holds
            .rows()
            .filter(|row| self.closed.is_none_or(|closed| row.hold.at >= closed))
            .partition(|row| matches!(row.hold.usage, HeldUsage::Amount(_)));
        let usage = usage.into_iter().map(|row| UsageRow {
            timestamp: row.hold.at,
            amount: standing(&row.hold, after).level(),
            revision: row.revision,
            is_retracted: false,
        });
        let mut usage_rows: Vec<UsageRow> = self.usage_rows().chain(usage).collect();
        usage_rows.sort_by_key(|row| (row.timestamp, row.revision));
        records.add_usage(&usage_rows)?;
        drop(usage_rows);
        let jobs = jobs.into_iter().map(|row| JobRow {
            revision: row.revision,
            held: Some(metered(&standing(&row.hold, after))),
        });
        let mut job_rows: Vec<JobRow> = self.job_rows().chain(jobs).collect();
        job_rows.sort_by_key(|row| row.revision);
        records.add_jobs(&job_rows)?;
        super::rows::add_grants(&mut records.engine, self.grant_rows(), |_, _| ())?;
        records.engine.settle();
        Ok(WithHolds { records, after })
    }
}

/// A hold as it stands if the account is asked about an instant: as it is, or as nothing.
fn standing(hold: &Hold, instant: i64) -> Hold {
    match hold.ends_after(instant) {
        true => hold.clone(),
        false => hold.with_level(0),
    }
}

/// The metered usage of a hold that stands for some.
fn metered(hold: &Hold) -> MeteredUsage {
    match hold.usage {
        HeldUsage::Metered { rate, end } => hold.metered(rate, end),
        HeldUsage::Amount(amount) => hold.metered(amount, hold.at),
    }
}

/// Posts a hold as usage.
fn post(records: &mut Records, row: &HoldRow, after: i64) -> Result<(), Error> {
    let hold = standing(&row.hold, after);
    match hold.usage {
        HeldUsage::Amount(amount) => {
            let timestamp = hold.at;
            records.post_usage(UsageRecord { amount, timestamp }, row.revision)
        }
        HeldUsage::Metered { .. } => records.post_metered(metered(&hold), row.revision),
    }
}

/// Raises a hold from nothing, or lowers it to nothing.
fn set(records: &mut Records, row: &HoldRow, stands: bool) -> Result<(), Error> {
    let level = if stands { row.hold.level() } else { 0 };
    match row.hold.usage {
        HeldUsage::Amount(_) => {
            let usage = records.usage_ids.get(row.hold.at, row.revision);
            // One from before the close of the books is not there, and stands for no instant since.
            usage.map_or(Ok(()), |usage| records.engine.change_usage(usage, level))
        }
        HeldUsage::Metered { .. } => {
            let job = metered(&row.hold.with_level(level));
            let usage = records.metered_id(row.revision);
            usage.map_or(Ok(()), |usage| records.engine.change_metered(usage, job))
        }
    }
}

/// Takes a hold out.
fn retract(records: &mut Records, row: &HoldRow) -> Result<(), Error> {
    match row.hold.usage {
        HeldUsage::Amount(_) => {
            let usage = records.usage_ids.get(row.hold.at, row.revision);
            usage.map_or(Ok(()), |usage| {
                records.engine.retract_usage(usage).map(drop)
            })
        }
        HeldUsage::Metered { .. } => {
            let usage = records.metered_id(row.revision);
            usage.map_or(Ok(()), |usage| {
                records.engine.retract_metered(usage).map(drop)
            })
        }
    }
}
