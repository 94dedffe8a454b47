//! The kinds of record that are posted, and the identities of posted records.

use std::fmt;
use std::ops::Range;

/// The identity of a grant: its place in posting order, from 0 on. It never changes, and the number
/// of a retracted grant is not used again.
///
/// ```
/// use gpu_credit::{Error, GpuCredit, GrantId};
///
/// let mut account = GpuCredit::new();
/// let grant = account.add_credit("march", 100, 0, 30)?;
/// let stored: u32 = grant.index();
/// assert_eq!(GrantId::from_index(stored), grant);
///
/// let unknown = GrantId::from_index(7);
/// assert_eq!(account.grant(unknown), None);
/// assert_eq!(account.retract_grant(unknown), Err(Error::NoSuchGrant(unknown)));
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct GrantId(pub(crate) u32);

impl GrantId {
    /// The grant with a number that was stored. An account answers a number that it never gave with
    /// `None` or [`Error::NoSuchGrant`](crate::Error::NoSuchGrant). O(1)
    ///
    /// ```
    /// use gpu_credit::GrantId;
    ///
    /// assert_eq!(GrantId::from_index(7).index(), 7);
    /// ```
    #[must_use]
    pub const fn from_index(index: u32) -> Self {
        GrantId(index)
    }

    /// The place in posting order, from 0 on: a number to store. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// assert_eq!(account.add_credit("first", 100, 0, 30)?.index(), 0);
    /// assert_eq!(account.add_credit("second", 100, 0, 30)?.index(), 1);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// The identity of a usage record: its instant, and its place among all usage ever posted at that
/// instant. It never changes: retracting other usage does not move it, and it is not used again.
///
/// Identities are ordered as the usage is in event order.
///
/// ```
/// use gpu_credit::{GpuCredit, UsageId, UsageRecord};
///
/// let mut account = GpuCredit::new();
/// let first = account.post_usage(UsageRecord { amount: 4, timestamp: 10 })?;
/// let second = account.post_usage(UsageRecord { amount: 4, timestamp: 10 })?;
/// account.retract_usage(first)?;
/// assert_eq!(second, UsageId { timestamp: 10, nth: 1 });
/// assert_eq!(account.usage_record(second).map(|usage| usage.amount), Some(4));
/// assert_eq!(second.to_string(), "usage 1 at 10");
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UsageId {
    /// When the usage took effect.
    pub timestamp: i64,
    /// How many usage records had been posted at that instant before it, retracted ones included.
    pub nth: u32,
}

impl fmt::Display for UsageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "usage {} at {}", self.nth, self.timestamp)
    }
}

/// Usage at an instant, as it is posted.
///
/// ```
/// use gpu_credit::{GpuCredit, UsageRecord};
///
/// let mut account = GpuCredit::new();
/// account.post_usage(UsageRecord { amount: 4, timestamp: 30 })?;
/// assert_eq!(account.balance_at(30).deficit, 4);
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UsageRecord {
    /// In the smallest unit.
    pub amount: u64,
    /// When it takes effect.
    pub timestamp: i64,
}

/// The identity of metered usage: its place in posting order among all metered usage, from 0 on. It
/// never changes, whatever is corrected, and is not used again.
///
/// ```
/// use gpu_credit::{GpuCredit, MeteredId, MeteredUsage};
///
/// let mut account = GpuCredit::new();
/// let job = account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
/// let stored: u32 = job.index();
/// assert_eq!(MeteredId::from_index(stored), job);
/// assert_eq!(job.to_string(), "metered usage 0");
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct MeteredId(pub(crate) u32);

impl MeteredId {
    /// The metered usage with a number that was stored. O(1)
    ///
    /// ```
    /// use gpu_credit::MeteredId;
    ///
    /// assert_eq!(MeteredId::from_index(7).index(), 7);
    /// ```
    #[must_use]
    pub const fn from_index(index: u32) -> Self {
        MeteredId(index)
    }

