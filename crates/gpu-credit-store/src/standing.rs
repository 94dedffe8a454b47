//! How a record stands after its corrections, and which further correction it admits.

use gpu_credit::MeteredUsage;
use serde::{Deserialize, Serialize};

use crate::change::window_end;
use crate::metered::{has_ended_before, part_before};
use crate::{Change, RecordId, Refusal, Revision};

/// A grant or usage as it stands.
///
/// Variants and fields are the format of snapshots: if they change, so does its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    Grant(Granted),
    Usage {
        amount: u64,
        timestamp: i64,
    },
    /// As posted or changed; closing the books leaves it as it is.
    Metered(MeteredUsage),
    Retracted,
    /// It ended before the books were closed, and nothing more is known of it.
    FoldedAway,
    /// A hold that is neither settled nor released.
    Hold {
        at: i64,
        until: i64,
    },
    /// A hold in whose place is what the entry at a revision posted: nothing, if that released it.
    ClosedHold {
        by: Revision,
        is_settled: bool,
    },
}

/// A grant that is not retracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) amount: u64,
    pub(crate) start: i64,
    /// Of the window as posted or changed; revoking leaves it as it is.
    pub(crate) end: i64,
    pub(crate) revoked_from: Option<i64>,
    pub(crate) priority: i16,
}

impl Granted {
    /// The window in which it is live, first and last instant; `None` if it never is.
    pub(crate) fn window(self) -> Option<(i64, i64)> {
        match self.revoked_from {
            None => Some((self.start, self.end)),
            Some(from) if from > self.start => Some((self.start, from - 1)),
            Some(_) => None,
        }
    }

    /// Whether it starts at an instant or later, or is still live there.
    pub(crate) fn reaches(self, instant: i64) -> bool {
        self.start >= instant || self.window().is_some_and(|(_, last)| last >= instant)
    }
}

impl Standing {
    /// A record as it was posted; `None` for an entry that is no grant, no usage and no hold, or a grant
    /// whose window ends past the last timestamp.
    pub(crate) fn posted(change: &Change) -> Option<Standing> {
        match *change {
            Change::Hold(ref hold) => Some(Standing::Hold {
                at: hold.at,
                until: hold.until,
            }),
            Change::Settle {
                amount, timestamp, ..
            } => Some(Standing::Usage { amount, timestamp }),
            Change::SettleMetered {
                rate, from, until, ..
            } => Some(Standing::Metered(MeteredUsage { rate, from, until })),
            Change::Grant {
                amount,
                timestamp,
                expiration,
                priority,
                ..
            } => Some(Standing::Grant(Granted {
                amount,
                start: timestamp,
                end: window_end(timestamp, expiration)?,
                revoked_from: None,
                priority,
            })),
            Change::Usage { amount, timestamp } => Some(Standing::Usage { amount, timestamp }),
            Change::MeteredUsage { rate, from, until } => {
                Some(Standing::Metered(MeteredUsage { rate, from, until }))
            }
            _ => None,
        }
    }

    /// How the record stands after a correction, the entry at the revision `by`.
    ///
    /// With the books closed, what was before the close stays: usage before it, the ticks of metered
    /// usage before it, grants that started before it but for what their window does from the close
    /// on, and everything that had ended.
    pub(crate) fn corrected(
        self,
        change: &Change,
        by: Revision,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        match change {
            Change::Settle { hold, .. } | Change::SettleMetered { hold, .. } => {
                self.closed_hold(hold, by, true)
            }
            Change::Release { hold } => self.closed_hold(hold, by, false),
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
            Change::ChangePriority { of, priority } => self.with_priority(of, *priority, closed),
            // Not a correction: it changes no other record.
            _ => Ok(self),
        }
    }

    /// Whether the entry gave a hold.
    pub(crate) fn is_hold(self) -> bool {
        matches!(self, Standing::Hold { .. } | Standing::ClosedHold { .. })
    }

