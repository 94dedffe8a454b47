//! Corrections: records that turn out to have been wrong.
//!
//! A corrected record keeps its place in posting order. Every answer afterwards is that of an
//! account to which the corrected record had been posted in the first place, at every instant of
//! the past: draws that went by the old record go by the new one.

use crate::account::GpuCredit;
use crate::error::Error;
use crate::limits::check_usage;
use crate::record::GrantId;

impl GpuCredit {
    /// Changes the amount of one usage entry, the one posted last of this amount at this instant.
    /// It keeps its place among the entries of its instant. O(log n), and a pass over the usage
    /// posted after it at that very instant.
    ///
    /// # Errors
    /// Where there is no such entry, or usage would add up to more than `i64::MAX`. The account is
    /// as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(40, 10)?;
    /// account.change_usage(10, 40, 4)?;
    /// assert_eq!(account.get_balance(10), Some(96));
    /// assert!(account.change_usage(10, 40, 4).is_err()); // it is an entry of 4 now
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_usage(
        &mut self,
        timestamp: i64,
        amount: u64,
        new_amount: u64,
    ) -> Result<(), Error> {
        let place = (self.amounts_at(timestamp).iter())
            .rposition(|posted| *posted == amount)
            .ok_or(Error::NoSuchUsage { amount, timestamp })?;
        self.change_usage_at_place(timestamp, place, new_amount)
    }

    /// Changes the amount of the usage entry at a place among those of its instant, in posting order
    /// from 0 on, as in [`usage_statement`](Self::usage_statement). It keeps its place. O(log n), and
    /// a pass over the usage at that very instant.
    ///
    /// # Errors
    /// As [`change_usage`](Self::change_usage).
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(40, 10)?;
    /// account.subtract(40, 10)?;
    /// account.change_usage_at_place(10, 0, 4)?;
    /// let amounts: Vec<_> = account.usage().collect();
    /// assert_eq!(amounts, [(10, 4), (10, 40)]);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_usage_at_place(
        &mut self,
        timestamp: i64,
        place: usize,
        new_amount: u64,
    ) -> Result<(), Error> {
        let mut amounts = self.amounts_at(timestamp);
        let amount = *(amounts.get(place)).ok_or(Error::NoUsageAtPlace { timestamp, place })?;
        check_usage(self.usage.total() - amount, new_amount)?;
        self.take_out(timestamp, &amounts[place..]);
        amounts[place] = new_amount;
        self.put_in(timestamp, &amounts[place..]);
        self.timeline.usage_changed(timestamp, amount, new_amount);
        Ok(())
    }

    /// Takes the usage entry at a place among those of its instant back, as if it had never been
    /// posted; those behind it move up by one. O(log n), and a pass over the usage at that very
    /// instant.
    ///
    /// # Errors
    /// Where there is no such entry. The account is as before.
    pub fn retract_usage_at_place(&mut self, timestamp: i64, place: usize) -> Result<(), Error> {
        let amounts = self.amounts_at(timestamp);
        let amount = *(amounts.get(place)).ok_or(Error::NoUsageAtPlace { timestamp, place })?;
        self.take_out(timestamp, &amounts[place..]);
        self.put_in(timestamp, &amounts[place + 1..]);
        self.timeline.usage_retracted(amount, timestamp);
        Ok(())
    }

    fn amounts_at(&self, timestamp: i64) -> Vec<u64> {
        let entries = self.usage.iter_from(timestamp);
        entries
            .take_while(|(time, _)| *time == timestamp)
            .map(|(_, amount)| amount)
            .collect()
    }

    /// The index takes out the last of an amount and puts in behind all others: so an entry and all
    /// behind it go, last one first, and come back in their order.
    fn take_out(&mut self, timestamp: i64, amounts: &[u64]) {
        for amount in amounts.iter().rev() {
            self.usage.remove(timestamp, *amount);
        }
    }

    fn put_in(&mut self, timestamp: i64, amounts: &[u64]) {
        for amount in amounts {
            self.usage.insert(timestamp, *amount);
        }
    }

    /// Revokes a grant from an instant on: its window then ends the instant before, and what is
    /// left of it there is revoked and does not lapse. From its start on, or from any earlier
    /// instant, it was never live and is revoked whole. O(log m), and a pass over one chunk.
    ///
    /// As its window ends sooner, usage draws from it sooner. A revoked grant may be revoked again
    /// from an earlier instant on, and [retracted](Self::retract_grant); nothing else.
    ///
    /// # Errors
    /// Where the grant was never posted or is retracted, where its window ends before `from`, or
    /// where it is revoked already from that instant or an earlier one on. The account is as
    /// before.
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
    /// Where the grant was never posted or is retracted, where it is revoked, or where the window
    /// would end after `i64::MAX`. The account is as before.
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
    pub fn change_expiration_without_end(&mut self, grant: GrantId) -> Result<(), Error> {
        let start = self.grant(grant).ok_or(Error::NoSuchGrant(grant))?.start;
        self.change_expiration(grant, start.abs_diff(i64::MAX))
    }
}