    /// The place in posting order, from 0 on: a number to store. O(1)
    ///
    /// ```
    /// use gpu_credit::MeteredId;
    ///
    /// assert_eq!(MeteredId::from_index(7).index(), 7);
    /// ```
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for MeteredId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "metered usage {}", self.0)
    }
}

/// The identity of usage of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum AnyUsageId {
    /// Usage at an instant.
    Instant(UsageId),
    /// Metered usage.
    Metered(MeteredId),
}

/// Metered usage, as it is posted: `rate` units at each tick of `[from, until)`, half open.
///
/// ```
/// use gpu_credit::{GpuCredit, MeteredUsage};
///
/// let mut account = GpuCredit::new();
/// account.add_credit("march", 100, 0, 30)?;
/// account.post_metered(MeteredUsage { rate: 8, from: 5, until: 12 })?;
/// assert_eq!(account.get_balance(4), Some(100));
/// assert_eq!(account.get_balance(5), Some(92));
/// assert_eq!(account.get_balance(30), Some(44));
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeteredUsage {
    /// What each tick uses, in the smallest unit.
    pub rate: u64,
    /// The first tick.
    pub from: i64,
    /// The first tick that is no longer used. At or before `from`: the record is nothing.
    pub until: i64,
}

/// A grant as it is posted: live in `[timestamp, timestamp + expiration]`, both ends included.
///
/// ```
/// use gpu_credit::{GpuCredit, GrantRecord};
///
/// let mut account = GpuCredit::new();
/// account.post_grant(GrantRecord::new("march", 100, 0, 30))?;
/// account.post_grant(GrantRecord::new("gift", 7, 10, 0).without_end())?;
/// assert_eq!(account.get_balance(30), Some(107));
/// assert_eq!(account.get_balance(i64::MAX), Some(7));
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GrantRecord {
    /// Metadata: two grants with one id are two grants.
    pub credit_id: String,
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub timestamp: i64,
    /// The last instant of the window, counted from `timestamp`.
    pub expiration: u64,
    /// Lower is drawn first; 0 if not said.
    #[cfg_attr(feature = "serde", serde(default))]
    pub priority: i16,
}

/// A grant to be posted, whose credit id is borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewGrant<'a> {
    pub(crate) credit_id: &'a str,
    pub(crate) amount: u64,
    pub(crate) timestamp: i64,
    pub(crate) expiration: u64,
    pub(crate) priority: i16,
}

impl GrantRecord {
    /// A grant live in `[timestamp, timestamp + expiration]`: the arguments of
    /// [`add_credit`](crate::GpuCredit::add_credit), in the same order. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, GrantRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_grant(GrantRecord::new("march", 100, 0, 30))?;
    /// assert_eq!(account.get_balance(30), Some(100));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn new(credit_id: impl Into<String>, amount: u64, timestamp: i64, expiration: u64) -> Self {
        GrantRecord {
            credit_id: credit_id.into(),
            amount,
            timestamp,
            expiration,
            priority: 0,
        }
    }

    /// The same grant with a priority: lower is drawn first, and of one priority the grant that
    /// ends soonest. It is 0 if not said. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, GrantRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_grant(GrantRecord::new("bought", 100, 0, 9).priority(1))?;
    /// account.post_grant(GrantRecord::new("plan", 100, 0, 30))?;
    /// account.subtract(40, 5)?;
    /// // The plan was drawn, though what was bought ended first.
    /// assert_eq!(account.get_balance(10), Some(60));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn priority(self, priority: i16) -> Self {
        GrantRecord { priority, ..self }
    }

    /// The same grant with a window that never ends, whatever its expiration was. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, GrantRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_grant(GrantRecord::new("gift", 100, -5, 0).without_end())?;
    /// assert_eq!(account.get_balance(i64::MAX), Some(100));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn without_end(self) -> Self {
        GrantRecord {
            expiration: self.timestamp.abs_diff(i64::MAX),
            ..self
        }
    }

    pub(crate) fn borrowed(&self) -> NewGrant<'_> {
        NewGrant {
            credit_id: &self.credit_id,
            amount: self.amount,
            timestamp: self.timestamp,
            expiration: self.expiration,
            priority: self.priority,
        }
    }
}

