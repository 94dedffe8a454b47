//! The engines that answer questions, under one trait.

use gpu_credit::{Error, GpuCredit, GrantRecord, MeteredUsage, Overdraft};
use gpu_credit_replay::{HeapReplay, ListReplay, Replay, Usage};
use gpu_credit_workload::Action;

/// What an engine answers: the balance, why in a word, and the deficit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) balance: Option<u64>,
    pub(crate) status: &'static str,
    pub(crate) deficit: u64,
}

/// One account of an engine.
pub(crate) trait Engine {
    fn open(overdraft: Overdraft) -> Self
    where
        Self: Sized;

    /// Posts a record. A question is not one.
    fn post(&mut self, record: Action<'_>) -> Result<(), Error>;

    /// The answer given all that was posted so far. It may settle first.
    fn balance_at(&mut self, timestamp: i64) -> Answer;
}

/// What every engine answers for an account that was never posted to.
pub(crate) const UNSEEN: Answer = Answer {
    balance: None,
    status: "inactive",
    deficit: 0,
};

impl Engine for GpuCredit {
    fn open(overdraft: Overdraft) -> Self {
        GpuCredit::with_overdraft(overdraft)
    }

    fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
        match record {
            Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                let grant = GrantRecord::new(credit_id, amount, timestamp, expiration);
                self.post_grant(grant.priority(priority)).map(drop)
            }
            Action::Usage { amount, timestamp } => self.subtract(amount, timestamp),
            Action::Metered { rate, from, until } => self
                .post_metered(MeteredUsage { rate, from, until })
                .map(drop),
            Action::Balance { .. } => Ok(()),
        }
    }

    fn balance_at(&mut self, timestamp: i64) -> Answer {
        self.settle_to(timestamp);
        let answer = GpuCredit::balance_at(self, timestamp);
        Answer {
            balance: answer.balance,
            status: answer.status.as_str(),
            deficit: answer.deficit,
        }
    }
}

/// A replay within the limits of the ledger, which a replay itself takes for granted.
pub(crate) struct Limited<R> {
    replay: R,
    granted: u64,
    used: u64,
}

/// Full replay with a sorted list.
pub(crate) type List = Limited<ListReplay>;
/// Full replay with a heap.
pub(crate) type Heap = Limited<HeapReplay>;

impl<R: Replay> Engine for Limited<R> {
    fn open(overdraft: Overdraft) -> Self {
        let overdraft = match overdraft {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
            Overdraft::CarryUpTo(line) => gpu_credit_replay::Overdraft::CarryUpTo(line),
            other => panic!("the replays have no policy {other}"),
        };
        Self {
            replay: R::new(overdraft),
            granted: 0,
            used: 0,
        }
    }

    fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
        match record {
            Action::Grant {
                amount,
                timestamp,
                expiration,
                priority,
                ..
            } => {
                if timestamp.checked_add_unsigned(expiration).is_none() {
                    return Err(Error::WindowTooLong {
                        timestamp,
                        expiration,
                    });
                }
                let total = self.granted;
                let granted = sum(total, amount.into());
                self.granted = granted.ok_or(Error::GrantsTooLarge { amount, total })?;
                self.replay
                    .add_credit_with_priority(amount, timestamp, expiration, priority);
            }
            Action::Usage { amount, timestamp } => {
                let total = self.used;
                let used = sum(total, amount.into());
                self.used = used.ok_or(Error::UsageTooLarge { amount, total })?;
                self.replay.subtract(amount, timestamp);
            }
            Action::Metered { rate, from, until } => {
                let total = self.used;
                let used = sum(total, Usage::metered(rate, from..until).total());
                self.used = used.ok_or(Error::MeteredUsageTooLarge {
                    rate,
                    from,
                    until,
                    total,
                })?;
                self.replay.meter(rate, from..until);
            }
            Action::Balance { .. } => {}
        }
        Ok(())
    }

    fn balance_at(&mut self, timestamp: i64) -> Answer {
        let answer = self.replay.balance_at(timestamp);
        Answer {
            balance: answer.balance,
            status: answer.status.as_str(),
            deficit: answer.deficit,
        }
    }
}

/// The sum, if a ledger can hold it.
fn sum(total: u64, amount: u128) -> Option<u64> {
    let sum = amount.checked_add(total.into())?;
    i64::try_from(sum).ok().map(i64::unsigned_abs)
}
