//! What can be refused, always before anything has changed.

use crate::record::GrantId;

/// Why a record was refused. The account is as it was before the call.
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
        "a usage of {amount} does not fit: usage adds up to {total} already, and {} at most",
        i64::MAX
    )]
    UsageTooLarge {
        /// The amount that was posted.
        amount: u64,
        /// The sum of all usage before it.
        total: u64,
    },
    /// The account has had as many grants as it can number.
    #[error("one account numbers 2147483648 grants at most, retracted ones included")]
    TooManyGrants,
    /// The credit ids of the account's grants would add up to more than 4 GiB.
    #[error("the credit ids of one account add up to {} bytes at most", u32::MAX)]
    CreditIdsTooLong,
    /// The grant is not there: never posted, or retracted before.
    #[error("grant {} is not posted, or is retracted already", .0.index())]
    NoSuchGrant(GrantId),
    /// No usage of this amount stands at this instant.
    #[error("no usage of {amount} stands at {timestamp}")]
    NoSuchUsage {
        /// The amount that was to be retracted or changed.
        amount: u64,
        /// The instant at which it should stand.
        timestamp: i64,
    },
    /// Less usage stands at this instant.
    #[error("no usage stands at {timestamp} in place {place}")]
    NoUsageAtPlace {
        /// The instant at which it should stand.
        timestamp: i64,
        /// Its place among the usage of that instant, from 0 on.
        place: usize,
    },
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
}
