//! What if: an account as it would be if a few records had been posted, or corrected.
//!
//! A plan is written to the account and taken back when its view is dropped. Nobody else can see the
//! account meanwhile, and what is taken back leaves no trace: numbers are given again, records that were
//! retracted have their names and places again, and when writes repair is as it was.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::account::GpuCredit;
use crate::error::{ChangeError, Error};
use crate::rates::Job;
use crate::record::{GrantId, GrantRecord, MeteredId, MeteredUsage, Record, UsageId, UsageRecord};
use crate::timeline::grants::Window;
use crate::timeline::plan::BeforePlan;
use crate::timeline::write_metered::JobChange;

/// One record to be posted, or one correction: what a [plan](GpuCredit::what_if) consists of.
///
/// ```
/// use gpu_credit::{Change, MeteredUsage, Record};
///
/// let job = MeteredUsage { rate: 8, from: 0, until: 40 };
/// assert_eq!(Change::from(job), Change::PostMetered(job));
/// let grant = Record::grant("march", 100, 0, 30);
/// assert!(matches!(Change::from(grant), Change::PostGrant(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// [`GpuCredit::post_grant`]
    PostGrant(GrantRecord),
    /// [`GpuCredit::post_usage`]
    PostUsage(UsageRecord),
    /// [`GpuCredit::post_metered`]
    PostMetered(MeteredUsage),
    /// [`GpuCredit::retract_grant`]
    RetractGrant(GrantId),
    /// [`GpuCredit::revoke_grant`]
    RevokeGrant {
        /// Which.
        grant: GrantId,
        /// The instant after its last.
        from: i64,
    },
    /// [`GpuCredit::change_expiration`]
    ChangeExpiration {
        /// Which.
        grant: GrantId,
        /// Its last instant, counted from its first.
        expiration: u64,
    },
    /// [`GpuCredit::change_priority`]
    ChangePriority {
        /// Which.
        grant: GrantId,
        /// Lower is drawn first.
        priority: i16,
    },
    /// [`GpuCredit::retract_usage`]
    RetractUsage(UsageId),
    /// [`GpuCredit::change_usage`]
    ChangeUsage {
        /// Which.
        usage: UsageId,
        /// In the smallest unit.
        amount: u64,
    },
    /// [`GpuCredit::retract_metered`]
    RetractMetered(MeteredId),
    /// [`GpuCredit::change_metered`]
    ChangeMetered {
        /// Which.
        id: MeteredId,
        /// As it is to be.
        usage: MeteredUsage,
    },
}

impl From<GrantRecord> for Change {
    fn from(grant: GrantRecord) -> Self {
        Change::PostGrant(grant)
    }
}

impl From<UsageRecord> for Change {
    fn from(usage: UsageRecord) -> Self {
        Change::PostUsage(usage)
    }
}

impl From<MeteredUsage> for Change {
    fn from(usage: MeteredUsage) -> Self {
        Change::PostMetered(usage)
    }
}

impl From<Record> for Change {
    fn from(record: Record) -> Self {
        match record {
            Record::Grant(grant) => grant.into(),
            Record::Usage(usage) => usage.into(),
            Record::Metered(usage) => usage.into(),
        }
    }
}

