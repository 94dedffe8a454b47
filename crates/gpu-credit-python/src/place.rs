//! Where an account stands: on its own, with an inbox, or in a book. The calls of `GPUCredit` do not
//! know which.

use gpu_credit::{CreditBook, Error, GpuCredit, GrantId, GrantRecord, Record, RecordError};
use pyo3::prelude::*;

use crate::book::{Book, no_such_account};
use crate::ledger::Ledger;
use crate::pool;
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
    pub(crate) fn read<R>(&mut self, question: impl FnOnce(&GpuCredit) -> R) -> Option<R> {
        match self {
            Held::Alone(ledger) => Some(question(ledger.account())),
            Held::InBook(book, name) => Some(question(&*book.get(name)?)),
        }
    }

    #[inline]
    fn write<R>(&mut self, change: impl FnOnce(&mut GpuCredit) -> R) -> Option<R> {
        match self {
            Held::Alone(ledger) => Some(change(ledger.account())),
            Held::InBook(book, name) => Some(change(book.get_mut(name)?)),
        }
    }

    /// Settles the account as far as an instant. In a book, most accounts are settled, and stay
    /// packed.
    #[inline]
    fn settle_to(&mut self, timestamp: i64) -> Option<()> {
        if matches!(self, Held::Alone(_)) || !self.read(GpuCredit::is_settled)? {
            self.write(|account| account.settle_to(timestamp))?;
        }
        Some(())
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
    /// Asks what is looked up.
    #[inline]
    pub(crate) fn ask<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.with_or_work(py, |_| Some(true), |held| held.read(question))
    }

    /// Asks what is looked up in an account that is settled at an instant. After a load, or after
    /// many late records at once, it is not: then the first question settles it, so that the next
    /// one does not replay the same again.
    #[inline]
    pub(crate) fn ask_at<R: Send>(
        &self,
        py: Python<'_>,
        timestamp: i64,
        question: impl FnOnce(&GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        let is_quick =
            |account: &GpuCredit| account.is_settled() || account.grant_count() <= RECORDS_FEW;
        self.with_or_work(
            py,
            |held| held.read(is_quick),
            |held| {
                held.settle_to(timestamp)?;
                held.read(question)
            },
        )
    }

    /// Asks what passes over the records. If they are many, a signal may end it: what it answers
    /// then is not used.
    pub(crate) fn ask_at_length<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        let records = |account: &GpuCredit| {
            account.grant_count() + account.usage_count() + account.metered_count()
        };
        let is_quick = |account: &GpuCredit| records(account) <= RECORDS_FEW;
        let asked = self.with(py, |mut held| {
            if !held.has_few_waiting() || !held.read(is_quick)? {
                return Some(Err(question));
            }
            held.read(|account| question(account, &Interrupt::default()))
                .map(Ok)
        });
        match asked? {
            Ok(answer) => Ok(answer),
            Err(question) => self.ask_interruptibly(py, question),
        }
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
        self.with_or_work(py, |_| Some(true), |held| held.write(change))
    }

    /// As [`change`](Self::change), for many records.
    pub(crate) fn change_at_length<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.work_in_parallel(py, |mut held| held.write(change))
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
            mut held => held.write(|account| {
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
            mut held => held.write(|account| account.subtract(amount, timestamp)),
        })
    }

    pub(crate) fn post_grant(
        &self,
        py: Python<'_>,
        grant: GrantRecord,
    ) -> PyResult<Result<GrantId, Error>> {
        self.with(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.post_grant(grant)),
            mut held => held.write(|account| account.post_grant(grant)),
        })
    }

    pub(crate) fn extend(
        &self,
        py: Python<'_>,
        records: Vec<Record>,
    ) -> PyResult<Result<(), RecordError>> {
        self.work_in_parallel(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.extend(records)),
            mut held => held.write(|account| account.extend(records)),
        })
    }

    /// Bytes of the account, and of its inbox.
    pub(crate) fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.work_in_parallel(py, |held| match held {
            Held::Alone(ledger) => Some(ledger.memory_used()),
            mut held => held.read(GpuCredit::memory_used),
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

    /// Work that is short or not: if not, other Python threads run meanwhile.
    #[inline]
    fn with_or_work<R: Send>(
        &self,
        py: Python<'_>,
        is_quick: impl FnOnce(&mut Held<'_>) -> Option<bool> + Send,
        work: impl FnOnce(&mut Held<'_>) -> Option<R> + Send,
    ) -> PyResult<R> {
        let done = self.with(py, |mut held| {
            if held.has_few_waiting() && is_quick(&mut held)? {
                work(&mut held).map(Ok)
            } else {
                Some(Err(work))
            }
        });
        match done? {
            Ok(done) => Ok(done),
            Err(work) => self.work(py, |mut held| work(&mut held)),
        }
    }

    /// Long work on the account, while other Python threads run.
    fn work<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Option<R> + Send,
    ) -> PyResult<R> {
        match self {
            Place::Alone(ledger) => {
                let done = ledger.work(py, |ledger| work(Held::Alone(ledger)))?;
                Ok(done.unwrap_or_else(|| unreachable!("it is in no book")))
            }
            Place::InBook(book, name) => {
                let book = &book.get().0;
                let done = book.work(py, |book| work(Held::InBook(book, name)))?;
                done.ok_or_else(|| no_such_account(name))
            }
        }
    }

    /// As [`work`](Self::work), on all cores.
    pub(crate) fn work_in_parallel<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Option<R> + Send,
    ) -> PyResult<R> {
        self.work(py, |held| pool::run(|| work(held)))
    }
}
