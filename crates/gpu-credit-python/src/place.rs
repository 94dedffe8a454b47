//! Where an account stands: on its own, with an inbox, or in a book. The calls of `GPUCredit` do not
//! know which.

use gpu_credit::{CreditBook, Error, GpuCredit, GrantId, GrantRecord, Record, RecordError};
use pyo3::prelude::*;

use crate::book::{Book, no_such_account};
use crate::ledger::Ledger;
use crate::shared::{Interrupt, Shared};

/// More waiting records than this are posted while other Python threads run.
pub(crate) const WAITING_FEW: usize = 4 * 1024;

/// To pass over more records than this, or to replay more grants, takes a millisecond or so.
const RECORDS_FEW: usize = 16 * 1024;

pub(crate) enum Place {
    Alone(Box<Shared<Ledger>>),
    InBook(Py<Book>, String),
}

/// An account that nobody else works on. To one that has been taken out of its book, nothing
/// happens: `None`.
pub(crate) enum Held<'a> {
    Alone(&'a mut Ledger),
    InBook(&'a mut CreditBook, &'a str),
}

impl Held<'_> {
    #[inline]
    pub(crate) fn read<R>(self, question: impl FnOnce(&GpuCredit) -> R) -> Option<R> {
        match self {
            Held::Alone(ledger) => Some(question(ledger.account())),
            Held::InBook(book, name) => Some(question(&*book.get(name)?)),
        }
    }

    #[inline]
    fn write<R>(self, change: impl FnOnce(&mut GpuCredit) -> R) -> Option<R> {
        match self {
            Held::Alone(ledger) => Some(change(ledger.account())),
            Held::InBook(book, name) => Some(change(book.get_mut(name)?)),
        }
    }

    #[inline]
    fn has_few_waiting(&self) -> bool {
        match self {
            Held::Alone(ledger) => ledger.waiting() <= WAITING_FEW,
            Held::InBook(..) => true,
        }
    }
}

impl From<GpuCredit> for Place {
    fn from(account: GpuCredit) -> Self {
        Place::Alone(Box::new(Shared::new(account.into())))
    }
}

impl Place {
    /// Asks what is looked up, and replayed if it is not settled.
    #[inline]
    pub(crate) fn ask<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        let is_quick =
            |account: &GpuCredit| account.is_settled() || account.grant_count() <= RECORDS_FEW;
        match self.ask_if(py, is_quick, |account, _| question(account))? {
            Ok(answer) => Ok(answer),
            Err(question) => self.work(py, |held| {
                held.read(|account| question(account, &Interrupt::default()))
            }),
        }
    }

    /// Asks what passes over the records. If they are many, a signal may end it: what it answers
    /// then is not used.
    pub(crate) fn ask_at_length<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        let is_quick =
            |account: &GpuCredit| account.grant_count() + account.usage_count() <= RECORDS_FEW;
        match self.ask_if(py, is_quick, question)? {
            Ok(answer) => Ok(answer),
            Err(question) => self.ask_interruptibly(py, question),
        }
    }

    /// Asks if that is quick, and gives the question back if not.
    #[inline]
    fn ask_if<R, Q>(
        &self,
        py: Python<'_>,
        is_quick: impl FnOnce(&GpuCredit) -> bool + Send,
        question: Q,
    ) -> PyResult<Result<R, Q>>
    where
        R: Send,
        Q: FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    {
        self.with(py, |held| {
            if !held.has_few_waiting() {
                return Some(Err(question));
            }
            held.read(|account| {
                if is_quick(account) {
                    Ok(question(account, &Interrupt::default()))
                } else {
                    Err(question)
                }
            })
        })
    }

    /// Asks, while other Python threads run, until it is answered or a signal raises an exception.
    pub(crate) fn ask_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        match self {
            Place::Alone(ledger) => ledger.work_interruptibly(py, |ledger, interrupt| {
                question(ledger.account(), interrupt)
            }),
            Place::InBook(book, name) => {
                let ask = |book: &mut CreditBook, interrupt: &Interrupt| {
                    Some(question(&*book.get(name)?, interrupt))
                };
                let answer = book.get().0.work_interruptibly(py, ask)?;
                answer.ok_or_else(|| no_such_account(name))
            }
        }
    }

    /// Corrects the account, or posts to it at once.
    pub(crate) fn change<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        let changed = self.with(py, |held| {
            if held.has_few_waiting() {
                held.write(change).map(Ok)
            } else {
                Some(Err(change))
            }
        });
        match changed? {
            Ok(done) => Ok(done),
            Err(change) => self.work(py, |held| held.write(change)),
        }
    }

    /// As [`change`](Self::change), for many records.
    pub(crate) fn change_at_length<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.work(py, |held| held.write(change))
    }

    #[inline]
    pub(crate) fn add_credit(
        &self,
        py: Python<'_>,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> PyResult<Result<(), Error>> {
        self.with(py, |held| match held {
            Held::Alone(ledger) => {
                Some(ledger.add_credit(credit_id, amount, timestamp, expiration))
            }
            held => held.write(|account| {
                let posted = account.add_credit(credit_id, amount, timestamp, expiration);
                posted.map(drop)
            }),
        })
    }

    #[inline]
    pub(crate) fn subtract(
        &self,
        py: Python<'_>,
        amount: u64,
        timestamp: i64,
    ) -> PyResult<Result<(), Error>> {
        self.with(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.subtract(amount, timestamp)),
            held => held.write(|account| account.subtract(amount, timestamp)),
        })
    }

    pub(crate) fn post_grant(
        &self,
        py: Python<'_>,
        grant: GrantRecord,
    ) -> PyResult<Result<GrantId, Error>> {
        self.with(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.post_grant(grant)),
            held => held.write(|account| account.post_grant(grant)),
        })
    }

    pub(crate) fn extend(
        &self,
        py: Python<'_>,
        records: Vec<Record>,
    ) -> PyResult<Result<(), RecordError>> {
        self.work(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.extend(records)),
            held => held.write(|account| account.extend(records)),
        })
    }

    /// Bytes of the account, and of its inbox.
    pub(crate) fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.work(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.memory_used()),
            held => held.read(GpuCredit::memory_used),
        })
    }

    /// Short work on the account.
    #[inline]
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Option<R> + Send,
    ) -> PyResult<R> {
        match self {
            Place::Alone(ledger) => {
                let done = ledger.with(py, |ledger| work(Held::Alone(ledger)))?;
                Ok(done.unwrap_or_else(|| unreachable!("it is in no book")))
            }
            Place::InBook(book, name) => {
                let book = &book.get().0;
                let done = book.with(py, |book| work(Held::InBook(book, name)))?;
                done.ok_or_else(|| no_such_account(name))
            }
        }
    }

    /// Long work on the account, on all cores, while other Python threads run.
    pub(crate) fn work<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Option<R> + Send,
    ) -> PyResult<R> {
        match self {
            Place::Alone(ledger) => {
                let done = ledger.work_in_parallel(py, |ledger| work(Held::Alone(ledger)))?;
                Ok(done.unwrap_or_else(|| unreachable!("it is in no book")))
            }
            Place::InBook(book, name) => {
                let book = &book.get().0;
                let done = book.work_in_parallel(py, |book| work(Held::InBook(book, name)))?;
                done.ok_or_else(|| no_such_account(name))
            }
        }
    }
}
