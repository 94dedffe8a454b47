//! The two kinds of record that are posted, and the name of a posted grant.

/// A grant of one account: its place in posting order, from 0 on. A retracted grant keeps its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct GrantId(pub(crate) u32);

impl GrantId {
    /// The place in posting order, from 0 on.
    pub fn index(self) -> usize {
        self.0 as usize
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
///     Record::grant("a", 4, 20, 30),
/// ])?;
/// assert_eq!(account.get_balance(20), Some(4));
/// assert_eq!(account.get_balance(30), Some(0));
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "lowercase"))]
pub enum Record {
    /// Credit that is live in `[timestamp, timestamp + expiration]`, both ends included.
    Grant {
        /// Metadata: two grants with one id are two grants.
        credit_id: String,
        /// In the smallest unit.
        amount: u64,
        /// The first instant of the window.
        timestamp: i64,
        /// The last instant of the window, counted from `timestamp`.
        expiration: u64,
    },
    /// Usage at an instant.
    Usage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
}

impl Record {
    /// A grant live in `[timestamp, timestamp + expiration]`, both ends included.
    pub fn grant(
        credit_id: impl Into<String>,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Self {
        Record::Grant {
            credit_id: credit_id.into(),
            amount,
            timestamp,
            expiration,
        }
    }

    /// Usage at an instant.
    pub fn usage(amount: u64, timestamp: i64) -> Self {
        Record::Usage { amount, timestamp }
    }
}

/// A posted grant as the account holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant<'a> {
    /// As posted: metadata.
    pub credit_id: &'a str,
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub start: i64,
    /// The last instant of the window. `i64::MAX`: it never ends.
    pub end: i64,
    /// The instant from which the grant is revoked, if it is: the one after `end`. Or its `start`,
    /// and then it was never live, and `end` is what it was.
    pub revoked_from: Option<i64>,
}
