//! What an entry does to its account.

use std::fmt;

use gpu_credit::{MeteredUsage, Overdraft};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Hold, RecordId, RefusedHold};

/// What an entry does to its account. Times and amounts are as in [`GpuCredit`].
///
/// As text, a line of an exported journal, it is what is derived here; as bytes, an entry of the file,
/// it has a form of its own.
///
/// [`GpuCredit`]: gpu_credit::GpuCredit
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
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
        /// Lower is drawn first; 0 if it is left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        priority: i16,
    },
    /// Usage at an instant.
    Usage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Metered usage: `rate` units at each tick of `[from, until)`. If that is empty, it is nothing,
    /// and can be changed into something.
    MeteredUsage {
        /// What each tick uses, in the smallest unit.
        rate: u64,
        /// The first tick.
        from: i64,
        /// The first tick that is no longer used: the planned end, as long as the job runs.
        until: i64,
    },
    /// Retracts a grant or usage, as if it had never been posted.
    RetractRecord {
        /// The record.
        of: RecordId,
    },
    /// Gives usage at an instant another amount, in its place.
    ChangeUsage {
        /// The usage.
        of: RecordId,
        /// The amount it has from now on, in the smallest unit.
        amount: u64,
    },
    /// Gives metered usage another rate, beginning or end, in its place. What is `None` stays.
    ChangeMeteredUsage {
        /// The metered usage.
        of: RecordId,
        /// As in [`Change::MeteredUsage`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate: Option<u64>,
        /// As in [`Change::MeteredUsage`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<i64>,
        /// As in [`Change::MeteredUsage`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
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
    /// Gives a grant another priority, in its place.
    ChangePriority {
        /// The grant.
        of: RecordId,
        /// As in [`Change::Grant`].
        priority: i16,
    },
    /// Closes the books: records before this instant are refused from now on, and so are questions.
    CloseBooks {
        /// The first instant that stays open.
        until: i64,
    },
    /// Deletes the account with all its entries.
    DeleteAccount,
    /// Credit that is kept: see [`Store::authorise`](crate::Store::authorise), which alone decides it.
    Hold(Box<Hold>),
    /// A hold that was asked for and not given, for good.
    RefuseHold(Box<RefusedHold>),
    /// Usage at an instant in the place of a hold, on each of its accounts.
    Settle {
        /// The hold.
        hold: RecordId,
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Metered usage in the place of a hold, on each of its accounts.
    SettleMetered {
        /// The hold.
        hold: RecordId,
        /// What each tick uses, in the smallest unit.
        rate: u64,
        /// The first tick.
        from: i64,
        /// The first tick that is no longer used.
        until: i64,
    },
    /// Nothing in the place of a hold, on each of its accounts.
    Release {
        /// The hold.
        hold: RecordId,
    },
}

impl Change {
    /// The record that it corrects, if it corrects one: of what closes a hold, the hold.
    pub fn corrects(&self) -> Option<&RecordId> {
        match self {
            Change::RetractRecord { of }
            | Change::ChangeUsage { of, .. }
            | Change::ChangeMeteredUsage { of, .. }
            | Change::Revoke { of, .. }
            | Change::ChangeExpiration { of, .. }
            | Change::ChangePriority { of, .. }
            | Change::Settle { hold: of, .. }
            | Change::SettleMetered { hold: of, .. }
            | Change::Release { hold: of } => Some(of),
            _ => None,
        }
    }

    /// The hold that it gives, or what was asked for of one that it refuses.
    ///
    /// ```
    /// use gpu_credit_store::Change;
    ///
    /// let mut usage = Change::Usage { amount: 3, timestamp: 5 };
    /// assert!(usage.hold_mut().is_none());
    /// ```
    pub fn hold_mut(&mut self) -> Option<&mut Hold> {
        match self {
            Change::Hold(hold) => Some(hold),
            Change::RefuseHold(refused) => Some(&mut refused.asked),
            _ => None,
        }
    }

    /// Whether it gives a hold, refuses one or closes one: then it is no posting of the caller's.
    pub(crate) fn is_of_hold(&self) -> bool {
        matches!(
            self,
            Change::Hold(_)
                | Change::RefuseHold(_)
                | Change::Settle { .. }
                | Change::SettleMetered { .. }
                | Change::Release { .. }
        )
    }
}

impl From<MeteredUsage> for Change {
    fn from(usage: MeteredUsage) -> Self {
        let MeteredUsage { rate, from, until } = usage;
        Change::MeteredUsage { rate, from, until }
    }
}

impl fmt::Display for Change {
    /// What it does, on one line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told(|instant| instant.to_string()).fmt(formatter)
    }
}

