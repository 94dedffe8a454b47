//! Corrections: records that turn out to have been wrong.
//!
//! A corrected record keeps its place in posting order. Every answer afterwards is that of an
//! account to which the corrected record had been posted in the first place, at every instant of
//! the past: draws that went by the old record go by the new one.

use crate::account::GpuCredit;
use crate::error::Error;
use crate::limits::check_usage;
use crate::record::{GrantId, UsageId, UsageRecord};

impl GpuCredit {
    /// Takes a usage record back, as if it had never been posted, and returns it. Other usage keeps
    /// its identity, and this one is not used again.
    ///
    /// O(log n) amortised, and the repair of a late [`subtract`](Self::subtract): at most 256 boundaries
    /// replayed. If very many records have that very instant, O(1) more for each 16,000 or so of them, and
    /// for each few hundred of them that are retracted.
    ///
    /// # Errors
    /// If it was never posted to this account, or is retracted already. The account is as before.
    ///
    /// ```
    /// use gpu_credit::{Error, GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let job = account.post_usage(UsageRecord { amount: 40, timestamp: 10 })?;
    /// assert_eq!(account.retract_usage(job)?.amount, 40);
    /// assert_eq!(account.get_balance(10), Some(100));
    /// assert_eq!(account.retract_usage(job), Err(Error::NoSuchUsage(job)));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn retract_usage(&mut self, usage: UsageId) -> Result<UsageRecord, Error> {
        let UsageId { timestamp, nth } = usage;
        let retracted = self.usage.instants.retract(timestamp, nth);
        let amount = retracted.ok_or(Error::NoSuchUsage(usage))?;
        self.timeline
            .usage_retracted(&self.usage, amount, timestamp);
        Ok(UsageRecord { amount, timestamp })
    }

    /// Changes the amount of a usage record, which keeps its identity and its place in posting
    /// order. Cost as [`retract_usage`](Self::retract_usage).
    ///
    /// # Errors
    /// If it was never posted to this account, if it is retracted, or if usage would add up to more
    /// than `i64::MAX`. The account is as before.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(40, 10)?;
    /// let mistaken = account.find_usage(UsageRecord { amount: 40, timestamp: 10 }).unwrap();
    /// account.change_usage(mistaken, 4)?;
    /// assert_eq!(account.get_balance(10), Some(96));
    /// assert_eq!(account.usage_record(mistaken).map(|usage| usage.amount), Some(4));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_usage(&mut self, usage: UsageId, amount: u64) -> Result<(), Error> {
        let UsageId { timestamp, nth } = usage;
        let posted = self.usage_record(usage).ok_or(Error::NoSuchUsage(usage))?;
        check_usage(self.usage.total() - posted.amount, amount)?;
        let old = self.usage.instants.change(timestamp, nth, amount);
        assert_eq!(old, Some(posted.amount), "{usage} has been found");
        self.timeline
            .usage_changed(&self.usage, timestamp, posted.amount, amount);
        Ok(())
    }

    /// Takes a grant back, as if it had never been posted. O(log m), and a pass over one chunk.
    ///
    /// # Errors
    /// If it was never posted to this account, or is retracted already. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let mistaken = account.add_credit("twice", 10, 0, 100)?;
    /// account.add_credit("twice", 10, 0, 100)?;
    /// account.retract_grant(mistaken)?;
    /// assert_eq!(account.get_balance(0), Some(10));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn retract_grant(&mut self, grant: GrantId) -> Result<(), Error> {
        if self.timeline.retract_grant(&self.usage, grant.0) {
            Ok(())
        } else {
            Err(Error::NoSuchGrant(grant))
        }
    }

    /// Revokes a grant from an instant on: its window then ends the instant before, and its
    /// remainder there is revoked and does not lapse. From its start on, or from any earlier
    /// instant, it was never live and is revoked whole. O(log m), and a pass over one chunk.
    ///
    /// As its window ends sooner, usage draws from it sooner. A revoked grant may be revoked again
    /// from an earlier instant on, be [retracted](Self::retract_grant) and get another
    /// [priority](Self::change_priority); nothing else.
    ///
    /// # Errors
    /// If the grant was never posted or is retracted, if its window ends before `from`, or if it is
    /// revoked already from that instant or an earlier one on. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 100, 0, 30)?; // live in [0, 30]
    /// account.subtract(40, 5)?;
    /// account.revoke_grant(trial, 10)?; // live in [0, 9]
    /// assert_eq!(account.get_balance(9), Some(60));
    /// assert_eq!(account.get_balance(10), None);
    /// assert_eq!(account.grant(trial).and_then(|grant| grant.revoked_from), Some(10));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn revoke_grant(&mut self, grant: GrantId, from: i64) -> Result<(), Error> {
        let window = self.timeline.grants.revoked(grant, from)?;
        self.timeline.change_window(&self.usage, grant.0, window);
        Ok(())
    }

    /// Extends or shortens the window of a grant: it is live in `[start, start + expiration]`, both
    /// ends included, and always was. O(log m), and a pass over one chunk.
    ///
    /// # Errors
    /// If the grant was never posted or is retracted, if it is revoked, or if the window would end
    /// after `i64::MAX`. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let march = account.add_credit("march", 100, 0, 30)?;
    /// assert_eq!(account.get_balance(40), None);
    /// account.change_expiration(march, 50)?;
    /// assert_eq!(account.get_balance(40), Some(100));
    /// account.change_expiration(march, 20)?;
    /// assert_eq!(account.get_balance(21), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_expiration(&mut self, grant: GrantId, expiration: u64) -> Result<(), Error> {
        let window = self.timeline.grants.with_expiration(grant, expiration)?;
        self.timeline.change_window(&self.usage, grant.0, window);
        Ok(())
    }

    /// Lets the window of a grant never end. O(log m), and a pass over one chunk.
    ///
    /// # Errors
    /// As [`change_expiration`](Self::change_expiration), but for the window.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let gift = account.add_credit("gift", 100, 0, 30)?;
    /// account.change_expiration_without_end(gift)?;
    /// assert_eq!(account.get_balance(i64::MAX), Some(100));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_expiration_without_end(&mut self, grant: GrantId) -> Result<(), Error> {
        let start = self.grant(grant).ok_or(Error::NoSuchGrant(grant))?.start;
        self.change_expiration(grant, start.abs_diff(i64::MAX))
    }

    /// Gives a grant another priority: draws go by it as if it had been posted with it. Its place in
    /// posting order stays. O(log m).
    ///
    /// # Errors
    /// If the grant was never posted, or is retracted. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let bought = account.add_credit("bought", 100, 0, 9)?;
    /// account.add_credit("plan", 100, 0, 30)?;
    /// account.subtract(40, 5)?;
    /// assert_eq!(account.get_balance(10), Some(100)); // the 40 came from what was bought, which ended first
    /// account.change_priority(bought, 1)?;
    /// assert_eq!(account.get_balance(10), Some(60)); // they came from the plan
    /// assert_eq!(account.grant(bought).map(|grant| grant.priority), Some(1));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_priority(&mut self, grant: GrantId, priority: i16) -> Result<(), Error> {
        let posted = self.grant(grant).ok_or(Error::NoSuchGrant(grant))?;
        if posted.priority != priority {
            (self.timeline).change_priority(&self.usage, grant.0, priority);
        }
        Ok(())
    }
}
