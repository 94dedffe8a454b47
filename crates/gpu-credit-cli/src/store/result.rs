//! The balance that results from a posting.

use gpu_credit_store::{Change, Posting, RecordId};

use super::OpenStore;
use crate::time::TimeArguments;

/// The balance of an account once something is posted, at the instant at which that takes full effect: of a
/// job and its corrections at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResultingBalance {
    pub(super) timestamp: i64,
    pub(super) balance: Option<u64>,
    pub(super) status: &'static str,
    pub(super) deficit: u64,
}

impl ResultingBalance {
    /// None if the instant is before the close of the books, or nothing is to be read: what is posted is
    /// posted all the same.
    pub(super) fn of(store: &OpenStore, posting: &Posting) -> Option<Self> {
        let timestamp = takes_effect(store, posting)?;
        Self::at(store, &posting.account, timestamp)
    }

    pub(super) fn at(store: &OpenStore, account: &str, timestamp: i64) -> Option<Self> {
        if let Some(remote) = &store.remote {
            let asked = remote.balances(&[account], &[timestamp]).ok()??.pop()?;
            return Some(Self {
                timestamp,
                balance: asked.balance,
                status: asked.status,
                deficit: asked.deficit,
            });
        }
        let answer = store.store().balance_at(account, timestamp).ok()?;
        Some(Self {
            timestamp,
            balance: answer.balance,
            status: answer.status.as_str(),
            deficit: answer.deficit,
        })
    }

    /// For people, behind what was posted.
    pub(super) fn sentence(&self, times: &TimeArguments) -> String {
        let at = times.show(self.timestamp);
        let balance = match self.balance {
            Some(balance) => balance.to_string(),
            None => format!("none ({})", self.status),
        };
        let deficit = match self.deficit {
            0 => String::new(),
            deficit => format!(", the deficit {deficit}"),
        };
        format!("; the balance at {at} is {balance}{deficit}")
    }
}

/// When a posting has taken effect.
fn takes_effect(store: &OpenStore, posting: &Posting) -> Option<i64> {
    match &posting.change {
        Change::Revoke { from, .. } => Some(*from),
        Change::CloseBooks { until } => Some(*until),
        Change::ChangeMeteredUsage {
            until: Some(until), ..
        } => Some(*until),
        change => match change.corrects() {
            Some(of) => match &store.remote {
                Some(remote) => {
                    remote
                        .entry(&posting.account, of.as_str())
                        .ok()??
                        .takes_effect
                }
                None => record_takes_effect(&record(store, &posting.account, of)?),
            },
            None => record_takes_effect(change),
        },
    }
}

fn record_takes_effect(record: &Change) -> Option<i64> {
    match record {
        Change::Grant { timestamp, .. } | Change::Usage { timestamp, .. } => Some(*timestamp),
        Change::MeteredUsage { until, .. } => Some(*until),
        _ => None,
    }
}

fn record(store: &OpenStore, account: &str, id: &RecordId) -> Option<Change> {
    let entry = store.store().entry(account, id).ok()??;
    Some(entry.change)
}
