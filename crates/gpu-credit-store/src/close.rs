//! Closing the books: a new engine account that answers the same from an instant on.

use gpu_credit::{Error, GpuCredit, GrantId, GrantRecord, MeteredId, Record, UsageRecord};

use crate::metered::{has_ended_before, part_from};
use crate::standing::{Granted, Standing};

/// What is left of an account when its books are closed.
pub(crate) struct Folded {
    pub(crate) engine: GpuCredit,
    /// The grants that are kept, by their old and their new numbers, in posting order.
    pub(crate) kept: Vec<(GrantId, GrantId)>,
    /// The metered usage that is kept, by its old numbers, in posting order.
    pub(crate) metered: Vec<MeteredId>,
}

/// Folds away what was before `until`.
///
/// What stays, in posting order: the grants that start at `until` or later, as they are; the grants
/// whose window reaches `until`, with what is left of them then (nothing too: they are live all the
/// same); usage at `until` or later; of metered usage that has not ended, and of what has used nothing,
/// the ticks from `until` on; and the deficit, as one usage just before `until`.
///
/// `corrected` tells how a grant stands that does not stand as it was posted.
pub(crate) fn fold(
    account: &GpuCredit,
    until: i64,
    corrected: impl Fn(GrantId) -> Option<Standing>,
) -> Result<Folded, Error> {
    let mut engine = GpuCredit::with_overdraft(account.overdraft());
    let mut kept = Vec::new();
    let last = account.grants().next_back();
    let mut remainders = vec![0; last.map_or(0, |(id, _)| id.index() as usize + 1)];
    if let Some(last_closed) = until.checked_sub(1) {
        for remainder in account.remainders_at(last_closed) {
            remainders[remainder.grant.index() as usize] = remainder.amount;
        }
        let deficit = account.balance_at(last_closed).deficit;
        // It is within the credit line, and every remainder is zero beside it.
        if deficit > 0 {
            engine.subtract(deficit, last_closed)?;
        }
    }
    for (id, grant) in account.grants() {
        let posted = Standing::Grant(Granted {
            amount: grant.amount,
            start: grant.start,
            end: grant.end,
            revoked_from: None,
            priority: grant.priority,
        });
        let standing = corrected(id).unwrap_or(posted);
        let Standing::Grant(standing) = standing else {
            continue;
        };
        if !standing.reaches(until) {
            continue;
        }
        let Granted {
            start,
            end,
            revoked_from,
            priority,
            ..
        } = standing;
        let amount = match start >= until {
            true => grant.amount,
            false => remainders[id.index() as usize],
        };
        let record = GrantRecord::new(grant.credit_id, amount, start, end.abs_diff(start));
        let new = engine.post_grant(record.priority(priority))?;
        if let Some(from) = revoked_from {
            engine.revoke_grant(new, from)?;
        }
        kept.push((id, new));
    }
    let open: Vec<UsageRecord> = account.usage(until..).map(|(_, usage)| usage).collect();
    (engine.subtract_many(&open)).map_err(|refused| refused.error)?;
    let metered = fold_metered(account, until, &mut engine)?;
    engine.settle();
    Ok(Folded {
        engine,
        kept,
        metered,
    })
}

/// Tells `engine` of metered usage from `until` on; the old numbers of what it was told of.
fn fold_metered(
    account: &GpuCredit,
    until: i64,
    engine: &mut GpuCredit,
) -> Result<Vec<MeteredId>, Error> {
    let mut held: Vec<_> = account.metered(..).collect();
    held.sort_unstable_by_key(|(id, _)| *id);
    held.retain(|(_, usage)| !has_ended_before(*usage, until));
    let parts = held.iter().map(|(_, usage)| part_from(*usage, until));
    let extended = engine.extend(parts.map(Record::from));
    extended.map_err(|refused| refused.error)?;
    Ok(held.into_iter().map(|(id, _)| id).collect())
}
