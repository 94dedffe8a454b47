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

use crate::random::Random;

/// One call on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Post a grant that is live in `[timestamp, timestamp + expiration]`.
    PostGrant {
        /// In the smallest unit.
        amount: u64,
        /// The first instant of the window.
        timestamp: i64,
        /// The last instant of the window, counted from `timestamp`.
        expiration: u64,
    },
    /// Post usage at an instant.
    PostUsage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Retract a grant.
    RetractGrant {
        /// Its place among the grants that were accepted, from 0 on. It may have been retracted
        /// before, or never posted.
        place: usize,
    },
    /// Retract one usage of this amount at this instant. There may be none.
    RetractUsage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Change the amount of one usage of this amount at this instant. There may be none.
    ChangeUsage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
        /// What it is to be.
        new_amount: u64,
    },
    /// Revoke a grant from an instant on.
    RevokeGrant {
        /// Its place among the grants that were accepted, from 0 on. It may have been retracted or
        /// revoked before, or never posted.
        place: usize,
        /// The instant. The window may end before it.
        from: i64,
    },
    /// Give a grant the window `[timestamp, timestamp + expiration]`, with the timestamp it has.
    ChangeExpiration {
        /// Its place, as in [`RevokeGrant`](Operation::RevokeGrant).
        place: usize,
        /// The last instant of the window, counted from its first.
        expiration: u64,
    },
    /// Settle.
    Settle,
    /// Ask for the balance at an instant.
    Question {
        /// The instant.
        timestamp: i64,
    },
}

/// From where the numbers of a sequence come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// About a dozen instants and amounts: many ties, and many balances of exactly zero.
    Small,
    /// The same a step from either end of the range of timestamps, amounts near nothing or near
    /// all that fits.
    Edges,
    /// The whole range, small and large alike.
    Full,
}

impl Numbers {
    /// All of them.
    pub const ALL: [Numbers; 3] = [Numbers::Small, Numbers::Edges, Numbers::Full];
}

/// The endless sequence of a seed.
pub fn from_seed(seed: u64, numbers: Numbers) -> impl Iterator<Item = Operation> {
    Sequence::new(Random::new(seed), numbers)
}

/// The sequence that bytes spell, for a fuzzer: it ends with them, and similar bytes spell similar
/// sequences. The first byte chooses the [`Numbers`].
///
/// ```
/// use gpu_credit_workload::small::{self, Operation};
///
/// let operations: Vec<Operation> = small::from_bytes(&[0, 0, 5, 3, 4, 15, 3]).collect();
/// assert_eq!(
///     operations,
///     [
///         Operation::PostGrant { amount: 5, timestamp: 3, expiration: 4 },
///         Operation::Question { timestamp: 3 },
///     ],
/// );
/// ```
pub fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = Operation> {
    let (numbers, bytes) = match bytes.split_first() {
        None => (Numbers::Small, bytes),
        Some((first, rest)) => (Numbers::ALL[usize::from(*first) % Numbers::ALL.len()], rest),
    };
    Sequence::new(Spelled(bytes), numbers)
}

struct Sequence<S> {
    source: S,
    numbers: Numbers,
    /// Grants and usage posted so far, to have something to retract.
    grants: u64,
    usage: Vec<(u64, i64)>,
}

impl<S: Source> Iterator for Sequence<S> {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        match self.source.below(20)? {
            0..4 => self.post_grant(),
            4..9 => self.post_usage(),
            9 => self.retract_grant(),
            10 | 11 => self.retract_usage(),
            12 => Some(Operation::Settle),
            16 => self.change_usage(),
            17 | 18 => self.revoke_grant(),
            19 => self.change_expiration(),
            _ => Some(Operation::Question {
                timestamp: self.timestamp()?,
            }),
        }
    }
}

impl<S: Source> Sequence<S> {
    fn new(source: S, numbers: Numbers) -> Self {
        Self {
            source,
            numbers,
            grants: 0,
            usage: Vec::new(),
        }
    }

    fn post_grant(&mut self) -> Option<Operation> {
        let amount = self.amount()?;
        let timestamp = self.timestamp()?;
        let expiration = self.expiration(timestamp)?;
        self.grants += 1;
        Some(Operation::PostGrant {
            amount,
            timestamp,
            expiration,
        })
    }

