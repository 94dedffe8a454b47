//! An account by the book: its records as they stand, replayed for every question.

use std::collections::BTreeMap;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_replay::{ListReplay, Replay, Spendable, Usage};
use gpu_credit_store::{Change, HeldUsage, Hold, Posting, RecordId};

/// What accounts should hold, told what was posted.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) accounts: BTreeMap<String, ModelAccount>,
}

#[derive(Clone)]
pub(crate) struct ModelAccount {
    pub(crate) policy: Overdraft,
    records: Vec<(RecordId, Record)>,
    pub(crate) closed: i64,
    /// A window that began before the close was changed after it. What was drawn before the close
    /// stands then, which records alone do not tell.
    pub(crate) is_beyond_records: bool,
}

#[derive(Clone, Copy, Debug)]
enum Record {
    Usage {
        amount: u64,
        timestamp: i64,
    },
    Metered(MeteredUsage),
    Grant {
        amount: u64,
        start: i64,
        end: i64,
        revoked: Option<i64>,
        priority: i16,
    },
    Retracted,
    /// A hold that is neither settled nor released.
    Hold {
        usage: HeldUsage,
        at: i64,
        until: i64,
    },
    Released,
}

impl Model {
    pub(crate) fn post(&mut self, posting: &Posting) {
        let name = &posting.account;
        match &posting.change {
            Change::OpenAccount { policy } => {
                let account = ModelAccount {
                    policy: *policy,
                    records: Vec::new(),
                    closed: i64::MIN,
                    is_beyond_records: false,
                };
                assert!(self.accounts.insert(name.clone(), account).is_none());
            }
            Change::DeleteAccount => assert!(self.accounts.remove(name).is_some()),
            change => self
                .accounts
                .get_mut(name)
                .unwrap()
                .post(&posting.id, change),
        }
    }
}

impl ModelAccount {
    fn post(&mut self, id: &RecordId, change: &Change) {
        let end = |start: i64, expiration: &Option<u64>| match expiration {
            Some(expiration) => start.checked_add_unsigned(*expiration).unwrap(),
            None => i64::MAX,
        };
        match change {
            Change::Grant {
                amount,
                timestamp,
                expiration,
                priority,
                ..
            } => {
                assert!(*timestamp >= self.closed);
                let (amount, start) = (*amount, *timestamp);
                let end = end(start, expiration);
                let grant = Record::Grant {
                    amount,
                    start,
                    end,
                    revoked: None,
                    priority: *priority,
                };
                self.records.push((id.clone(), grant));
            }
            Change::Usage { amount, timestamp } => {
                assert!(*timestamp >= self.closed);
                let (amount, timestamp) = (*amount, *timestamp);
                self.records
                    .push((id.clone(), Record::Usage { amount, timestamp }));
            }
            &Change::MeteredUsage { rate, from, until } => {
                assert!(from >= self.closed);
                let usage = MeteredUsage { rate, from, until };
                self.records.push((id.clone(), Record::Metered(usage)));
            }
            Change::CloseBooks { until } => {
                for (_, record) in &self.records {
                    if let Record::Hold { at, until: end, .. } = record {
                        assert!(at >= until || end <= until, "{record:?} is across {until}");
                    }
                }
                self.closed = self.closed.max(*until);
            }
            Change::Hold(hold) => {
                assert!(hold.at >= self.closed);
                let (usage, at, until) = (hold.usage, hold.at, hold.until);
                self.records
                    .push((id.clone(), Record::Hold { usage, at, until }));
            }
            Change::RefuseHold(_) => {}
            Change::Release { hold } => {
                let record = self.hold(hold);
                assert!(matches!(record, Record::Hold { .. }));
                *record = Record::Released;
            }
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => {
                assert!(*timestamp >= self.closed);
                *self.hold(hold) = Record::Retracted;
                let (amount, timestamp) = (*amount, *timestamp);
                self.records
                    .push((id.clone(), Record::Usage { amount, timestamp }));
            }
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => {
                assert!(*from >= self.closed);
                *self.hold(hold) = Record::Retracted;
                let (rate, from, until) = (*rate, *from, *until);
                let usage = MeteredUsage { rate, from, until };
                self.records.push((id.clone(), Record::Metered(usage)));
            }
            correction => {
                let of = correction.corrects().unwrap();
                let record = self.records.iter_mut().find(|(id, _)| id == of);
                let record = &mut record.unwrap().1;
                let closed = self.closed;
                match (&mut *record, correction) {
                    (Record::Usage { timestamp, .. }, Change::RetractRecord { .. }) => {
                        assert!(*timestamp >= closed);
                        *record = Record::Retracted;
                    }
                    (Record::Grant { start, .. }, Change::RetractRecord { .. }) => {
                        assert!(*start >= closed);
                        *record = Record::Retracted;
                    }
                    (
                        Record::Usage { amount, timestamp },
                        Change::ChangeUsage { amount: new, .. },
                    ) => {
                        assert!(*timestamp >= closed);
                        *amount = *new;
                    }
                    (Record::Metered(usage), Change::RetractRecord { .. }) => {
                        let nothing = MeteredUsage { rate: 0, ..*usage };
                        assert_same_ticks(*usage, nothing, closed);
                        *record = Record::Retracted;
                    }
                    (
                        Record::Metered(usage),
                        Change::ChangeMeteredUsage {
                            rate, from, until, ..
                        },
                    ) => {
                        let new = MeteredUsage {
                            rate: rate.unwrap_or(usage.rate),
                            from: from.unwrap_or(usage.from),
                            until: until.unwrap_or(usage.until),
                        };
                        assert_same_ticks(*usage, new, closed);
                        *usage = new;
                    }
                    (Record::Grant { start, revoked, .. }, Change::Revoke { from, .. }) => {
                        self.is_beyond_records |= *start < closed;
                        *revoked = Some(*from);
                    }
                    (
                        Record::Grant {
                            start, end: old, ..
                        },
                        Change::ChangeExpiration { expiration, .. },
                    ) => {
                        self.is_beyond_records |= *start < closed;
                        *old = end(*start, expiration);
                    }
                    (
                        Record::Grant {
                            start, priority, ..
                        },
                        Change::ChangePriority { priority: new, .. },
                    ) => {
                        self.is_beyond_records |= *start < closed;
                        *priority = *new;
                    }
                    _ => panic!("{correction:?} was admitted"),
                }
            }
        }
    }

