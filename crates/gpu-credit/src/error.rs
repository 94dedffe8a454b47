//! What can be refused, always before anything has changed.

use crate::record::{GrantId, MeteredId, UsageId};

/// Why a call was refused. The account is as it was before the call.
///
/// ```
/// use gpu_credit::GpuCredit;
///
/// let mut account = GpuCredit::new();
/// let error = account.add_credit("a", 1, i64::MAX, 1).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the window from 9223372036854775807 for 1 ends after the last timestamp, 9223372036854775807",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `timestamp + expiration` is past `i64::MAX`.
    #[error(
        "the window from {timestamp} for {expiration} ends after the last timestamp, {}",
        i64::MAX
    )]
    WindowTooLong {
        /// The start that was posted.
        timestamp: i64,
        /// The length that was posted.
        expiration: u64,
    },
    /// The amounts of the account's grants would add up to more than `i64::MAX`.
    #[error(
        "a grant of {amount} does not fit: grants add up to {total} already, and {} at most",
        i64::MAX
    )]
    GrantsTooLarge {
        /// The amount that was posted.
        amount: u64,
        /// The sum of all grants before it.
        total: u64,
    },
    /// The amounts of the account's usage would add up to more than `i64::MAX`.
    #[error(
        "usage of {amount} does not fit: other usage adds up to {total}, and all of it to {} at most",
        i64::MAX
    )]
    UsageTooLarge {
        /// The amount that was to be posted, or to which usage was to be changed.
        amount: u64,
        /// The sum of all other usage.
        total: u64,
    },
    /// The account's usage would add up to more than `i64::MAX`.
    #[error(
        "usage of {rate} at each tick of [{from}, {until}) does not fit: other usage adds up to \
         {total}, and all of it to {} at most",
        i64::MAX
    )]
    MeteredUsageTooLarge {
        /// What each tick would use.
        rate: u64,
        /// The first tick.
        from: i64,
        /// The first tick that is no longer used.
        until: i64,
        /// The sum of all other usage.
        total: u64,
    },
    /// The account has had as much metered usage as it can number, retracted ones included.
    #[error(
        "one account numbers 2147483647 metered usage records at most, retracted ones included"
    )]
    TooManyMeteredRecords,
    /// The account has had as many grants as it can number, retracted ones included.
    #[error("one account numbers 2147483648 grants at most, retracted ones included")]
    TooManyGrants,
    /// The account has had as many usage records as it can number, retracted ones included.
    #[error("one account numbers 4294967295 usage records at most, retracted ones included")]
    TooManyUsageRecords,
    /// The credit ids of the account's grants would add up to more than 4 GiB.
    #[error("the credit ids of one account add up to {} bytes at most", u32::MAX)]
    CreditIdsTooLong,
    /// The grant was never posted, or is retracted already.
    #[error("grant {} was never posted, or is retracted already", .0.index())]
    NoSuchGrant(GrantId),
    /// The usage was never posted, or is retracted already.
    #[error("{0} was never posted, or is retracted already")]
    NoSuchUsage(UsageId),
    /// The metered usage was never posted, or is retracted already.
    #[error("{0} was never posted, or is retracted already")]
    NoSuchMeteredUsage(MeteredId),
    /// The grant is revoked, from this instant on or an earlier one.
    #[error("grant {} is revoked from {from} on already", .grant.index())]
    AlreadyRevoked {
        /// The grant.
        grant: GrantId,
        /// The instant from which it is revoked.
        from: i64,
    },
    /// The grant's window ends before it is to be revoked.
    #[error(
        "grant {} ends at {end} and cannot be revoked from {from} on",
        .grant.index()
    )]
    RevokedAfterEnd {
        /// The grant.
        grant: GrantId,
        /// The last instant of its window.
        end: i64,
        /// The instant from which it was to be revoked.
        from: i64,
    },
    /// A job that was asked about has no ticks.
    #[error("a job over [{from}, {until}) has no ticks")]
    NoTicks {
        /// The first tick, if there were one.
        from: i64,
        /// The tick after the last.
        until: i64,
    },
    /// A series of instants that are 0 apart would never end.
    #[error("the step of a series is at least 1, not 0")]
    ZeroStep,
}

/// Which of many records was refused, and why. The account is as it was before the call.
///
/// ```
/// use gpu_credit::{GpuCredit, UsageRecord};
///
/// let mut account = GpuCredit::new();
/// let usage = [4, u64::MAX].map(|amount| UsageRecord { amount, timestamp: 10 });
/// let refused = account.subtract_many(&usage).unwrap_err();
/// assert_eq!(refused.index, 1); // counted from 0
/// assert_eq!(account.used(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index}, counted from 0: {error}")]
#[non_exhaustive]
pub struct RecordError {
    /// The place of the first record that was refused, in the order given, from 0 on.
    pub index: usize,
    /// Why it was refused.
    #[source]
    pub error: Error,
}

/// Which change of a plan was refused, and why. The account is as it was before the call.
///
/// ```
/// use gpu_credit::{GpuCredit, MeteredUsage, UsageRecord};
///
/// let mut account = GpuCredit::new();
/// let usage = UsageRecord { amount: u64::MAX, timestamp: 10 };
/// let job = MeteredUsage { rate: 8, from: 0, until: 40 };
/// let refused = account.what_if(&[job.into(), usage.into()]).unwrap_err();
/// assert_eq!(refused.index, 1); // counted from 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change {index}, counted from 0: {error}")]
#[non_exhaustive]
pub struct ChangeError {
    /// The place of the first change that was refused, in the order given, from 0 on.
    pub index: usize,
    /// Why it was refused.
    #[source]
    pub error: Error,
}

/// The place is lost: return [`RecordError`] to keep it.
impl From<RecordError> for Error {
    fn from(refused: RecordError) -> Self {
        refused.error
    }
}

/// The place is lost: return [`ChangeError`] to keep it.
impl From<ChangeError> for Error {
    fn from(refused: ChangeError) -> Self {
        refused.error
    }
}
