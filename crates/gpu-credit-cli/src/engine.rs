//! The engines that answer questions, under one trait.

use gpu_credit::{Error, GpuCredit, Overdraft};
use gpu_credit_replay::{HeapReplay, ListReplay, Replay};

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

    fn add_credit(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<(), Error>;

    fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error>;

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

    fn add_credit(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<(), Error> {
        GpuCredit::add_credit(self, credit_id, amount, timestamp, expiration).map(|_| ())
    }

    fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        GpuCredit::subtract(self, amount, timestamp)
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

    fn add_credit(
        &mut self,
        _credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<(), Error> {
        if timestamp.checked_add_unsigned(expiration).is_none() {
            return Err(Error::WindowTooLong {
                timestamp,
                expiration,
            });
        }
        let total = self.granted;
        self.granted = sum(total, amount).ok_or(Error::GrantsTooLarge { amount, total })?;
        self.replay.add_credit(amount, timestamp, expiration);
        Ok(())
    }

    fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        let total = self.used;
        self.used = sum(total, amount).ok_or(Error::UsageTooLarge { amount, total })?;
        self.replay.subtract(amount, timestamp);
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
fn sum(total: u64, amount: u64) -> Option<u64> {
    let sum = total.checked_add(amount)?;
    i64::try_from(sum).is_ok().then_some(sum)
}