    fn post_usage(&mut self) -> Option<Operation> {
        let amount = self.amount()?;
        let timestamp = self.timestamp()?;
        self.usage.push((amount, timestamp));
        Some(Operation::PostUsage { amount, timestamp })
    }

    fn retract_grant(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        Some(Operation::RetractGrant { place })
    }

    fn retract_usage(&mut self) -> Option<Operation> {
        let (amount, timestamp) = self.take_usage()?;
        Some(Operation::RetractUsage { amount, timestamp })
    }

    fn change_usage(&mut self) -> Option<Operation> {
        let (amount, timestamp) = self.take_usage()?;
        let new_amount = self.amount()?;
        self.usage.push((new_amount, timestamp));
        Some(Operation::ChangeUsage {
            amount,
            timestamp,
            new_amount,
        })
    }

    fn revoke_grant(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        let from = self.timestamp()?;
        Some(Operation::RevokeGrant { place, from })
    }

    fn change_expiration(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        // Where it starts is not known here, for some are refused.
        let timestamp = self.timestamp()?;
        let expiration = self.expiration(timestamp)?;
        Some(Operation::ChangeExpiration { place, expiration })
    }

    /// One of those posted, or the one after them.
    fn grant(&mut self) -> Option<usize> {
        let place = self.source.below(self.grants + 1)?;
        usize::try_from(place).ok()
    }

    /// One of those posted, or any. It is not posted any more.
    fn take_usage(&mut self) -> Option<(u64, i64)> {
        let place = self.source.below(self.usage.len() as u64 + 1)?;
        let place = usize::try_from(place).ok()?;
        if place < self.usage.len() {
            Some(self.usage.swap_remove(place))
        } else {
            Some((self.amount()?, self.timestamp()?))
        }
    }

    fn amount(&mut self) -> Option<u64> {
        const AMOUNT_MAX: u64 = i64::MAX.unsigned_abs();
        match self.numbers {
            Numbers::Small => self.source.below(9),
            Numbers::Edges => match self.source.below(8)? {
                0 => Some(AMOUNT_MAX - self.source.below(9)?),
                1 => Some(AMOUNT_MAX / 2 - self.source.below(9)?),
                _ => self.source.below(9),
            },
            Numbers::Full => self.source.magnitude(),
        }
    }

    fn timestamp(&mut self) -> Option<i64> {
        match self.numbers {
            Numbers::Small => Some(0_i64.saturating_add_unsigned(self.source.below(12)?)),
            Numbers::Edges => match self.source.below(12)? {
                step @ 0..6 => Some(i64::MIN.saturating_add_unsigned(step)),
                step => Some(i64::MAX.saturating_sub_unsigned(11 - step)),
            },
            Numbers::Full => Some(self.source.any()?.cast_signed()),
        }
    }

    fn expiration(&mut self, timestamp: i64) -> Option<u64> {
        let endless = i64::MAX.abs_diff(timestamp);
        match self.numbers {
            Numbers::Small => self.source.below(7),
            Numbers::Edges => match self.source.below(9)? {
                step @ 0..6 => Some(step),
                step => Some(endless.saturating_sub(step - 6)),
            },
            // Nearly always one that fits, because others are refused.
            Numbers::Full => match self.source.below(16)? {
                0 => self.source.any(),
                1 => Some(endless),
                _ => Some(self.source.magnitude()?.min(endless)),
            },
        }
    }
}

/// Where choices come from.
trait Source {
    /// A number below `bound`, which is not 0. `None`: the source is exhausted.
    fn below(&mut self, bound: u64) -> Option<u64>;

    /// Any number.
    fn any(&mut self) -> Option<u64>;

    /// A number of 0 to 64 bits, each count of bits alike.
    fn magnitude(&mut self) -> Option<u64> {
        match self.below(65)? {
            0 => Some(0),
            bits => Some(self.any()? >> (64 - bits)),
        }
    }
}

impl Source for Random {
    fn below(&mut self, bound: u64) -> Option<u64> {
        Some(Random::below(self, bound))
    }

    fn any(&mut self) -> Option<u64> {
        Some(self.next())
    }
}

/// A byte for a small choice, eight for a large one.
struct Spelled<'a>(&'a [u8]);

impl Source for Spelled<'_> {
    fn below(&mut self, bound: u64) -> Option<u64> {
        if bound > 256 {
            return Some(self.any()? % bound);
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(u64::from(*first) % bound)
    }

    fn any(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }
}
