//! The words of the journal: entries, what they change, and their names.

use std::fmt;
use std::sync::Arc;

use gpu_credit::Overdraft;
use serde::{Deserialize, Deserializer, Serialize};

/// A place in the journal: 1, 2, 3 and so on over all accounts, never used twice.
///
/// ```
/// use gpu_credit_store::Sequence;
///
/// assert!(Sequence::START < Sequence::new(1));
/// assert_eq!(Sequence::new(7).to_string(), "7");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first entry.
    pub const START: Sequence = Sequence(0);
    /// After every entry there can be.
    pub const END: Sequence = Sequence(u64::MAX);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Sequence(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next place; the last one is never reached by counting.
    pub(crate) const fn next(self) -> Self {
        Sequence(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The caller's name of a record, unique within its account: the key by which a retry is known, and
/// by which a correction names what it corrects. 1 to [`TEXT_BYTES_MAX`] bytes, which is checked when
/// it is posted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RecordId(Arc<str>);

/// Bytes of a record id or of the name of an account, at most.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Bytes of a credit id, at most.
pub const CREDIT_ID_BYTES_MAX: usize = 65_536;

impl RecordId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RecordId {
    fn from(text: &str) -> Self {
        RecordId(text.into())
    }
}

impl From<String> for RecordId {
    fn from(text: String) -> Self {
        RecordId(text.into())
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An account that is, or was: a name may be given again once its account is deleted, so the place
/// of the opening belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The entry that opened it.
    pub opened: Sequence,
    /// The name. 1 to [`TEXT_BYTES_MAX`] bytes.
    pub name: Arc<str>,
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub sequence: Sequence,
    /// When it was recorded, in milliseconds since 1970 by the clock of the machine that did. It
    /// tells people; nothing is decided by it.
    pub recorded_at: i64,
    /// Whose it is.
    pub account: AccountKey,
    /// The caller's name for it.
    pub id: RecordId,
    /// What it does.
    pub change: Change,
}

/// What an entry does to its account. Times and amounts are as in [`GpuCredit`].
///
/// The order of the variants, and of their fields, is the format of the file: only ever append.
///
/// [`GpuCredit`]: gpu_credit::GpuCredit
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Opens the account, with its policy for good.
    OpenAccount {
        /// What happens to usage beyond what is available.
        policy: Overdraft,
    },
    /// Credit that is live in `[timestamp, timestamp + expiration]`, both ends included.
    Grant {
        /// Metadata: two grants with one credit id are two grants.
        credit_id: String,
        /// In the smallest unit.
        amount: u64,
        /// The first instant of the window.
        timestamp: i64,
        /// The last instant of the window, counted from `timestamp`; `None` for a window without end.
        #[serde(deserialize_with = "said")]
        expiration: Option<u64>,
    },
    /// Usage at an instant.
    Usage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Takes a grant or usage back, as if it had never been posted.
    RetractRecord {
        /// The record.
        of: RecordId,
    },
    /// Gives usage another amount, in its place.
    ChangeUsage {
        /// The usage.
        of: RecordId,
        /// The amount it has from now on, in the smallest unit.
        amount: u64,
    },
    /// Ends a grant's window early: what is left of it then is revoked.
    Revoke {
        /// The grant.
        of: RecordId,
        /// The first instant at which it is no longer live. At or before its start: it never was.
        from: i64,
    },
    /// Gives a grant's window another end.
    ChangeExpiration {
        /// The grant.
        of: RecordId,
        /// As in [`Change::Grant`].
        #[serde(deserialize_with = "said")]
        expiration: Option<u64>,
    },
    /// Closes the books: records before this instant are refused from now on, and so are questions.
    CloseBooks {
        /// The first instant that stays open.
        until: i64,
    },
    /// Deletes the account with all its entries.
    DeleteAccount,
}

impl Change {
    /// The record that it corrects, if it corrects one.
    pub fn corrects(&self) -> Option<&RecordId> {
        match self {
            Change::RetractRecord { of }
            | Change::ChangeUsage { of, .. }
            | Change::Revoke { of, .. }
            | Change::ChangeExpiration { of, .. } => Some(of),
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    /// What it does, on one line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::OpenAccount { policy } => {
                write!(
                    formatter,
                    "the opening of the account, policy {}",
                    policy.as_str()
                )
            }
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
            } => {
                write!(formatter, "a grant of {amount} at {timestamp}, ")?;
                match expiration {
                    Some(expiration) => write!(formatter, "expiration {expiration}")?,
                    None => formatter.write_str("without end")?,
                }
                write!(formatter, ", credit id {credit_id:?}")
            }
            Change::Usage { amount, timestamp } => {
                write!(formatter, "usage of {amount} at {timestamp}")
            }
            Change::RetractRecord { of } => write!(formatter, "the retraction of {of}"),
            Change::ChangeUsage { of, amount } => {
                write!(formatter, "the change of {of} to {amount}")
            }
            Change::Revoke { of, from } => {
                write!(formatter, "the revocation of {of} from {from} on")
            }
            Change::ChangeExpiration {
                of,
                expiration: Some(expiration),
            } => write!(formatter, "the change of {of} to expiration {expiration}"),
            Change::ChangeExpiration {
                of,
                expiration: None,
            } => write!(formatter, "the change of {of} to no end"),
            Change::CloseBooks { until } => write!(formatter, "the close up to {until}"),
            Change::DeleteAccount => formatter.write_str("the deletion of the account"),
        }
    }
}

/// What must be said even if it is nothing: a window without end is never one by oversight.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::deserialize(deserializer)
}

/// The last instant of a window; `None` if it would be past `i64::MAX`.
pub(crate) fn window_end(timestamp: i64, expiration: Option<u64>) -> Option<i64> {
    match expiration {
        Some(expiration) => timestamp.checked_add_unsigned(expiration),
        None => Some(i64::MAX),
    }
}
