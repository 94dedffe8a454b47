//! What an account holds: its records as they stand, what they add up to, and what they take.

use std::iter::FusedIterator;
use std::ops::{Range, RangeBounds};

use crate::account::GpuCredit;
use crate::range::inclusive;
use crate::record::{Grant, GrantId, UsageId, UsageRecord};
use crate::timeline::grants;
use crate::usage::NumberedEntries;

impl GpuCredit {
    /// A grant by its number; `None` if it was never posted, or is retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let march = account.add_credit("march", 100, 10, 30)?;
    /// let grant = account.grant(march).unwrap();
    /// assert_eq!((grant.credit_id, grant.start, grant.end), ("march", 10, 40));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn grant(&self, grant: GrantId) -> Option<Grant<'_>> {
        self.timeline.grants.get(grant.index())
    }

    /// All grants that are not retracted, in posting order. O(1) a grant.
    ///
    /// There is no index by credit id: the grants of one id are a filter.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let trial = account.add_credit("trial", 50, 0, 5)?;
    /// let mut trials = account.grants().filter(|(_, grant)| grant.credit_id == "trial");
    /// assert_eq!(trials.next().map(|(id, grant)| (id, grant.amount)), Some((trial, 50)));
    /// assert_eq!(trials.next(), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn grants(&self) -> Grants<'_> {
        let table = &self.timeline.grants;
        let count = u32::try_from(table.next_number()).expect("the limits count the grants");
        Grants {
            table,
            numbers: 0..count,
        }
    }

    /// The usage of a range of time in event order, each record with its identity. O(log n), and
    /// O(1) a record.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// account.subtract(1, 10)?;
    /// account.subtract(2, 30)?;
    /// let all: Vec<_> = account.usage(..).map(|(_, usage)| usage.amount).collect();
    /// assert_eq!(all, [1, 4, 2]);
    /// let (id, usage) = account.usage(20..).last().unwrap();
    /// assert_eq!((id.timestamp, id.nth, usage.amount), (30, 1, 2));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn usage(&self, range: impl RangeBounds<i64>) -> UsageRecords<'_> {
        UsageRecords(self.usage.instants.numbered_entries(inclusive(range)))
    }

    /// A usage record by its identity; `None` if it was never posted, or is retracted. O(log n)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// let job = account.post_usage(UsageRecord { amount: 4, timestamp: 30 })?;
    /// assert_eq!(account.usage_record(job).map(|usage| usage.amount), Some(4));
    /// account.retract_usage(job)?;
    /// assert_eq!(account.usage_record(job), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn usage_record(&self, usage: UsageId) -> Option<UsageRecord> {
        let UsageId { timestamp, nth } = usage;
        let amount = self.usage.instants.amount_of(timestamp, nth)?;
        Some(UsageRecord { amount, timestamp })
    }

    /// The identity of a usage record that is known by what was posted: of those that stand and are
    /// equal to it, the one posted last. `None` if there is none. O(log n), and a pass over the
    /// usage posted after it at its instant.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// account.subtract(4, 30)?;
    /// account.subtract(9, 30)?;
    /// let found = account.find_usage(UsageRecord { amount: 4, timestamp: 30 });
    /// assert_eq!(found.map(|id| id.nth), Some(1));
    /// assert_eq!(account.find_usage(UsageRecord { amount: 5, timestamp: 30 }), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn find_usage(&self, usage: UsageRecord) -> Option<UsageId> {
        let UsageRecord { amount, timestamp } = usage;
        let nth = self.usage.instants.latest_of(timestamp, amount)?;
        Some(UsageId { timestamp, nth })
    }

    /// The identity that the next usage posted at an instant will have: to name what is posted with
    /// [`subtract`](Self::subtract), [`subtract_many`](Self::subtract_many) or
    /// [`extend`](Self::extend). O(log n)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// let id = account.next_usage_id(30);
    /// account.subtract(9, 30)?;
    /// assert_eq!(account.usage_record(id).map(|usage| usage.amount), Some(9));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn next_usage_id(&self, timestamp: i64) -> UsageId {
        let nth = self.usage.instants.next_nth(timestamp);
        UsageId { timestamp, nth }
    }

    /// The number of grants that are not retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// assert_eq!((account.grant_count(), account.granted()), (1, 100));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn grant_count(&self) -> usize {
        self.timeline.grants.len()
    }

    /// The sum of the amounts of the grants that are not retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 100, 0, 30)?;
    /// account.revoke_grant(trial, 5)?; // it was posted, and counts
    /// assert_eq!(account.granted(), 100);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn granted(&self) -> u64 {
        self.timeline.grants.total()
    }

    /// The number of usage records that are not retracted. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// assert_eq!((account.usage_count(), account.used()), (1, 4));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn usage_count(&self) -> usize {
        self.usage.instants.len()
    }

    /// The sum of the amounts of all usage, covered or not. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// assert_eq!(account.used(), 4);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn used(&self) -> u64 {
        self.usage.total()
    }

    /// The sum of all usage at or before an instant, covered or not. O(log n)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(600, 20)?;
    /// account.subtract(500, 10)?;
    /// assert_eq!(account.used_at(10), 500);
    /// assert_eq!(account.used_at(20), 1_100);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn used_at(&self, timestamp: i64) -> u64 {
        self.usage.through(timestamp)
    }

    /// The first instant by which more than `amount` has been used, covered or not; `None` if there is
    /// none. O(log n)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(600, 20)?;
    /// account.subtract(500, 10)?;
    /// assert_eq!(account.first_used_above(499), Some(10));
    /// assert_eq!(account.first_used_above(500), Some(20));
    /// assert_eq!(account.first_used_above(1_100), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn first_used_above(&self, amount: u64) -> Option<i64> {
        self.usage.first_above(amount).map(|(time, _)| time)
    }

    /// The number of checkpoints kept. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// assert_eq!(GpuCredit::new().checkpoint_count(), 0);
    /// ```
    #[must_use]
    pub fn checkpoint_count(&self) -> usize {
        self.timeline.checkpoint_count()
    }

    /// Bytes on the heap and in the account itself, capacity not in use included. O(n + m) steps of
    /// one chunk each. While there are at most 131,072 usage records that came in time order, they take up
    /// to 40 bytes each.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let empty = account.memory_used();
    /// for second in 0..10_000 {
    ///     account.subtract(1, second)?;
    /// }
    /// assert!(account.memory_used() < empty + 10_000 * 40);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn memory_used(&self) -> usize {
        size_of::<Self>() + self.usage.memory_used() + self.timeline.memory_used()
    }
}