impl GpuCredit {
    /// The account as it would be if these records were posted, and these corrections made, one after
    /// the other. The view answers every question; when it is dropped the account is as it was,
    /// numbers and all.
    ///
    /// The account is borrowed for as long as the view is there, and then others cannot ask it. To plan
    /// beside them, or for good, plan with a clone. If the view is leaked
    /// ([`std::mem::forget`]), the changes stay.
    ///
    /// What posting and retracting the records costs, and O(log n) for each usage record posted at the
    /// very instant of one that is retracted, after it. Nothing is repaired: a question replays
    /// boundaries from the first change until the levels are again those without it. What was settled is
    /// settled afterwards, but for the windows of grants that the plan corrects or retracts, which are
    /// repaired within the bounds of a write.
    ///
    /// # Errors
    /// If one of the changes would be refused, which may be because of an earlier one. The account is
    /// as before.
    ///
    /// ```
    /// use gpu_credit::{Change, GpuCredit, MeteredUsage, Record};
    ///
    /// let mut account = GpuCredit::new();
    /// let march = account.add_credit("march", 100, 0, 30)?;
    /// let job = MeteredUsage { rate: 8, from: 10, until: 50 };
    ///
    /// let as_it_is = account.what_if(&[job.into()])?;
    /// assert_eq!(as_it_is.first_uncovered(..), Some(22));
    /// drop(as_it_is);
    ///
    /// let longer = Change::ChangeExpiration { grant: march, expiration: 60 };
    /// let refill = Record::grant("april", 250, 20, 40).into();
    /// let planned = account.what_if(&[job.into(), longer, refill])?;
    /// assert_eq!(planned.first_uncovered(..), None);
    /// assert_eq!(planned.get_balance(50), Some(30));
    /// drop(planned);
    ///
    /// assert_eq!(account.get_balance(30), Some(100)); // as it was
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn what_if(&mut self, changes: &[Change]) -> Result<WhatIf<'_>, ChangeError> {
        let mut plan = WhatIf {
            before: Some(self.timeline.begin_plan()),
            account: self,
            undo: SmallVec::with_capacity(changes.len()),
        };
        for (index, change) in changes.iter().enumerate() {
            let made = plan.account.make(change);
            plan.undo
                .push(made.map_err(|error| ChangeError { index, error })?);
        }
        Ok(plan)
    }
}

/// An account as it would be: made by [`GpuCredit::what_if`]. It answers every question of
/// [`GpuCredit`].
#[must_use]
pub struct WhatIf<'a> {
    account: &'a mut GpuCredit,
    before: Option<BeforePlan>,
    /// What takes each change back.
    undo: SmallVec<[Undo; 2]>,
}

impl Deref for WhatIf<'_> {
    type Target = GpuCredit;

    fn deref(&self) -> &GpuCredit {
        self.account
    }
}

impl Drop for WhatIf<'_> {
    fn drop(&mut self) {
        let is_window =
            |undo: &Undo| matches!(undo, Undo::PutGrantBack { .. } | Undo::SetWindow { .. });
        let is_undone = !self.undo.iter().any(is_window);
        for undo in self.undo.drain(..).rev() {
            self.account.take_back(undo);
        }
        if let Some(before) = self.before.take() {
            let GpuCredit {
                usage, timeline, ..
            } = &mut *self.account;
            timeline.end_plan(usage, before, is_undone);
        }
    }
}

impl fmt::Debug for WhatIf<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("WhatIf")
            .field(&self.account)
            .finish()
    }
}

/// How a change is taken back.
#[derive(Clone, Copy, Debug)]
enum Undo {
    UnpostGrant(u32),
    UnpostUsage { timestamp: i64 },
    UnpostMetered,
    PutGrantBack { number: u32, window: Window },
    SetWindow { number: u32, window: Window },
    SetPriority { grant: GrantId, priority: i16 },
    RestoreUsage { usage: UsageId, amount: u64 },
    ChangeUsage { usage: UsageId, amount: u64 },
    RestoreMetered(MeteredId),
    ChangeMetered { id: MeteredId, usage: MeteredUsage },
}