    /// A hold that is not settled.
    fn hold(&mut self, of: &RecordId) -> &mut Record {
        let record = self.records.iter_mut().find(|(id, _)| id == of);
        let (_, record) = record.expect("it was given");
        assert!(matches!(record, Record::Hold { .. } | Record::Released));
        record
    }

    /// The sum of the holds that are open at an instant.
    pub(crate) fn held(&self, instant: i64) -> u64 {
        let open = self.records.iter().map(|(_, record)| match *record {
            Record::Hold { usage, at, until } if at <= instant && instant < until => match usage {
                HeldUsage::Amount(amount) => amount,
                HeldUsage::Metered { rate, end } => rate * at.abs_diff(end),
            },
            _ => 0,
        });
        open.sum()
    }

    /// An account to which the records as they stand had been posted in the first place.
    pub(crate) fn replay(&self) -> ListReplay {
        self.replay_with(|_| false)
    }

    /// The same with every hold that ends after an instant as usage at its start.
    pub(crate) fn replay_with_holds(&self, instant: i64) -> ListReplay {
        self.replay_with(|until| until > instant)
    }

    /// The balance with the holds that are open, never less than 0.
    pub(crate) fn available(&self, at: i64) -> u64 {
        let balance = self.replay_with_holds(at).balance_at(at).balance;
        balance.unwrap_or(0)
    }

    /// Whether a hold that was asked for fits at an amount or rate.
    pub(crate) fn affords(&self, asked: &Hold, level: u64) -> bool {
        let usage = match asked.usage {
            HeldUsage::Amount(_) => Usage::at(level, asked.at),
            HeldUsage::Metered { end, .. } => Usage::metered(level, asked.at..end),
        };
        self.replay_with_holds(asked.at).affords(usage)
    }

    fn replay_with(&self, stands: impl Fn(i64) -> bool) -> ListReplay {
        let mut replay = ListReplay::new(match self.policy {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
            Overdraft::CarryUpTo(line) => gpu_credit_replay::Overdraft::CarryUpTo(line),
            other => panic!("the reference has no policy {other}"),
        });
        for (_, record) in &self.records {
            match *record {
                Record::Usage { amount, timestamp } => replay.subtract(amount, timestamp),
                Record::Metered(MeteredUsage { rate, from, until }) => {
                    replay.meter(rate, from..until);
                }
                Record::Grant {
                    amount,
                    start,
                    end,
                    revoked,
                    priority,
                } => {
                    let end = revoked.map_or(end, |from| from - 1);
                    if end >= start {
                        let expiration = end.abs_diff(start);
                        replay.add_credit_with_priority(amount, start, expiration, priority);
                    }
                }
                Record::Retracted | Record::Released => {}
                Record::Hold { usage, at, until } => match usage {
                    HeldUsage::Amount(amount) if stands(until) => replay.subtract(amount, at),
                    HeldUsage::Metered { rate, end } if stands(until) => {
                        replay.meter(rate, at..end);
                    }
                    _ => {}
                },
            }
        }
        replay
    }
}

/// Two jobs use the same at every tick before the close of the books.
fn assert_same_ticks(one: MeteredUsage, other: MeteredUsage, closed: i64) {
    let at = |job: MeteredUsage, tick| match (job.from..job.until).contains(&tick) {
        true => job.rate,
        false => 0,
    };
    for tick in one.from.min(other.from)..closed {
        assert_eq!(at(one, tick), at(other, tick), "at {tick}");
    }
}
