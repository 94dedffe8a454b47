//! How a record stands after its corrections, and which further correction it admits.

use crate::record::window_end;
use crate::{Change, RecordId, Refusal};

/// A grant or usage as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Grant {
        amount: u64,
        start: i64,
        /// Of the window as posted or changed; revoking leaves it as it is.
        end: i64,
        revoked_from: Option<i64>,
    },
    Usage {
        amount: u64,
        timestamp: i64,
    },
    Retracted,
    /// It ended before the books were closed, and nothing more is known of it.
    FoldedAway,
}

impl Standing {
    /// A record as it was posted; `None` for an entry that is no grant and no usage, or a grant whose
    /// window ends past the last timestamp.
    pub(crate) fn posted(change: &Change) -> Option<Standing> {
        match *change {
            Change::Grant {
                amount,
                timestamp,
                expiration,
                ..
            } => Some(Standing::Grant {
                amount,
                start: timestamp,
                end: window_end(timestamp, expiration)?,
                revoked_from: None,
            }),
            Change::Usage { amount, timestamp } => Some(Standing::Usage { amount, timestamp }),
            _ => None,
        }
    }

    /// The window in which a grant is live, first and last instant; `None` if it never is, and
    /// for usage.
    pub(crate) fn window(self) -> Option<(i64, i64)> {
        match self {
            Standing::Grant {
                start,
                end,
                revoked_from: None,
                ..
            } => Some((start, end)),
            Standing::Grant {
                start,
                revoked_from: Some(from),
                ..
            } if from > start => Some((start, from - 1)),
            _ => None,
        }
    }

    /// How the record stands after a correction.
    ///
    /// With the books closed, what was before the close stays: usage before it, grants that started
    /// before it but for what their window does from the close on, and everything that had ended.
    pub(crate) fn corrected(
        self,
        change: &Change,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        match change {
            Change::RetractRecord { of } => self.retracted(of, closed),
            Change::ChangeUsage { of, amount } => self.with_amount(of, *amount, closed),
            Change::Revoke { of, from } => self.revoked(of, *from, closed),
            Change::ChangeExpiration { of, expiration } => {
                self.with_expiration(of, *expiration, closed)
            }
            // Not a correction: it changes no other record.
            _ => Ok(self),
        }
    }

    fn retracted(self, of: &RecordId, closed: Option<i64>) -> Result<Standing, Refusal> {
        let takes_effect = match self {
            Standing::Grant { start, .. } => start,
            Standing::Usage { timestamp, .. } => timestamp,
            Standing::Retracted => return Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => i64::MIN,
        };
        check_open(takes_effect, closed)?;
        Ok(Standing::Retracted)
    }

    fn with_amount(
        self,
        of: &RecordId,
        amount: u64,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        match self {
            Standing::Usage { timestamp, .. } => {
                check_open(timestamp, closed)?;
                Ok(Standing::Usage { amount, timestamp })
            }
            Standing::Grant { .. } | Standing::FoldedAway => Err(Refusal::NotUsage(of.clone())),
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
        }
    }

    fn revoked(self, of: &RecordId, from: i64, closed: Option<i64>) -> Result<Standing, Refusal> {
        let (amount, start, end, present) = self.grant(of, closed)?;
        let from = from.max(start);
        if from > end {
            let of = of.clone();
            return Err(Refusal::PastEnd { of, end, from });
        }
        if let Some(present) = present
            && present <= from
        {
            return Err(Refusal::Revoked {
                of: of.clone(),
                from: present,
            });
        }
        check_open(from, closed)?;
        Ok(Standing::Grant {
            amount,
            start,
            end,
            revoked_from: Some(from),
        })
    }

    fn with_expiration(
        self,
        of: &RecordId,
        expiration: Option<u64>,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        let (amount, start, old_end, revoked_from) = self.grant(of, closed)?;
        if let Some(from) = revoked_from {
            let of = of.clone();
            return Err(Refusal::Revoked { of, from });
        }
        let end = window_end(start, expiration).ok_or(gpu_credit::Error::WindowTooLong {
            timestamp: start,
            expiration: expiration.unwrap_or(0),
        })?;
        if start < closed.unwrap_or(i64::MIN) {
            check_open(old_end, closed)?;
            // The last instant of the new window may be the last that is closed.
            check_open(end.saturating_add(1), closed)?;
        }
        Ok(Standing::Grant {
            amount,
            start,
            end,
            revoked_from: None,
        })
    }

    fn grant(
        self,
        of: &RecordId,
        closed: Option<i64>,
    ) -> Result<(u64, i64, i64, Option<i64>), Refusal> {
        match self {
            Standing::Grant {
                amount,
                start,
                end,
                revoked_from,
            } => Ok((amount, start, end, revoked_from)),
            Standing::Usage { .. } => Err(Refusal::NotAGrant(of.clone())),
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => {
                let until = closed.unwrap_or(i64::MAX);
                Err(Refusal::BooksClosed { until })
            }
        }
    }
}

/// Refuses what takes effect before the close of the books.
pub(crate) fn check_open(timestamp: i64, closed: Option<i64>) -> Result<(), Refusal> {
    match closed {
        Some(until) if timestamp < until => Err(Refusal::BooksClosed { until }),
        _ => Ok(()),
    }
}