impl Change {
    /// What it does, on one line, with instants shown as the caller shows them.
    pub fn told(&self, show: impl Fn(i64) -> String) -> impl fmt::Display {
        Told { change: self, show }
    }
}

struct Told<'c, S> {
    change: &'c Change,
    show: S,
}

impl<S: Fn(i64) -> String> fmt::Display for Told<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |instant: &i64| (self.show)(*instant);
        match self.change {
            Change::OpenAccount { policy } => {
                write!(formatter, "the opening of the account, policy {policy}")
            }
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                let start = show(timestamp);
                write!(formatter, "a grant of {amount}, active ")?;
                match (window_end(*timestamp, *expiration), expiration) {
                    (_, None) => write!(formatter, "from {start} on")?,
                    (Some(end), _) => write!(formatter, "{start} to {}", show(&end))?,
                    (None, Some(expiration)) => {
                        write!(formatter, "from {start} on, expiration {expiration}")?;
                    }
                }
                if !credit_id.is_empty() {
                    write!(formatter, ", credit id {credit_id:?}")?;
                }
                match priority {
                    0 => Ok(()),
                    priority => write!(formatter, ", priority {priority}"),
                }
            }
            Change::Usage { amount, timestamp } => {
                write!(formatter, "usage of {amount} at {}", show(timestamp))
            }
            Change::MeteredUsage { rate, from, until } => {
                write!(
                    formatter,
                    "metered usage of {rate} a tick from {} until {}",
                    show(from),
                    show(until)
                )
            }
            Change::RetractRecord { of } => write!(formatter, "the retraction of {of}"),
            Change::ChangeUsage { of, amount } => {
                write!(formatter, "the change of {of} to {amount}")
            }
            Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => {
                write!(formatter, "the change of {of} to")?;
                let mut separator = "";
                if let Some(rate) = rate {
                    write!(formatter, " {rate} a tick")?;
                    separator = ",";
                }
                if let Some(from) = from {
                    write!(formatter, "{separator} from {}", show(from))?;
                    separator = ",";
                }
                if let Some(until) = until {
                    write!(formatter, "{separator} until {}", show(until))?;
                }
                Ok(())
            }
            Change::Revoke { of, from } => {
                write!(formatter, "the revocation of {of} from {} on", show(from))
            }
            Change::ChangeExpiration {
                of,
                expiration: Some(expiration),
            } => write!(formatter, "the change of {of} to expiration {expiration}"),
            Change::ChangeExpiration {
                of,
                expiration: None,
            } => write!(formatter, "the change of {of} to no end"),
            Change::ChangePriority { of, priority } => {
                write!(formatter, "the change of {of} to priority {priority}")
            }
            Change::CloseBooks { until } => write!(formatter, "the close up to {}", show(until)),
            Change::DeleteAccount => formatter.write_str("the deletion of the account"),
            Change::Hold(hold) => {
                formatter.write_str("a hold of ")?;
                hold.tell(formatter, show)
            }
            Change::RefuseHold(refused) => {
                formatter.write_str("the refusal of a hold of ")?;
                refused.asked.tell(formatter, show)
            }
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => write!(
                formatter,
                "the settlement of {hold} with {amount} at {}",
                show(timestamp)
            ),
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => write!(
                formatter,
                "the settlement of {hold} with {rate} a tick from {} until {}",
                show(from),
                show(until)
            ),
            Change::Release { hold } => write!(formatter, "the release of {hold}"),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(priority: &i16) -> bool {
    *priority == 0
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