impl GpuCredit {
    /// Makes a change of a plan, or changes nothing.
    fn make(&mut self, change: &Change) -> Result<Undo, Error> {
        match *change {
            Change::PostGrant(ref grant) => {
                let id = self.post_grant(grant.clone())?;
                Ok(Undo::UnpostGrant(id.0))
            }
            Change::PostUsage(usage) => self.plan_usage(usage),
            Change::PostMetered(usage) => self.plan_metered(usage),
            Change::RetractGrant(grant) => {
                self.grant(grant).ok_or(Error::NoSuchGrant(grant))?;
                let number = grant.0;
                let window = self.timeline.set_grant_aside(&self.usage, number);
                Ok(Undo::PutGrantBack { number, window })
            }
            Change::RevokeGrant { grant, from } => {
                self.plan_window(grant, |account| account.revoke_grant(grant, from))
            }
            Change::ChangeExpiration { grant, expiration } => self.plan_window(grant, |account| {
                account.change_expiration(grant, expiration)
            }),
            Change::ChangePriority { grant, priority } => {
                let posted = self.grant(grant).ok_or(Error::NoSuchGrant(grant))?;
                let old = posted.priority;
                self.change_priority(grant, priority)?;
                Ok(Undo::SetPriority {
                    grant,
                    priority: old,
                })
            }
            Change::RetractUsage(usage) => {
                let UsageRecord { amount, .. } = self.retract_usage(usage)?;
                Ok(Undo::RestoreUsage { usage, amount })
            }
            Change::ChangeUsage { usage, amount } => {
                let old = self.usage_record(usage).map_or(0, |record| record.amount);
                self.change_usage(usage, amount)?;
                Ok(Undo::ChangeUsage { usage, amount: old })
            }
            Change::RetractMetered(id) => {
                self.retract_metered(id)?;
                Ok(Undo::RestoreMetered(id))
            }
            Change::ChangeMetered { id, usage } => {
                let old = self
                    .metered_usage(id)
                    .ok_or(Error::NoSuchMeteredUsage(id))?;
                self.change_metered(id, usage)?;
                Ok(Undo::ChangeMetered { id, usage: old })
            }
        }
    }

    /// Posts usage that does not say what time it is.
    fn plan_usage(&mut self, usage: UsageRecord) -> Result<Undo, Error> {
        let UsageRecord { amount, timestamp } = usage;
        self.usage_sums().add(amount)?;
        self.usage.instants.insert(timestamp, amount);
        self.timeline
            .usage_changed(&self.usage, timestamp, 0, amount);
        Ok(Undo::UnpostUsage { timestamp })
    }

    /// Posts metered usage that does not say what time it is.
    fn plan_metered(&mut self, usage: MeteredUsage) -> Result<Undo, Error> {
        let job = Job::from(usage);
        self.usage_sums().add_metered(usage)?;
        self.usage.metered_mut().post(job);
        self.job_changed(None, Some(job));
        Ok(Undo::UnpostMetered)
    }

    /// Gives a grant another window, if it can have it.
    fn plan_window(
        &mut self,
        grant: GrantId,
        change: impl FnOnce(&mut GpuCredit) -> Result<(), Error>,
    ) -> Result<Undo, Error> {
        self.grant(grant).ok_or(Error::NoSuchGrant(grant))?;
        let window = self.timeline.grants.window(grant.0);
        change(self)?;
        let number = grant.0;
        Ok(Undo::SetWindow { number, window })
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::UnpostGrant(number) => self.timeline.unpost_grant(&self.usage, number),
            Undo::UnpostUsage { timestamp } => {
                let amount = self.usage.instants.unpost(timestamp);
                (self.timeline).usage_retracted(&self.usage, amount, timestamp);
            }
            Undo::UnpostMetered => {
                let job = self.usage.unpost_metered();
                self.job_changed(Some(job), None);
            }
            Undo::PutGrantBack { number, window } => {
                self.timeline.put_grant_back(&self.usage, number, window);
            }
            Undo::SetWindow { number, window } => {
                self.timeline.change_window(&self.usage, number, window);
            }
            Undo::SetPriority { grant, priority } => {
                let changed = self.change_priority(grant, priority);
                changed.expect("it had this priority");
            }
            Undo::RestoreUsage { usage, amount } => {
                let UsageId { timestamp, nth } = usage;
                self.usage.instants.restore(timestamp, nth, amount);
                self.timeline
                    .usage_changed(&self.usage, timestamp, 0, amount);
            }
            Undo::ChangeUsage { usage, amount } => {
                let changed = self.change_usage(usage, amount);
                changed.expect("it had this amount");
            }
            Undo::RestoreMetered(id) => {
                let job = self.usage.metered_mut().restore(id.0);
                self.job_changed(None, Some(job));
            }
            Undo::ChangeMetered { id, usage } => {
                let changed = self.change_metered(id, usage);
                changed.expect("it was so");
            }
        }
    }

    fn job_changed(&mut self, old: Option<Job>, new: Option<Job>) {
        let change = JobChange { old, new };
        self.timeline.metered_changed(&self.usage, change);
    }
}
