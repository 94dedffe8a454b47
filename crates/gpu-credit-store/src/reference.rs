//! An account by the replay reference: the same entries, none of the engine.

use std::collections::HashMap;

use gpu_credit::Overdraft;
use gpu_credit_replay::{HeapReplay, Replay};

use crate::record::window_end;
use crate::{Change, Entry, RecordId};

/// The reference of one account. It is told what the store admitted and checks nothing.
pub(crate) struct Reference {
    policy: gpu_credit_replay::Overdraft,
    pub(crate) replay: HeapReplay,
    records: HashMap<RecordId, Posted>,
    /// The ids of the grants the replay holds, by their numbers.
    grants: Vec<RecordId>,
}

#[derive(Clone, Copy)]
enum Posted {
    Usage {
        amount: u64,
        timestamp: i64,
    },
    Grant {
        number: usize,
        start: i64,
        end: i64,
        revoked_from: Option<i64>,
        is_retracted: bool,
    },
}

impl Reference {
    pub(crate) fn new(policy: Overdraft) -> Self {
        let policy = match policy {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
            other => panic!("the reference has no policy {other}"),
        };
        Reference {
            policy,
            replay: HeapReplay::new(policy),
            records: HashMap::new(),
            grants: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.change {
            Change::OpenAccount { .. } | Change::DeleteAccount => {}
            Change::Grant {
                amount,
                timestamp,
                expiration,
                ..
            } => {
                let end = window_end(*timestamp, *expiration).unwrap_or(i64::MAX);
                self.add_grant(&entry.id, *amount, *timestamp, end, None);
            }
            Change::Usage { amount, timestamp } => {
                let (amount, timestamp) = (*amount, *timestamp);
                self.replay.subtract(amount, timestamp);
                let usage = Posted::Usage { amount, timestamp };
                self.records.insert(entry.id.clone(), usage);
            }
            Change::CloseBooks { until } => self.close(*until),
            correction => {
                let of = correction
                    .corrects()
                    .and_then(|of| self.records.get_mut(of));
                if let Some(record) = of {
                    correct(&mut self.replay, record, correction);
                }
            }
        }
    }

    fn add_grant(
        &mut self,
        id: &RecordId,
        amount: u64,
        start: i64,
        end: i64,
        revoked_from: Option<i64>,
    ) {
        let number = self.replay.add_credit(amount, start, end.abs_diff(start));
        if let Some(from) = revoked_from {
            self.replay.revoke_grant(number, from);
        }
        let grant = Posted::Grant {
            number,
            start,
            end,
            revoked_from,
            is_retracted: false,
        };
        self.records.insert(id.clone(), grant);
        self.grants.push(id.clone());
    }

    /// The grants that start later as they were posted, the others with what is left of them, the
    /// usage from then on, and the deficit.
    fn close(&mut self, until: i64) {
        let old = std::mem::replace(&mut self.replay, HeapReplay::new(self.policy));
        let (mut left, mut deficit) = (HashMap::new(), 0);
        if let Some(last_closed) = until.checked_sub(1) {
            left.extend(old.remainders_at(last_closed));
            deficit = old.balance_at(last_closed).deficit;
        }
        if deficit > 0 {
            self.replay.subtract(deficit, until - 1);
        }
        let amounts: HashMap<usize, u64> = old
            .posted()
            .grants()
            .map(|(number, grant)| (number, grant.amount))
            .collect();
        for id in std::mem::take(&mut self.grants) {
            let Some(Posted::Grant {
                number,
                start,
                end,
                revoked_from,
                is_retracted: false,
            }) = self.records.get(&id).copied()
            else {
                continue;
            };
            let last = revoked_from.map_or(end, |from| from.saturating_sub(1));
            // What was never live has no amount that matters.
            let posted = amounts.get(&number).copied().unwrap_or(0);
            if start >= until {
                self.add_grant(&id, posted, start, end, revoked_from);
            } else if last >= until {
                let amount = left.get(&number).copied().unwrap_or(0);
                self.add_grant(&id, amount, start, end, revoked_from);
            }
        }
        for usage in old
            .posted()
            .usage()
            .iter()
            .filter(|usage| usage.timestamp >= until)
        {
            self.replay.subtract(usage.amount, usage.timestamp);
        }
    }
}

fn correct(replay: &mut HeapReplay, record: &mut Posted, correction: &Change) {
    match (record, correction) {
        (Posted::Usage { amount, timestamp }, Change::RetractRecord { .. }) => {
            replay.retract_usage(*amount, *timestamp);
        }
        (Posted::Usage { amount, timestamp }, Change::ChangeUsage { amount: new, .. }) => {
            replay.change_usage(*amount, *timestamp, *new);
            *amount = *new;
        }
        (
            Posted::Grant {
                number,
                is_retracted,
                ..
            },
            Change::RetractRecord { .. },
        ) => {
            replay.retract_grant(*number);
            *is_retracted = true;
        }
        (
            Posted::Grant {
                number,
                start,
                revoked_from,
                ..
            },
            Change::Revoke { from, .. },
        ) => {
            replay.revoke_grant(*number, *from);
            *revoked_from = Some((*from).max(*start));
        }
        (
            Posted::Grant {
                number, start, end, ..
            },
            Change::ChangeExpiration { expiration, .. },
        ) => {
            *end = window_end(*start, *expiration).unwrap_or(*end);
            replay.change_expiration(*number, end.abs_diff(*start));
        }
        _ => {}
    }
}