/// The grants of an account in posting order: made by [`GpuCredit::grants`].
#[derive(Clone)]
#[must_use]
pub struct Grants<'a> {
    table: &'a grants::Grants,
    numbers: Range<u32>,
}

impl<'a> Iterator for Grants<'a> {
    type Item = (GrantId, Grant<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let table = self.table;
        (self.numbers).find_map(|number| Some((GrantId(number), table.get(number)?)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.numbers.len()))
    }
}

impl DoubleEndedIterator for Grants<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let table = self.table;
        let mut numbers = self.numbers.by_ref().rev();
        numbers.find_map(|number| Some((GrantId(number), table.get(number)?)))
    }
}

impl FusedIterator for Grants<'_> {}

impl std::fmt::Debug for Grants<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Grants")
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}

/// The usage of an account in event order: made by [`GpuCredit::usage`].
#[derive(Clone)]
#[must_use]
pub struct UsageRecords<'a>(NumberedEntries<'a>);

impl Iterator for UsageRecords<'_> {
    type Item = (UsageId, UsageRecord);

    fn next(&mut self) -> Option<Self::Item> {
        let (timestamp, nth, amount) = self.0.next()?;
        Some((
            UsageId { timestamp, nth },
            UsageRecord { amount, timestamp },
        ))
    }
}

impl FusedIterator for UsageRecords<'_> {}

impl std::fmt::Debug for UsageRecords<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UsageRecords")
            .finish_non_exhaustive()
    }
}
