//! Metered usage: jobs that use the same amount at each tick for as long as they run.

use std::iter::FusedIterator;
use std::ops::RangeBounds;

use crate::account::GpuCredit;
use crate::error::Error;
use crate::limits::check_metered;
use crate::range::closed;
use crate::rates::{Beginning, Job, RateIndex};
use crate::record::{MeteredId, MeteredUsage};
use crate::timeline::write_metered::JobChange;

impl GpuCredit {
    /// Posts metered usage: `rate` units at each tick of `[from, until)`. Within a tick it comes after
    /// usage at that instant; all metered usage of one tick is one usage, and under
    /// [`Overdraft::Forfeit`](crate::Overdraft::Forfeit) it is drawn whole, or it forfeits what is
    /// left and is dropped whole.
    ///
    /// A job that still runs is posted with the end that is planned; when it has ended, its end is
    /// [changed](Self::change_metered). If `until` is not later than `from`, the record is nothing,
    /// but it keeps its identity and can be changed into something.
    ///
    /// O(log j) for `j` jobs, and a pass over one chunk; O(log m) and a pass over one chunk for each
    /// boundary that it spans, up to the latest usage or as far as the account is settled.
    ///
    /// # Errors
    /// If usage would add up to more than `i64::MAX`, or if 2³¹ - 1 jobs were ever posted already.
    /// The account is as before.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("today", 100, 0, 9)?; // live in [0, 9]
    /// account.add_credit("tomorrow", 100, 10, 9)?; // live in [10, 19]
    /// account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
    /// assert_eq!(account.get_balance(5), Some(92));
    /// assert_eq!(account.get_balance(9), Some(60)); // five ticks are drawn from today's credit
    /// assert_eq!(account.get_balance(11), Some(84)); // two from tomorrow's
    /// assert_eq!(account.get_balance(12), Some(84));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn post_metered(&mut self, usage: MeteredUsage) -> Result<MeteredId, Error> {
        let job = Job::from(usage);
        self.usage_sums().add_metered(usage)?;
        let number = self.usage.metered_mut().post(job);
        self.timeline.metered_posted(&self.usage, job);
        Ok(MeteredId(number))
    }

    /// Gives metered usage another rate, beginning or end. It keeps its identity and its place in
    /// posting order. Cost as [`post_metered`](Self::post_metered), for the ticks that change.
    ///
    /// # Errors
    /// If it was never posted to this account, if it is retracted, or if usage would add up to more
    /// than `i64::MAX`. The account is as before.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let planned = MeteredUsage { rate: 8, from: 5, until: 12 };
    /// let job = account.post_metered(planned)?;
    /// account.change_metered(job, MeteredUsage { until: 7, ..planned })?; // it has ended early
    /// assert_eq!(account.get_balance(30), Some(84));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn change_metered(&mut self, id: MeteredId, usage: MeteredUsage) -> Result<(), Error> {
        let (old, new) = (self.job(id)?, Job::from(usage));
        let others = u128::from(self.usage.total()) - old.total();
        let others = u64::try_from(others).expect("a part of all usage");
        check_metered(others, usage, 0)?;
        self.usage.metered_mut().change(id.0, new);
        let change = JobChange {
            old: Some(old),
            new: Some(new),
        };
        self.timeline.metered_changed(&self.usage, change);
        Ok(())
    }

    /// Takes metered usage back, as if it had never been posted, and returns it. Its identity is not
    /// used again. Cost as [`post_metered`](Self::post_metered).
    ///
    /// # Errors
    /// If it was never posted to this account, or is retracted already. The account is as before.
    ///
    /// ```
    /// use gpu_credit::{Error, GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let job = account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
    /// assert_eq!(account.retract_metered(job)?.rate, 8);
    /// assert_eq!(account.get_balance(30), Some(100));
    /// assert_eq!(account.retract_metered(job), Err(Error::NoSuchMeteredUsage(job)));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn retract_metered(&mut self, id: MeteredId) -> Result<MeteredUsage, Error> {
        let old = self.job(id)?;
        self.usage.metered_mut().retract(id.0);
        let change = JobChange {
            old: Some(old),
            new: None,
        };
        self.timeline.metered_changed(&self.usage, change);
        Ok(old.into())
    }

    /// Metered usage by its identity; `None` if it was never posted, or is retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// let job = account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
    /// assert_eq!(account.metered_usage(job).map(|job| job.until), Some(12));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn metered_usage(&self, id: MeteredId) -> Option<MeteredUsage> {
        let job = self.usage.metered()?.get(id.0)?;
        Some(job.into())
    }

    /// The metered usage that begins in a range of time, by when it begins, and at one tick in posting
    /// order. O(log j), and O(1) for each beginning or end in the range
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
    /// account.post_metered(MeteredUsage { rate: 1, from: 3, until: 4 })?;
    /// let rates: Vec<_> = account.metered(..).map(|(_, job)| job.rate).collect();
    /// assert_eq!(rates, [1, 8]);
    /// assert_eq!(account.metered(4..).count(), 1);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn metered(&self, range: impl RangeBounds<i64>) -> MeteredRecords<'_> {
        let metered = self.usage.metered().zip(closed(range));
        MeteredRecords(metered.map(|(metered, (first, last))| metered.beginning(first, last)))
    }

    /// The number of jobs that are not retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
    /// assert_eq!((account.metered_count(), account.used()), (1, 56));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn metered_count(&self) -> usize {
        self.usage.metered().map_or(0, RateIndex::len)
    }

    fn job(&self, id: MeteredId) -> Result<Job, Error> {
        let job = self.usage.metered().and_then(|metered| metered.get(id.0));
        job.ok_or(Error::NoSuchMeteredUsage(id))
    }
}

/// The metered usage of an account by when it begins: made by [`GpuCredit::metered`].
#[derive(Clone)]
#[must_use]
pub struct MeteredRecords<'a>(Option<Beginning<'a>>);

impl Iterator for MeteredRecords<'_> {
    type Item = (MeteredId, MeteredUsage);

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.as_mut()?.next();
        if next.is_none() {
            self.0 = None;
        }
        let (number, job) = next?;
        Some((MeteredId(number), job.into()))
    }
}

impl FusedIterator for MeteredRecords<'_> {}

impl std::fmt::Debug for MeteredRecords<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MeteredRecords")
            .finish_non_exhaustive()
    }
}

impl From<MeteredUsage> for Job {
    fn from(usage: MeteredUsage) -> Self {
        let MeteredUsage { rate, from, until } = usage;
        Job { from, until, rate }
    }
}

impl From<Job> for MeteredUsage {
    fn from(job: Job) -> Self {
        let Job { from, until, rate } = job;
        MeteredUsage { rate, from, until }
    }
}
