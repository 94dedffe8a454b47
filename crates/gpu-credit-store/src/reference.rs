//! An account by the replay reference: the same entries, none of the engine.

use std::collections::HashMap;

use gpu_credit::Overdraft;
use gpu_credit_replay::{HeapReplay, Replay};

use crate::change::window_end;
use crate::{Change, Entry, HeldUsage, Hold, RecordId};

/// The reference of one account. It is told what the store admitted and checks nothing.
pub(crate) struct Reference {
    policy: gpu_credit_replay::Overdraft,
    /// In posting order, as they stand; `None` for one that is retracted, or folded away.
    records: Vec<Option<Record>>,
    places: HashMap<RecordId, usize>,
    /// What is owed from before the close of the books, and the last instant that is closed.
    deficit: Option<(u64, i64)>,
    closed: i64,
}

#[derive(Clone, Copy)]
enum Record {
    Usage {
        amount: u64,
        timestamp: i64,
    },
    Metered {
        rate: u64,
        from: i64,
        until: i64,
    },
    Grant {
        amount: u64,
        start: i64,
        end: i64,
        revoked_from: Option<i64>,
        priority: i16,
    },
    /// One that is neither settled nor released.
    Hold {
        usage: HeldUsage,
        at: i64,
        until: i64,
    },
}

impl Reference {
    pub(crate) fn new(policy: Overdraft) -> Self {
        let policy = match policy {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
            Overdraft::CarryUpTo(line) => gpu_credit_replay::Overdraft::CarryUpTo(line),
            other => panic!("the reference has no policy {other}"),
        };
        Reference {
            policy,
            records: Vec::new(),
            places: HashMap::new(),
            deficit: None,
            closed: i64::MIN,
        }
    }

    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.change {
            Change::OpenAccount { .. } | Change::DeleteAccount => {}
            &Change::Usage { amount, timestamp } => {
                self.post(entry, Record::Usage { amount, timestamp });
            }
            &Change::MeteredUsage { rate, from, until } => {
                self.post(entry, Record::Metered { rate, from, until });
            }
            Change::Grant {
                amount,
                timestamp,
                expiration,
                priority,
                ..
            } => {
                let grant = Record::Grant {
                    amount: *amount,
                    start: *timestamp,
                    end: window_end(*timestamp, *expiration).unwrap_or(i64::MAX),
                    revoked_from: None,
                    priority: *priority,
                };
                self.post(entry, grant);
            }
            Change::CloseBooks { until } => self.close(*until),
            Change::Hold(hold) => {
                let Hold {
                    usage, at, until, ..
                } = **hold;
                self.post(entry, Record::Hold { usage, at, until });
            }
            Change::RefuseHold(_) => {}
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => {
                self.close_hold(hold);
                let (amount, timestamp) = (*amount, *timestamp);
                self.post(entry, Record::Usage { amount, timestamp });
            }
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => {
                self.close_hold(hold);
                let (rate, from, until) = (*rate, *from, *until);
                self.post(entry, Record::Metered { rate, from, until });
            }
            Change::Release { hold } => self.close_hold(hold),
            correction => {
                let of = correction.corrects().and_then(|of| self.places.get(of));
                if let Some(place) = of
                    && let Some(record) = self.records[*place]
                {
                    self.records[*place] = record.corrected(correction);
                }
            }
        }
    }

    fn post(&mut self, entry: &Entry, record: Record) {
        self.places.insert(entry.id.clone(), self.records.len());
        self.records.push(Some(record));
    }

    /// Nothing is in the place of a hold any more.
    fn close_hold(&mut self, hold: &RecordId) {
        if let Some(place) = self.places.get(hold) {
            self.records[*place] = None;
        }
    }

    /// The records as they stand, to be asked. O(n)
    pub(crate) fn replay(&self) -> HeapReplay {
        self.numbered_replay(None).0
    }

    /// The same with every hold that ends after an instant as usage at its start. O(n)
    pub(crate) fn replay_with_holds(&self, instant: i64) -> HeapReplay {
        self.numbered_replay(Some(instant)).0
    }

    /// The sum of the holds that are open at an instant. O(n)
    pub(crate) fn held(&self, instant: i64) -> u128 {
        let held = |record: &Option<Record>| match *record {
            Some(Record::Hold { usage, at, until }) if at <= instant && instant < until => {
                match usage {
                    HeldUsage::Amount(amount) => amount.into(),
                    HeldUsage::Metered { rate, end } => {
                        u128::from(rate) * u128::from(end.abs_diff(at))
                    }
                }
            }
            _ => 0,
        };
        self.records.iter().map(held).sum()
    }

    /// The replay, and the place of each of its grants; with holds that end after an instant, if one is given.
    fn numbered_replay(&self, holds_after: Option<i64>) -> (HeapReplay, Vec<usize>) {
        let mut replay = HeapReplay::new(self.policy);
        let mut grants = Vec::new();
        if let Some((deficit, last_closed)) = self.deficit {
            replay.subtract(deficit, last_closed);
        }
        for (place, record) in self.records.iter().enumerate() {
            match *record {
                None => {}
                Some(Record::Hold { until, .. })
                    if holds_after.is_none_or(|instant| until <= instant) => {}
                Some(Record::Hold { usage, at, .. }) => match usage {
                    HeldUsage::Amount(amount) => replay.subtract(amount, at),
                    HeldUsage::Metered { rate, end } => replay.meter(rate, at..end),
                },
                Some(Record::Usage { amount, timestamp }) => replay.subtract(amount, timestamp),
                Some(Record::Metered { rate, from, until }) => {
                    replay.meter(rate, from.max(self.closed)..until);
                }
                Some(Record::Grant {
                    amount,
                    start,
                    end,
                    revoked_from,
                    priority,
                }) => {
                    let number = replay.add_credit_with_priority(
                        amount,
                        start,
                        end.abs_diff(start),
                        priority,
                    );
                    grants.push(place);
                    if let Some(from) = revoked_from {
                        replay.revoke_grant(number, from);
                    }
                }
            }
        }
        (replay, grants)
    }

    /// The grants that start later stay as they are, the others with what is left of them; the usage
    /// from then on, and the deficit.
    fn close(&mut self, until: i64) {
        if until <= self.closed {
            return;
        }
        let (old, places) = self.numbered_replay(None);
        let last_closed = until - 1;
        let left: HashMap<usize, u64> = old.remainders_at(last_closed).into_iter().collect();
        for (number, place) in places.into_iter().enumerate() {
            if let Some(Record::Grant { amount, start, .. }) = &mut self.records[place]
                && *start < until
            {
                *amount = left.get(&number).copied().unwrap_or(0);
            }
        }
        for record in &mut self.records {
            *record = record.filter(|record| record.reaches(until));
        }
        self.deficit = Some((old.balance_at(last_closed).deficit, last_closed));
        self.closed = until;
    }
}

