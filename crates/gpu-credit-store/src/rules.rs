//! The limits of an account and the order of its books: what is refused, whatever the record.

use gpu_credit::{MeteredUsage, Overdraft};

use crate::change::window_end;
use crate::metered::{part_from, total};
use crate::standing::{Standing, check_open};
use crate::{
    CREDIT_ID_BYTES_MAX, Change, HOLD_ACCOUNTS_MAX, HeldUsage, Hold, Posting, Refusal,
    TEXT_BYTES_MAX, Totals,
};

const SUM_MAX: u64 = i64::MAX.unsigned_abs();
/// Grants of one account, and bytes of their credit ids, at most: a little less than what the engine
/// can number, retracted grants included.
const GRANTS_MAX: u64 = (1 << 31) - 1;
/// Usage records of one account, at most: the engine numbers one more for the deficit of closed books.
const USAGE_RECORDS_MAX: u64 = u32::MAX as u64 - 1;
/// If metered usage is among them, they are no more than the engine can number of that.
const METERED_RECORDS_MAX: u64 = (1 << 31) - 1;
const CREDIT_ID_BYTES_SUM_MAX: u64 = u32::MAX as u64;

/// Refuses texts that are empty or too long.
pub(crate) fn check_texts(posting: &Posting) -> Result<(), Refusal> {
    for length in [posting.account.len(), posting.id.as_str().len()] {
        if length == 0 || length > TEXT_BYTES_MAX {
            return Err(Refusal::TextLength(length));
        }
    }
    match &posting.change {
        Change::Grant { credit_id, .. } if credit_id.len() > CREDIT_ID_BYTES_MAX => {
            Err(Refusal::CreditIdLength(credit_id.len()))
        }
        Change::OpenAccount { policy } => check_policy(*policy),
        Change::Hold(hold) => check_hold(hold),
        Change::RefuseHold(refused) => check_hold(&refused.asked),
        _ => Ok(()),
    }
}

/// Refuses texts that a storage cannot keep.
pub(crate) fn check_kept(posting: &Posting, keeps: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let credit_id = match &posting.change {
        Change::Grant { credit_id, .. } => credit_id,
        _ => "",
    };
    let of = posting.change.corrects().map_or("", |of| of.as_str());
    let mut texts = [&*posting.account, posting.id.as_str(), of, credit_id].into_iter();
    match texts.all(keeps) {
        true => Ok(()),
        false => Err(Refusal::TextNotKept),
    }
}

/// Refuses a hold that is on no account or too many, or ends before the usage that it stands for.
pub(crate) fn check_hold(hold: &Hold) -> Result<(), Refusal> {
    let count = hold.accounts.len();
    if count == 0 || count > HOLD_ACCOUNTS_MAX {
        return Err(Refusal::HoldAccounts(count));
    }
    let mut first = hold.at.saturating_add(1);
    if let HeldUsage::Metered { end, .. } = hold.usage {
        if end <= hold.at {
            let (from, until) = (hold.at, end);
            return Err(Refusal::Limit(gpu_credit::Error::NoTicks { from, until }));
        }
        first = first.max(end);
    }
    if hold.until <= hold.at || hold.until < first {
        return Err(Refusal::HoldTooShort {
            at: hold.at,
            first,
            until: hold.until,
        });
    }
    Ok(())
}

/// Refuses a credit line that no sum can reach.
pub(crate) fn check_policy(policy: Overdraft) -> Result<(), Refusal> {
    match policy {
        Overdraft::CarryUpTo(line) if line > SUM_MAX => Err(Refusal::CreditLine(line)),
        _ => Ok(()),
    }
}

