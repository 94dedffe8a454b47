//! What is to be seen of an account.

use std::collections::HashMap;
use std::ops::ControlFlow;

use gpu_credit::{GpuCredit, GrantId};
use gpu_credit_store::{Account, Change, Entry, RecordId, Revision};

use crate::store::OpenStore;

/// An account over a range of time.
pub(super) struct Picture {
    pub(super) account: String,
    /// First and last instant shown.
    pub(super) range: (i64, i64),
    /// Where something changes, or, if that is too often, one instant for each pixel: in order,
    /// the first is that of the range. From one to the next, amounts stay as they are, or change by as
    /// much at each tick.
    pub(super) instants: Vec<i64>,
    /// The balance from each instant on, or the deficit as a negative number; `None` if there is none.
    pub(super) balances: Vec<Option<Course<i128>>>,
    /// The grants that are live in the range: that which ends soonest first, as they are drawn from.
    pub(super) grants: Vec<GrantPicture>,
    /// Where late records take effect, in order.
    pub(super) late: Vec<i64>,
}

pub(super) struct GrantPicture {
    pub(super) name: String,
    /// First and last instant of its window.
    pub(super) window: (i64, i64),
    /// What is left of it, by the places of the instants.
    pub(super) remainders: Vec<(usize, Course<u64>)>,
}

/// An amount from one instant to the next: what it is at the one, and right before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course<T> {
    pub(super) first: T,
    pub(super) last: T,
}

/// More instants of usage, or more boundaries, than this are not drawn one by one.
const CHANGES_MAX: usize = 1_500;
/// Instants looked at if there is usage at more.
const SAMPLES: i128 = 900;

/// First and last instant at which an account has anything to show: a window without end shows the
/// time after the last record too.
pub(super) fn extent(account: &Account) -> Option<(i64, i64)> {
    let ledger = account.ledger();
    let windows = ledger.grants().flat_map(|(_, grant)| {
        let end = (grant.end < i64::MAX).then(|| grant.end + 1);
        [Some(grant.start), end].into_iter().flatten()
    });
    let open = account.closed_until().unwrap_or(i64::MIN);
    let jobs = ledger.metered(..).filter(|(_, job)| job.from < job.until);
    let jobs = jobs.flat_map(|(_, job)| [job.from, job.until]);
    let usage = ledger.usage(..).map(|(usage, _)| usage.timestamp);
    let shown = windows.chain(usage).chain(jobs);
    let shown = shown.map(|at| at.max(open));
    let extent = shown.fold(None, |extent: Option<(i64, i64)>, at| match extent {
        None => Some((at, at)),
        Some((from, to)) => Some((from.min(at), to.max(at))),
    });
    let (from, to) = extent?;
    let is_endless = |grant: &gpu_credit::Grant<'_>| grant.end == i64::MAX;
    let after = match ledger.grants().any(|(_, grant)| is_endless(&grant)) {
        true => (to.abs_diff(from) / 10).max(1),
        false => u64::from(from == to),
    };
    Some((from, to.saturating_add_unsigned(after)))
}

impl Picture {
    pub(super) fn new(
        store: &OpenStore,
        account: &Account,
        range: (i64, i64),
    ) -> anyhow::Result<Self> {
        let ledger = account.ledger();
        let instants = instants(ledger, range);
        let balance = |at: i64| {
            let answer = ledger.balance_at(at);
            let overdrawn = (answer.deficit > 0).then(|| -i128::from(answer.deficit));
            answer.balance.map(i128::from).or(overdrawn)
        };
        let course = |(first, last): (i64, Option<i64>)| {
            let first: i128 = balance(first)?;
            // Between samples it may have turned into a deficit, and be drawn as that from the next on.
            let last = last.and_then(balance);
            let last = last.filter(|last| (*last < 0) == (first < 0));
            let last = last.unwrap_or(first);
            Some(Course { first, last })
        };
        let name = &account.key().name;
        Ok(Self {
            account: name.to_string(),
            range,
            balances: spans(ledger, &instants, range).map(course).collect(),
            grants: grants(store, account, range, &instants)?,
            late: late(store, account, range)?,
            instants,
        })
    }
}

/// Each instant, and the one right before the next if anything is metered: else nothing changes until
/// the next.
fn spans<'a>(
    ledger: &'a GpuCredit,
    instants: &'a [i64],
    (_, to): (i64, i64),
) -> impl Iterator<Item = (i64, Option<i64>)> + 'a {
    let has_jobs = ledger.metered_count() > 0;
    let next = instants.iter().skip(1).map(|next| next - 1);
    let last = next.chain([to]).map(move |last| has_jobs.then_some(last));
    instants.iter().copied().zip(last)
}