impl Record {
    /// Whether something of it takes effect at an instant or later.
    fn reaches(&self, instant: i64) -> bool {
        match *self {
            Record::Usage { timestamp, .. } => timestamp >= instant,
            Record::Hold { at, .. } => at >= instant,
            // What has used nothing, or ends there, can still be changed into something.
            Record::Metered { rate, from, until } => until >= instant || rate == 0 || from >= until,
            Record::Grant {
                start,
                end,
                revoked_from,
                ..
            } => {
                start >= instant
                    || revoked_from.map_or(end, |from| from.saturating_sub(1)) >= instant
            }
        }
    }

    fn corrected(self, correction: &Change) -> Option<Record> {
        match (self, correction) {
            (_, Change::RetractRecord { .. }) => None,
            (Record::Usage { timestamp, .. }, &Change::ChangeUsage { amount, .. }) => {
                Some(Record::Usage { amount, timestamp })
            }
            (
                Record::Metered { rate, from, until },
                Change::ChangeMeteredUsage {
                    rate: new_rate,
                    from: new_from,
                    until: new_until,
                    ..
                },
            ) => Some(Record::Metered {
                rate: new_rate.unwrap_or(rate),
                from: new_from.unwrap_or(from),
                until: new_until.unwrap_or(until),
            }),
            (
                Record::Grant {
                    amount,
                    start,
                    end,
                    revoked_from,
                    priority,
                },
                correction,
            ) => {
                let (mut end, mut revoked_from, mut priority) = (end, revoked_from, priority);
                match correction {
                    Change::Revoke { from, .. } => revoked_from = Some((*from).max(start)),
                    Change::ChangeExpiration { expiration, .. } => {
                        end = window_end(start, *expiration).unwrap_or(end);
                    }
                    Change::ChangePriority { priority: new, .. } => priority = *new,
                    _ => {}
                }
                Some(Record::Grant {
                    amount,
                    start,
                    end,
                    revoked_from,
                    priority,
                })
            }
            (record, _) => Some(record),
        }
    }
}
