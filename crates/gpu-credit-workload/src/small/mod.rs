//! Short sequences of operations on one account, for comparing an engine with a reference.
//!
//! What an account refuses, because a limit is passed or there is nothing to retract, is part of
//! the sequences: the limits of the ledger are not known here.
//!
//! ```
//! use gpu_credit_workload::small::{self, Numbers, Operation};
//!
//! let operations: Vec<Operation> = small::from_seed(1, Numbers::Small).take(50).collect();
//! assert_eq!(operations.len(), 50);
//! assert!(operations.iter().any(|operation| matches!(operation, Operation::Question { .. })));
//! ```

mod numbers;
mod sequence;
mod source;

pub use numbers::Numbers;

use crate::random::Random;
use sequence::Sequence;
use source::Spelled;

/// A grant to post: it is live in `[timestamp, timestamp + expiration]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// In the smallest unit.
    pub amount: u64,
    /// The first instant of the window.
    pub timestamp: i64,
    /// The last instant of the window, counted from `timestamp`.
    pub expiration: u64,
    /// Lower is drawn first.
    pub priority: i16,
}

/// Usage at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usage {
    /// In the smallest unit.
    pub amount: u64,
    /// When it takes effect.
    pub timestamp: i64,
}

/// One record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// A grant.
    Grant(Grant),
    /// Usage.
    Usage(Usage),
}

/// One call on an account.
///
/// A `place` counts the grants, or the usage records, that were accepted so far, from 0 on. What it
/// names may have been retracted before, or never posted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Post a grant.
    PostGrant(Grant),
    /// Post usage.
    PostUsage(Usage),
    /// Post many usage records in one call, all or none.
    PostUsageMany(Vec<Usage>),
    /// Post many records in one call, all or none.
    PostMany(Vec<Record>),
    /// Retract a grant.
    RetractGrant {
        /// Among the grants.
        place: usize,
    },
    /// Retract one usage record like this one, if there is one.
    RetractUsage(Usage),
    /// Retract this very usage record.
    RetractUsageAt {
        /// Among the usage records.
        place: usize,
    },
    /// Change the amount of one usage record like this one, if there is one.
    ChangeUsage {
        /// What it is.
        usage: Usage,
        /// What its amount is to be.
        new_amount: u64,
    },
    /// Change the amount of this very usage record.
    ChangeUsageAt {
        /// Among the usage records.
        place: usize,
        /// What its amount is to be.
        new_amount: u64,
    },
    /// Revoke a grant from an instant on.
    RevokeGrant {
        /// Among the grants. It may have been revoked before.
        place: usize,
        /// The instant. The window may end before it.
        from: i64,
    },
    /// Give a grant the window `[timestamp, timestamp + expiration]`, with the timestamp it has.
    ChangeExpiration {
        /// Among the grants.
        place: usize,
        /// The last instant of the window, counted from its first.
        expiration: u64,
    },
    /// Give a grant another priority, or the one it has.
    ChangePriority {
        /// Among the grants.
        place: usize,
        /// Lower is drawn first.
        priority: i16,
    },
    /// Let the window of a grant never end.
    RemoveEnd {
        /// Among the grants.
        place: usize,
    },
    /// Settle.
    Settle,
    /// Settle so far that a question about this instant needs no more of it.
    SettleTo {
        /// The instant.
        timestamp: i64,
    },
    /// Go on with a clone of the account.
    GoOnWithClone,
    /// Go on with the account that is read from the bytes of this one.
    GoOnWithBytes,
    /// Ask for the balance at an instant.
    Question {
        /// The instant.
        timestamp: i64,
    },
}

/// The endless sequence of a seed.
pub fn from_seed(seed: u64, numbers: Numbers) -> impl Iterator<Item = Operation> {
    Sequence::new(Random::new(seed), numbers)
}

/// The sequence that bytes spell, for a fuzzer: it ends with them, and similar bytes spell similar
/// sequences. The first byte chooses the [`Numbers`], the second whether grants differ in priority.
///
/// ```
/// use gpu_credit_workload::small::{self, Grant, Operation};
///
/// let operations: Vec<Operation> = small::from_bytes(&[0, 1, 0, 5, 3, 4, 2, 15, 3]).collect();
/// assert_eq!(
///     operations,
///     [
///         Operation::PostGrant(Grant { amount: 5, timestamp: 3, expiration: 4, priority: 1 }),
///         Operation::Question { timestamp: 3 },
///     ],
/// );
/// ```
pub fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = Operation> {
    let (numbers, bytes) = match bytes.split_first() {
        None => (Numbers::Small, bytes),
        Some((first, rest)) => (Numbers::ALL[usize::from(*first) % Numbers::ALL.len()], rest),
    };
    Sequence::new(Spelled::new(bytes), numbers)
}
