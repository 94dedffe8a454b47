//! What an account answers: the balance, and why it is what it is.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// What happens to usage beyond what the live grants can pay. One account, one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overdraft {
    /// It becomes a deficit, which the grants that start later pay on arrival. A balance of
    /// exactly zero reads `Some(0)`.
    #[default]
    Carry,
    /// `carry:C`: the deficit grows to the credit line `C` at most, which is at most `i64::MAX`. What
    /// is beyond it is dropped: billed elsewhere, and never owed. Otherwise it is like `Carry`.
    CarryUpTo(u64),
    /// It forfeits every live remainder and is itself dropped whole: no debt, and the next grant
    /// starts clean. A balance of exactly zero reads `None`.
    Forfeit,
}

impl Overdraft {
    /// The most that a deficit may be. No sum is more than `i64::MAX`, so that is no line.
    pub(crate) fn credit_line(self) -> u64 {
        match self {
            Overdraft::Carry => i64::MAX.unsigned_abs(),
            Overdraft::CarryUpTo(line) => line,
            Overdraft::Forfeit => 0,
        }
    }
}

/// As it is written: `carry`, `carry:5` or `forfeit`.
impl Display for Overdraft {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Overdraft::Carry => formatter.write_str("carry"),
            Overdraft::CarryUpTo(line) => write!(formatter, "carry:{line}"),
            Overdraft::Forfeit => formatter.write_str("forfeit"),
        }
    }
}

/// Reads what [`Display`] writes; the error says nothing.
impl FromStr for Overdraft {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "carry" => Ok(Overdraft::Carry),
            "forfeit" => Ok(Overdraft::Forfeit),
            _ => {
                let line = text.strip_prefix("carry:").ok_or(())?;
                let line: u64 = line.parse().map_err(|_| ())?;
                let fits = line <= i64::MAX.unsigned_abs();
                fits.then_some(Overdraft::CarryUpTo(line)).ok_or(())
            }
        }
    }
}

/// Why an [`Answer`] is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// No window contains the instant. It wins over the others.
    Inactive,
    /// There is a deficit.
    Overdrawn,
    /// Under [`Overdraft::Forfeit`]: live grants, and nothing left.
    Spent,
    /// The balance is a number.
    Available,
}

impl Status {
    /// The word in lower case: `inactive`, `overdrawn`, `spent` or `available`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Inactive => "inactive",
            Status::Overdrawn => "overdrawn",
            Status::Spent => "spent",
            Status::Available => "available",
        }
    }
}

/// The balance at an instant, and why it is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Live remainders minus deficit, in the smallest unit; a number if the status is
    /// [`Status::Available`], and nowhere else.
    pub balance: Option<u64>,
    /// Why.
    pub status: Status,
    /// Usage not yet paid by any grant, whatever the status.
    pub deficit: u64,
}

impl Answer {
    /// Reads the answer off an account: whether any window contains the instant, what is left of
    /// all live grants, and the deficit.
    ///
    /// Only if nothing is left can there be a deficit, so a deficit makes the balance negative.
    pub(crate) fn new(overdraft: Overdraft, any_live: bool, remaining: u64, deficit: u64) -> Self {
        assert!(
            remaining == 0 || deficit == 0,
            "{remaining} is left beside a deficit of {deficit}"
        );
        let status = if !any_live {
            Status::Inactive
        } else if deficit > 0 {
            Status::Overdrawn
        } else if remaining == 0 && overdraft == Overdraft::Forfeit {
            Status::Spent
        } else {
            Status::Available
        };
        Self {
            balance: (status == Status::Available).then_some(remaining),
            status,
            deficit,
        }
    }
}