fn instants(ledger: &GpuCredit, (from, to): (i64, i64)) -> Vec<i64> {
    let in_range = |at: &i64| (from..=to).contains(at);
    let used_at = ledger.usage(from..=to).map(|(usage, _)| usage.timestamp);
    let mut instants: Vec<i64> = std::iter::once(from).chain(used_at).collect();
    instants.dedup();
    if ledger.metered_count() > 0 {
        // A grant that is used up by jobs lies between the ends of two draws.
        let steps = ledger.steps(from..=to).map(|step| step.first);
        let draws = ledger.draws(from..=to).flat_map(|draw| {
            let next = draw.last.checked_add(1);
            [Some(draw.first), next].into_iter().flatten()
        });
        let changes = steps.chain(draws).filter(in_range);
        instants.extend(changes.take(2 * CHANGES_MAX));
        instants.sort_unstable();
        instants.dedup();
    }
    if instants.len() > CHANGES_MAX {
        let span = i128::from(to) - i128::from(from);
        let sample = |place| i64::try_from(i128::from(from) + span * place / SAMPLES);
        instants = (0..=SAMPLES)
            .filter_map(|place| sample(place).ok())
            .collect();
    }
    let ends = ledger.grants().flat_map(|(_, grant)| {
        let lapses_at = grant.end.checked_add(1);
        [Some(grant.start), lapses_at].into_iter().flatten()
    });
    let ends: Vec<i64> = ends.filter(in_range).collect();
    if ends.len() <= CHANGES_MAX {
        instants.extend(ends);
    }
    instants.sort_unstable();
    instants.dedup();
    instants
}

fn grants(
    store: &OpenStore,
    account: &Account,
    (from, to): (i64, i64),
    instants: &[i64],
) -> anyhow::Result<Vec<GrantPicture>> {
    let ledger = account.ledger();
    let mut remainders: HashMap<GrantId, Vec<(usize, Course<u64>)>> = HashMap::new();
    for (place, (at, last)) in spans(ledger, instants, (from, to)).enumerate() {
        let last = last.map_or_else(Vec::new, |last| ledger.remainders_at(last));
        let last: HashMap<GrantId, u64> = (last.iter())
            .map(|remainder| (remainder.grant, remainder.amount))
            .collect();
        for remainder in ledger.remainders_at(at) {
            let first = remainder.amount;
            let last = last.get(&remainder.grant).copied().unwrap_or(first);
            let of_grant = remainders.entry(remainder.grant).or_default();
            of_grant.push((place, Course { first, last }));
        }
    }
    let ids = store.grant_ids(&account.key().name)?;
    let mut grants = Vec::new();
    for (id, grant) in ledger.grants() {
        let was_never_live = grant.revoked_from.is_some_and(|from| from <= grant.start);
        if was_never_live || grant.end < from || grant.start > to {
            continue;
        }
        let (record, credit_id) = ids.names(account, id);
        let name = if credit_id.is_empty() {
            record
        } else {
            credit_id
        };
        grants.push(GrantPicture {
            name,
            window: (grant.start, grant.end),
            remainders: remainders.remove(&id).unwrap_or_default(),
        });
    }
    // Stable: equal ends stay in posting order, as they are drawn from.
    grants.sort_by_key(|grant| grant.window.1);
    Ok(grants)
}

/// Where records take effect that do so before usage recorded earlier.
fn late(store: &OpenStore, account: &Account, (from, to): (i64, i64)) -> anyhow::Result<Vec<i64>> {
    let mut records: HashMap<RecordId, i64> = HashMap::new();
    let (mut last_usage, mut late) = (i64::MIN, Vec::new());
    let mut see = |entry: Entry| {
        if entry.revision > account.revision() {
            return;
        }
        let takes_effect = match &entry.change {
            Change::Grant { timestamp, .. }
            | Change::Usage { timestamp, .. }
            | Change::Settle { timestamp, .. } => Some(*timestamp),
            Change::MeteredUsage { from, .. }
            | Change::SettleMetered { from, .. }
            | Change::Revoke { from, .. } => Some(*from),
            change => change.corrects().and_then(|of| records.get(of)).copied(),
        };
        let Some(takes_effect) = takes_effect else {
            return;
        };
        if takes_effect < last_usage {
            late.push(takes_effect);
        }
        if let Change::Usage { .. }
        | Change::MeteredUsage { .. }
        | Change::Settle { .. }
        | Change::SettleMetered { .. } = entry.change
        {
            last_usage = last_usage.max(takes_effect);
        }
        let is_settled = matches!(
            entry.change,
            Change::Settle { .. } | Change::SettleMetered { .. }
        );
        if entry.change.corrects().is_none() || is_settled {
            records.insert(entry.id, takes_effect);
        }
    };
    store.ask(|store| {
        store.visit_history(&account.key().name, Revision::START, |entry| {
            see(entry);
            ControlFlow::Continue(())
        })
    })?;
    late.retain(|at| (from..=to).contains(at));
    late.sort_unstable();
    Ok(late)
}