    /// A hold is closed once, but that what was released can still be settled: the work was done.
    fn closed_hold(
        self,
        hold: &RecordId,
        by: Revision,
        is_settled: bool,
    ) -> Result<Standing, Refusal> {
        match self {
            Standing::Hold { .. } => {}
            Standing::ClosedHold {
                is_settled: false, ..
            } if is_settled => {}
            Standing::ClosedHold {
                by,
                is_settled: was_settled,
            } => {
                return Err(Refusal::HoldClosed {
                    hold: hold.clone(),
                    by,
                    was_settled,
                });
            }
            _ => return Err(Refusal::NotAHold(hold.clone())),
        }
        Ok(Standing::ClosedHold { by, is_settled })
    }

    fn retracted(self, of: &RecordId, closed: Option<i64>) -> Result<Standing, Refusal> {
        let takes_effect = match self {
            Standing::Grant(grant) => grant.start,
            Standing::Usage { timestamp, .. } => timestamp,
            Standing::Metered(usage) => {
                check_ticks(usage, None, closed)?;
                return Ok(Standing::Retracted);
            }
            Standing::Retracted => return Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => i64::MIN,
            Standing::Hold { .. } | Standing::ClosedHold { .. } => return Err(is_a_hold(of)),
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
            Standing::Grant(_) | Standing::Metered(_) | Standing::FoldedAway => {
                Err(Refusal::NotUsage(of.clone()))
            }
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
            Standing::Hold { .. } | Standing::ClosedHold { .. } => Err(is_a_hold(of)),
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
            Standing::Grant(_) | Standing::Usage { .. } => {
                return Err(Refusal::NotMetered(of.clone()));
            }
            Standing::Retracted => return Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => return Err(folded_away(closed)),
            Standing::Hold { .. } | Standing::ClosedHold { .. } => return Err(is_a_hold(of)),
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
        let grant = self.grant(of, closed)?;
        let from = from.max(grant.start);
        if from > grant.end {
            let (of, end) = (of.clone(), grant.end);
            return Err(Refusal::PastEnd { of, end, from });
        }
        if let Some(present) = grant.revoked_from
            && present <= from
        {
            return Err(Refusal::Revoked {
                of: of.clone(),
                from: present,
            });
        }
        check_open(from, closed)?;
        Ok(Standing::Grant(Granted {
            revoked_from: Some(from),
            ..grant
        }))
    }

    fn with_expiration(
        self,
        of: &RecordId,
        expiration: Option<u64>,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        let grant = self.grant(of, closed)?;
        if let Some(from) = grant.revoked_from {
            let of = of.clone();
            return Err(Refusal::Revoked { of, from });
        }
        let start = grant.start;
        let end = window_end(start, expiration).ok_or(gpu_credit::Error::WindowTooLong {
            timestamp: start,
            expiration: expiration.unwrap_or(0),
        })?;
        if start < closed.unwrap_or(i64::MIN) {
            check_open(grant.end, closed)?;
            // The last instant of the new window may be the last that is closed.
            check_open(end.saturating_add(1), closed)?;
        }
        Ok(Standing::Grant(Granted { end, ..grant }))
    }

    /// From the close of the books on, what was drawn before stays drawn.
    fn with_priority(
        self,
        of: &RecordId,
        priority: i16,
        closed: Option<i64>,
    ) -> Result<Standing, Refusal> {
        let grant = self.grant(of, closed)?;
        match closed {
            Some(until) if !grant.reaches(until) => Err(Refusal::BooksClosed { until }),
            _ => Ok(Standing::Grant(Granted { priority, ..grant })),
        }
    }

    fn grant(self, of: &RecordId, closed: Option<i64>) -> Result<Granted, Refusal> {
        match self {
            Standing::Grant(grant) => Ok(grant),
            Standing::Usage { .. } | Standing::Metered(_) => Err(Refusal::NotAGrant(of.clone())),
            Standing::Retracted => Err(Refusal::Retracted(of.clone())),
            Standing::FoldedAway => Err(folded_away(closed)),
            Standing::Hold { .. } | Standing::ClosedHold { .. } => Err(is_a_hold(of)),
        }
    }
}

/// A hold is settled or released, and not corrected like a record.
fn is_a_hold(of: &RecordId) -> Refusal {
    Refusal::IsAHold(of.clone())
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