/// One record as it is posted, for loading many with [`GpuCredit::extend`](crate::GpuCredit::extend).
///
/// ```
/// use gpu_credit::{GpuCredit, Record};
///
/// let mut account = GpuCredit::new();
/// account.extend([
///     Record::usage(4, 30),
///     Record::grant("a", 20, 20, 30),
///     Record::metered(8, 40..42),
/// ])?;
/// assert_eq!(account.get_balance(20), Some(20));
/// assert_eq!(account.get_balance(30), Some(16));
/// assert_eq!(account.get_balance(41), Some(0));
/// # Ok::<(), gpu_credit::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Record {
    /// Credit that is live in a window.
    Grant(GrantRecord),
    /// Usage at an instant.
    Usage(UsageRecord),
    /// Usage of the same amount at each tick for as long as a job runs.
    Metered(MeteredUsage),
}

impl Record {
    /// A grant live in `[timestamp, timestamp + expiration]`, both ends included: the arguments of
    /// [`add_credit`](crate::GpuCredit::add_credit), in the same order. O(1)
    ///
    /// ```
    /// use gpu_credit::{GrantRecord, Record};
    ///
    /// let record = Record::grant("march", 100, 0, 30);
    /// assert_eq!(record, Record::from(GrantRecord::new("march", 100, 0, 30)));
    /// ```
    #[must_use]
    pub fn grant(
        credit_id: impl Into<String>,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Self {
        Record::Grant(GrantRecord::new(credit_id, amount, timestamp, expiration))
    }

    /// Usage at an instant: the arguments of [`subtract`](crate::GpuCredit::subtract), in the same
    /// order. O(1)
    ///
    /// ```
    /// use gpu_credit::{Record, UsageRecord};
    ///
    /// let record = UsageRecord { amount: 4, timestamp: 30 };
    /// assert_eq!(Record::usage(4, 30), Record::from(record));
    /// ```
    #[must_use]
    pub fn usage(amount: u64, timestamp: i64) -> Self {
        Record::Usage(UsageRecord { amount, timestamp })
    }

    /// Metered usage: `rate` units at each tick of a range, which may be empty. O(1)
    ///
    /// ```
    /// use gpu_credit::{MeteredUsage, Record};
    ///
    /// let record = MeteredUsage { rate: 8, from: 5, until: 12 };
    /// assert_eq!(Record::metered(8, 5..12), Record::from(record));
    /// ```
    #[must_use]
    pub fn metered(rate: u64, ticks: Range<i64>) -> Self {
        Record::Metered(MeteredUsage {
            rate,
            from: ticks.start,
            until: ticks.end,
        })
    }
}

impl From<GrantRecord> for Record {
    fn from(grant: GrantRecord) -> Self {
        Record::Grant(grant)
    }
}

impl From<UsageRecord> for Record {
    fn from(usage: UsageRecord) -> Self {
        Record::Usage(usage)
    }
}

impl From<MeteredUsage> for Record {
    fn from(usage: MeteredUsage) -> Self {
        Record::Metered(usage)
    }
}

/// A posted grant as the account holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Grant<'a> {
    /// As posted: metadata.
    pub credit_id: &'a str,
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub start: i64,
    /// The last instant of the window. `i64::MAX`: it never ends.
    pub end: i64,
    /// The instant from which the grant is revoked, if it is: the one after `end`. Or its `start`:
    /// then it was never live, and `end` is the end of the window that it had before.
    pub revoked_from: Option<i64>,
    /// Lower is drawn first.
    pub priority: i16,
}
