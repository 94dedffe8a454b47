//! Many records at once: inserted one after another if they are few, sorted and merged if not.

use smallvec::SmallVec;

use crate::account::GpuCredit;
use crate::error::RecordError;
use crate::rates::Job;
use crate::record::{Record, UsageRecord};
use crate::usage::Staged;

impl GpuCredit {
    /// Posts many usage records, in their order: as [`subtract`](Self::subtract) for each. All or nothing.
    /// A few records are looked up together, so that their cache misses overlap: that is faster in
    /// accounts larger than the cache. Very many are sorted and merged in one pass. It repairs no more than one call of `subtract`; after
    /// very many, [`settle`](Self::settle). O(k log n) for `k` records that are
    /// few beside those that stand, else O(k log k + n).
    ///
    /// # Errors
    /// If one of them would be refused after those before it: the first such record. The account is
    /// as before.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 100)?;
    /// account.subtract_many(&[
    ///     UsageRecord { amount: 4, timestamp: 50 },
    ///     UsageRecord { amount: 1, timestamp: 20 },
    /// ])?;
    /// assert_eq!(account.get_balance(20), Some(9));
    /// assert_eq!(account.get_balance(50), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subtract_many(&mut self, usage: &[UsageRecord]) -> Result<(), RecordError> {
        let mut sums = self.usage_sums();
        for (index, usage) in usage.iter().enumerate() {
            let added = sums.add(usage.amount);
            added.map_err(|error| RecordError { index, error })?;
        }
        let entries = usage.iter().map(|usage| (usage.timestamp, usage.amount));
        if self.usage.instants.are_few(usage.len()) {
            let entries: SmallVec<[(i64, u64); 16]> = entries.collect();
            self.insert_usage(&entries);
        } else {
            self.enter_usage(entries.collect());
        }
        Ok(())
    }

    /// Posts many records, in their order. All or nothing. If they are many beside the boundaries
    /// of the account, it settles: O(k log k + n + m) for `k` records. A few are posted as one by
    /// one.
    ///
    /// # Errors
    /// If one of them would be refused after those before it: the first such record. The account is
    /// as before.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Record};
    ///
    /// let mut account = GpuCredit::new();
    /// account.extend([
    ///     Record::usage(40, 10),
    ///     Record::grant("march", 100, 0, 30),
    /// ])?;
    /// assert_eq!(account.get_balance(10), Some(60));
    ///
    /// let refused = account.extend([Record::usage(1, 0), Record::usage(u64::MAX, 0)]);
    /// assert_eq!(refused.unwrap_err().index, 1); // counted from 0
    /// assert_eq!(account.used(), 40);
    /// # Ok::<(), gpu_credit::RecordError>(())
    /// ```
    pub fn extend(&mut self, records: impl IntoIterator<Item = Record>) -> Result<(), RecordError> {
        // Whatever the iterator does, it has done by the time the account changes.
        let (mut grants, mut usage, mut jobs) = (Vec::new(), Staged::new(), Vec::new());
        let (mut sums, mut usage_sums) = (self.sums(), self.usage_sums());
        for record in records {
            let refused = |error| RecordError {
                index: grants.len() + usage.len() + jobs.len(),
                error,
            };
            match record {
                Record::Usage(UsageRecord { amount, timestamp }) => {
                    usage_sums.add(amount).map_err(refused)?;
                    usage.push((timestamp, amount));
                }
                Record::Metered(metered) => {
                    usage_sums.add_metered(metered).map_err(refused)?;
                    jobs.push(Job::from(metered));
                }
                Record::Grant(grant) => {
                    sums.add_grant(grant.borrowed()).map_err(refused)?;
                    grants.push(grant);
                }
            }
        }
        let first = self.timeline.grants.next_number();
        for grant in grants {
            let table = &mut self.timeline.grants;
            table
                .post(grant.borrowed())
                .expect("its limits are checked");
        }
        let are_many = self.timeline.are_many(usage.len() + jobs.len());
        let are_many = self.timeline.grants_posted(&self.usage, first) || are_many;
        self.enter_usage(usage);
        self.enter_metered(&jobs);
        if are_many {
            self.settle();
        }
        Ok(())
    }

    /// Enters usage in the index and in the timeline. Its limits are checked.
    fn enter_usage(&mut self, usage: Staged) {
        let Some((earliest, latest)) = usage.times() else {
            return;
        };
        if self.usage.instants.are_few(usage.len()) {
            self.insert_usage(&usage.into_entries());
        } else if usage.len() > self.timeline.boundary_count() {
            self.usage.instants.extend(usage);
            (self.timeline).usage_loaded(&self.usage, earliest, latest);
        } else {
            let entries = usage.clone().into_entries();
            self.usage.instants.extend(usage);
            self.timeline.usage_posted_many(&self.usage, &entries);
        }
    }

    /// Enters jobs in the index and in the timeline. Their limits are checked.
    fn enter_metered(&mut self, jobs: &[Job]) {
        if !jobs.is_empty() {
            self.usage.metered_mut().extend(jobs);
            self.timeline.metered_posted_many(&self.usage, jobs);
        }
    }

    fn insert_usage(&mut self, entries: &[(i64, u64)]) {
        self.usage.instants.insert_many(entries);
        self.timeline.usage_posted_many(&self.usage, entries);
    }
}
