//! What an account answers: the balance, and why it is what it is.

use crate::options::Overdraft;
use crate::timeline::ask::Standing;
use crate::timeline::epoch_table::Limit;

/// The balance at an instant, and why it is what it is.
///
/// ```
/// use gpu_credit::{GpuCredit, Status};
///
/// let mut account = GpuCredit::new();
/// account.subtract(4, 5)?;
/// account.add_credit("late", 3, 10, 10)?;
/// let answer = account.balance_at(10);
/// assert_eq!((answer.balance, answer.status, answer.deficit), (None, Status::Overdrawn, 1));
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Answer {
    /// Live remainders minus deficit, in the smallest unit. `None` if no window contains the
    /// instant, if the result is negative, or if it is zero under [`Overdraft::Forfeit`].
    ///
    /// [`Overdraft::Forfeit`]: crate::Overdraft::Forfeit
    pub balance: Option<u64>,
    /// Why.
    pub status: Status,
    /// Usage that no grant has covered yet, whatever the status. Always 0 under
    /// [`Overdraft::Forfeit`](crate::Overdraft::Forfeit).
    pub deficit: u64,
}

/// Why an [`Answer`] is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Status {
    /// No window contains the instant, whatever the deficit.
    Inactive,
    /// There is a deficit.
    Overdrawn,
    /// Under [`Overdraft::Forfeit`](crate::Overdraft::Forfeit): grants are live, and none has a remainder.
    Spent,
    /// The balance is a number.
    Available,
}

impl Status {
    /// The word in lower case: `inactive`, `overdrawn`, `spent` or `available`. O(1)
    ///
    /// ```
    /// use gpu_credit::Status;
    ///
    /// assert_eq!(Status::Overdrawn.as_str(), "overdrawn");
    /// assert_eq!(Status::Overdrawn.to_string(), "overdrawn");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Inactive => "inactive",
            Status::Overdrawn => "overdrawn",
            Status::Spent => "spent",
            Status::Available => "available",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[inline]
pub(crate) fn balance(standing: Standing, overdraft: Overdraft) -> Option<u64> {
    let limit = Limit::new(standing.is_live, standing.level);
    limit.balance(standing.used, overdraft)
}

pub(crate) fn answer(standing: Standing, overdraft: Overdraft) -> Answer {
    let Standing {
        is_live,
        level,
        used,
    } = standing;
    let deficit = used.saturating_sub(level).min(overdraft.line());
    let status = if !is_live {
        Status::Inactive
    } else if deficit > 0 {
        Status::Overdrawn
    } else if overdraft == Overdraft::Forfeit && level <= used {
        Status::Spent
    } else {
        Status::Available
    };
    Answer {
        balance: balance(standing, overdraft),
        status,
        deficit,
    }
}