/// The totals of an account once a change is posted that corrects nothing.
pub(crate) fn posted(mut totals: Totals, change: &Change) -> Result<Totals, Refusal> {
    match change {
        Change::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            ..
        } => {
            check_open(*timestamp, totals.closed)?;
            if window_end(*timestamp, *expiration).is_none() {
                return Err(Refusal::Limit(gpu_credit::Error::WindowTooLong {
                    timestamp: *timestamp,
                    expiration: expiration.unwrap_or(0),
                }));
            }
            totals.granted = granted(totals.granted, *amount)?;
            totals.grants += 1;
            totals.credit_id_bytes += credit_id.len() as u64;
            if totals.grants > GRANTS_MAX {
                return Err(Refusal::Limit(gpu_credit::Error::TooManyGrants));
            }
            if totals.credit_id_bytes > CREDIT_ID_BYTES_SUM_MAX {
                return Err(Refusal::Limit(gpu_credit::Error::CreditIdsTooLong));
            }
        }
        Change::Hold(hold) => check_open(hold.at, totals.closed)?,
        Change::Usage { amount, timestamp }
        | Change::Settle {
            amount, timestamp, ..
        } => {
            check_open(*timestamp, totals.closed)?;
            totals.used = used(totals.used, *amount)?;
            totals.usage_records += 1;
            if totals.usage_records > USAGE_RECORDS_MAX {
                return Err(Refusal::Limit(gpu_credit::Error::TooManyUsageRecords));
            }
        }
        &Change::MeteredUsage { rate, from, until }
        | &Change::SettleMetered {
            rate, from, until, ..
        } => {
            check_open(from, totals.closed)?;
            totals.used = metered(totals.used, MeteredUsage { rate, from, until })?;
            totals.usage_records += 1;
            if totals.usage_records > METERED_RECORDS_MAX {
                return Err(Refusal::Limit(gpu_credit::Error::TooManyMeteredRecords));
            }
        }
        Change::CloseBooks { until } => {
            if let Some(closed) = totals.closed
                && *until < closed
            {
                return Err(Refusal::ClosedLater { until: closed });
            }
            totals.closed = Some(*until);
        }
        _ => {}
    }
    Ok(totals)
}

/// The totals of an account once a record stands differently.
pub(crate) fn corrected(
    mut totals: Totals,
    before: Standing,
    after: Standing,
) -> Result<Totals, Refusal> {
    match (before, after) {
        (Standing::Grant(grant), Standing::Retracted) => {
            totals.granted = totals.granted.saturating_sub(grant.amount);
        }
        (Standing::Usage { amount, .. }, Standing::Retracted) => {
            totals.used = totals.used.saturating_sub(amount);
        }
        (Standing::Usage { amount, .. }, Standing::Usage { amount: new, .. }) => {
            totals.used = used(totals.used.saturating_sub(amount), new)?;
        }
        (Standing::Metered(usage), Standing::Retracted) => {
            totals.used = without(totals, usage);
        }
        (Standing::Metered(usage), Standing::Metered(new)) => {
            let closed = totals.closed.unwrap_or(i64::MIN);
            totals.used = metered(without(totals, usage), part_from(new, closed))?;
        }
        _ => {}
    }
    Ok(totals)
}

/// All usage but one record, of which only what is from the close of the books on is in the sum.
fn without(totals: Totals, usage: MeteredUsage) -> u64 {
    let held = total(part_from(usage, totals.closed.unwrap_or(i64::MIN)));
    let held = u64::try_from(held).unwrap_or(u64::MAX);
    totals.used.saturating_sub(held)
}

fn granted(total: u64, amount: u64) -> Result<u64, Refusal> {
    let sum = total.checked_add(amount).filter(|sum| *sum <= SUM_MAX);
    sum.ok_or(Refusal::Limit(gpu_credit::Error::GrantsTooLarge {
        amount,
        total,
    }))
}

fn used(total: u64, amount: u64) -> Result<u64, Refusal> {
    let sum = total.checked_add(amount).filter(|sum| *sum <= SUM_MAX);
    sum.ok_or(Refusal::Limit(gpu_credit::Error::UsageTooLarge {
        amount,
        total,
    }))
}

fn metered(total: u64, usage: MeteredUsage) -> Result<u64, Refusal> {
    let sum = self::total(usage).checked_add(total.into());
    let sum = sum.and_then(|sum| u64::try_from(sum).ok());
    let MeteredUsage { rate, from, until } = usage;
    let refused = Refusal::Limit(gpu_credit::Error::MeteredUsageTooLarge {
        rate,
        from,
        until,
        total,
    });
    sum.filter(|sum| *sum <= SUM_MAX).ok_or(refused)
}
