//! How a record stands after its corrections, and which further correction it admits.

use gpu_credit::MeteredUsage;

use crate::change::window_end;
use crate::metered::{has_ended_before, part_before};
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
    /// As posted or changed; closing the books leaves it as it is.
    Metered(MeteredUsage),
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
            Change::MeteredUsage { rate, from, until } => {
                Some(Standing::Metered(MeteredUsage { rate, from, until }))
            }
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
    /// With the books closed, what was before the close stays: usage before it, the ticks of metered
    /// usage before it, grants that started before it but for what their window does from the close
    /// on, and everything that had ended.
    pub(crate) fn corrected(
        self,
        change: &Change,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        match change {
            Change::RetractRecord { of } => self.retracted(of, closed),
            Change::ChangeUsage { of, amount } => self.with_amount(of, *amount, closed),
            Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => self.with_metered(of, (*rate, *from, *until), closed),
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
            Standing::Metered(usage) => {
                check_ticks(usage, None, closed)?;
                return Ok(Standing::Retracted);
            }
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
            Standing::Grant { .. } | Standing::Metered(_) | Standing::FoldedAway => {
                Err(Refusal::NotUsage(of.clone()))
            }
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
        }
    }

    fn with_metered(
        self,
        of: &RecordId,
        (rate, from, until): (Option<u64>, Option<i64>, Option<i64>),
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        let before = match self {
            Standing::Metered(usage) => usage,
            Standing::Grant { .. } | Standing::Usage { .. } => {
                return Err(Refusal::NotMetered(of.clone()));
            }
            Standing::Retracted => return Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => return Err(folded_away(closed)),
        };
        if (rate, from, until) == (None, None, None) {
            return Err(Refusal::NothingToChange(of.clone()));
        }
        let after = MeteredUsage {
            rate: rate.unwrap_or(before.rate),
            from: from.unwrap_or(before.from),
            until: until.unwrap_or(before.until),
        };
        check_ticks(before, Some(after), closed)?;
        Ok(Standing::Metered(after))
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
            Standing::Usage { .. } | Standing::Metered(_) => Err(Refusal::NotAGrant(of.clone())),
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => Err(folded_away(closed)),
        }
    }
}

/// Refuses a correction of metered usage that changes a tick before the close of the books.
///
/// Of what had ended before it after it had used something, nothing can change but such a tick.
fn check_ticks(
    before: MeteredUsage,
    after: Option<MeteredUsage>,
    closed: Option<i64>,
) -> Result<(), Refusal> {
    let Some(until) = closed else {
        return Ok(());
    };
    let is_same = part_before(before, until) == after.and_then(|after| part_before(after, until));
    match is_same && !has_ended_before(before, until) {
        true => Ok(()),
        false => Err(Refusal::BooksClosed { until }),
    }
}

fn folded_away(closed: Option<i64>) -> Refusal {
    let until = closed.unwrap_or(i64::MAX);
    Refusal::BooksClosed { until }
}

/// Refuses what takes effect before the close of the books.
pub(crate) fn check_open(timestamp: i64, closed: Option<i64>) -> Result<(), Refusal> {
    match closed {
        Some(until) if timestamp < until => Err(Refusal::BooksClosed { until }),
        _ => Ok(()),
    }
}
